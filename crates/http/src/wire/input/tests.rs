//! Tests of payload parsing, and of the error texts.

use chinwag_core::app::group::Create;
use chinwag_core::app::group_update::Update;
use chinwag_core::app::message::Send;
use chinwag_core::error::FieldError;
use chinwag_core::profile::ProfileUpdate;
use chinwag_core::{Error, Name, Result, Seq};

use super::group::{GroupById, GroupPatch, HeldNumbers, InGroup, NewGroup};
use super::message::{HistoryPage, NewMessage, ReadPoint};
use super::user::{NewUser, UserChange, patch};
use super::*;
use crate::wire::key::NAMES;

const GROUP: &str = "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e";

fn refused<T>(found: Result<T>) -> Vec<(String, String)> {
    match found {
        Err(Error::Invalid(errors)) => {
            errors.into_iter().map(|FieldError { field, detail }| (field.into_owned(), detail)).collect()
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("nothing was refused"),
    }
}

fn fields(payload: &str) -> Fields<'_> {
    Fields::parse(payload.as_bytes()).expect(payload)
}

fn send(fields: Fields<'_>) -> Result<Send> {
    fields.command(|message: NewMessage, _| Some(message.command()))
}

fn create(fields: Fields<'_>) -> Result<Create> {
    fields.command(|group: NewGroup, _| Some(group.command()))
}

fn change(payload: &str) -> Result<Update> {
    let command = |(group, patch): (GroupById, GroupPatch), _: &mut Fields<'_>| Some(patch.command(group.id));
    fields(payload).of_event().command(command)
}

#[test]
fn payloads_that_are_no_objects_are_refused() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    for payload in [
        "",
        "null",
        "[]",
        "\"text\"",
        "1",
        "{",
        "{}{}",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":NaN}",
        "\u{feff}{}",
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"contact":{"name":"a","name":"b"}}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\udc00\ud800"}"#,
        "{\"a\":\"\n\"}",
        &deep,
    ] {
        let found = refused(Fields::parse(payload.as_bytes()));
        assert!(matches!(&found[..], [(field, _)] if field.is_empty()), "{payload}: {found:?}");
    }
    assert!(Fields::parse(b"{\"a\":\"\xff\"}").is_err(), "not UTF-8");
    assert!(Fields::parse(b"{\"a\":\"\xed\xa0\x80\"}").is_err(), "a surrogate in UTF-8");
}

#[test]
fn a_key_given_twice_is_refused_in_objects_of_any_size() {
    for count in 1..40 {
        let entries: Vec<_> = (0..count).rev().map(|key| format!(r#""{key}":{key}"#)).collect();
        let object = json::parse_text(&format!("{{{}}}", entries.join(","))).map(|value| match value {
            json::Value::Object(object) => object.iter().map(|(key, _)| key.to_owned()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        });
        let mut sorted: Vec<_> = (0..count).map(|key| key.to_string()).collect();
        sorted.sort();
        assert_eq!(object.ok(), Some(sorted), "{count} keys");
        for (at, again) in [(0, 0), (count, 0), (count / 2, count - 1), (0, count - 1), (count, count / 2)] {
            let mut twice = entries.clone();
            twice.insert(at, entries[again].clone());
            let found = refused(Fields::parse(format!("{{{}}}", twice.join(",")).as_bytes()));
            assert!(found[0].1.contains("appears twice"), "{count} keys, {again} again at {at}: {found:?}");
        }
    }
}

#[test]
fn unknown_keys_and_white_space_do_not_matter() {
    let payload = " {\"name\" : \"arlan\", \"extra\": {\"deep\": [1.5, true, null]}}\r\n";
    let name = fields(payload).command(|user: NewUser, _| Some(user.name)).expect("a name");
    assert_eq!(name.as_str(), "arlan");
}

#[test]
fn all_refused_fields_are_reported_at_once() {
    let payload =
        r#"{"author": 7, "group": "x", "body": " ", "respond_to": "x", "date": "x", "client_id": ""}"#;
    let found = refused(send(fields(payload)));
    let named: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(named, ["author", "group", "body", "respond_to", "date", "client_id"]);
    let absent = refused(send(fields("{}")));
    let required = |field: &str| (field.to_owned(), "is required".to_owned());
    assert_eq!(absent, [required("group"), required("body")]);
}

#[test]
fn empty_and_null_count_as_absent_where_old_clients_send_them() {
    for nothing in ["\"\"", "null"] {
        let payload = format!(
            r#"{{"author": {nothing}, "group": "{GROUP}", "body": "hi", "respond_to": {nothing}, "date": {nothing}}}"#
        );
        let send = send(fields(&payload)).expect("a message");
        assert_eq!((send.author, send.respond_to, send.date), (None, None, None));
    }
}

#[test]
fn a_socket_names_its_group_by_either_key_and_never_the_author() {
    let payload = format!(r#"{{"to": "{GROUP}", "body": "hi", "author": "@", "date": "Sun Nov 22"}}"#);
    let send = send(fields(&payload).of_event()).expect("a message");
    assert_eq!((send.group.to_string().as_str(), send.author, send.date), (GROUP, None, None));
    let update = change(&format!(r#"{{"group": "{GROUP}", "author": 1, "admins": []}}"#)).expect("a change");
    assert_eq!(update.group.to_string(), GROUP);
    let both = refused(change(r#"{"members": "arlan"}"#));
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn a_seq_is_a_whole_number_of_63_bits() {
    let read = |seq: &str| {
        let payload = format!(r#"{{"group": "{GROUP}", "seq": {seq}}}"#);
        fields(&payload)
            .of_event()
            .command(|(at, point): (InGroup, ReadPoint), fields| point.command(at.group, fields))
    };
    for good in ["0", "1", "9223372036854775807"] {
        assert!(read(good).is_ok(), "{good}");
    }
    for bad in ["\"1\"", "-1", "9223372036854775808", "1.0", "1e3", "true", "[]", "{}", "null"] {
        assert_eq!(refused(read(bad)).len(), 1, "{bad}");
    }
}

#[test]
fn a_history_is_asked_for_before_a_seq_or_a_date_in_bounds() {
    let fetch = |rest: &str| {
        let payload = format!(r#"{{"group": "{GROUP}"{rest}}}"#);
        fields(&payload).command(|page: HistoryPage, _| Some(page.command()))
    };
    for good in [
        "",
        r#", "before": 5"#,
        r#", "date": "2024-05-12T10:29:16Z""#,
        r#", "limit": 100"#,
        r#", "date": """#,
    ] {
        assert!(fetch(good).is_ok(), "{good}");
    }
    for bad in [r#", "limit": 0"#, r#", "limit": 101"#, r#", "limit": "5""#, r#", "before": "5""#] {
        assert_eq!(refused(fetch(bad)).len(), 1, "{bad}");
    }
}

#[test]
fn a_list_of_names_is_bounded_and_refused_once() {
    let create = |members: &str| create(fields(&format!(r#"{{"name": "hi", "members": {members}}}"#)));
    assert_eq!(create(r#"["arlan", "astra"]"#).expect("a group").roles.members.len(), 2);
    assert!(create("null").expect("a group").roles.members.is_empty());
    for (bad, at) in [
        (r#""arlan""#, "members"),
        (r#"{"arlan": 1}"#, "members"),
        ("[1]", "members[0]"),
        (r#"["arlan", "a b", "c d"]"#, "members[1]"),
    ] {
        let found = refused(create(bad));
        assert!(matches!(&found[..], [(field, _)] if field == at), "{bad}: {found:?}");
    }
    let many = format!("[{}]", vec!["\"arlan\""; NAMES + 1].join(","));
    assert_eq!(refused(create(&many)).len(), 1);
    let long = format!("[\"{}\"]", "x".repeat(100_000));
    assert!(refused(create(&long))[0].1.len() < 200, "what was sent is not sent back whole");
}

#[test]
fn a_user_is_renamed_or_related_and_not_both() {
    let patch = |payload: &str| patch(fields(payload), Name::parse("arlan").expect("a name"), false);
    assert!(matches!(patch(r#"{"new_name": "astra"}"#), Ok(UserChange::Rename(_))));
    let invite = r#"{"contact": {"author": "", "name": "astra", "operation": "invit"}}"#;
    assert!(matches!(patch(invite), Ok(UserChange::Contact(relate)) if relate.author.is_none()));
    for bad in ["{}", r#"{"new_name": null}"#, r#"{"new_name": "x", "contact": {}}"#, r#"{"contact": 1}"#] {
        assert_eq!(refused(patch(bad)).len(), 1, "{bad}");
    }
    let settings = patch(r#"{"settings": {"added_by": "contacts", "hide_reads": true}}"#);
    assert!(matches!(settings, Ok(UserChange::Profile(change)) if change.settings.hide_reads == Some(true)));
    let together = patch(r#"{"display_name": " Ann ", "settings": {"hide_reads": true}}"#);
    assert!(
        matches!(together, Ok(UserChange::Profile(change)) if change.profile != ProfileUpdate::default())
    );
    for bad in ["nobody else", "1"].map(|value| format!(r#"{{"settings": {{"added_by": "{value}"}}}}"#)) {
        assert_eq!(refused(patch(&bad))[0].0, "settings.added_by");
    }
    assert!(matches!(patch(r#"{"kind": "bot"}"#), Err(Error::Forbidden(_))));
    let within = refused(patch(r#"{"contact": {"operation": "hug"}}"#));
    let named: Vec<_> = within.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(named, ["contact.name", "contact.operation"]);
}

#[test]
fn held_numbers_are_read_by_group() {
    let resume = |groups: &str| {
        let payload = format!(r#"{{"groups": {groups}}}"#);
        fields(&payload).command(|held: HeldNumbers, _| Some(held.command()))
    };
    assert_eq!(resume("{}").expect("none").since.len(), 0);
    assert_eq!(resume(&format!(r#"{{"{GROUP}": 7}}"#)).expect("one").since[0].1, Seq(7));
    let bad = [r#"{"x": 1}"#.to_owned(), format!(r#"{{"{GROUP}": -1}}"#), format!(r#"{{"{GROUP}": "1"}}"#)];
    for bad in bad.iter().map(String::as_str).chain(["[]", "null"]) {
        assert_eq!(refused(resume(bad)).len(), 1, "{bad}");
    }
}

#[test]
fn an_owner_is_a_list_of_one() {
    let update = |owner: &str| {
        let payload = format!(r#"{{"owner": {owner}}}"#);
        fields(&payload).command(|patch: GroupPatch, _| Some(patch.command(GROUP.parse().expect("an id"))))
    };
    assert!(update(r#"["arlan"]"#).expect("one").owner.is_some());
    assert!(update("[]").expect("none").owner.is_none());
    for bad in [r#""arlan""#, r#"["arlan", "astra"]"#] {
        assert_eq!(refused(update(bad)).len(), 1, "{bad}");
    }
}

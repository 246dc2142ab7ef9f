//! Checks the document against the frames that are sent and accepted.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::app::resume::{Refusal, Resumed};
use chinwag_core::event::{Event, Kind};
use chinwag_core::group::Mark;
use chinwag_core::presence::Status;
use chinwag_core::profile::{ProfileCard, UserKind};
use chinwag_core::relation::Relations;
use chinwag_core::{Date, Error, HistoryId, Seq, UserId};
use chinwag_hub::Encode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::table::ERROR_EVENTS;
use crate::api::{CLIENT_EVENTS, SERVER_EVENTS};
use crate::error::code;
use crate::wire::events::samples::{GROUP, ID, date, kinds, name, sent, view};
use crate::wire::events::{EventEncoder, GroupChanged, MessagesFetched, Synced};
use crate::wire::message::Message;
use crate::wire::object::{self, ContactStatuses, Lists};
use crate::wire::outgoing::{self, ErrorDetail, FieldProblem};
use crate::wire::summary::{self, ContactSummary, Head, SummaryMore};

fn document() -> Value {
    serde_json::from_str(&super::asyncapi()).expect("JSON")
}

/// The events that the document describes in one direction.
fn documented(document: &Value, side: &str) -> BTreeSet<String> {
    let messages = document["channels"]["chat"]["messages"].as_object().expect("messages");
    messages.keys().filter_map(|key| key.strip_prefix(side)).map(str::to_owned).collect()
}

/// All schemas that apply to a value, with references resolved.
fn parts<'a>(document: &'a Value, schema: &'a Value, value: &Value) -> Vec<&'a Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return parts(document, document.pointer(&reference[1..]).expect(reference), value);
    }
    let all = schema["allOf"].as_array().into_iter().flatten();
    // A `oneOf` here is a null or an object.
    let one = schema["oneOf"].as_array().into_iter().flatten();
    let one = one.filter(|part| (part["type"] == "null") == value.is_null());
    all.chain(one).flat_map(|part| parts(document, part, value)).chain([schema]).collect()
}

/// Asserts that a value matches its schema, and has no key that the schema omits.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let parts = parts(document, schema, value);
    for part in &parts {
        let types = &part["type"];
        let fits =
            types.is_null() || types == kind || types.as_array().is_some_and(|t| t.contains(&kind.into()));
        assert!(fits, "{at}: {value} is no {types}");
        assert!(part.get("const").is_none_or(|only| only == value), "{at}: {value}");
        assert!(part["enum"].as_array().is_none_or(|words| words.contains(value)), "{at}: {value}");
        let formatted = value.as_str().is_none_or(|text| match part["format"].as_str() {
            Some("uuid") => Uuid::try_parse(text).is_ok(),
            Some("date-time") => Date::parse(text).is_ok(),
            _ => true,
        });
        assert!(formatted, "{at}: {value}");
        for required in part["required"].as_array().into_iter().flatten() {
            assert!(
                value.get(required.as_str().expect("a key")).is_some(),
                "{at} has no {required}: {value}"
            );
        }
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let named = parts.iter().find_map(|part| part["properties"].get(key));
        let schema = named.or_else(|| parts.iter().find_map(|part| part.get("additionalProperties")));
        let schema = schema.unwrap_or_else(|| panic!("{at}.{key} is not documented"));
        check(document, schema, value, &format!("{at}.{key}"));
    }
    for value in value.as_array().into_iter().flatten() {
        let schema = parts.iter().find_map(|part| part.get("items")).expect("the schema of items");
        check(document, schema, value, &format!("{at}[]"));
    }
}

/// A frame of each event that the encoder writes, with a number if a group's log numbers the event.
fn events() -> Vec<Bytes> {
    let numbered = |kind: &Kind| {
        matches!(
            kind,
            Kind::MessageText(_)
                | Kind::MessageUpdate(_)
                | Kind::MessageDelete { .. }
                | Kind::MessagesDelete { .. }
                | Kind::MessageReact(_)
                | Kind::MessagePin(_)
                | Kind::GroupUpdate { .. }
                | Kind::GroupQuit { .. }
                | Kind::GroupDelete(_)
                | Kind::Pending(_)
                | Kind::GroupAccepted { .. }
        )
    };
    let event = |kind: Kind| {
        let seq = numbered(&kind).then_some(Seq(4));
        EventEncoder.event(&Event { seq, ..Event::to_users(kind, vec![]) }, Some("7"))
    };
    let joined = Kind::GroupUpdate { view: view(), joined: vec![UserId(1)], left: vec![], entry: None };
    let whole = EventEncoder.whole(&Event::in_group(joined, GROUP, Seq(4)), Some(UserId(1)), Some("7"));
    kinds().into_iter().map(event).chain([whole]).collect()
}

fn people() -> Vec<ProfileCard> {
    vec![ProfileCard { name: name(), display_name: Some("Arlan".into()), avatar: None, kind: UserKind::Bot }]
}

/// The frames that go to one socket only.
fn answers() -> Vec<Bytes> {
    let (name, message, view) = (&name(), sent(None), view());
    let summary = |last_read| object::Group::new(&view, Some(Mark { last_read, unread: 1, mentioned: 1 }));
    let groups = [summary(None), summary(Some((Seq(3), date())))];
    let relations = Relations { contacts: vec![name.clone()], ..Relations::default() };
    let presence = ContactStatuses(vec![(name, Status::Online)]);
    let contacts = ContactSummary { lists: Lists::from(&relations), presence };
    let history = vec![Message::from(&message)];
    let fetched = MessagesFetched { author: name, group: ID, date: Some(date()), history };
    let none = MessagesFetched { author: name, group: ID, date: None, history: vec![] };
    let again = MessagesFetched { author: name, group: ID, date: None, history: vec![] };
    let refused =
        [Refusal::SeqAhead, Refusal::NotFound, Refusal::TooFar, Refusal::HistoryChanged, Refusal::Pending];
    let synced = |refusal| Resumed {
        heads: [(GROUP, Seq(3))].into(),
        refused: [(GROUP, refusal)].into(),
        ..Resumed::default()
    };
    let own = HistoryId(ID);
    let done = refused.map(|refusal| {
        outgoing::numbers(own, &people(), Synced::new(&synced(refusal), Some("point".to_owned())), Some("7"))
    });
    let mut answers = vec![
        summary::whole(Head { history: own, left_out: None }, &groups, &people()),
        summary::whole(Head { history: own, left_out: Some(3) }, &groups[..1], &[]),
        outgoing::answer(SummaryMore { unread: 3, mentioned: 1 }, None),
        outgoing::answer(contacts, None),
        outgoing::answer(fetched, Some("7")),
        outgoing::answer(none, None),
        outgoing::with_people(None, &people(), again, None),
        outgoing::answer(GroupChanged(object::Group::new(&view, None)), Some("7")),
    ];
    answers.extend(done);
    answers
}

/// Every refusal: its event and code.
fn refusals() -> BTreeSet<(&'static str, u16)> {
    let errors = [
        Error::field("name", "is required"),
        Error::Unauthenticated(""),
        Error::forbidden(""),
        Error::NotFound(""),
        Error::Conflict(""),
        Error::TooMany(Duration::ZERO),
        Error::Full,
        Error::unavailable(),
        Error::Unknown,
        Error::internal(""),
    ];
    let codes = errors.iter().map(code);
    let refused = codes.map(|code| (if code < 500 { "error.data" } else { "error.handler" }, code));
    refused.chain([("error.decode", 400), ("error.type", 400), ("error.type", 404)]).collect()
}

#[test]
fn every_sent_event_matches_the_document_and_vice_versa() {
    let document = document();
    let problem =
        |code, errors| ErrorDetail { detail: "no".into(), errors, retry_after: (code == 429).then_some(7) };
    let field = || FieldProblem { field: "name", detail: "is required" };
    let failed = refusals().into_iter().flat_map(|(event, code)| {
        [vec![], vec![field()]].map(|errors| outgoing::error(event, code, &problem(code, errors), Some("7")))
    });
    let mut seen = BTreeSet::new();
    for frame in events().into_iter().chain(answers()).chain(failed) {
        let head = match frame[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let frame: Value = serde_json::from_slice(&frame[head..]).expect("JSON");
        let event = frame["type"].as_str().expect("a type");
        let message = &document["channels"]["chat"]["messages"][format!("server.{event}")];
        check(&document, &message["payload"], &frame, event);
        seen.insert(event.to_owned());
    }
    assert_eq!(seen, documented(&document, "server."));
    let codes = ERROR_EVENTS.iter().flat_map(|row| row.codes.iter().map(|code| (row.event, *code)));
    assert_eq!(codes.collect::<BTreeSet<_>>(), refusals());
}

#[test]
fn every_event_of_a_client_is_documented_and_no_other() {
    let names: BTreeSet<_> = CLIENT_EVENTS.iter().map(|event| event.name.to_owned()).collect();
    assert_eq!(names.len(), CLIENT_EVENTS.len(), "two events have one name");
    assert_eq!(documented(&document(), "client."), names);
    let sent: BTreeSet<_> = SERVER_EVENTS.iter().map(|event| event.name).collect();
    assert!(CLIENT_EVENTS.iter().flat_map(|event| event.answers).all(|answer| sent.contains(answer)));
}

/// Samples of values that a schema allows.
fn samples(schema: &Value) -> Vec<Value> {
    if let Some(words) = schema["enum"].as_array() {
        return words.clone();
    }
    if let Some(examples) = schema["examples"].as_array() {
        return examples.clone();
    }
    // The first form is enough; both forms of an attachment in one list would name a file twice.
    if let Some(forms) = schema["oneOf"].as_array() {
        return samples(&forms[0]);
    }
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    let sample = |kind: &Value| match (kind.as_str(), schema["format"].as_str()) {
        (Some("null"), _) => Value::Null,
        (_, Some("uuid")) => json!(ID),
        (_, Some("uri")) => "https://app.example/a.png".into(),
        (_, Some("date-time")) => date().to_string().into(),
        (Some("integer"), _) => 1.into(),
        (Some("boolean"), _) => true.into(),
        (Some("array"), _) => samples(&schema["items"]).into(),
        (Some("object"), _) => json!({ID.to_string(): samples(&schema["additionalProperties"])[0]}),
        _ => "arlan".into(),
    };
    types.iter().map(sample).collect()
}

#[test]
fn documented_client_events_are_parsed() {
    let document = document();
    for event in CLIENT_EVENTS {
        let read = |data: &Value| (event.parse)(data.to_string().as_bytes());
        let event = event.name;
        let message = &document["channels"]["chat"]["messages"][format!("client.{event}")];
        let data = &message["payload"]["properties"]["data"];
        let keys = data["properties"].as_object().expect("keys");
        let whole: Value =
            keys.iter().map(|(key, schema)| (key.clone(), samples(schema)[0].clone())).collect();
        let nothing = read(&json!({}));
        for (key, schema) in keys {
            for sample in samples(schema) {
                let mut data = whole.clone();
                data[key] = sample;
                read(&data).unwrap_or_else(|error| panic!("{event} {data}: {error:?}"));
            }
            // At least one of these has a wrong type for any key.
            let mut odd = [json!({"odd": 1}), json!([1])].into_iter().map(|odd| read(&json!({key: odd})));
            let is_read = odd.any(|odd| format!("{odd:?}") != format!("{nothing:?}"));
            assert!(is_read, "{event} does not read {key}");
        }
        for required in data["required"].as_array().expect("a list") {
            let mut data = whole.clone();
            data.as_object_mut().expect("an object").remove(required.as_str().expect("a key"));
            assert!(read(&data).is_err(), "{event} needs no {required}");
        }
    }
}

#[test]
fn the_document_is_complete_and_every_reference_resolves() {
    let document = document();
    assert_eq!(document["asyncapi"], "3.0.0");
    for part in ["info", "servers", "channels", "operations", "components"] {
        assert!(document[part].as_object().is_some_and(|part| !part.is_empty()), "{part}");
    }
    let operations = document["operations"].as_object().expect("operations");
    assert_eq!(operations.len(), CLIENT_EVENTS.len() + 1);
    for operation in operations.values() {
        assert!(matches!(operation["action"].as_str(), Some("send" | "receive")), "{operation}");
        let replies = operation["reply"]["messages"].as_array().into_iter().flatten();
        for message in operation["messages"].as_array().expect("messages").iter().chain(replies) {
            let reference = message["$ref"].as_str().expect("a reference");
            assert!(reference.starts_with("#/channels/chat/messages/"), "{reference}");
        }
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().expect("a pointer");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn groups_and_edits_are_documented_as_resumes_send_them() {
    let document = document();
    let group = &document["components"]["schemas"]["GroupChange"]["properties"];
    for key in object::Marks::KEYS {
        assert!(group[key].is_object(), "{key}");
    }
    // An edit that changes nothing has no number.
    let edited = &document["channels"]["chat"]["messages"]["server.message.update"]["payload"];
    assert_eq!(
        (&edited["required"], edited["properties"]["seq"].is_object()),
        (&json!(["type", "data"]), true)
    );
}

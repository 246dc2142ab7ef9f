//! Untrusted exports: they are read completely, or refused with the position of the error.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chinwag_import::{BadExport, ForeignExport, NameTable, Remarks, Service, read};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Records remarks, one per line.
#[derive(Default)]
struct Lines(Vec<String>);

impl Remarks for Lines {
    fn remark(&mut self, reason: &str, what: &str) {
        self.0.push(format!("{reason}: {what}"));
    }
}

fn zip(folder: &TempDir, entries: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = folder.path().join("export.zip");
    let mut zip = ZipWriter::new(File::create(&path).expect("a file"));
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(bytes).expect("its bytes");
    }
    zip.finish().expect("a directory");
    path
}

/// Reads an export completely and converts all its objects, as an import does. Returns the numbers of
/// messages and of remarks.
fn take(service: Service, path: &Path, folder: &Path) -> Result<(u64, usize), BadExport> {
    let mut remarks = Lines::default();
    let mut export: ForeignExport = read(service, path, folder, &mut remarks)?;
    let names = NameTable::new(&export, vec![None; export.users.len()]);
    for index in (0..).take(export.users.len()) {
        export.user_source(index, None);
    }
    for group in &export.groups {
        assert_eq!(export.group_source(group).members.len(), group.members.len());
        export.mark_sources(group);
    }
    let mut count = 0;
    while let Some(next) = export.next_message()? {
        let sources = export.message_sources(&names, next.group, &next.message, &[], 100, &mut remarks);
        assert!(sources.iter().all(|source| source.body.chars().count() <= 100));
        count += 1;
    }
    assert_eq!(count, export.messages_count());
    Ok((count, remarks.0.len()))
}

/// A value that a key may have, or any other value.
fn value() -> impl Strategy<Value = Value> {
    let good = select(vec![
        json!("U1"),
        json!("1715508000.000100"),
        json!("message"),
        json!("bot_message"),
        json!("*text* <@U1> :tada: ```code"),
        json!([{"name": "+1", "users": ["U1", "U9"], "count": 3}]),
        json!([{"id": "F1", "name": "a/b", "mode": "external", "url_private": "https://a.example"}, null]),
        json!([{"title": "t", "fields": [{}], "text": 5}, 7, null]),
        json!({"user": "U1", "ts": "x", "comment": "c", "name": null}),
        json!(["ann", "bob", ""]),
        json!(1_715_508_000_000_i64),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5),
        Value::Null,
        json!(true),
        json!([]),
        json!({}),
    ]);
    prop_oneof![3 => good, 1 => any::<String>().prop_map(Value::from)]
}

fn object(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
    vec((select(keys), value()), 0..8).prop_map(|pairs| {
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
    })
}

const SLACK: &[&str] = &[
    "type",
    "subtype",
    "ts",
    "thread_ts",
    "user",
    "bot_id",
    "username",
    "text",
    "edited",
    "reactions",
    "files",
    "file",
    "comment",
    "attachments",
    "blocks",
    "pinned_to",
    "user_profile",
    "bot_profile",
    "id",
    "name",
    "members",
    "profile",
    "topic",
    "pins",
    "creator",
    "is_archived",
];
const POST: &[&str] = &[
    "team",
    "channel",
    "channel_members",
    "user",
    "type",
    "message",
    "props",
    "create_at",
    "edit_at",
    "reactions",
    "attachments",
    "is_pinned",
    "username",
    "teams",
    "members",
    "name",
    "display_name",
];
const KINDS: &[&str] = &["team", "channel", "user", "bot", "post", "direct_channel", "direct_post", "emoji"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_slack_export_is_read_or_refused_with_its_place(
        users in vec(object(SLACK), 0..3),
        channels in vec(object(SLACK), 0..3),
        messages in vec(object(SLACK), 0..6),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut channels = channels;
        channels.push(json!({"id": "C1", "name": "general"}));
        let bytes = |list: Vec<Value>| Value::from(list).to_string().into_bytes();
        let names = ["users.json", "channels.json", "general/2024-05-12.json"];
        let path = zip(&folder, &[(names[0], bytes(users)), (names[1], bytes(channels)), (names[2], bytes(messages))]);
        if let Err(why) = take(Service::Slack, &path, folder.path()) {
            prop_assert!(names.iter().any(|name| why.at.starts_with(&format!("{name}, line "))), "{why}");
        }
    }

    #[test]
    fn any_mattermost_export_is_read_or_refused_with_its_line(
        lines in vec((select(KINDS), object(POST), vec(object(POST), 0..3)), 0..6),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("export.jsonl");
        let mut text = json!({"type": "version", "version": 1}).to_string();
        for (kind, mut object, replies) in lines {
            object["replies"] = replies.into();
            text.push('\n');
            text += &json!({"type": kind, kind: object}).to_string();
        }
        fs::write(&path, text).expect("a file");
        if let Err(why) = take(Service::Mattermost, &path, folder.path()) {
            prop_assert!(why.at.contains("export.jsonl, line "), "{why}");
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in vec(any::<u8>(), 0..200), at in 0_u64..600) {
        let folder = tempfile::tempdir().expect("a folder");
        let day = json!([{"type": "message", "user": "U1", "ts": "1.000001", "text": "one"}]).to_string();
        let path = zip(&folder, &[
            ("users.json", b"[{\"id\": \"U1\"}]".to_vec()),
            ("channels.json", b"[{\"id\": \"C1\", \"name\": \"general\"}]".to_vec()),
            ("general/2024-05-12.json", day.into_bytes()),
        ]);
        let mut file = File::options().write(true).open(&path).expect("a file");
        file.seek(SeekFrom::Start(at)).expect("a place");
        file.write_all(&bytes).expect("other bytes");
        if let Err(why) = take(Service::Slack, &path, folder.path()) {
            prop_assert!(!why.at.is_empty() && !why.why.is_empty());
        }
    }
}

#[test]
fn display_name_is_kept_without_its_nul() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = json!([{"id": "U1", "name": "ann", "real_name": "Ann\0 Lee"}]).to_string();
    let path = zip(&folder, &[("users.json", users.into_bytes())]);
    let export = read(Service::Slack, &path, folder.path(), &mut Lines::default()).expect("an export");
    assert_eq!(export.user_source(0, None).display_name.as_deref(), Some("Ann Lee"));
}

#[test]
fn entry_that_lies_about_its_size_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = zip(&folder, &[("users.json", format!("[{}]", " ".repeat(500)).into_bytes())]);
    let mut bytes = fs::read(&path).expect("the file");
    let said = 502_u32.to_le_bytes();
    let places: Vec<_> = (0..bytes.len() - 4).filter(|at| bytes[*at..*at + 4] == said).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    fs::write(&path, bytes).expect("a file");
    let why = take(Service::Slack, &path, folder.path()).expect_err("it lies").to_string();
    assert!(why.contains("users.json"), "{why}");
}

#[test]
fn export_of_an_organisation_has_another_list_of_users() {
    let folder = tempfile::tempdir().expect("a folder");
    for prefix in ["", "export/"] {
        let list = format!("{prefix}org_users.json");
        let path = zip(&folder, &[(&list, b"[{\"id\": \"U1\", \"name\": \"ann\"}]".to_vec())]);
        let export = read(Service::Slack, &path, folder.path(), &mut Lines::default()).expect("an export");
        assert_eq!(export.users[0].name, "ann", "{list}");
    }
}

#[test]
fn messages_come_in_order_over_all_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let day = |stamps: &[&str]| {
        let said = stamps.iter().map(|ts| json!({"type": "message", "user": "U1", "ts": ts, "text": ts}));
        said.collect::<Value>().to_string().into_bytes()
    };
    let path = zip(
        &folder,
        &[
            ("users.json", b"[]".to_vec()),
            ("channels.json", b"[{\"id\": \"C1\", \"name\": \"general\"}]".to_vec()),
            ("general/2024-05-12.json", day(&["3.000001", "1.000002", "5.000000"])),
            ("general/2024-05-13.json", day(&["4.000000", "1.000001", "3.000000"])),
        ],
    );
    let mut export = read(Service::Slack, &path, folder.path(), &mut Lines::default()).expect("an export");
    let mut found = Vec::new();
    while let Some(next) = export.next_message().expect("a message") {
        found.push(next.message.text);
    }
    assert_eq!(found, ["1.000001", "1.000002", "3.000000", "3.000001", "4.000000", "5.000000"]);
    let members: Vec<_> =
        export.groups[0].members.iter().map(|(index, _)| &*export.users[*index as usize].key).collect();
    assert_eq!(members, ["U1"], "a channel without members has the authors of its messages");
}

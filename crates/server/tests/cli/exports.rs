//! Builds exports of other services, and imports them with the real program.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Output, Program};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A ZIP file built by a test.
#[derive(Clone, Default)]
pub(crate) struct ExportZip(Vec<(String, Vec<u8>)>);

impl ExportZip {
    /// Adds a file or replaces the one of that name.
    pub(crate) fn with(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), bytes.into()));
        self
    }

    /// Adds a JSON file.
    pub(crate) fn json(self, name: &str, value: &Value) -> Self {
        self.with(name, value.to_string())
    }

    /// Writes the archive into the folder of a program.
    pub(crate) fn write(&self, program: &Program, name: &str) -> PathBuf {
        let path = program.folder().join(name);
        let mut zip = ZipWriter::new(File::create(&path).expect("a file"));
        for (name, bytes) in &self.0 {
            zip.start_file(name.as_str(), SimpleFileOptions::default()).expect("an entry");
            zip.write_all(bytes).expect("its bytes");
        }
        zip.finish().expect("a directory");
        path
    }
}

/// A Slack workspace with two users and one channel of both.
pub(crate) fn workspace() -> ExportZip {
    ExportZip::default().json("users.json", &json!([slack_user("U1", "ann"), slack_user("U2", "bob")])).json(
        "channels.json",
        &json!([{"id": "C1", "name": "general", "creator": "U1", "members": ["U1", "U2"]}]),
    )
}

/// A Slack user.
pub(crate) fn slack_user(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "profile": {}})
}

/// A Slack message with additional keys.
pub(crate) fn said(user: &str, ts: &str, text: &str, more: &Value) -> Value {
    let mut message = json!({"type": "message", "user": user, "ts": ts, "text": text});
    let keys = more.as_object().into_iter().flatten();
    message.as_object_mut().expect("an object").extend(keys.map(|(key, value)| (key.clone(), value.clone())));
    message
}

/// Values as lines of JSON.
pub(crate) fn lines(values: &[Value]) -> String {
    values.iter().flat_map(|value| [value.to_string(), "\n".to_owned()]).collect()
}

/// Writes a file into the folder of a program.
pub(crate) fn write(program: &Program, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = program.folder().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, bytes).expect("a file");
    path.to_str().expect("a path").to_owned()
}

/// Runs an import that must succeed; returns its report.
pub(crate) fn imported(program: &Program, args: &[&str]) -> String {
    let output = program.run(&[&["import"], args].concat());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    output.stdout
}

/// Runs an import that must fail for this reason.
pub(crate) fn refused(program: &Program, args: &[&str], why: &str) -> Output {
    let output = program.run(&[&["import"], args].concat());
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains(why), "{why}: {output:?}");
    output
}

/// Asserts a row of the report: found, taken, taken before, deleted since, not taken.
#[track_caller]
pub(crate) fn assert_row(report: &str, kind: &str, numbers: [u64; 5]) {
    let row = report.lines().find(|line| line.split(' ').next() == Some(kind)).unwrap_or_default();
    let found: Vec<u64> = row.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert_eq!(found, numbers, "{kind}: {report}");
}

/// Finds a group of a user by name.
pub(crate) async fn group_named(client: &Client, name: &str) -> Value {
    let groups = client.get("groups/?fields=__all__").await.ok(200);
    let groups = groups.as_array().expect("a list");
    let found = groups.iter().find(|group| group["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {groups:?}")).clone()
}

/// All messages of a group, oldest first.
pub(crate) async fn messages_of(client: &Client, group: &Value) -> Vec<Value> {
    let path = format!("groups/{}/messages/?after=0&limit=100", group["id"].as_str().expect("an id"));
    client.get(&path).await.ok(200).as_array().expect("a list").clone()
}

/// The values of one key in all objects.
pub(crate) fn each(objects: &[Value], key: &str) -> Vec<Value> {
    objects.iter().map(|object| object[key].clone()).collect()
}

//! The export of a user's data, read with Python's ZIP library.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use chinwag_core::limits::RateLimits;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, id};
use reqwest::Method;
use serde_json::{Value, json};

/// Reads a ZIP file and verifies its checksums. Prints each entry's name, flags and content in hexadecimal.
const READER: &str = "
import io, json, sys, zipfile
with zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())) as zip:
    assert zip.testzip() is None
    local = {info.filename: int.from_bytes(zip.fp.seek(info.header_offset) * b'' + zip.fp.read(8)[6:8], 'little') for info in zip.infolist()}
    print(json.dumps([[info.filename, info.flag_bits, local[info.filename], zip.read(info).hex()] for info in zip.infolist()]))
";

/// The entries of a ZIP file by name.
pub(crate) fn unpack(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut reader = Command::new("python3");
    let mut reader = reader
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    reader.stdin.take().expect("its input").write_all(zip).expect("it reads");
    let output = reader.wait_with_output().expect("it ends");
    assert!(output.status.success(), "it is no ZIP");
    let rows: Vec<(String, u16, u16, String)> = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut entries = BTreeMap::new();
    for (name, central, local, hex) in rows {
        let is_utf8 = [central, local].map(|flags| flags & 1 << 11 != 0);
        assert_eq!(is_utf8, [!name.is_ascii(); 2], "{name} has another encoding in a header");
        let bytes =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"));
        assert!(entries.insert(name, bytes.collect()).is_none(), "each name is there once");
    }
    entries
}

/// The JSON lines of an entry.
pub(crate) fn lines(entries: &BTreeMap<String, Vec<u8>>, name: &str) -> Vec<Value> {
    let text = std::str::from_utf8(&entries[name]).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

pub(crate) async fn export(client: &Client, name: &str) -> BTreeMap<String, Vec<u8>> {
    let request = client.request(Method::GET, &format!("users/{name}/export/"));
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/zip");
    unpack(&response.bytes().await.expect("the whole body"))
}

async fn upload(client: &Client, name: &str, bytes: &'static str) -> String {
    let url = reqwest::Url::parse_with_params("http://any.example", [("name", name)]).expect("a URL");
    let path = format!("files/?{}", url.query().expect("a query"));
    id(&client.send(client.request(Method::POST, &path).body(bytes)).await.ok(201))
}

#[tokio::test]
async fn export_has_everything_of_one_user() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let service = app.service();
    let (tea, left) = (group(&service, &["ann", "bob"]).await, group(&service, &["bob", "ann"]).await);
    let invite = json!({ "contact": { "name": "bob", "operation": "invitation" } });
    ann.patch("users/ann/", invite).await.ok(200);
    bob.patch("users/bob/", json!({ "contact": { "name": "ann", "operation": "block" } })).await.ok(200);
    let send = async |who: &Client, group: &str, body: &str, more: Value| {
        let mut message = json!({ "group": group, "body": body });
        message.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        id(&who.post("messages/", message).await.ok(201))
    };
    let file = upload(&ann, "note.txt", "the bytes of a note").await;
    let own = send(&ann, &tea, "my words", json!({ "attachments": [file], "data": { "n": 1 } })).await;
    let theirs = send(&bob, &tea, "their words", json!({ "respond_to": own, "mentions": ["ann"] })).await;
    bob.put(&format!("messages/{own}/reactions/%F0%9F%91%8D/"), json!({})).await.ok(200);
    ann.put(&format!("messages/{theirs}/reactions/%F0%9F%91%8D/"), json!({})).await.ok(200);
    send(&ann, &left, "before leaving", Value::Null).await;
    ann.post(&format!("groups/{left}/quit/"), json!({})).await.ok(200);

    let entries = export(&ann, "ann").await;
    let path = format!("files/{file}-note.txt");
    let names: Vec<_> = entries.keys().map(String::as_str).collect();
    let expected = [
        "devices.jsonl",
        &path,
        "files.jsonl",
        "groups.jsonl",
        "messages.jsonl",
        "profile.jsonl",
        "reactions.jsonl",
        "relations.jsonl",
        "reports.jsonl",
        "sessions.jsonl",
    ];
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(entries[&path], b"the bytes of a note");
    assert_eq!(lines(&entries, "files.jsonl")[0]["path"], path.as_str());
    let messages = lines(&entries, "messages.jsonl");
    let mut bodies: Vec<_> =
        messages.iter().map(|message| message["body"].as_str().expect("a body")).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["before leaving", "my words"]);
    let message = messages.iter().find(|message| message["id"] == own.as_str()).expect("it is there");
    assert_eq!((&message["attachments"][0]["id"], &message["data"]), (&json!(file), &json!({ "n": 1 })));
    assert_eq!(lines(&entries, "groups.jsonl").len(), 1);
    assert_eq!(lines(&entries, "groups.jsonl")[0]["role"], "owner");
    let reactions = lines(&entries, "reactions.jsonl");
    assert_eq!((reactions.len(), &reactions[0]["message"]), (1, &json!(theirs)));
    assert_eq!(lines(&entries, "profile.jsonl")[0]["name"], "ann");
    assert_eq!(
        lines(&entries, "relations.jsonl"),
        Vec::<Value>::new(),
        "she is not told that she is blocked"
    );
    assert_eq!(lines(&entries, "sessions.jsonl").len(), 1);
    let all = entries.values().flatten().copied().collect::<Vec<_>>();
    for others in ["their words", "cw_token_", ann.token()] {
        assert!(!all.windows(others.len()).any(|part| part == others.as_bytes()), "{others}");
    }
    assert_eq!(export(&service, "ann").await.len(), entries.len());

    bob.get("users/ann/export/").await.ok(403);
    service.get("users/nobody/export/").await.ok(404);
    app.nobody().get("users/ann/export/").await.ok(401);
}

#[tokio::test]
async fn export_has_reports_and_decisions_of_admins() {
    let app = TestApp::start().await;
    let (ann, bob, service) = (app.user("ann").await, app.user("bob").await, app.service());
    let tea = group(&service, &["ann", "bob"]).await;
    let rude = id(&bob.post("messages/", json!({ "group": tea, "body": "rude" })).await.ok(201));
    ann.post(&format!("messages/{rude}/reports/"), json!({ "reason": "it is rude" })).await.ok(201);
    service.patch("users/ann/", json!({ "admin": true })).await.ok(200);
    let entries = export(&ann, "ann").await;
    assert_eq!(lines(&entries, "profile.jsonl")[0]["admin"], true);
    let reports = lines(&entries, "reports.jsonl");
    let [report] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!((&report["message"], &report["reason"]), (&json!(rude), &json!("it is rude")));
    let suspended = json!({ "until": "2999-01-01T00:00:00.000000Z", "reason": "spam" });
    service.patch("users/ann/", json!({ "suspended": suspended })).await.ok(200);
    assert_eq!(lines(&export(&service, "ann").await, "profile.jsonl")[0]["suspended"]["reason"], "spam");
}

#[tokio::test]
async fn names_of_exported_files_are_safe_and_distinct() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let mut expected = Vec::new();
    for (name, safe) in [
        ("サンプル.txt", "サンプル.txt"),
        ("a:b?.txt", "a_b_.txt"),
        ("CON", "CON"),
        ("../x", "x"),
        ("x", "x"),
    ] {
        let file = upload(&ann, name, "bytes").await;
        expected.push(format!("files/{file}-{safe}"));
    }
    let entries = export(&ann, "ann").await;
    let mut files: Vec<_> = entries.into_keys().filter(|name| name.starts_with("files/")).collect();
    files.sort();
    expected.sort();
    assert_eq!(files, expected);
}

#[tokio::test]
async fn long_export_is_whole_and_in_order() {
    let app = TestApp::with(|options| options.limits.rates = RateLimits::lifted()).await;
    let (ann, service) = (app.user("ann").await, app.service());
    let groups = [group(&service, &["ann"]).await, group(&service, &["ann"]).await];
    for number in 0..350 {
        let group = &groups[number % 2];
        let message = json!({ "group": group, "author": "ann", "body": format!("number {number:03}") });
        service.post("messages/", message).await.ok(201);
    }
    let messages = lines(&export(&ann, "ann").await, "messages.jsonl");
    let mut numbers: Vec<_> = messages.iter().map(|message| message["body"].to_string()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 350);
}

#[tokio::test]
async fn rust_client_exports() {
    let app = TestApp::start().await;
    app.user("ann").await;
    let service = chinwag_client::Rest::new(&app.url()).with_token(chinwag_testkit::app::SERVICE_KEY);
    let answer = service.export_user("ann").await.expect("a ZIP");
    assert!(unpack(&answer.bytes().await.expect("its bytes")).contains_key("profile.jsonl"));
    assert!(service.export_user("nobody").await.is_err());
}

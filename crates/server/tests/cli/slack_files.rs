//! The files of an export, and broken or hostile exports.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chinwag_testkit::process::finish;
use serde_json::{Value, json};

use crate::exports::{
    ExportZip, assert_row, each, group_named, imported, lines, messages_of, refused, said, workspace, write,
};
use crate::import::ask;
use crate::program;

/// A one-pixel image.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn file(id: &str, name: &str, size: usize, more: &Value) -> Value {
    let mut file = json!({"id": id, "name": name, "size": size, "url_private": format!("https://files.slack.com/{id}?t=xoxe-secret")});
    file.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    file
}

#[test]
fn files_are_taken_from_the_folder_and_checked() {
    let program = program();
    let page = b"<!DOCTYPE html><html><body>Sign in</body></html>".to_vec();
    let image = json!({"mimetype": "image/png"});
    let files = [
        file("F1", "notes.txt", 5, &json!({})),
        file("F2", "photo.png", page.len(), &image),
        file("F3", "short.txt", 100, &json!({})),
        file("F4", "absent.txt", 4, &json!({})),
        file("F5", "doc", 0, &json!({"mode": "external", "url_private": "https://docs.example/1"})),
        file("F6", "gone.txt", 0, &json!({"mode": "tombstone"})),
        file("../../secret", "x", 6, &json!({})),
        file("F7", "in the zip.txt", 3, &json!({})),
    ];
    let day = json!([
        said("U1", "1.000001", "see", &json!({"files": files})),
        said("U1", "1.000002", "", &json!({"files": [files[0].clone()]}))
    ]);
    let zip = workspace().json("general/2024-05-12.json", &day).with("__uploads/F7/in the zip.txt", "zip");
    let zip = zip.write(&program, "slack.zip");
    write(&program, "files/F1/notes.txt", "hello");
    write(&program, "files/F2-photo.png", &page);
    write(&program, "files/F3/short.txt", "short");
    write(&program, "secret", "secret");
    let folder = program.folder().join("files");
    let all = program.folder().join("report.txt");
    let args = [
        "slack",
        zip.to_str().expect("a path"),
        "--files",
        folder.to_str().expect("a path"),
        "--report",
        all.to_str().expect("a path"),
    ];
    let report = imported(&program, &args);
    assert_row(&report, "files", [7, 3, 0, 0, 4]);
    let all = fs::read_to_string(&all).expect("a report");
    for line in [
        "photo.png: is image/png in the export, and its bytes are text/plain",
        "short.txt: has 5 bytes, and the export says 100",
        "absent.txt: is neither in the export nor in the folder",
        "x: has a path that leads elsewhere",
        "files that Slack has as tombstone: general/2024-05-12.json: 1.000001: gone.txt",
    ] {
        assert!(all.contains(line), "{line}: {all}");
    }
    ask(&program, &[], async |service| {
        let found = messages_of(service, &group_named(service, "general").await).await;
        assert_eq!(
            each(&found, "body"),
            ["see\n📎 photo.png\n📎 short.txt\n📎 absent.txt\n📎 doc (https://docs.example/1)\n📎 x", ""]
        );
        let files = found[0]["attachments"].as_array().expect("a list");
        assert_eq!(each(files, "name"), ["notes.txt", "in the zip.txt"]);
        let ann = service.sign_in("ann").await;
        for (file, bytes) in files.iter().zip(["hello", "zip"]) {
            let path = format!("files/{}/x", file["id"].as_str().expect("an id"));
            assert_eq!(ann.get(&path).await.text, bytes);
        }
    });
}

#[test]
fn missing_folder_of_files_is_named_before_the_import() {
    let (program, with_files) = (program(), program());
    let files = json!({"files": [file("F1", "notes.txt", 5, &json!({}))]});
    let day = json!([said("U1", "1.000001", "see", &files)]);
    let path = workspace().json("general/2024-05-12.json", &day).write(&program, "slack.zip");
    let report = imported(&program, &["slack", path.to_str().expect("a path")]);
    assert!(
        report.starts_with("the export names 1 files and holds none: to have them, stop here"),
        "{report}"
    );
    write(&program, "files/F1/notes.txt", "hello");
    let folder = program.folder().join("files");
    let args = ["slack", path.to_str().expect("a path"), "--files", folder.to_str().expect("a path")];
    let report = imported(&program, &args);
    assert_row(&report, "files", [1, 0, 0, 0, 1]);
    assert!(report.contains("messages that were taken before without all their files"), "{report}");
    for row in [[1, 1, 0, 0, 0], [1, 0, 1, 0, 0]] {
        let report = imported(&with_files, &args);
        assert_row(&report, "files", row);
        assert!(!report.contains("the export names"), "{report}");
    }
}

#[test]
fn files_that_limits_refuse_are_reported() {
    let (program, pixel) = (program(), STANDARD.decode(PIXEL).expect("an image"));
    let day = json!([said(
        "U1",
        "1.000001",
        "see",
        &json!({"files": [file("F1", "a.png", pixel.len(), &json!({})), file("F2", "b.txt", 20, &json!({}))]})
    )]);
    let zip = workspace()
        .json("general/2024-05-12.json", &day)
        .with("__uploads/F1/a.png", pixel)
        .with("__uploads/F2/b.txt", "x".repeat(20));
    let zip = zip.write(&program, "slack.zip");
    write(&program, "chinwag.toml", "[files]\nmax_size = 1024\ntypes = [\"image/*\"]\n");
    let report = imported(&program, &["slack", zip.to_str().expect("a path")]);
    assert_row(&report, "files", [2, 1, 0, 0, 1]);
    assert!(
        report.contains("a file of type text/plain is not allowed: files.types has the allowed types"),
        "{report}"
    );
    ask(&program, &[], async |service| {
        let found = messages_of(service, &group_named(service, "general").await).await;
        let image = &found[0]["attachments"][0];
        assert_eq!((&image["type"], &image["width"]), (&json!("image/png"), &json!(1)));
    });
}

#[test]
fn broken_export_is_refused_with_its_place() {
    let program = program();
    let good =
        || workspace().json("general/2024-05-12.json", &json!([said("U1", "1.000001", "one", &json!({}))]));
    for (number, (zip, why)) in [
        (ExportZip::default(), "is not an export of Slack: it has no users.json"),
        (good().with("users.json", "{}"), "users.json, line 1: invalid type: map, expected an array"),
        (good().with("channels.json", "[\n{\"id\": 1}]"), "channels.json, line 2: invalid type: integer"),
        (
            good().with("general/2024-05-13.json", "[\n\n{\"text\": \"unended"),
            "general/2024-05-13.json, line 3: EOF",
        ),
        (good().with("general/2024-05-13.json", b"[\n\"\xff\"]".to_vec()), "general/2024-05-13.json, line 2"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = zip.write(&program, &format!("{number}.zip"));
        refused(&program, &["slack", path.to_str().expect("a path")], why);
    }
    let text = write(&program, "x.zip", "no zip at all");
    refused(&program, &["slack", &text], "is not a ZIP file");
    refused(&program, &["slack", "absent.zip"], "absent.zip: No such file");
    let line = |text: &str| write(&program, "x.jsonl", text);
    let version = "{\"type\":\"version\",\"version\":1}\n";
    for (text, why) in [
        (String::new(), "is not an export of Mattermost: it is empty"),
        (
            lines(&[json!({"type": "team"})]),
            "line 1: is not an export of Mattermost: its first line has no version",
        ),
        (
            lines(&[json!({"type": "version", "version": 2})]),
            "line 1: has another version of the format than 1",
        ),
        (format!("{version}\n{{\"type\":"), "line 3: EOF"),
        (format!("{version}{{\"type\":\"post\"}}"), "line 2: has the type post and no object post"),
    ] {
        refused(&program, &["mattermost", &line(&text)], why);
    }
    assert!(!program.data().exists(), "nothing is made for an export that cannot be read");
}

#[test]
fn report_of_a_failed_import_stays_as_it_is() {
    let program = program();
    let export = workspace()
        .json("general/2024-05-12.json", &json!([{"type": "message", "ts": "1.000004", "text": "nobody's"}]))
        .with("general/2024-05-13.json", "[oops");
    let path = export.write(&program, "slack.zip");
    let report = program.folder().join("report.txt");
    let args = ["slack", path.to_str().expect("a path"), "--report", report.to_str().expect("a path")];
    refused(&program, &args, "general/2024-05-13.json, line 1: ");
    let found = "messages without an author: general/2024-05-12.json: 1.000004\n";
    for _ in 0..2 {
        assert_eq!(fs::read_to_string(&report).expect("a report"), found);
        refused(&program, &args, "report.txt already exists: name another file, or remove it");
    }
}

#[test]
fn dry_run_with_the_settings_of_a_cluster_takes_files() {
    let program = program();
    let day =
        json!([said("U1", "1.000001", "a file", &json!({"files": [file("F1", "a.txt", 6, &json!({}))]}))]);
    let zip = workspace().json("general/2024-05-12.json", &day).with("__uploads/F1/a.txt", "a file");
    let zip = zip.write(&program, "slack.zip");
    let mut dry_run = program.command(&["import", "slack", zip.to_str().expect("a path"), "--dry-run"]);
    dry_run.env("CHINWAG_DATABASE", "postgres://chinwag@127.0.0.1:9/chinwag");
    dry_run.env("CHINWAG_REDIS", "redis://127.0.0.1:9").env("CHINWAG_CLUSTER_SECRET", "x".repeat(32));
    dry_run.env("CHINWAG_FILES__STORE", "s3://bucket/chat");
    let output = finish(dry_run, "");
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_row(&output.stdout, "files", [1, 1, 0, 0, 0]);
}

#[test]
fn zip_bomb_is_refused_before_anything_is_written() {
    let program = program();
    let bomb = format!("[{}]", " ".repeat(100 << 20));
    let path = workspace().with("general/2024-05-12.json", bomb).write(&program, "bomb.zip");
    refused(
        &program,
        &["slack", path.to_str().expect("a path")],
        "general/2024-05-12.json, line 1: an element is longer than",
    );
    assert!(!program.data().exists());
}

#[test]
fn hostile_objects_are_reported_and_harm_nothing() {
    let program = program();
    let day = json!([
        said("U1", "1.000001", "fine", &json!({})),
        said("U1", "never", "no date", &json!({})),
        said("U1", "253402300800.000000", "too late", &json!({})),
        said("U1", "1.000002", " \u{200b}", &json!({})),
        said("U1", "1.000003", "nul \u{0} inside", &json!({})),
        {"type": "message", "ts": "1.000004", "text": "nobody's"},
        said("U1", "1.000005", "unheard of", &json!({"subtype": "sh_room_created"})),
        {"type": "reminder", "ts": "1.000006"},
        said("U1", "1.000007", "to itself", &json!({"thread_ts": "1.000007"})),
        said("U1", "1.000008", "to a reply", &json!({"thread_ts": "1.000009"})),
        said("U1", "1.000009", "to a root", &json!({"thread_ts": "1.000001"})),
        said("U1", "1.000010", "after a reply", &json!({"thread_ts": "1.000009"})),
        said("U1", "1.000011", "odd", &json!({"reactions": [{"name": "no such name at all", "users": ["U1"]}, {"name": null}], "files": [null, {"id": "F1", "name": "\u{1b}[2J\nusers forged.txt"}]})),
    ]);
    let users = json!([
        {"id": "U1", "name": "ann"}, {"id": "U2", "name": "Ann"}, {"id": "U3", "name": "admin"}, {"id": null}, {"id": "U4", "name": ""},
        {"id": "U5", "name": "а"}, {"id": "U6", "name": "x".repeat(500)},
    ]);
    let path = workspace()
        .json("users.json", &users)
        .json("general/2024-05-12.json", &day)
        .json("../../general/2024-05-12.json", &json!([said("U1", "1.000001", "out", &json!({}))]))
        .json("lost/2024-05-12.json", &json!([said("U1", "1.000001", "lost", &json!({}))]))
        .write(&program, "slack.zip");
    let report = imported(&program, &["slack", path.to_str().expect("a path")]);
    assert_row(&report, "messages", [9, 8, 0, 0, 1]);
    for line in [
        "\"Ann\": the name is taken, or looks like a name that is taken; imported as imported-",
        "\"admin\": the name is taken",
        "253402300800.000000: its date is outside the years 1 to 9999; imported as 9999-12-31T23:59:59.999999Z",
        "1.000002: its body must contain a visible character; not imported",
        "1.000010: the root of its thread is a reply itself",
        "1 messages whose ts is no date",
        "1 messages with a NUL; imported without it, such as general/2024-05-12.json: 1.000003",
        "1 messages without an author",
        "1 messages of the kind sh_room_created",
        "1 objects of the type reminder",
        "1 users without an id",
        "1 reactions with a name that no reaction may have here",
        "1 folders of no conversation in the export's lists",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    assert!(!report.contains('\u{1b}') && !report.contains("\nusers forged"), "{report}");
    ask(&program, &[], async |service| {
        let found = messages_of(service, &group_named(service, "general").await).await;
        let threads: Vec<_> = found
            .iter()
            .filter(|message| !message["thread"].is_null())
            .map(|message| message["body"].clone())
            .collect();
        assert_eq!(threads, ["to a root"]);
        assert!(each(&found, "body").contains(&json!("nul  inside")), "{found:?}");
    });
}

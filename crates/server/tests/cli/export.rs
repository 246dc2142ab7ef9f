//! `chinwag export` with and without a running server.

use std::collections::BTreeSet;
use std::fs;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::Program;
use serde_json::{Value, json};

use crate::file_copies::upload;
use crate::program;

fn is_zip(program: &Program, file: &str) -> bool {
    let bytes = fs::read(program.folder().join(file)).expect("the file is there");
    bytes.starts_with(b"PK\x03\x04") && bytes.windows(4).any(|part| part == b"PK\x05\x06")
}

#[tokio::test]
async fn export_names_files_whose_bytes_are_lost() {
    let program = program();
    let running = program.serve();
    let service = Client::new(running.url(), Some(&program.key()), "service");
    let ann = service.user("ann").await;
    let kept = upload(&ann, "kept.txt", "kept").await;
    let lost = upload(&ann, "lost.txt", "lost").await;
    let id = |file: &Value| file["id"].as_str().expect("an id").to_owned();
    fs::remove_file(program.data().join("files").join(id(&lost))).expect("its bytes");
    let zip = program.folder().join("ann.zip");
    let output = program.run(&["export", "ann", &zip.display().to_string()]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("(data) lacks the bytes of 1 of the files"), "{}", output.stderr);
    let zip = zip::ZipArchive::new(fs::File::open(zip).expect("a file")).expect("a ZIP");
    let names = zip.file_names().map(|name| name.expect("a name").into_owned());
    let files: BTreeSet<_> = names.filter(|name| name.starts_with("files/")).collect();
    let expected = [format!("files/{}-kept.txt", id(&kept)), format!("files/{}-lost.txt.missing", id(&lost))];
    assert_eq!(files, BTreeSet::from(expected));
}

#[tokio::test]
async fn export_with_another_storage_is_refused() {
    let program = program();
    let running = program.serve_with(|serve| {
        serve.env("CHINWAG_FILES__STORE", format!("file://{}", program.folder().join("store").display()));
    });
    let ann = program.service(&running).user("ann").await;
    upload(&ann, "a.txt", "some text").await;
    let output = program.run(&["export", "ann", "ann.zip"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("name the server's settings with --config"), "{output:?}");
    assert!(!program.data().join("files").exists(), "looking makes nothing");
    assert!(!program.folder().join("ann.zip.part").exists());
}

#[tokio::test]
async fn export_works_beside_a_server_and_without() {
    let program = program();
    let running = program.serve();
    let service = Client::new(running.url(), Some(&program.key()), "service");
    service.post("users/", json!({ "name": "ann" })).await.ok(201);
    let path = |file: &str| program.folder().join(file).display().to_string();
    let output = program.run(&["export", "ann", &path("beside.zip")]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.starts_with("exported the data of ann to "), "{}", output.stdout);
    assert!(is_zip(&program, "beside.zip"));
    let output = program.run(&["export", "ann", &path("beside.zip")]);
    assert_eq!((output.code, output.stderr.contains("already exists")), (Some(1), true));
    let output = program.run(&["export", "nobody", &path("none.zip")]);
    assert_eq!((output.code, &*output.stderr), (Some(1), "chinwag: there is no user nobody\n"));
    let output = program.run(&["export", "ann", &path("no/such/folder.zip")]);
    assert_eq!(output.code, Some(1));
    assert_eq!(running.stop().code, Some(0));
    let output = program.run(&["export", "ann", &path("alone.zip")]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(is_zip(&program, "alone.zip"));
    let left = fs::read_dir(program.folder())
        .expect("a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let left: Vec<_> = left.filter(|name| name.contains(".zip") || name.contains(".part")).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn export_leaves_the_draft_of_another_alone() {
    let program = program();
    assert_eq!(program.run(&["user", "add", "ann", "--no-password"]).code, Some(0));
    let draft = program.folder().join("ann.zip.part");
    fs::write(&draft, "being written").expect("a file");
    let output = program.run(&["export", "ann", "ann.zip"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("another command is writing it"), "{output:?}");
    assert_eq!(fs::read_to_string(&draft).expect("the draft"), "being written");
    fs::remove_file(&draft).expect("it was there");
    assert_eq!(program.run(&["export", "ann", "ann.zip"]).code, Some(0));
    assert!(!draft.exists());
}

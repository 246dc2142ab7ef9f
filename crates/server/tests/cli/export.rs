//! `chinwag export`, beside a running server and without one.

use std::fs;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::Program;
use serde_json::json;

use crate::program;

fn is_zip(program: &Program, file: &str) -> bool {
    let bytes = fs::read(program.folder().join(file)).expect("the file is there");
    bytes.starts_with(b"PK\x03\x04") && bytes.windows(4).any(|part| part == b"PK\x05\x06")
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
    assert_eq!((output.code, output.stderr.contains("is there already")), (Some(1), true));
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

//! `chinwag key`.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Program, Running, finish};

use crate::program;

#[tokio::test]
async fn the_displayed_key_is_accepted_by_the_api() {
    let program = program();
    let running = program.serve();
    let output = program.run(&["key"]);
    assert_eq!(output.code, Some(0));
    assert_eq!(output.stderr, "");
    let key = output.stdout.strip_suffix('\n').unwrap();
    assert!(key.len() >= 43 && !key.contains(char::is_whitespace), "{key}");
    assert_eq!(fs::read_to_string(program.data().join("service-key")).unwrap().trim(), key);
    Client::new(running.url(), Some(key), "service").get("users/").await.ok(200);
    Client::new(running.url(), Some(&key.replace(|_| true, "x")), "service").get("users/").await.ok(401);
}

#[tokio::test]
async fn a_key_that_was_rotated_is_good_from_the_next_start() {
    let program = program();
    let running = program.serve();
    let old = program.key();
    let output = program.run(&["key", "--rotate"]);
    let new = output.stdout.trim().to_owned();
    assert_ne!(new, old);
    assert!(output.stderr.contains("until it is started again"), "{}", output.stderr);
    assert_eq!(program.key(), new);
    assert_eq!(running.stop().code, Some(0));
    let running = program.serve();
    Client::new(running.url(), Some(&new), "service").get("users/").await.ok(200);
    Client::new(running.url(), Some(&old), "service").get("users/").await.ok(401);
}

#[test]
fn rotated_key_is_on_the_disk_before_it_is_shown() {
    let program = program();
    program.serve().stop();
    let trace = program.folder().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-y", "-e", "trace=rename,fsync,write", "-o"]).arg(&trace);
    strace.args([env!("CARGO_BIN_EXE_chinwag"), "key", "--rotate"]).current_dir(program.folder());
    let output = finish(strace, "");
    assert_eq!(output.code, Some(0), "{output:?}");
    let calls = fs::read_to_string(&trace).expect("strace writes its trace");
    let at = |call: &str| calls.find(call).unwrap_or_else(|| panic!("no {call}: {calls}"));
    let (renamed, shown) = (at("rename("), at("write(1<"));
    assert!(
        calls[renamed..shown]
            .lines()
            .any(|call| call.starts_with("fsync(") && call.contains("chinwag-data>")),
        "{calls}"
    );
}

#[test]
fn files_made_by_root_belong_to_the_folders_owner() {
    const OWNER: u32 = 65_534;
    let program = program();
    let running = program.serve();
    running.stop();
    let backup = program.folder().join("backup.db").display().to_string();
    assert_eq!(program.run(&["backup", &backup]).code, Some(0));
    let names = ["service-key", "lock", "chinwag.db"].map(|name| program.data().join(name));
    for path in names.iter().chain([&program.data()]) {
        if chown(path, Some(OWNER), Some(OWNER)).is_err() {
            // Only root may change a file's owner.
            return;
        }
    }
    assert_eq!(program.run(&["key", "--rotate"]).code, Some(0));
    let output = program.run(&["restore", &backup, "--force"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    for path in &names {
        let meta = fs::metadata(path).expect("it is there");
        assert_eq!((meta.uid(), meta.mode() & 0o777), (OWNER, 0o600), "{}", path.display());
    }
}

#[tokio::test]
async fn key_in_the_environment_wins_and_is_not_stored() {
    let program = program();
    let key = "a-key-of-thirty-two-characters-0";
    let running = program.serve_with(|command| {
        command.env("CHINWAG_SERVICE_KEY", key);
    });
    Client::new(running.url(), Some(key), "service").get("users/").await.ok(200);
    assert!(!program.data().join("service-key").exists());
    assert!(!running.stdout().contains("chinwag key"), "{}", running.stdout());

    let mut command = program.command(&["key"]);
    command.env("CHINWAG_SERVICE_KEY", key);
    assert_eq!(finish(command, "").stdout, format!("{key}\n"));
    let mut command = program.command(&["key", "--rotate"]);
    command.env("CHINWAG_SERVICE_KEY", key);
    assert_eq!(finish(command, "").code, Some(1));
}

#[test]
fn a_key_that_is_too_short_is_refused() {
    let mut command = program().command(&["serve", "--listen", "127.0.0.1:0"]);
    let folder = program();
    command.current_dir(folder.folder()).env("CHINWAG_SERVICE_KEY", "short");
    let output = finish(command, "");
    assert_eq!(output.code, Some(1));
    assert_eq!(
        output.stderr,
        "chinwag: CHINWAG_SERVICE_KEY must have at least 32 characters of ASCII and no spaces\n"
    );
}

#[test]
fn a_folder_without_data_has_no_key() {
    let program = program();
    std::fs::create_dir(program.folder().join("empty")).unwrap();
    for folder in ["empty", "nowhere"] {
        for more in [&[][..], &["--rotate"]] {
            let output = program.run(&[&["key", "--data", folder], more].concat());
            assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{folder}");
            assert!(output.stderr.contains("--data"), "{}", output.stderr);
        }
    }
    assert_eq!(fs::read_dir(program.folder().join("empty")).unwrap().count(), 0);
    assert!(!program.folder().join("nowhere").exists());
}

#[tokio::test]
async fn keys_with_scopes_are_made_listed_and_deleted() {
    let program = program();
    let running = program.serve();
    run_key_commands(&program, Some(&running)).await;
    assert_eq!(running.stop().code, Some(0));
    run_key_commands(&program, None).await;
    let output = program.run(&["key", "add", "--scope", "all"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("must be one of read, write, users, events, admin"), "{}", output.stderr);
    let output = program.run(&["key", "delete", "018f6b7e-8a1c-4cc3-9d55-1f1b2a3c4d5e"]);
    let refusal = "chinwag: there is no key 018f6b7e-8a1c-4cc3-9d55-1f1b2a3c4d5e\n";
    assert_eq!((output.code, &*output.stderr), (Some(1), refusal));
    let output = program.run(&["key", "add", "--scope", "read", "--ttl", "400d"]);
    let refusal = "chinwag: ttl must be a number of seconds from 1 to 31536000 (365 days)\n";
    assert_eq!((output.code, &*output.stderr), (Some(1), refusal));
}

/// The same steps with and without a server: add, list, delete.
async fn run_key_commands(program: &Program, running: Option<&Running>) {
    let made = program.run(&["key", "add", "--scope", "read,admin", "--ttl", "1h"]);
    assert_eq!((made.code, &*made.stderr), (Some(0), ""));
    let key = made.stdout.trim();
    assert!(key.starts_with("cw_key_"), "{key}");
    let client = running.map(|running| Client::new(running.url(), Some(key), "service"));
    if let Some(client) = &client {
        client.get("users/").await.ok(200);
        client.post("users/", serde_json::json!({ "name": "ann" })).await.ok(403);
    }
    let listed = program.run(&["key", "list"]).stdout;
    let columns: Vec<_> = listed.trim().split('\t').collect();
    assert_eq!((columns.len(), columns[1]), (4, "read,admin"), "{listed}");
    assert!(!listed.contains(key));
    assert_eq!(program.run(&["key", "delete", columns[0]]).code, Some(0));
    assert_eq!(program.run(&["key", "list"]).stdout, "");
    if let Some(client) = &client {
        client.get("users/").await.ok(401);
    }
}

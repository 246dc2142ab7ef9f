//! The start of `chinwag serve`, and its reasons for refusing to start.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use chinwag_testkit::client::Client;
use chinwag_testkit::jwt::{Host, Served};
use chinwag_testkit::process::finish;
use chinwag_testkit::wait::until;
use serde_json::json;

use crate::program;

#[tokio::test]
async fn the_first_start_makes_the_data_folder_for_its_owner_alone() {
    let program = program();
    let running = program.serve();
    let mode = |name: &str| fs::metadata(program.data().join(name)).unwrap().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("service-key"), 0o600);
    assert_eq!(mode("chinwag.db"), 0o600);
    assert_eq!(mode("control.sock"), 0o600);
    assert_eq!(running.stop().code, Some(0));
}

#[tokio::test]
async fn the_banner_names_the_address_the_data_and_the_next_step() {
    let program = program();
    let running = program.serve();
    let (banner, data) = (running.stdout(), program.data().canonicalize().unwrap());
    assert!(banner.contains(&format!("{}/\n", running.url())), "{banner}");
    assert!(banner.contains(&format!("Data      {}\n", data.display())), "{banner}");
    assert!(banner.contains(&format!("chinwag key --data {}", data.display())), "{banner}");
    assert!(banner.contains(&format!("{}/docs/", running.url())), "{banner}");
    assert!(banner.contains(env!("CARGO_PKG_VERSION")), "{banner}");
    assert!(!banner.contains("WARNING"), "{banner}");
    assert!(!banner.contains(&program.key()), "{banner}");
}

#[tokio::test]
async fn a_server_open_to_a_network_warns_of_it_on_both_outputs() {
    let program = program();
    let running = program.serve_with(|command| {
        command.args(["--open"]).env("CHINWAG_LOG__LEVEL", "warn");
    });
    assert!(
        running.stdout().contains("WARNING   --open: every program on this machine"),
        "{}",
        running.stdout()
    );
    assert_eq!(running.stop().code, Some(0));

    let mut command = program.command(&["serve", "--open", "--listen", "0.0.0.0:0"]);
    command.env("CHINWAG_LOG__LEVEL", "warn");
    let running = chinwag_testkit::process::Running::start(command);
    assert!(running.stdout().contains("WARNING   --open: EVERYBODY"), "{}", running.stdout());
    assert!(running.stop().stderr.contains("--open: EVERYBODY"));
}

#[tokio::test]
async fn data_survives_a_restart_and_a_crash() {
    let program = program();
    let running = program.serve();
    let service = program.service(&running);
    service.post("users/", json!({ "name": "ann" })).await.ok(201);
    assert_eq!(running.stop().code, Some(0));

    let running = program.serve();
    let service = program.service(&running);
    service.get("users/ann/").await.ok(200);
    service.post("users/", json!({ "name": "bob" })).await.ok(201);
    running.kill();

    let running = program.serve();
    program.service(&running).get("users/bob/").await.ok(200);
}

#[tokio::test]
async fn machine_without_authorities_calls_over_http_alone() {
    let (program, host) = (program(), Host::default());
    let keys = Served::start(&host.jwks()).await;
    let mut running = program.serve_with(|command| {
        command.env("SSL_CERT_FILE", "none.pem").env_remove("SSL_CERT_DIR");
        command.env("CHINWAG_AUTH__JWT__JWKS", &keys.url).env("CHINWAG_AUTH__JWT__CREATE", "true");
    });
    running.wait_for_log("this machine has no CA certificates");
    // The token ends in 2100.
    let token = host.token("ES256", &json!({ "sub": "ann", "exp": 4_102_444_800_i64 }));
    Client::new(running.url(), Some(&token), "ann").get("groups/").await.ok(200);

    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0", "--data", "other"]);
    command
        .env("SSL_CERT_FILE", "none.pem")
        .env_remove("SSL_CERT_DIR")
        .env("CHINWAG_FILES__STORE", "s3://chats");
    let output = finish(command, "");
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("No CA certificates were loaded"), "{}", output.stderr);
}

#[test]
fn address_in_use_is_reported_with_the_remedy() {
    let (first, second) = (program(), program());
    let running = first.serve();
    let address = running.url().trim_start_matches("http://").to_owned();
    let output = second.run(&["serve", "--listen", &address]);
    assert_eq!(output.code, Some(1));
    assert_eq!(
        output.stderr,
        format!(
            "chinwag: the address {address} is in use: stop what listens there, or choose another with --listen\n"
        )
    );
    assert_eq!(output.stdout, "");
    assert!(!second.data().exists(), "a start that fails makes nothing");
}

#[test]
fn one_server_at_a_time_serves_a_folder() {
    let program = program();
    let running = program.serve();
    let output = program.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.starts_with("chinwag: another chinwag serves the data folder "),
        "{}",
        output.stderr
    );
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn an_unusable_folder_is_named_with_the_remedy() {
    let program = program();
    fs::write(program.folder().join("file"), "").unwrap();
    let output = program.run(&["serve", "--listen", "127.0.0.1:0", "--data", "file"]);
    assert_eq!(
        (output.code, &*output.stderr),
        (Some(1), "chinwag: file is a file, not a data folder: name another with --data\n")
    );
    let output = program.run(&["serve", "--listen", "127.0.0.1:0", "--data", "file/data"]);
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("cannot be created: create it and give it to this user"),
        "{}",
        output.stderr
    );
}

#[test]
fn unwritable_folder_is_reported_with_the_remedy() {
    let program = program();
    let data = program.data();
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(data.join("root-may"), "").is_ok() {
        // The superuser may write anywhere.
        return;
    }
    let output = program.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("cannot be written to: give it to this user"), "{}", output.stderr);
}

#[test]
fn file_that_is_not_a_database_is_reported() {
    let program = program();
    fs::create_dir(program.data()).unwrap();
    fs::write(
        program.data().join("chinwag.db"),
        "this is no database, and longer than a header of one is".repeat(9),
    )
    .unwrap();
    let output = program.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("chinwag.db is not a database"), "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
}

#[test]
fn newer_database_is_reported_with_the_remedy() {
    let program = program();
    assert_eq!(program.serve().stop().code, Some(0));
    let database = rusqlite::Connection::open(program.data().join("chinwag.db")).unwrap();
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    let output = program.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("was written by a newer chinwag"), "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
}

#[test]
fn misuse_exits_with_2() {
    let program = program();
    for args in [
        &["sing"][..],
        &[],
        &["serve", "--nonsense"],
        &["user"],
        &["user", "add"],
        &["user", "token", "a", "--ttl", "soon"],
    ] {
        assert_eq!(program.run(args).code, Some(2), "{args:?}");
    }
    for args in [&["--help"][..], &["--version"], &["serve", "--help"]] {
        assert_eq!(program.run(args).code, Some(0), "{args:?}");
    }
}

#[test]
fn the_api_s_document_is_written_out() {
    let output = program().run(&["openapi"]);
    assert_eq!(output.code, Some(0));
    let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"].as_object().unwrap().len() > 5);
}

#[tokio::test]
async fn another_case_of_names_is_refused_once_there_are_users() {
    let program = program();
    let exact = |command: &mut std::process::Command| {
        command.env("CHINWAG_USERS__CASE", "exact");
    };
    // With only special users, the setting may still change.
    program.serve().stop();
    let running = program.serve_with(exact);
    let service = program.service(&running);
    service.get("users/ADMIN/").await.ok(404);
    for name in ["Ann", "ann"] {
        service.post("users/", json!({ "name": name })).await.ok(201);
    }
    assert_eq!(running.stop().code, Some(0));
    let output = program.run(&["serve"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("users.case = \"exact\": set that again"), "{output:?}");
    // Commands follow the store's setting.
    let output = program.run(&["user", "list"]);
    assert!(output.code == Some(0) && output.stdout.contains("Ann"), "{output:?}");
    let running = program.serve_with(exact);
    program.service(&running).get("users/Ann/").await.ok(200);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn huge_pages_begin_with_sixteen_connections() {
    let program = program();
    let running = program.serve();
    let address = running.url().trim_start_matches("http://").to_owned();
    let allowed = || {
        let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
        status.lines().any(|line| line.starts_with("THP_enabled:") && line.ends_with('1'))
    };
    let connect =
        |count: usize| (0..count).map(|_| TcpStream::connect(&address).unwrap()).collect::<Vec<_>>();
    let few = connect(8);
    program.service(&running).get("users/").await.ok(200);
    assert!(!allowed(), "a server with few clients does without them");
    let _more = connect(16 - few.len());
    until("huge pages are allowed", allowed).await;
}

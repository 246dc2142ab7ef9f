//! The log: one line per entry, and no secrets.

use std::io::{Read, Write};
use std::net::TcpStream;

use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};

use crate::program;

#[tokio::test]
async fn entries_are_json_a_line_each_and_hold_no_secret() {
    let program = program();
    let running = program.serve_with(|command| {
        command.env("CHINWAG_LOG__LEVEL", "trace");
    });
    let key = program.key();
    let service = program.service(&running);
    let ann = service.user("ann").await;
    let account = json!({ "name": "bob", "password": "a-password-of-bob" });
    let bob = service.post("accounts/", account.clone()).await.ok(201);
    service.post("sessions/", account).await.ok(201);
    service.post("sessions/", json!({ "name": "bob", "password": "a-wrong-password" })).await.ok(401);
    let forged = chinwag_testkit::client::Client::new(running.url(), Some("a-forged-token"), "nobody");
    forged.get("users/").await.ok(401);
    let ticket = ann.post("tickets/", json!({})).await.ok(201);
    let ticket = ticket["ticket"].as_str().or(ticket["token"].as_str()).unwrap().to_owned();
    let with_ticket = chinwag_testkit::client::Client::new(running.url(), None, "ann");
    let mut ws = with_ticket.try_ws(&format!("/chat/?ticket={ticket}"), &[]).await.unwrap();
    ws.ask("message.text", json!({ "group": "nonsense", "body": "a secret of ann's" })).await;
    program.run_with_input(&["user", "passwd", "ann"], "a-new-password\n");

    let output = running.stop();
    let entries: Vec<Value> =
        output.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(entries.iter().any(|entry| entry["message"] == "serving"), "{}", output.stderr);
    assert!(entries.iter().any(|entry| entry["message"] == "ended"), "{}", output.stderr);
    let bobs = bob["token"].as_str().unwrap();
    for secret in [
        &*key,
        ann.token(),
        bobs,
        "a-password-of-bob",
        "a-wrong-password",
        "a-forged-token",
        "a-new-password",
        "a secret of ann's",
        &ticket,
    ] {
        assert!(
            !output.stderr.contains(secret) && !output.stdout.contains(secret),
            "{secret}: {}",
            output.stderr
        );
    }
}

#[test]
fn strangers_do_not_fill_the_log() {
    let running = program().serve_with(|command| {
        command.env("CHINWAG_HTTP__CONNECTIONS_PER_ADDRESS", "1");
    });
    let address = running.url().trim_start_matches("http://").to_owned();
    // A connection, or `None` if the bound is reached.
    let connect = || {
        let mut stream = TcpStream::connect(&address).expect("it listens");
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let count = asked.and_then(|()| stream.read(&mut [0]));
        count.is_ok_and(|count| count > 0).then_some(stream)
    };
    let wait = Wait::begin();
    let held = loop {
        match connect() {
            Some(stream) => break stream,
            None => wait.step_blocking(|| "the place of the first question is not free"),
        }
    };
    for _ in 0..100 {
        assert!(connect().is_none());
    }
    drop(held);
    let output = running.stop();
    assert_eq!(output.stderr.matches("a connection is closed").count(), 1, "{}", output.stderr);
}

#[test]
fn log_can_be_plain_text() {
    let running = program().serve_with(|command| {
        command.env("CHINWAG_LOG__FORMAT", "human");
    });
    let output = running.stop();
    assert!(output.stderr.lines().count() >= 3, "{}", output.stderr);
    // A warning appears if the limit of open files is low.
    let is_plain = |line: &str| line.contains(" INFO chinwag") || line.contains(" WARN chinwag");
    assert!(output.stderr.lines().all(is_plain), "{}", output.stderr);
    assert!(!output.stderr.contains('\u{1b}'), "no colours where no terminal is");
}

#[test]
fn a_start_that_ends_the_feed_says_so() {
    let program = program();
    for (enabled, ends) in [("false", false), ("true", false), ("false", true), ("false", false)] {
        let running = program.serve_with(|command| {
            command.env("CHINWAG_EVENTS__ENABLED", enabled);
        });
        let output = running.stop();
        let said = output.stderr.contains("the feed of events is off from now on");
        assert_eq!(said, ends, "{}", output.stderr);
    }
}

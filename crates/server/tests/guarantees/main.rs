//! What the server promises its users, while others do their worst: each test is a sentence, and
//! shows first that its fault took hold.

#[cfg(target_os = "linux")]
mod crowds;
mod ends;
mod erased;
mod faults;
mod forged;
mod hidden;
mod hostile;
mod identity;
mod paging;
mod races;
mod raw;
mod secrets;
mod slow;
mod tokens;
mod unread;
mod watch;
mod words;

use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How long anything may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a group whose owner is the first of `members`.
async fn group(service: &Client, members: &[&str]) -> String {
    let made = json!({ "name": "g", "author": members[0], "members": members[1..] });
    text(&service.post("groups/", made).await.ok(201)["id"])
}

/// Sends a message over REST.
async fn send(client: &Client, group: &str, body: &str) -> Value {
    client.post("messages/", json!({ "group": group, "body": body })).await.ok(201)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn seq(frame: &Value) -> i64 {
    frame["seq"].as_i64().unwrap_or_else(|| panic!("{frame} has no seq"))
}

/// Every frame up to the one with this body, which is the last.
async fn frames_until(socket: &mut Ws, body: &str) -> Vec<Value> {
    let mut frames = Vec::new();
    loop {
        let frame = socket.next().await;
        let last = frame["data"]["body"] == body;
        frames.push(frame);
        if last {
            return frames;
        }
    }
}

/// Waits until something holds; looks every few milliseconds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let by = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < by, "{what} took too long");
        sleep(Duration::from_millis(5)).await;
    }
}

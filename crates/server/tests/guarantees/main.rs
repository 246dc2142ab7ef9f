//! Promises to users, while others do their worst: each test is a sentence, and
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

use chinwag_testkit::setup::{group, send, seq, text};
use chinwag_testkit::ws::Ws;
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// How long anything may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

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

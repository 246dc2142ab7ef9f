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

use chinwag_testkit::setup::{group, send, seq, text};
use chinwag_testkit::wait::{PATIENCE, until};
use chinwag_testkit::ws::Ws;
use serde_json::Value;

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

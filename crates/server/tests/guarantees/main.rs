//! The promises to users under attack and faults. Each test first shows that its fault took effect.

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
use chinwag_testkit::wait::{WAIT_TIMEOUT, until};
use chinwag_testkit::ws::Ws;
use serde_json::Value;

/// All frames up to and including the one with this body.
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

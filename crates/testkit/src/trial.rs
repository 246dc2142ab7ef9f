//! Tools for fault trials: clients that write and read while a server is killed, cut off or drained, and record every answer.
//! They expect the server to fail.

mod ban;
mod ledger;
mod reader;
mod returning;
mod socket;
mod writer;

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::client::Client;

pub use crate::setup::{group, history};
pub use crate::wait::WAIT_TIMEOUT;
pub use ban::BanRace;
pub use ledger::{Ledger, Load, Verdict};
pub use reader::{Reader, Reading};
pub use returning::{RandomChanges, ReturningClient, return_during_changes};
pub use socket::{Incoming, TrialSocket};
pub use writer::{RunEnd, Transport, WriteTask, Writer};

/// Chooses between the short mode of every test run and the long mode of `cargo xtask trials` (`TRIALS=long`).
pub fn times<T>(short: T, long: T) -> T {
    if std::env::var("TRIALS").is_ok_and(|mode| mode == "long") { long } else { short }
}

/// The time bound of a promise. Only the long mode enforces it: beside other tests, a busy machine may take longer.
pub fn bound(promised: Duration) -> Duration {
    times(WAIT_TIMEOUT.max(promised), promised)
}

/// Prints the result of a trial as a line for the table of `cargo xtask trials`.
pub fn report(trial: &str, how_often: impl Display, seen: impl Display) {
    println!("\ntrial: {trial} | {how_often} | {seen}");
}

/// A random number from 1 to `most`.
pub fn random(most: usize) -> usize {
    usize::try_from(RandomState::new().hash_one(0) % most as u64).expect("it is below a usize") + 1
}

/// Writes ann's messages to groups in turn, each at the first of the nodes that stores it. A message that no node stores is
/// given up.
pub async fn write_in_turn(nodes: Vec<Client>, groups: Vec<String>, messages: usize) {
    for (number, group) in (0..messages).zip(groups.iter().cycle()) {
        let message = json!({ "group": group, "author": "ann", "body": number.to_string() });
        for node in &nodes {
            let sent = node.request(Method::POST, "messages/").json(&message).send().await;
            if sent.is_ok_and(|answer| answer.status() == StatusCode::CREATED) {
                break;
            }
        }
    }
}

/// Events per second.
pub fn rate(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / took.max(Duration::from_millis(1)).as_secs_f64()
}

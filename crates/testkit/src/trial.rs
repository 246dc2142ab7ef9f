//! What trials share: clients that write and read while a server is killed, cut off or sent away, and
//! what they keep of what they were told. None of them takes a server's end for a failure.

mod ledger;
mod reader;
mod socket;
mod writer;

use std::fmt::Display;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;

pub use ledger::{Ledger, Load, Verdict};
pub use reader::{Reader, Reading};
pub use socket::{Came, Socket};
pub use writer::{Aim, Door, End, Writer};

/// How long anything may take on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often: in every run of the tests, or with `TRIALS=long` in the environment, as
/// `cargo xtask trials` runs them.
pub fn times<T>(short: T, long: T) -> T {
    if std::env::var("TRIALS").is_ok_and(|mode| mode == "long") { long } else { short }
}

/// Says what a trial has seen: the line that `cargo xtask trials` makes its table of.
pub fn report(trial: &str, how_often: impl Display, seen: impl Display) {
    println!("\ntrial: {trial} | {how_often} | {seen}");
}

/// How many a second.
pub fn rate(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / took.max(Duration::from_millis(1)).as_secs_f64()
}

/// Makes a group; the first owns it.
pub async fn group(service: &Client, members: &[&str]) -> String {
    let made = json!({ "name": "g", "author": members[0], "members": members[1..] });
    let made = service.post("groups/", made).await.ok(201);
    made["id"].as_str().expect("an id").to_owned()
}

/// Every message of the group, oldest first, read page by page.
pub async fn history(client: &Client, group: &str) -> Vec<Value> {
    let (mut history, mut after) = (Vec::<Value>::new(), 0);
    loop {
        let page = client.get(&format!("groups/{group}/messages/?after={after}&limit=100")).await.ok(200);
        let page = page.as_array().expect("an array");
        for message in page {
            let seq = message["seq"].as_i64().expect("a number");
            assert!(seq > after, "pages ascend: {seq} after {after}");
            after = seq;
        }
        if page.is_empty() {
            return history;
        }
        history.extend_from_slice(page);
    }
}

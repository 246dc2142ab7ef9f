//! A ban that races with its user's join.

use serde_json::{Value, json};

use crate::client::Client;
use crate::setup::send;
use crate::ws::Ws;

/// The fewest rounds, and the most while one outcome is still missing.
const ROUNDS: usize = 12;
const MAX_ROUNDS: usize = 200;

/// The callers of the race, possibly at several nodes.
pub struct BanRace {
    /// The owner of an open group, who bans.
    pub owner: Client,
    /// A member, who observes the log.
    pub watcher: Client,
    /// The user who joins and is banned.
    pub user: Client,
}

impl BanRace {
    /// Repeats the race until each side has won. Returns how often the join came first, and how often it was refused.
    ///
    /// # Panics
    ///
    /// If a banned user is in the group, or if a member misses an event.
    pub async fn run(self, service: &Client) -> (usize, usize) {
        let made = json!({ "name": "g", "author": self.owner.name(), "members": [self.watcher.name()], "open": true });
        let group = service.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned();
        let path = format!("groups/{group}/");
        let (mut watching, mut listening) = (self.watcher.ws().await, self.user.ws().await);
        let (mut joined, mut refused) = (0, 0);
        let mut head = 1;
        for round in 0..MAX_ROUNDS {
            if round >= ROUNDS && joined > 0 && refused > 0 {
                break;
            }
            let ban = self.owner.patch(&path, json!({ "ban": [self.user.name()] }));
            let (join_path, none) = (format!("{path}join/"), json!({}));
            let join = self.user.post(&join_path, none);
            // The sides alternate in starting first.
            let (banned, answer) =
                if round % 2 == 0 { tokio::join!(ban, join) } else { flip(join, ban).await };
            banned.ok(200);
            let has_joined = answer.status == 200;
            if !has_joined {
                answer.ok(403);
            }
            let now = service.get(&format!("{path}?fields=members+banned+members_count")).await.ok(200);
            let kept_out =
                json!({ "members": [self.watcher.name()], "banned": [self.user.name()], "members_count": 2 });
            assert_eq!(now, kept_out, "round {round}, joined: {has_joined}");
            let end = format!("end of {round}");
            send(&self.owner, &group, &end).await;
            let seen = log_until(&mut watching, &group, &end).await;
            let changes = if has_joined { 2 } else { 0 };
            let expected: Vec<i64> = (head + 1..=head + changes + 1).collect();
            assert_eq!(seen, expected, "round {round}, joined: {has_joined}: the log of a member");
            if has_joined {
                let received = events_until_quit(&mut listening, &group).await;
                let whole = [("group.update".to_owned(), head + 1), ("group.quit".to_owned(), head + 2)];
                assert_eq!(received, whole, "round {round}: the events of the user");
                joined += 1;
            } else {
                refused += 1;
            }
            head += changes + 1;
            self.owner.patch(&path, json!({ "unban": [self.user.name()] })).await.ok(200);
        }
        (joined, refused)
    }
}

/// Polls the first future before the second, and returns their results swapped.
async fn flip<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (B, A) {
    let (first, second) = tokio::join!(first, second);
    (second, first)
}

/// The log numbers up to a message.
async fn log_until(socket: &mut Ws, group: &str, body: &str) -> Vec<i64> {
    let mut seen = Vec::new();
    loop {
        let frame = socket.next().await;
        if frame["data"]["id"] != group && frame["data"]["group"] != group {
            continue;
        }
        seen.extend(frame["seq"].as_i64());
        if frame["data"]["body"] == body {
            return seen;
        }
    }
}

/// The events of a group until the user is out of it.
async fn events_until_quit(socket: &mut Ws, group: &str) -> Vec<(String, i64)> {
    let mut received = Vec::new();
    loop {
        let frame = socket.next().await;
        let Value::String(kind) = &frame["type"] else { panic!("{frame}") };
        if frame["data"]["id"] != group && frame["data"]["group"] != group {
            continue;
        }
        received.push((kind.clone(), frame["seq"].as_i64().or(frame["data"]["head"].as_i64()).unwrap_or(0)));
        if kind == "group.quit" {
            return received;
        }
    }
}

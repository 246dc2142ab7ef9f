//! Creates users, groups and messages for tests over REST.

use std::fmt::Display;
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::Claim;
use chinwag_core::store::Follower;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Client, encoded};
use crate::ws::Ws;

/// Creates users with the service key. Returns their clients in the same order.
pub async fn users(service: &Client, names: &[&str]) -> Vec<Client> {
    join_all(names.iter().map(|name| service.user(name))).await
}

/// Creates users `name0`, `name1` and so on.
pub async fn crowd(service: &Client, name: &str, count: usize) -> Vec<Client> {
    let names: Vec<String> = (0..count).map(|number| format!("{name}{number}")).collect();
    let mut crowd = Vec::new();
    // In chunks, since the server bounds concurrent requests.
    for names in names.chunks(16) {
        crowd.extend(users(service, &names.iter().map(String::as_str).collect::<Vec<_>>()).await);
    }
    crowd
}

/// Creates two users and connects a socket for each.
pub async fn two(service: &Client, names: [&str; 2]) -> (Client, Ws, Client, Ws) {
    let (one, other) = (service.user(names[0]).await, service.user(names[1]).await);
    let (first, second) = (one.ws().await, other.ws().await);
    (one, first, other, second)
}

/// Creates a group with the service key; the first of `members` is its owner. Returns its id.
pub async fn group(service: &Client, members: &[&str]) -> String {
    let group = json!({ "name": "g", "author": members[0], "members": members[1..] });
    id(&service.post("groups/", group).await.ok(201))
}

/// Makes contacts of two users.
pub async fn befriend(one: &Client, other: &Client) {
    for (author, name) in [(one, other), (other, one)] {
        let contact = json!({ "author": author.name(), "name": name.name(), "operation": "contact" });
        let path = format!("users/{}/", encoded(author.name()));
        author.patch(&path, json!({ "contact": contact })).await.ok(200);
    }
}

/// Sends a message and returns it as stored.
pub async fn send(client: &Client, group: &str, body: impl Display) -> Value {
    client.post("messages/", json!({ "group": group, "body": body.to_string() })).await.ok(201)
}

/// The last number of a group's log.
pub async fn head(client: &Client, group: &str) -> i64 {
    let shown = client.get(&format!("groups/{group}/?fields=head")).await.ok(200);
    shown["head"].as_i64().expect("the head is a number")
}

/// Reads all messages of a group page by page, oldest first.
pub async fn history(client: &Client, group: &str) -> Vec<Value> {
    history_after(client, group, 0).await.expect("the server is there")
}

/// Reads the messages of a group after a number, oldest first. `None` if the server is down or busy.
pub async fn history_after(client: &Client, group: &str, number: i64) -> Option<Vec<Value>> {
    let (mut history, mut after) = (Vec::new(), number);
    loop {
        let path = format!("groups/{group}/messages/?after={after}&limit=100");
        let answer = client.request(Method::GET, &path).send().await.ok()?;
        if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
            return None;
        }
        let (status, text) = (answer.status(), answer.text().await.ok()?);
        assert_eq!(status, StatusCode::OK, "{text}");
        let page: Vec<Value> = serde_json::from_str(&text).expect("a page is an array");
        for message in &page {
            let number = seq(message);
            assert!(number > after, "pages ascend: {number} after {after}");
            after = number;
        }
        if page.is_empty() {
            return Some(history);
        }
        history.extend(page);
    }
}

/// The `id` of an object.
#[track_caller]
pub fn id(object: &Value) -> String {
    text(&object["id"])
}

/// The `seq` of a message or a frame.
#[track_caller]
pub fn seq(object: &Value) -> i64 {
    object["seq"].as_i64().unwrap_or_else(|| panic!("it has no seq: {object}"))
}

/// A JSON text.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// Indexes messages for the search as the follower does, in at most `most` steps. Returns the number of messages.
pub async fn index(app: &App, most: usize) -> usize {
    let mut candidate = app.candidate(Follower::SearchIndex, Duration::from_secs(5));
    let claim = candidate.take().await.expect("an answer");
    let Claim::Mine { lease, .. } = claim else { panic!("{claim:?}") };
    let mut steps = 0;
    while steps < most {
        steps += 1;
        if app.index_step(lease).await.expect("a step").is_last {
            break;
        }
    }
    candidate.release(lease).await.expect("an answer");
    steps
}

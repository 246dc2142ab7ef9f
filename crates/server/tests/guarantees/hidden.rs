//! Hidden objects answer, to the byte, like missing ones.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::ws::Ws;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{group, send, text};

const NO_GROUP: &str = "018f0000-0000-7000-8000-000000000001";
const NO_MESSAGE: &str = "018f0000-0000-7000-8000-000000000002";

/// A REST call by the ids of a group and a message in it.
type Call = fn(&str, &str) -> (Method, String, Value);
/// An event by the same.
type Said = fn(&str, &str) -> (&'static str, Value);

/// Right payloads and wrong ones: neither may tell more.
const CALLS: &[Call] = &[
    |group, _| (Method::GET, format!("groups/{group}/"), Value::Null),
    |group, _| (Method::GET, format!("groups/{group}/?fields=__all__"), Value::Null),
    |group, _| (Method::GET, format!("groups/{group}/?fields=nonsense"), Value::Null),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "name": "mine" })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({})),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "members": ["eve"] })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "remove": ["ann"] })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "remove": ["nobody-at-all"] })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "owner": ["eve"] })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "members": "eve" })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "name": "" })),
    |group, _| (Method::DELETE, format!("groups/{group}/"), Value::Null),
    |group, _| (Method::GET, format!("groups/{group}/messages/"), Value::Null),
    |group, _| (Method::GET, format!("groups/{group}/messages/?after=0&limit=5"), Value::Null),
    |group, _| (Method::GET, format!("groups/{group}/messages/?before=99&fields=nonsense"), Value::Null),
    |group, _| (Method::POST, "messages/".into(), json!({ "group": group, "body": "hello" })),
    |group, _| (Method::POST, "messages/".into(), json!({ "group": group, "body": "" })),
    |group, _| (Method::POST, "messages/".into(), json!({ "group": group, "body": "x", "client_id": "one" })),
    |group, message| {
        (Method::POST, "messages/".into(), json!({ "group": group, "body": "x", "respond_to": message }))
    },
    |_, message| (Method::GET, format!("messages/{message}/"), Value::Null),
    |_, message| (Method::GET, format!("messages/{message}/?fields=body"), Value::Null),
    |_, message| (Method::PATCH, format!("messages/{message}/"), json!({ "body": "mine" })),
    |_, message| (Method::PATCH, format!("messages/{message}/"), json!({ "body": "" })),
    |_, message| (Method::DELETE, format!("messages/{message}/"), Value::Null),
];

const EVENTS: &[Said] = &[
    |group, _| ("message.text", json!({ "group": group, "body": "hello" })),
    |group, _| ("message.text", json!({ "to": group, "body": "x", "client_id": "one" })),
    |group, message| ("message.text", json!({ "group": group, "body": "x", "respond_to": message })),
    |group, _| ("message.fetch", json!({ "group": group })),
    |group, _| ("message.fetch", json!({ "group": group, "before": 3 })),
    |group, _| ("message.fetch", json!({ "group": group, "date": "2024-05-12T10:29:16Z" })),
    |group, _| ("message.read", json!({ "group": group, "seq": 1 })),
    |group, _| ("message.read", json!({ "group": group, "seq": 999 })),
    |group, _| ("message.read", json!({ "group": group, "date": "2024-05-12T10:29:16Z" })),
    |_, message| ("message.update", json!({ "id": message, "body": "mine" })),
    |_, message| ("message.delete", json!({ "id": message })),
    |group, _| ("group.update", json!({ "id": group, "name": "mine" })),
    |group, _| ("group.update", json!({ "group": group, "remove": ["ann"] })),
    |group, _| ("group.update", json!({ "id": group, "members": ["nobody-at-all"] })),
    |group, _| ("group.quit", json!({ "group": group })),
    |group, _| ("group.delete", json!({ "group": group })),
    |group, _| ("typing.start", json!({ "group": group })),
    |group, _| ("typing.stop", json!({ "group": group })),
    |group, _| ("sync.resume", json!({ "groups": { group: 0 } })),
    |group, _| ("sync.resume", json!({ "groups": { group: 9999 } })),
];

/// All of an answer but what differs from one answer to the next: its date, its request's id, and
/// the ids that were asked for.
async fn answered(client: &Client, call: Call, group: &str, message: &str) -> (u16, Vec<String>, String) {
    let (method, path, body) = call(group, message);
    let request = client.request(method, &path);
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = client.send(request).await;
    let told = |name: &str| !["date", "x-request-id", "content-length"].contains(&name);
    let headers = answer.headers.iter().filter(|(name, _)| told(name.as_str()));
    let headers = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    (answer.status, headers, nameless(&answer.text, group, message))
}

fn nameless(text: &str, group: &str, message: &str) -> String {
    text.replace(group, "GROUP").replace(message, "MESSAGE")
}

async fn told(socket: &mut Ws, said: Said, group: &str, message: &str) -> String {
    let (kind, data) = said(group, message);
    let mut frame = socket.ask(kind, data).await;
    frame["ref"] = Value::Null;
    nameless(&frame.to_string(), group, message)
}

/// Compares a hidden group with none, as `client` asks at both transports. Answers what differs.
async fn differences(client: &Client, group: &str, message: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, call) in CALLS.iter().enumerate() {
        let hidden = answered(client, *call, group, message).await;
        let none = answered(client, *call, NO_GROUP, NO_MESSAGE).await;
        assert!((400..500).contains(&hidden.0), "call {number}: {hidden:?}");
        if hidden != none {
            found.push(format!("call {number}: {hidden:?} is not {none:?}"));
        }
    }
    let mut socket = client.ws().await;
    for (number, said) in EVENTS.iter().enumerate() {
        let hidden = told(&mut socket, *said, group, message).await;
        let none = told(&mut socket, *said, NO_GROUP, NO_MESSAGE).await;
        if hidden != none {
            found.push(format!("event {number}: {hidden} is not {none}"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_objects_answer_exactly_like_missing_ones() {
    let app = TestApp::start().await;
    let service = app.service();
    let ann = app.user("ann").await;
    let (eve, bob) = (app.user("eve").await, app.user("bob").await);
    let group = group(&service, &["ann", "bob"]).await;
    let message = text(&send(&ann, &group, "a secret").await["id"]);
    let said = json!({ "group": group, "body": "x", "client_id": "one" });
    let bobs = text(&bob.post("messages/", said).await.ok(201)["id"]);
    ann.patch(&format!("groups/{group}/"), json!({ "remove": ["bob"] })).await.ok(200);
    // They are there for who may see them.
    ann.get(&format!("groups/{group}/")).await.ok(200);
    ann.get(&format!("messages/{bobs}/")).await.ok(200);

    let mut found = differences(&eve, &group, &message).await;
    found.extend(differences(&bob, &group, &bobs).await);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let whole = service.get(&format!("groups/{group}/?fields=__all__")).await.ok(200);
    assert_eq!((&whole["owner"], &whole["members"]), (&json!(["ann"]), &json!([])));
    assert_eq!(whole["messages"].as_array().expect("messages").len(), 2, "nothing was changed");
}

#[tokio::test]
async fn replies_to_hidden_deleted_and_missing_messages_fail_alike() {
    let app = TestApp::start().await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let (hidden, own) = (group(&app.service(), &["ann"]).await, group(&app.service(), &["eve"]).await);
    let message = text(&send(&ann, &hidden, "a secret").await["id"]);
    let deleted = text(&send(&eve, &own, "a mistake").await["id"]);
    eve.delete(&format!("messages/{deleted}/")).await.ok(200);
    let mut socket = eve.ws().await;
    let mut answers = Vec::new();
    for id in [&*message, &*deleted, NO_MESSAGE] {
        let reply = json!({ "group": own, "body": "so?", "respond_to": id });
        let answer = eve.post("messages/", reply.clone()).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        let mut frame = socket.ask("message.text", reply).await;
        frame["ref"] = Value::Null;
        answers.push((answer.text, frame));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

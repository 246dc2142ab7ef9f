//! Answers about hidden objects equal those about missing ones, byte for byte.

use chinwag_http::{CLIENT_EVENTS, ClientEventEntry, Example, ROUTES, RouteEntry, RouteExample};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::ws::Ws;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{group, send, text};

const NO_GROUP: &str = "018f0000-0000-7000-8000-000000000001";
const NO_MESSAGE: &str = "018f0000-0000-7000-8000-000000000002";

/// Builds a REST call from the ids of a group and a message in it.
type Call = fn(&str, &str) -> (Method, String, Value);
/// Builds a client event from the same ids.
type Event = fn(&str, &str) -> (&'static str, Value);

/// Further valid and invalid payloads, in addition to the example of each route and event: none may reveal more.
const CALLS: &[Call] = &[
    |group, _| (Method::GET, format!("groups/{group}/?fields=__all__"), Value::Null),
    |group, _| (Method::GET, format!("groups/{group}/?fields=nonsense"), Value::Null),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({})),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "members": ["eve"] })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "remove": ["ann"] })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "remove": ["nobody-at-all"] })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "owner": ["eve"] })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "members": "eve" })),
    |group, _| (Method::PATCH, format!("groups/{group}/"), json!({ "name": "" })),
    |group, _| (Method::GET, format!("groups/{group}/messages/?after=0&limit=5"), Value::Null),
    |group, _| (Method::GET, format!("groups/{group}/messages/?before=99&fields=nonsense"), Value::Null),
    |group, _| (Method::POST, "messages/".into(), json!({ "group": group, "body": "" })),
    |group, _| (Method::POST, "messages/".into(), json!({ "group": group, "body": "x", "client_id": "one" })),
    |group, message| {
        (Method::POST, "messages/".into(), json!({ "group": group, "body": "x", "respond_to": message }))
    },
    |group, message| {
        (Method::POST, "messages/".into(), json!({ "group": group, "body": "x", "thread": message }))
    },
    |_, message| (Method::GET, format!("messages/{message}/?fields=body"), Value::Null),
    |_, message| (Method::PATCH, format!("messages/{message}/"), json!({ "body": "" })),
];

const EVENTS: &[Event] = &[
    |group, _| ("message.text", json!({ "to": group, "body": "x", "client_id": "one" })),
    |group, message| ("message.text", json!({ "group": group, "body": "x", "respond_to": message })),
    |group, message| ("message.text", json!({ "group": group, "body": "x", "thread": message })),
    |_, message| ("message.react", json!({ "id": message, "emoji": "nonsense", "on": true })),
    |_, message| ("message.react", json!({ "id": message, "emoji": "👍", "on": false })),
    |_, message| ("message.pin", json!({ "id": message, "on": false })),
    |group, _| ("message.fetch", json!({ "group": group, "before": 3 })),
    |group, _| ("message.fetch", json!({ "group": group, "date": "2024-05-12T10:29:16Z" })),
    |group, _| ("message.read", json!({ "group": group, "seq": 1 })),
    |group, _| ("message.read", json!({ "group": group, "seq": 999 })),
    |group, _| ("message.read", json!({ "group": group, "date": "2024-05-12T10:29:16Z" })),
    |group, _| ("group.update", json!({ "group": group, "remove": ["ann"] })),
    |group, _| ("group.update", json!({ "id": group, "members": ["nobody-at-all"] })),
    |group, _| ("sync.resume", json!({ "groups": { group: 0 } })),
    |group, _| ("sync.resume", json!({ "groups": { group: 9999 } })),
];

/// The example of a route that names a group or a message.
fn example(route: &RouteEntry, caller: &str, group: &str, message: &str) -> (Method, String, Value) {
    let ids = RouteExample { group, author: caller, other: "ann", fresh: "fresh" };
    let method = route.method.to_uppercase().parse().expect("a method");
    (method, route.example_path(caller, group, message), (route.rules.example)(&ids))
}

fn example_event(event: &ClientEventEntry, group: &str, message: &str) -> Value {
    let [group, message, user] = [group, message, "ann"].map(str::to_owned);
    (event.example)(&Example { group, message, user })
}

/// An answer without the parts that always differ: its date, its request id, and the requested ids.
async fn call_answer(
    client: &Client,
    (method, path, body): (Method, String, Value),
    group: &str,
    message: &str,
) -> (u16, Vec<String>, String) {
    let request = client.request(method, &path);
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = client.send(request).await;
    let is_compared = |name: &str| !["date", "x-request-id", "content-length"].contains(&name);
    let headers = answer.headers.iter().filter(|(name, _)| is_compared(name.as_str()));
    let headers = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    (answer.status, headers, nameless(&answer.text, group, message))
}

fn nameless(text: &str, group: &str, message: &str) -> String {
    text.replace(group, "GROUP").replace(message, "MESSAGE")
}

async fn event_answer(socket: &mut Ws, (kind, data): (&str, Value), group: &str, message: &str) -> String {
    let mut frame = socket.ask(kind, data).await;
    frame["ref"] = Value::Null;
    nameless(&frame.to_string(), group, message)
}

/// Compares a hidden group with a missing one over both transports, as seen by `client`. Returns the
/// differences.
async fn differences(client: &Client, group: &str, message: &str) -> Vec<String> {
    let mut found = Vec::new();
    let calls = |group: &str, message: &str| {
        let examples = ROUTES.iter().map(|route| example(route, client.name(), group, message));
        let named = |(_, path, body): &(Method, String, Value)| {
            path.contains(group) || path.contains(message) || body.to_string().contains(group)
        };
        examples.filter(named).chain(CALLS.iter().map(|call| call(group, message))).collect::<Vec<_>>()
    };
    for (hidden, none) in calls(group, message).into_iter().zip(calls(NO_GROUP, NO_MESSAGE)) {
        let call = format!("{} {} {}", hidden.0, hidden.1, hidden.2);
        let hidden = call_answer(client, hidden, group, message).await;
        let none = call_answer(client, none, NO_GROUP, NO_MESSAGE).await;
        assert!((400..500).contains(&hidden.0), "{call}: {hidden:?}");
        if hidden != none {
            found.push(format!("{call}: {hidden:?} is not {none:?}"));
        }
    }
    let events = |group: &str, message: &str| {
        let examples = CLIENT_EVENTS.iter().map(|event| (event.name, example_event(event, group, message)));
        let named = |(_, data): &(&str, Value)| {
            data.to_string().contains(group) || data.to_string().contains(message)
        };
        examples.filter(named).chain(EVENTS.iter().map(|event| event(group, message))).collect::<Vec<_>>()
    };
    let mut socket = client.ws().await;
    for (hidden, none) in events(group, message).into_iter().zip(events(NO_GROUP, NO_MESSAGE)) {
        let event = format!("{} {}", hidden.0, hidden.1);
        let hidden = event_answer(&mut socket, hidden, group, message).await;
        let none = event_answer(&mut socket, none, NO_GROUP, NO_MESSAGE).await;
        if hidden != none {
            found.push(format!("{event}: {hidden} is not {none}"));
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
    // The objects exist for a member.
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
    for key in ["respond_to", "thread"] {
        let mut answers = Vec::new();
        for id in [&*message, &*deleted, NO_MESSAGE] {
            let reply = json!({ "group": own, "body": "so?", key: id });
            let answer = eve.post("messages/", reply.clone()).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
            let mut frame = socket.ask("message.text", reply).await;
            frame["ref"] = Value::Null;
            answers.push((answer.text, frame));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    }
}

//! The hook before sending: a real HTTP server decides about messages and edits.

use std::time::Duration;

use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, history, id, send, text};
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use chinwag_testkit::webhook::{HookReceiver, Received, Reply};
use serde_json::{Value, json};

use crate::hooks::bot;

/// The secret that signs the hook's requests.
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The hook of these tests: refuses texts with `bad`, replaces texts with `damn`, and allows others.
fn decide(request: &Received) -> Reply {
    let question = request.event();
    let body = question["body"].as_str().unwrap_or_default();
    Reply::Body(match body {
        body if body.contains("bad") => json!({ "allow": false, "reason": "no bad words" }).to_string(),
        body if body.contains("damn") => {
            json!({ "body": body.replace("damn", "****"), "data": { "was": "replaced" } }).to_string()
        }
        _ => json!({ "allow": true }).to_string(),
    })
}

/// A server that asks `receiver` about messages.
async fn asking(receiver: &HookReceiver, change: impl FnOnce(&mut Options)) -> TestApp {
    let url = format!("{}/ask", receiver.url());
    TestApp::with(move |options| {
        let hook = options.ask_before_sending(&url);
        hook.timeout = WAIT_TIMEOUT;
        hook.secret = chinwag_http::HookOptions::parse_secret(SECRET).ok();
        change(options);
    })
    .await
}

fn questions(receiver: &HookReceiver) -> Vec<Value> {
    receiver.received().iter().map(Received::event).collect()
}

async fn bodies(client: &Client, group: &str) -> Vec<String> {
    history(client, group).await.iter().map(|message| text(&message["body"])).collect()
}

#[tokio::test]
async fn hook_allows_refuses_and_replaces_over_rest() {
    let receiver = HookReceiver::answering(decide).await;
    let app = asking(&receiver, |_| {}).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    let sent = send(&ann, &group, "fine").await;
    let refused = ann.post("messages/", json!({ "group": group, "body": "bad" })).await.ok(403);
    assert_eq!(refused["detail"], "no bad words");
    let message = json!({ "group": group, "body": "damn it", "data": { "a": 1 }, "respond_to": sent["id"] });
    let replaced = ann.post("messages/", message).await.ok(201);
    assert_eq!((&replaced["body"], &replaced["data"]), (&json!("**** it"), &json!({ "was": "replaced" })));
    assert_eq!(replaced["respond_to"], sent["id"]);
    assert_eq!(bodies(&ann, &group).await, ["fine", "**** it"]);
    let asked = receiver.received();
    let question = json!({
        "author": "ann", "group": group, "body": "damn it", "mentions": [], "respond_to": sent["id"], "thread": null,
        "client_id": null, "attachments": [], "data": { "a": 1 },
    });
    assert_eq!(asked[2].event(), question);
    assert!(asked.iter().all(|request| request.is_signed_by(SECRET) && request.path == "/ask"));
    assert_eq!(asked.len(), 3);
    for (result, count) in [("allowed", 1.0), ("refused", 1.0), ("replaced", 1.0)] {
        let figure = format!("chinwag_hook_questions_total{{result=\"{result}\"}}");
        assert!(app.nobody().figure(&figure).await >= count, "{figure}");
    }
}

#[tokio::test]
async fn hook_decides_on_events_edits_and_first_messages() {
    let receiver = HookReceiver::answering(decide).await;
    let app = asking(&receiver, |_| {}).await;
    let (service, ann, bob) = (app.service(), app.user("ann").await, app.user("bob").await);
    let group = group(&service, &["ann", "bob"]).await;
    let mut ws = ann.ws().await;
    let refused = ws.ask("message.text", json!({ "group": group, "body": "bad" })).await;
    assert_eq!((&refused["code"], &refused["data"]["detail"]), (&json!(403), &json!("no bad words")));
    let sent = ws.ask("message.text", json!({ "group": group, "body": "damn" })).await;
    assert_eq!(sent["data"]["body"], "****");
    let message = id(&sent["data"]);
    let edit = ws.ask("message.update", json!({ "id": message, "body": "bad" })).await;
    assert_eq!(edit["code"], 403, "{edit}");
    let edit = ws.ask("message.update", json!({ "id": message, "body": "damn you" })).await;
    assert_eq!(edit["data"]["body"], "**** you");
    ann.patch(&format!("messages/{message}/"), json!({ "body": "bad" })).await.ok(403);
    let asked = questions(&receiver);
    let of_edit = json!({ "author": "ann", "group": group, "id": message, "body": "damn you" });
    assert_eq!(asked[3], of_edit);
    let first = ws.ask("message.first", json!({ "target": "bob", "body": "bad" })).await;
    assert_eq!(first["code"], 403, "{first}");
    assert!(
        bob.get("groups/?fields=name").await.ok(200).as_array().expect("a list").len() == 1,
        "none was made"
    );
    let first = ws.ask("message.first", json!({ "target": "bob", "body": "damn", "client_id": "f" })).await;
    assert_eq!(first["data"]["messages"][0]["body"], "****", "{first}");
    let again = ws.ask("message.first", json!({ "target": "bob", "body": "damn", "client_id": "f" })).await;
    assert_eq!((&again["type"], &again["data"]["body"]), (&json!("message.text"), &json!("****")));
    let question = questions(&receiver)[6].clone();
    assert_eq!((&question["group"], &question["target"]), (&Value::Null, &json!("bob")));
    assert_eq!(questions(&receiver).len(), 7, "a retry is not asked about");
    ws.ask("message.first", json!({ "target": "bob" })).await;
    ws.ask("message.react", json!({ "id": message, "emoji": "👍", "on": true })).await;
    assert_eq!(questions(&receiver).len(), 7, "neither is what has no text");
}

#[tokio::test]
async fn retry_of_a_replaced_message_is_the_first_answer() {
    let receiver = HookReceiver::answering(decide).await;
    let app = asking(&receiver, |_| {}).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    let message = json!({ "group": group, "body": "damn", "client_id": "one" });
    let first = ann.post("messages/", message.clone()).await.ok(201);
    let again = ann.post("messages/", message).await.ok(201);
    assert_eq!((&again["id"], &again["body"]), (&first["id"], &json!("****")));
    assert_eq!(again["data"], json!({ "was": "replaced" }));
    for body in ["****", "other"] {
        let other = json!({ "group": group, "body": body, "client_id": "one" });
        ann.post("messages/", other).await.ok(409);
    }
    assert_eq!((questions(&receiver).len(), bodies(&ann, &group).await), (1, vec!["****".into()]));
}

#[tokio::test]
async fn rights_and_limits_come_before_the_hook() {
    let receiver = HookReceiver::answering(decide).await;
    let app = asking(&receiver, |_| {}).await;
    let (service, ann, bob) = (app.service(), app.user("ann").await, app.user("bob").await);
    let group = group(&service, &["ann"]).await;
    let sent = send(&ann, &group, "hello").await;
    bob.post("messages/", json!({ "group": group, "body": "x" })).await.ok(404);
    bob.patch(&format!("messages/{}/", id(&sent)), json!({ "body": "x" })).await.ok(404);
    ann.post("messages/", json!({ "group": group, "body": "" })).await.ok(400);
    ann.post("messages/", json!({ "group": group, "body": "x", "thread": group })).await.ok(400);
    service.patch(&format!("groups/{group}/"), json!({ "members": ["bob"], "slow": 60 })).await.ok(200);
    send(&bob, &group, "once").await;
    bob.post("messages/", json!({ "group": group, "body": "twice" })).await.ok(429);
    bob.patch(&format!("messages/{}/", id(&sent)), json!({ "body": "x" })).await.ok(403);
    assert_eq!(questions(&receiver).len(), 2);
    // The hook is not asked about messages of the service.
    let by_service = json!({ "group": group, "author": "ann", "body": "bad" });
    let by_service = service.post("messages/", by_service).await.ok(201);
    service.patch(&format!("messages/{}/", id(&by_service)), json!({ "body": "bad again" })).await.ok(200);
    assert_eq!(questions(&receiver).len(), 2);
}

#[tokio::test]
async fn rights_are_checked_again_when_it_is_stored() {
    let receiver = HookReceiver::answering(|_| Reply::Held).await;
    let app = asking(&receiver, |_| {}).await;
    let (service, ann, bob) = (app.service(), app.user("ann").await, app.user("bob").await);
    let group = group(&service, &["ann", "bob"]).await;
    let message = json!({ "group": group, "body": "late" });
    let sending = tokio::spawn({
        let bob = bob.bearing(bob.token());
        async move { bob.post("messages/", message).await }
    });
    receiver.count(1).await;
    service.patch(&format!("groups/{group}/"), json!({ "remove": ["bob"] })).await.ok(200);
    receiver.answer(decide);
    receiver.release_with(&json!({ "allow": true }).to_string());
    assert_eq!(sending.await.expect("an answer").status, 404);
    assert!(bodies(&ann, &group).await.is_empty());
}

#[tokio::test]
async fn bots_and_incoming_hooks_are_asked_about() {
    let receiver = HookReceiver::answering(decide).await;
    let app = asking(&receiver, |_| {}).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    bot(&service, "ci").await;
    let group = group(&service, &["ann", "ci"]).await;
    let key = json!({ "groups": [group], "may": ["send"] });
    let key = service.post("users/ci/keys/", key).await.ok(201);
    let key = service.bearing(&text(&key["key"]));
    key.post("messages/", json!({ "group": group, "body": "bad" })).await.ok(403);
    let sent = key.post("messages/", json!({ "group": group, "body": "damn" })).await.ok(201);
    assert_eq!(sent["body"], "****");
    key.patch(&format!("messages/{}/", id(&sent)), json!({ "body": "bad" })).await.ok(403);
    let hook = service.post("users/ci/hooks/", json!({ "group": group })).await.ok(201);
    let url = text(&hook["url"]);
    assert_eq!(app.nobody().post(&url, json!({ "text": "bad" })).await.status, 403);
    assert_eq!(app.nobody().post(&url, json!({ "text": "damn &amp;" })).await.status, 200);
    assert_eq!(bodies(&ann, &group).await, ["****", "**** &"]);
    assert!(questions(&receiver).iter().all(|question| question["author"] == "ci"));
}

#[tokio::test]
async fn failures_of_the_hook_refuse_or_allow() {
    let elsewhere = HookReceiver::answering(decide).await;
    let replies = [
        Reply::Status(500),
        Reply::Status(204),
        Reply::Redirect(format!("{}/", elsewhere.url())),
        Reply::Body("allow".into()),
        Reply::Body("{}".into()),
        Reply::Body(json!({ "body": "a".repeat(5000) }).to_string()),
        Reply::Body(json!({ "body": " " }).to_string()),
        Reply::Body(" ".repeat(100_000)),
        Reply::Held,
    ];
    for (allows, reply) in replies.iter().map(|reply| (false, reply)).chain([(true, &replies[0])]) {
        let answer = reply.clone();
        let receiver = HookReceiver::answering(move |_| answer.clone()).await;
        let app = asking(&receiver, |options| {
            let hook = options.before_send.as_mut().expect("it is set");
            hook.allows_on_failure = allows;
            if *reply == Reply::Held {
                hook.timeout = Duration::from_millis(100);
            }
        })
        .await;
        let (service, ann) = (app.service(), app.user("ann").await);
        let group = group(&service, &["ann"]).await;
        let answer = ann.post("messages/", json!({ "group": group, "body": "hello" })).await;
        let stored = if allows { vec!["hello".to_owned()] } else { vec![] };
        assert_eq!(answer.status, if allows { 201 } else { 503 }, "{reply:?}: {}", answer.text);
        assert_eq!(bodies(&ann, &group).await, stored, "{reply:?}");
        assert_eq!(receiver.received().len(), 1, "{reply:?}");
    }
    assert!(elsewhere.received().is_empty(), "redirects are not followed");
}

#[tokio::test]
async fn failing_hook_is_paused() {
    let receiver = HookReceiver::answering(|_| Reply::Status(500)).await;
    let app = asking(&receiver, |_| {}).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    let wait = Wait::begin();
    // Ten failures in a row pause the hook; the pause outlasts one refusal.
    loop {
        let before = receiver.received().len();
        ann.post("messages/", json!({ "group": group, "body": "x" })).await.ok(503);
        if before >= 10 && receiver.received().len() == before {
            break;
        }
        wait.step(|| format!("{before} questions were asked")).await;
    }
    receiver.answer(decide);
    let wait = Wait::begin();
    while ann.post("messages/", json!({ "group": group, "body": "back" })).await.status != 201 {
        wait.step(|| "it is not asked again").await;
    }
}

#[tokio::test]
async fn messages_of_one_author_keep_their_order() {
    let receiver = HookReceiver::answering(|_| Reply::Held).await;
    let app = asking(&receiver, |_| {}).await;
    let (service, ann, bob) = (app.service(), app.user("ann").await, app.user("bob").await);
    let group = group(&service, &["ann", "bob"]).await;
    let mut ws = ann.ws().await;
    for number in 0..10 {
        let data = json!({ "group": group, "body": number.to_string() });
        ws.send(json!({ "type": "message.text", "data": data, "ref": number.to_string() })).await;
    }
    // While the first one waits for the hook, messages beyond the queue's limit are refused.
    for _ in 0..2 {
        let refused = ws.frame_where(|frame| frame["type"] == "error.data").await;
        assert_eq!(refused["code"], 429, "{refused}");
        assert!(["8", "9"].contains(&refused["ref"].as_str().unwrap_or_default()), "{refused}");
    }
    assert_eq!(receiver.count(1).await.len(), 1, "the others wait for the first");
    receiver.answer(decide);
    // Other authors are not delayed.
    send(&bob, &group, "meanwhile").await;
    receiver.release_with(&json!({ "allow": true }).to_string());
    for number in 0..8 {
        let sent =
            ws.frame_where(|frame| frame["type"] == "message.text" && frame["data"]["author"] == "ann").await;
        assert_eq!(sent["data"]["body"], number.to_string());
    }
    let asked: Vec<_> = questions(&receiver).iter().map(|question| text(&question["body"])).collect();
    let own: Vec<_> = asked.iter().filter(|body| *body != "meanwhile").cloned().collect();
    assert_eq!(own, ["0", "1", "2", "3", "4", "5", "6", "7"]);
}

#[tokio::test]
async fn edit_by_a_hook_keeps_attachments() {
    let receiver = HookReceiver::answering(decide).await;
    let app = asking(&receiver, |_| {}).await;
    let (service, ann, bob) = (app.service(), app.user("ann").await, app.user("bob").await);
    let group = group(&service, &["ann", "bob"]).await;
    let message = json!({ "group": group, "body": "hi bob", "mentions": ["bob"], "data": { "a": 1 } });
    let message = id(&ann.post("messages/", message).await.ok(201));
    bob.put(&format!("messages/{message}/reactions/%F0%9F%91%8D/"), json!({})).await.ok(200);
    ann.put(&format!("messages/{message}/pin/"), json!({})).await.ok(200);
    send(&bob, &group, "x").await;
    bob.post("messages/", json!({ "group": group, "body": "reply", "thread": message })).await.ok(201);
    let edited = ann.patch(&format!("messages/{message}/"), json!({ "body": "damn" })).await.ok(200);
    assert_eq!((&edited["body"], &edited["mentions"]), (&json!("****"), &json!(["bob"])));
    assert_eq!((&edited["data"], &edited["pinned"]), (&json!({ "a": 1 }), &json!(true)));
    let shown = ann.get(&format!("messages/{message}/")).await.ok(200);
    assert_eq!((&shown["reactions"]["👍"]["count"], &shown["replies"]["count"]), (&json!(1), &json!(1)));
}

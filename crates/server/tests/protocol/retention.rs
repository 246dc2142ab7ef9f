//! Retention: messages older than their group or the server allows are erased.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::Date;
use chinwag_core::app::follower::Claim;
use chinwag_core::app::retention::RetentionRound;
use chinwag_core::store::Follower;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::setup::{group, history, id, send, two};
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};

use crate::attachments::{is_missing, readable, upload};
use crate::changes::{about, pairs, resume, returning, since};

const DAY: i64 = 24 * 3600;

/// Runs rounds until none is due; returns whether one was.
async fn rounds(app: &TestApp) -> bool {
    let mut candidate = app.app().candidate(Follower::Retention, Duration::from_secs(5));
    let (mut round, mut was_due) = (RetentionRound::default(), false);
    while let Claim::Mine { lease, .. } = candidate.take().await.expect("an answer") {
        while app.app().retention_step(lease, &mut round).await.expect("a step") > 0 {}
        candidate.release(lease).await.expect("it is released");
        was_due = true;
    }
    was_due
}

/// Sends as a user with a date some days ago; `more` has further keys of the message.
async fn send_old(app: &TestApp, group: &str, days: i64, more: Value) -> String {
    let date = Date::from_micros(app.app().clock().now().micros() - days * DAY * 1_000_000);
    let mut message = json!({ "group": group, "author": "ann", "body": "old", "date": date.to_string() });
    message.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    id(&app.service().post("messages/", message).await.ok(201))
}

async fn keep(client: &Client, group: &str, days: impl Into<Value>) {
    let days: Value = days.into();
    client.patch(&format!("groups/{group}/"), json!({ "keep": days })).await.ok(200);
}

async fn shown(client: &Client, group: &str) -> Vec<String> {
    history(client, group).await.iter().map(id).collect()
}

#[tokio::test]
async fn old_messages_go_with_files_pins_and_their_thread() {
    let app = TestApp::with(|options| options.limits.feed.enabled = true).await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let file = upload(app.app(), "ann").await;
    let root = send_old(&app, &group, 2, json!({ "body": "quokka" })).await;
    let reply = send_old(&app, &group, 2, json!({ "thread": root, "attachments": [file] })).await;
    let pinned = send_old(&app, &group, 3, json!({})).await;
    let young =
        id(&bob.post("messages/", json!({ "group": group, "body": "young", "thread": root })).await.ok(201));
    ann.put(&format!("messages/{pinned}/pin/"), json!({})).await.ok(200);
    bob.put(&format!("messages/{root}/reactions/👍/"), json!({})).await.ok(200);
    assert!(!rounds(&app).await, "nothing says how long");
    let changed = a.ask("group.update", json!({ "id": group, "keep": 1 })).await;
    let head = changed["seq"].as_i64().expect("a number");
    assert!(readable(app.app(), &bob, &file).await.is_ok());

    assert!(rounds(&app).await);
    for socket in [&mut a, &mut b] {
        let told = socket.until("message.delete").await;
        assert_eq!((&told["data"]["group"], &told["seq"]), (&json!(group), &json!(head + 1)));
        assert_eq!(told["data"]["ids"], json!([pinned, root, reply]), "from the oldest on");
        assert_eq!(told["data"]["id"], Value::Null);
    }
    assert_eq!(shown(&ann, &group).await, [young.as_str()]);
    let left = bob.get(&format!("messages/{young}/")).await.ok(200);
    assert_eq!((&left["body"], &left["thread"]), (&json!("young"), &Value::Null));
    assert_eq!(ann.get(&format!("groups/{group}/?fields=pins")).await.ok(200)["pins"], json!([]));
    assert!(is_missing(app.app(), &bob, &file).await);
    assert_eq!(bob.get("search/?q=quokka").await.ok(200)["messages"], json!([]));
    for gone in [&root, &reply, &pinned] {
        bob.get(&format!("messages/{gone}/")).await.ok(404);
    }
    let told = app.service().get("events/?types=message.delete").await.ok(200);
    assert_eq!(told["events"][0]["data"]["ids"], json!([pinned, root, reply]), "{told}");
    let mut late = bob.ws().await;
    late.send(json!({ "type": "sync.resume", "data": { "groups": { group.as_str(): head } } })).await;
    assert_eq!(late.until("message.delete").await["data"]["ids"], json!([pinned, root, reply]));
}

#[tokio::test]
async fn shorter_of_both_times_holds() {
    let app = TestApp::with(|options| {
        options.limits.messages_keep = Some(Duration::from_secs(7 * 24 * 3600));
    })
    .await;
    let (ann, mut a, _bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let mut expected = Vec::new();
    for days in [json!(30), json!(2), Value::Null] {
        let group = group(&app.service(), &["ann", "bob"]).await;
        keep(&ann, &group, days.clone()).await;
        let first = send_old(&app, &group, 8, json!({})).await;
        let second = send_old(&app, &group, 3, json!({})).await;
        let third = send_old(&app, &group, 1, json!({})).await;
        let gone = if days == json!(2) { vec![first, second.clone()] } else { vec![first] };
        let left = if days == json!(2) { vec![third] } else { vec![second, third] };
        expected.push((group, gone, left));
    }
    rounds(&app).await;
    expected.sort();
    for (group, gone, _) in &expected {
        let told = a.until("message.delete").await;
        assert_eq!((&told["data"]["group"], &told["data"]["ids"]), (&json!(group), &json!(gone)));
    }
    for (group, _, left) in &expected {
        assert_eq!(&shown(&ann, group).await, left);
    }
}

#[tokio::test]
async fn messages_grow_old_with_the_clock_and_not_before() {
    let clock = Arc::new(ManualClock::default());
    let held = clock.clone();
    let app = TestApp::with(|options| options.clock = held).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    keep(&ann, &group, 1).await;
    let (one, two) = (id(&send(&ann, &group, "one").await), id(&send(&ann, &group, "two").await));
    assert!(rounds(&app).await);
    assert!(!rounds(&app).await, "the next one is due after 30 s");
    // ann's token has expired by now.
    clock.move_wall(DAY - 60);
    assert!(rounds(&app).await);
    assert_eq!(shown(&service, &group).await, [one.as_str(), two.as_str()]);
    // A clock that is set back neither stops retention for good nor makes messages too old.
    clock.move_wall(-2 * DAY);
    assert!(rounds(&app).await);
    assert_eq!(shown(&service, &group).await.len(), 2);
    clock.move_wall(2 * DAY + 120);
    assert!(rounds(&app).await);
    let wait = Wait::begin();
    while !shown(&service, &group).await.is_empty() {
        wait.step(|| "old messages stay").await;
    }
}

#[tokio::test]
async fn group_without_retention_again_loses_no_more() {
    let app = TestApp::start().await;
    let (ann, mut a, _bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let (one, two) = (group(&app.service(), &["ann"]).await, group(&app.service(), &["ann", "bob"]).await);
    let private = id(&ann.put("private/", json!({ "user": "bob" })).await.ok(201));
    let kept = send_old(&app, &one, 9, json!({})).await;
    let gone = send_old(&app, &two, 9, json!({})).await;
    let said = send_old(&app, &private, 9, json!({})).await;
    keep(&ann, &one, 1).await;
    keep(&ann, &two, 1).await;
    keep(&ann, &one, Value::Null).await;
    keep(&app.service(), &private, 5).await;
    rounds(&app).await;
    let mut told = [a.until("message.delete").await, a.until("message.delete").await]
        .map(|event| event["data"]["ids"][0].clone());
    told.sort_by_key(ToString::to_string);
    let mut expected = [json!(gone), json!(said)];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(told, expected);
    assert_eq!(shown(&ann, &one).await, [kept]);
}

#[tokio::test]
async fn client_that_comes_back_sees_what_retention_has_left() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (old, other) =
        (group(&app.service(), &["ann", "bob"]).await, group(&app.service(), &["ann", "bob"]).await);
    for group in [&old, &other] {
        send_old(&app, group, 3, json!({})).await;
    }
    let young = id(&send(&ann, &old, "young").await);
    keep(&ann, &old, 1).await;
    let since = since(&bob).await;
    assert!(rounds(&app).await);
    let wait = Wait::begin();
    while shown(&bob, &old).await != [young.as_str()] {
        wait.step(|| "old messages stay").await;
    }
    let asked = json!({ "groups": {}, "all": true, "since": since });
    let (frames, done) = resume(&mut returning(&bob).await, asked).await;
    assert_eq!(about(&frames), pairs([("group.update", &old), ("contact.summary", "")]));
    assert_eq!(frames[0]["data"]["messages"][0]["id"], json!(young));
    assert_eq!(done["groups"], json!({ &old: 5 }));
}

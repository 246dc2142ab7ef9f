//! Pinned messages over both transports.

use chinwag_core::pin::PINS;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, head, id, send, two};
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

async fn pin(socket: &mut Ws, message: &str, on: bool) -> Value {
    socket.ask("message.pin", json!({ "id": message, "on": on })).await
}

fn path(message: &str) -> String {
    format!("messages/{message}/pin/")
}

/// The ids of a group's pinned messages, which must be the same in both ways of reading them.
async fn pins(client: &Client, group: &str) -> Vec<String> {
    let shown = client.get(&format!("groups/{group}/?fields=pins")).await.ok(200)["pins"].clone();
    let listed = client.get(&format!("groups/{group}/pins/")).await.ok(200);
    let listed: Vec<_> = listed.as_array().expect("a list").iter().map(id).collect();
    assert_eq!(shown, json!(listed));
    listed
}

#[tokio::test]
async fn members_see_a_pin_at_once_and_in_every_object() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await; // 1
    let (one, two) = (id(&send(&bob, &group, "one").await), id(&send(&bob, &group, "two").await)); // 3
    let event = pin(&mut a, &one, true).await;
    let data = json!({ "id": one, "group": group, "name": "ann", "on": true });
    assert_eq!((&event["type"], &event["seq"], &event["data"]), (&json!("message.pin"), &json!(4), &data));
    let seen = b.until("message.pin").await;
    assert_eq!((&seen["seq"], &seen["data"], seen.get("ref")), (&json!(4), &data, None));
    let put = ann.put(&path(&two), json!({})).await.ok(200); // 5
    assert_eq!((&put["id"], &put["pinned"]), (&json!(two), &json!(true)));
    assert_eq!(b.until("message.pin").await["seq"], 5);
    assert_eq!(pins(&bob, &group).await, [two.clone(), one.clone()], "the last pinned first");
    let history = bob.get(&format!("groups/{group}/messages/")).await.ok(200);
    assert_eq!((&history[0]["pinned"], &history[1]["pinned"]), (&json!(true), &json!(true)));
    let summary = bob.ws().await.summary().clone();
    assert_eq!(summary[0]["pins"], json!([two, one]));
    assert_eq!(summary[0]["messages"][0]["pinned"], true);
    let unread = ann.get(&format!("groups/{group}/?fields=unread")).await.ok(200)["unread"].clone();
    assert_eq!(unread, 2, "the messages, and no pin");

    let left = ann.delete(&path(&two)).await.ok(200); // 6
    assert_eq!(left["pinned"], false);
    let gone = b.until("message.pin").await;
    assert_eq!((&gone["data"]["id"], &gone["data"]["on"]), (&json!(two), &json!(false)));
    assert_eq!(pins(&bob, &group).await, [one]);
    a.until("message.pin").await;
    a.until("message.pin").await;
    a.quiet().await; // There is no `group.update` for a pin.
}

#[tokio::test]
async fn changes_without_effect_take_no_number() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let (one, two) = (id(&send(&ann, &group, "one").await), id(&send(&ann, &group, "two").await));
    ann.put(&path(&one), json!({})).await.ok(200); // 4
    a.until("message.pin").await;
    b.until("message.pin").await;
    let again = pin(&mut a, &one, true).await;
    assert_eq!((again.get("seq"), &again["data"]["on"]), (None, &json!(true)));
    let absent = pin(&mut a, &two, false).await;
    assert_eq!((absent.get("seq"), &absent["data"]["on"]), (None, &json!(false)));
    assert_eq!(ann.put(&path(&one), json!({})).await.ok(200)["pinned"], true);
    assert_eq!(ann.delete(&path(&two)).await.ok(200)["pinned"], false);
    b.quiet().await;
    assert_eq!(head(&bob, &group).await, 4);
}

#[tokio::test]
async fn a_group_has_at_most_fifty_pins() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let mut messages = Vec::new();
    for number in 0..=PINS {
        messages.push(id(&send(&ann, &group, number).await));
    }
    for message in &messages[..PINS] {
        ann.put(&path(message), json!({})).await.ok(200);
    }
    let (before, last) = (head(&ann, &group).await, &messages[PINS]);
    let why = "exceeds the limit of 50 pinned messages in a group: unpin one first";
    let refused = ann.put(&path(last), json!({})).await.ok(400);
    assert_eq!(refused["errors"], json!([{ "field": "id", "detail": why }]));
    let mut socket = ann.ws().await;
    let refused = pin(&mut socket, last, true).await;
    assert_eq!((&refused["code"], &refused["data"]["errors"][0]["detail"]), (&json!(400), &json!(why)));
    assert_eq!(ann.put(&path(&messages[0]), json!({})).await.ok(200)["pinned"], true, "it is pinned already");
    assert_eq!(head(&ann, &group).await, before);
    assert_eq!(pins(&ann, &group).await.len(), PINS, "nothing falls out");
    ann.delete(&format!("messages/{}/", messages[3])).await.ok(200);
    ann.put(&path(last), json!({})).await.ok(200);
    let shown = pins(&ann, &group).await;
    assert_eq!((shown.len(), &shown[0]), (PINS, last));
}

#[tokio::test]
async fn owner_and_admins_pin_and_both_users_of_a_private_group() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let eve = app.user("eve").await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let message = id(&send(&ann, &group, "hello").await);
    bob.put(&path(&message), json!({})).await.ok(403);
    bob.delete(&path(&message)).await.ok(403);
    eve.put(&path(&message), json!({})).await.ok(404);
    eve.get(&format!("groups/{group}/pins/")).await.ok(404);
    ann.patch(&format!("groups/{group}/"), json!({ "admins": ["bob"] })).await.ok(200);
    bob.put(&path(&message), json!({})).await.ok(200);

    let first = a.ask("message.first", json!({ "target": "bob", "body": "hi" })).await;
    let private = id(&first["data"]["messages"][0]);
    assert_eq!(pin(&mut b, &private, true).await["data"]["name"], "bob");
    ann.delete(&path(&private)).await.ok(200);
    bob.patch("users/bob/", json!({ "contact": { "name": "ann", "operation": "block" } })).await.ok(200);
    for client in [&ann, &bob] {
        client.put(&path(&private), json!({})).await.ok(403);
        client.delete(&path(&private)).await.ok(403);
    }
}

#[tokio::test]
async fn a_service_pins_in_a_users_name_or_in_nobodys() {
    let app = TestApp::start().await;
    let (ann, mut a, _bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let (group, service) = (group(&app.service(), &["ann", "bob"]).await, app.service());
    let message = id(&send(&ann, &group, "hello").await);
    service.put(&path(&message), json!({ "author": "bob" })).await.ok(403);
    service.put(&path(&message), json!({ "author": "nobody" })).await.ok(400);
    service.put(&path(&message), json!({ "author": "ann" })).await.ok(200);
    assert_eq!(a.until("message.pin").await["data"]["name"], "ann");
    service.delete(&format!("{}?author=ann", path(&message))).await.ok(200);
    a.until("message.pin").await;
    service.put(&path(&message), json!({})).await.ok(200);
    assert_eq!(a.until("message.pin").await["data"]["name"], Value::Null);
}

#[tokio::test]
async fn a_deletion_takes_the_pin_with_it() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let (one, two) = (id(&send(&bob, &group, "one").await), id(&send(&bob, &group, "two").await));
    for message in [&one, &two] {
        ann.put(&path(message), json!({})).await.ok(200);
    }
    bob.delete(&format!("messages/{one}/")).await.ok(200);
    let gone = a.until("message.delete").await;
    assert_eq!((&gone["data"]["id"], &gone["seq"]), (&json!(one), &json!(6)));
    assert_eq!(pins(&ann, &group).await, std::slice::from_ref(&two));
    ann.delete(&path(&one)).await.ok(404);
    app.service().delete("users/bob/").await.ok(200);
    assert!(pins(&ann, &group).await.is_empty());
    ann.delete(&path(&two)).await.ok(404);
    assert_eq!(a.until("message.delete").await["data"]["ids"], json!([two]));
    a.quiet().await; // No other event concerns the pins.
}

#[tokio::test]
async fn an_edit_keeps_the_pin_and_the_reactions() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let message = id(&send(&bob, &group, "hello").await);
    bob.put(&format!("messages/{message}/reactions/:tada:/"), json!({})).await.ok(200);
    ann.put(&path(&message), json!({})).await.ok(200);
    let pinned = bob.get(&format!("messages/{message}/")).await.ok(200);
    for (client, body) in [(&bob, "mended"), (&app.service(), "censored")] {
        let edited = client.patch(&format!("messages/{message}/"), json!({ "body": body })).await.ok(200);
        assert_eq!((&edited["body"], &edited["pinned"]), (&json!(body), &json!(true)));
        let event = a.until("message.update").await["data"].clone();
        assert_eq!((&event["pinned"], &event["reactions"][":tada:"]["count"]), (&json!(true), &json!(1)));
    }
    ann.delete(&path(&message)).await.ok(200);
    let after = bob.get(&format!("messages/{message}/")).await.ok(200);
    assert_eq!(after["reactions"], pinned["reactions"], "one's own stays one's own");
}

#[tokio::test]
async fn a_resume_sends_a_pinned_message_as_it_stands() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await; // 1
    let old = id(&send(&ann, &group, "old").await); // 2
    let new = id(&send(&ann, &group, "new").await); // 3
    let gone = id(&send(&ann, &group, "gone").await); // 4
    for message in [&old, &gone, &new] {
        ann.put(&path(message), json!({})).await.ok(200); // 5, 6, 7
    }
    ann.delete(&path(&new)).await.ok(200); // 8
    ann.delete(&format!("messages/{gone}/")).await.ok(200); // 9
    ann.patch(&format!("messages/{old}/"), json!({ "body": "older" })).await.ok(200); // 10
    let mut socket = bob.ws().await;
    socket.send(json!({ "type": "sync.resume", "data": { "groups": { &group: 2 } } })).await;
    let mut missed = Vec::new();
    for _ in 0..4 {
        let frame = socket.next().await;
        missed.push((frame["type"].clone(), frame["seq"].clone(), frame["data"]["pinned"].clone()));
    }
    let wanted = [
        (json!("message.text"), json!(3), json!(false)),
        (json!("message.update"), json!(8), json!(false)),
        (json!("message.delete"), json!(9), Value::Null),
        (json!("message.update"), json!(10), json!(true)),
    ];
    assert_eq!(missed, wanted);
    assert_eq!(socket.next().await["type"], "sync.done");
}

#[tokio::test]
async fn a_new_member_receives_the_pins_and_a_pending_one_does_not() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann"]).await;
    let message = id(&send(&ann, &group, "hello").await);
    ann.put(&path(&message), json!({})).await.ok(200);
    let mut socket = bob.ws().await;
    ann.patch(&format!("groups/{group}/"), json!({ "members": ["bob"] })).await.ok(200);
    assert_eq!(socket.until("group.update").await["data"].get("pins"), None);
    assert_eq!(bob.ws().await.summary()[0]["pins"], json!([]));
    bob.put(&path(&message), json!({})).await.ok(403);
    socket.send(json!({ "type": "group.accept", "data": { "group": group } })).await;
    assert_eq!(socket.until("group.update").await["data"]["pins"], json!([message]));
    let renamed = ann.patch(&format!("groups/{group}/"), json!({ "name": "tea" })).await.ok(200);
    assert_eq!(renamed["pins"], json!([message]));
    assert_eq!(socket.until("group.update").await["data"].get("pins"), None, "a change carries none");
}

#[tokio::test]
async fn changes_by_pins_are_limited() {
    let app = TestApp::with(|options| {
        options.limits.rates.changes_burst = 3;
        options.limits.rates.changes_per_second = 1;
        options.clock = std::sync::Arc::new(chinwag_testkit::clock::ManualClock::default());
        options.shared_rates = false;
    })
    .await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let message = id(&send(&ann, &group, "hello").await);
    let mut socket = ann.ws().await;
    ann.put(&path(&message), json!({})).await.ok(200);
    ann.delete(&path(&message)).await.ok(200);
    assert_eq!(pin(&mut socket, &message, true).await["type"], "message.pin");
    ann.put(&path(&message), json!({})).await.ok(429);
    assert_eq!(pin(&mut socket, &message, true).await["code"], 429);
    app.service().put(&path(&message), json!({})).await.ok(200);
}

//! A user's settings of a group: notifications, muting, hiding, pinning, marking as unread; and the total of
//! unread messages.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, two};
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

const DEFAULTS: &str = r#"{"notify":"all","muted_until":null,"hidden":false,"pinned":false,"marked_unread":false,"mentioned":0,"pending":false}"#;

fn with(change: &Value) -> Value {
    let mut me: Value = serde_json::from_str(DEFAULTS).expect("JSON");
    for (key, value) in change.as_object().expect("an object") {
        me[key] = value.clone();
    }
    me
}

async fn set(client: &Client, group: &str, change: Value) -> Value {
    client.patch(&format!("groups/{group}/me/"), change).await.ok(200)
}

async fn me(client: &Client, group: &str) -> Value {
    client.get(&format!("groups/{group}/?fields=me")).await.ok(200)["me"].clone()
}

async fn send(socket: &mut Ws, group: &str, body: &str) -> i64 {
    let sent = socket.ask("message.text", json!({ "group": group, "body": body })).await;
    sent["seq"].as_i64().expect("a number")
}

#[tokio::test]
async fn settings_reach_only_the_users_own_sockets() {
    let app = TestApp::start().await;
    let (ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = group(&app.service(), &["ann", "tam"]).await;
    for socket in [&mut a, &mut t] {
        socket.expect("group.update").await;
    }
    let mut twin = tam.ws().await;
    assert_eq!(twin.summary()[0]["me"], with(&json!({})));
    let change = json!({ "notify": "mentions", "muted_until": "2031-05-12T10:29:16Z", "pinned": true });
    let until = json!({ "notify": "mentions", "muted_until": "2031-05-12T10:29:16.000000Z", "pinned": true });
    assert_eq!(set(&tam, &group, change.clone()).await, with(&until));
    let mut told = with(&until);
    told["group"] = json!(group);
    told.as_object_mut().expect("an object").remove("mentioned");
    for socket in [&mut t, &mut twin] {
        let event = socket.next().await;
        assert_eq!(event, json!({ "type": "group.me", "data": told }));
    }
    // A change without effect is answered but not announced.
    assert_eq!(set(&tam, &group, change).await, with(&until));
    app.quiet([&mut a, &mut t, &mut twin]).await;
    assert_eq!(me(&tam, &group).await, with(&until));
    assert_eq!(me(&ann, &group).await, with(&json!({})));
    assert_eq!(tam.ws().await.summary()[0]["me"], with(&until));
    // Null ends the muting and keeps the other settings.
    let unmuted = json!({ "notify": "mentions", "pinned": true });
    assert_eq!(set(&tam, &group, json!({ "muted_until": null })).await, with(&unmuted));
    // The service names the user.
    let as_tam = json!({ "author": "tam", "pinned": false, "notify": "all" });
    assert_eq!(set(&app.service(), &group, as_tam).await, with(&json!({})));
    let path = format!("groups/{group}/me/");
    let refused = app.service().patch(&path, json!({ "pinned": true })).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "author");
}

#[tokio::test]
async fn wrong_settings_are_refused_by_name() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let (_ann, mut a, tam, _t) = two(&app.service(), ["ann", "tam"]).await;
    let outsider = app.user("outsider").await;
    let group = group(&app.service(), &["ann", "tam"]).await;
    let path = format!("groups/{group}/me/");
    for (body, field) in [
        (json!({}), "notify"),
        (json!({ "mood": 1 }), "notify"),
        (json!({ "notify": "some" }), "notify"),
        (json!({ "notify": null }), "notify"),
        (json!({ "muted_until": 5 }), "muted_until"),
        (json!({ "muted_until": "tomorrow" }), "muted_until"),
        (json!({ "hidden": null }), "hidden"),
        (json!({ "pinned": "yes" }), "pinned"),
        (json!({ "marked_unread": 1 }), "marked_unread"),
    ] {
        let refused = tam.patch(&path, body.clone()).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{body}");
    }
    outsider.patch(&path, json!({ "pinned": true })).await.ok(404);
    // A pending member must accept first.
    let made = a.ask("group.create", json!({ "name": "h", "members": ["tam"] })).await;
    let path = format!("groups/{}/me/", made["data"]["id"].as_str().expect("an id"));
    let refused = tam.patch(&path, json!({ "pinned": true })).await.ok(403);
    assert!(refused["detail"].as_str().is_some_and(|why| why.contains("accept it")), "{refused}");
}

#[tokio::test]
async fn a_hidden_group_returns_on_its_next_message() {
    let app = TestApp::start().await;
    let (_ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = group(&app.service(), &["ann", "tam"]).await;
    send(&mut a, &group, "one").await;
    let hidden = with(&json!({ "hidden": true }));
    assert_eq!(set(&tam, &group, json!({ "hidden": true })).await, hidden);
    // Neither a change of the group nor an edit shows it again.
    a.ask("group.update", json!({ "id": group, "name": "h" })).await;
    assert_eq!(me(&tam, &group).await, hidden);
    let seq = send(&mut a, &group, "two").await;
    assert_eq!(me(&tam, &group).await, with(&json!({})));
    assert_eq!(tam.ws().await.summary()[0]["me"], with(&json!({})));
    t.until("message.text").await;
    // It stays visible after reading, and no event announces its return.
    t.ask("message.read", json!({ "group": group, "seq": seq })).await;
    assert_eq!(me(&tam, &group).await, with(&json!({})));
}

#[tokio::test]
async fn a_mark_as_unread_ends_with_the_next_read_mark() {
    let app = TestApp::start().await;
    let (_ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = group(&app.service(), &["ann", "tam"]).await;
    let seq = send(&mut a, &group, "one").await;
    let read = json!({ "group": group, "seq": seq });
    t.ask("message.read", read.clone()).await;
    // First with a read mark that does not move, then with one that does.
    let marked = with(&json!({ "marked_unread": true }));
    assert_eq!(set(&tam, &group, json!({ "marked_unread": true })).await, marked);
    t.ask("message.read", read).await;
    assert_eq!(me(&tam, &group).await, with(&json!({})));
    set(&tam, &group, json!({ "marked_unread": true })).await;
    let seq = send(&mut a, &group, "two").await;
    assert_eq!(me(&tam, &group).await, marked, "a message does not end it");
    tam.post(&format!("groups/{group}/read/"), json!({ "seq": seq })).await.ok(200);
    assert_eq!(me(&tam, &group).await, with(&json!({})));
}

fn unread_of(unread: u32, groups: u32) -> Value {
    json!({ "unread": unread, "mentioned": 0, "groups": groups })
}

#[tokio::test]
async fn unread_counts_what_notifies() {
    let app = TestApp::start().await;
    let (_ann, mut a, tam, _t) = two(&app.service(), ["ann", "tam"]).await;
    let mut groups = Vec::new();
    for messages in 1..=4 {
        let group = group(&app.service(), &["ann", "tam"]).await;
        for _ in 0..messages {
            send(&mut a, &group, "hello").await;
        }
        groups.push(group);
    }
    let unread = async || tam.get("unread/").await.ok(200);
    assert_eq!(unread().await, unread_of(10, 4));
    set(&tam, &groups[3], json!({ "notify": "none" })).await;
    assert_eq!(unread().await, unread_of(6, 3));
    set(&tam, &groups[2], json!({ "muted_until": "2100-01-01T00:00:00Z" })).await;
    assert_eq!(unread().await, unread_of(3, 2));
    // A date in the past does not mute.
    set(&tam, &groups[1], json!({ "muted_until": "2001-01-01T00:00:00Z" })).await;
    assert_eq!(unread().await, unread_of(3, 2));
    tam.post(&format!("groups/{}/read/", groups[0]), json!({ "seq": 2 })).await.ok(200);
    assert_eq!(unread().await, unread_of(2, 1));
    app.service().get("unread/").await.ok(403);
}

#[tokio::test]
async fn settings_end_with_the_membership() {
    let app = TestApp::start().await;
    let (_ann, _a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = group(&app.service(), &["ann", "tam"]).await;
    set(&tam, &group, json!({ "pinned": true, "notify": "none" })).await;
    t.ask("group.quit", json!({ "group": group })).await;
    app.service().patch(&format!("groups/{group}/"), json!({ "members": ["tam"] })).await.ok(200);
    assert_eq!(me(&tam, &group).await, with(&json!({})));
}

#[tokio::test]
async fn a_group_that_has_returned_is_not_hidden_by_a_deletion() {
    let app = TestApp::start().await;
    let (ann, mut a, tam, _t) = two(&app.service(), ["ann", "tam"]).await;
    let group = group(&app.service(), &["ann", "tam"]).await;
    send(&mut a, &group, "before").await;
    let hidden = with(&json!({ "hidden": true }));
    assert_eq!(set(&tam, &group, json!({ "hidden": true })).await, hidden);
    // A change of the group does not show it again.
    ann.patch(&format!("groups/{group}/"), json!({ "name": "other" })).await.ok(200);
    assert_eq!(me(&tam, &group).await, hidden);
    let sent = ann.post("messages/", json!({ "group": group, "body": "after" })).await.ok(201);
    assert_eq!(me(&tam, &group).await, with(&json!({})));
    let path = format!("messages/{}/", sent["id"].as_str().expect("an id"));
    ann.delete(&path).await.ok(200);
    assert_eq!(me(&tam, &group).await, with(&json!({})));
    assert_eq!(tam.ws().await.summary()[0]["me"]["hidden"], false);
}

#[tokio::test]
async fn a_wrong_setting_is_refused_once() {
    let app = TestApp::start().await;
    let (_ann, _a, tam, _t) = two(&app.service(), ["ann", "tam"]).await;
    let path = format!("groups/{}/me/", group(&app.service(), &["ann", "tam"]).await);
    for (wrong, field) in [
        (json!({ "notify": "some" }), "notify"),
        (json!({ "muted_until": "soon" }), "muted_until"),
        (json!({ "pinned": 1 }), "pinned"),
        (json!({}), "notify"),
    ] {
        let refused = tam.patch(&path, wrong.clone()).await.ok(400);
        let fields: Vec<_> =
            refused["errors"].as_array().expect("a list").iter().map(|error| &error["field"]).collect();
        assert_eq!(fields, [field], "{wrong}");
    }
}

//! The key `reads` of a group: how far its members have read, for users who may see it.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{crowd, group, send, users};
use serde_json::{Value, json};

async fn read(client: &Client, group: &str, seq: u64) {
    client.post(&format!("groups/{group}/read/"), json!({ "seq": seq })).await.ok(200);
}

/// The read marks as a client sees them, which must be the same in an answer and in its summary.
async fn reads(client: &Client, group: &str) -> Value {
    let seen = client.get(&format!("groups/{group}/?fields=reads")).await.ok(200);
    let socket = client.ws().await;
    let summary = socket.summary();
    let shown = summary.as_array().expect("a list").iter().find(|each| each["id"] == group);
    assert_eq!(shown.expect("the group").get("reads"), seen.get("reads"), "in both");
    seen.get("reads").cloned().unwrap_or_default()
}

#[tokio::test]
async fn members_see_how_far_each_has_read() {
    let app = TestApp::start().await;
    let people = users(&app.service(), &["ann", "bob", "tam"]).await;
    let [ann, bob, tam] = &people[..] else { unreachable!() };
    let group = group(&app.service(), &["ann", "bob", "tam"]).await;
    assert_eq!(reads(ann, &group).await, json!({}));
    for body in ["one", "two"] {
        send(ann, &group, body).await;
    }
    read(bob, &group, 2).await;
    read(tam, &group, 3).await;
    assert_eq!(reads(ann, &group).await, json!({ "bob": 2, "tam": 3 }));
    let path = format!("groups/{group}/?fields=reads");
    assert_eq!(app.service().get(&path).await.ok(200), json!({ "reads": { "bob": 2, "tam": 3 } }));

    // A former member is not listed. Its read mark returns with it.
    let change = async |change| app.service().patch(&format!("groups/{group}/"), change).await.ok(200);
    let changed = change(json!({ "remove": ["tam"] })).await;
    assert_eq!(changed.get("reads"), None, "an answer for nobody in particular");
    assert_eq!(reads(ann, &group).await, json!({ "bob": 2 }));
    let mut t = tam.ws().await;
    change(json!({ "members": ["tam"] })).await;
    let whole = t.expect("group.update").await;
    assert_eq!(whole["data"]["reads"], json!({ "bob": 2, "tam": 3 }), "new to tam");
    let me = json!({
        "notify": "all", "muted_until": null, "hidden": false, "pinned": false, "marked_unread": false,
        "mentioned": 0, "pending": false,
    });
    assert_eq!(whole["data"]["me"], me);
}

#[tokio::test]
async fn hidden_and_blocked_marks_are_left_out() {
    let app = TestApp::start().await;
    let people = users(&app.service(), &["ann", "bob", "tam"]).await;
    let [ann, bob, tam] = &people[..] else { unreachable!() };
    let group = group(&app.service(), &["ann", "bob", "tam"]).await;
    send(ann, &group, "one").await;
    for client in [ann, bob, tam] {
        read(client, &group, 2).await;
    }
    bob.patch("users/bob/", json!({ "settings": { "hide_reads": true } })).await.ok(200);
    assert_eq!(reads(ann, &group).await, json!({ "ann": 2, "tam": 2 }));
    assert_eq!(reads(bob, &group).await, json!({ "bob": 2 }), "who hides sees nobody");
    let all = app.service().get(&format!("groups/{group}/?fields=reads")).await.ok(200);
    assert_eq!(all, json!({ "reads": { "ann": 2, "bob": 2, "tam": 2 } }));

    bob.patch("users/bob/", json!({ "settings": { "hide_reads": false } })).await.ok(200);
    let mut t = tam.ws().await;
    t.ask("contact.update", json!({ "name": "ann", "operation": "block" })).await;
    assert_eq!(reads(ann, &group).await, json!({ "ann": 2, "bob": 2 }));
    assert_eq!(reads(tam, &group).await, json!({ "bob": 2, "tam": 2 }));
    assert_eq!(reads(bob, &group).await, json!({ "ann": 2, "bob": 2, "tam": 2 }));

    // The event for a joining user also omits read marks hidden by a block.
    app.service().patch(&format!("groups/{group}/"), json!({ "remove": ["tam"] })).await.ok(200);
    t.until("group.quit").await;
    app.service().patch(&format!("groups/{group}/"), json!({ "members": ["tam"] })).await.ok(200);
    assert_eq!(t.until("group.update").await["data"]["reads"], json!({ "bob": 2, "tam": 2 }));
}

#[tokio::test]
async fn pending_members_show_no_marks() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let people = users(&app.service(), &["ann", "bob"]).await;
    let [ann, bob] = &people[..] else { unreachable!() };
    let made = ann.post("groups/", json!({ "name": "g", "members": ["bob"] })).await.ok(201);
    let group = made["id"].as_str().expect("an id");
    send(ann, group, "one").await;
    read(ann, group, 2).await;
    read(bob, group, 2).await;
    assert_eq!(reads(ann, group).await, json!({ "ann": 2 }));
    assert_eq!(reads(bob, group).await, json!({}), "while it looks");
    bob.post(&format!("groups/{group}/accept/"), json!({})).await.ok(200);
    assert_eq!(reads(ann, group).await, json!({ "ann": 2, "bob": 2 }));
}

#[tokio::test]
async fn large_groups_have_no_marks() {
    let app = TestApp::start().await;
    let people = crowd(&app.service(), "u", 101).await;
    let names: Vec<_> = people.iter().map(Client::name).collect();
    let group = group(&app.service(), &names[..100]).await;
    send(&people[0], &group, "one").await;
    read(&people[1], &group, 2).await;
    assert_eq!(reads(&people[0], &group).await, json!({ "u1": 2 }));
    app.service().patch(&format!("groups/{group}/"), json!({ "members": [names[100]] })).await.ok(200);
    assert_eq!(reads(&people[0], &group).await, Value::Null);
}

//! The windows within which authors may edit and delete their messages.

use std::time::Duration;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::setup::{group, head, id, send};
use serde_json::json;

const HOUR: Duration = Duration::from_secs(3600);
const EDIT: &str = "an author can edit a message for 3600 s, and this one is older";
const DELETE: &str = "an author can delete a message for 3600 s, and this one is older";

async fn windows() -> TestApp {
    TestApp::with(|options| {
        options.limits.edit_window = Some(HOUR);
        options.limits.delete_window = Some(HOUR);
    })
    .await
}

/// A message with a date years ago; returns its id.
async fn old(app: &TestApp, author: &str, group: &str) -> String {
    let old = json!({ "group": group, "author": author, "body": "old", "date": "2024-05-12T10:29:16Z" });
    id(&app.service().post("messages/", old).await.ok(201))
}

fn path(message: &str) -> String {
    format!("messages/{message}/")
}

#[tokio::test]
async fn an_author_changes_a_message_within_the_windows_only() {
    let app = windows().await;
    let (_ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let (new, late) = (id(&send(&bob, &group, "new").await), old(&app, "bob", &group).await);
    let before = head(&bob, &group).await;
    let refused = bob.patch(&path(&late), json!({ "body": "x" })).await.ok(403);
    assert_eq!(refused["detail"], EDIT);
    assert_eq!(bob.delete(&path(&late)).await.ok(403)["detail"], DELETE);
    let mut socket = bob.ws().await;
    for (event, data, why) in [
        ("message.update", json!({ "id": late, "body": "x" }), EDIT),
        ("message.delete", json!({ "id": late }), DELETE),
    ] {
        let refused = socket.ask(event, data).await;
        assert_eq!((&refused["code"], &refused["data"]["detail"]), (&json!(403), &json!(why)));
    }
    assert_eq!(head(&bob, &group).await, before, "nothing has changed");
    bob.patch(&path(&new), json!({ "body": "x" })).await.ok(200);
    bob.delete(&path(&new)).await.ok(200);
}

#[tokio::test]
async fn admins_delete_and_the_service_changes_at_any_time() {
    let app = windows().await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    app.user("bob").await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    app.service().patch(&format!("groups/{group}/"), json!({ "admins": ["eve"] })).await.ok(200);
    let own = old(&app, "eve", &group).await;
    eve.patch(&path(&own), json!({ "body": "x" })).await.ok(403);
    eve.delete(&path(&own)).await.ok(200);
    eve.delete(&path(&old(&app, "bob", &group).await)).await.ok(200);
    ann.delete(&path(&old(&app, "ann", &group).await)).await.ok(200);
    let late = path(&old(&app, "bob", &group).await);
    app.service().patch(&late, json!({ "body": "x" })).await.ok(200);
    app.service().delete(&late).await.ok(200);
}

#[tokio::test]
async fn nobody_deletes_old_messages_of_a_private_group() {
    let app = windows().await;
    let ann = app.user("ann").await;
    app.user("bob").await;
    let private = ann.put("private/", json!({ "user": "bob" })).await.ok(201);
    let late = old(&app, "ann", private["id"].as_str().expect("an id")).await;
    ann.delete(&path(&late)).await.ok(403);
    app.service().delete(&path(&late)).await.ok(200);
}

#[tokio::test]
async fn the_server_says_how_long_messages_can_be_changed() {
    let shown = async |app: &TestApp| app.nobody().get("server/").await.ok(200)["messages"].clone();
    assert_eq!(shown(&windows().await).await, json!({ "edit_window": 3600, "delete_window": 3600 }));
    let anytime = json!({ "edit_window": null, "delete_window": null });
    assert_eq!(shown(&TestApp::start().await).await, anytime);
}

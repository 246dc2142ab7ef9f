//! A user's payload cannot set the author, number, date, id or role.

use chinwag_testkit::app::TestApp;
use serde_json::{Value, json};

use crate::{group, send, text};

const FORGED: &str = "018f0000-0000-7000-8000-00000000f00d";

/// A payload with every field that only the server may set.
fn forged(own: impl Into<Value>) -> Value {
    let own = own.into();
    let mut body = json!({
        "seq": 77, "date": "2001-01-01T00:00:00Z", "edited": "2001-01-01T00:00:00Z",
        "role": "owner", "roles": { "eve": "owner" }, "head": 99, "author_id": 1, "service": true,
        "last_read_seq": 1, "unread": 7, "user": "ann", "caller": "service",
    });
    for (key, value) in own.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

fn is_the_servers(message: &Value, seq: i64) {
    assert_eq!((&message["author"], &message["seq"]), (&json!("eve"), &json!(seq)), "{message}");
    assert_ne!(message["id"], FORGED, "{message}");
    assert!(!text(&message["date"]).starts_with("2001"), "{message}");
    assert!(!message["edited"].as_str().unwrap_or_default().starts_with("2001"), "{message}");
}

#[tokio::test]
async fn a_senders_author_number_date_and_id_never_count() {
    let app = TestApp::start().await;
    let (service, ann, eve) = (app.service(), app.user("ann").await, app.user("eve").await);
    let group = group(&service, &["ann", "eve"]).await;
    let (mut anns, mut eves) = (ann.ws().await, eve.ws().await);

    // The service may set these fields, which proves that the server reads them.
    let imported = json!({ "group": group, "body": "old", "author": "eve", "date": "2001-01-01T00:00:00Z" });
    let imported = service.post("messages/", imported).await.ok(201);
    assert!(text(&imported["date"]).starts_with("2001"), "{imported}");
    anns.until("message.text").await;

    let data = forged(json!({ "id": FORGED, "group": group, "body": "hi", "author": "ann" }));
    assert_eq!(eve.post("messages/", data.clone()).await.status, 403, "REST refuses another's name");
    let own = forged(json!({ "id": FORGED, "group": group, "body": "hi", "author": "eve" }));
    let sent = eve.post("messages/", own).await.ok(201);
    is_the_servers(&sent, 3);
    is_the_servers(&anns.until("message.text").await["data"], 3);
    let frame = eves.ask("message.text", data).await;
    is_the_servers(&frame["data"], 4);
    is_the_servers(&anns.until("message.text").await["data"], 4);
    assert_eq!(frame["seq"], 4);

    let id = text(&sent["id"]);
    let edit = forged(json!({ "group": FORGED, "body": "better", "author": "eve", "respond_to": FORGED }));
    let edited = eve.patch(&format!("messages/{id}/"), edit.clone()).await.ok(200);
    is_the_servers(&edited, 3);
    let mut edit = edit;
    (edit["id"], edit["author"]) = (json!(id), json!("ann"));
    let frame = eves.ask("message.update", edit).await;
    is_the_servers(&frame["data"], 3);
    assert_eq!((&frame["data"]["group"], &frame["data"]["respond_to"]), (&json!(group), &Value::Null));
    let stored = ann.get(&format!("messages/{id}/")).await.ok(200);
    assert_eq!(stored, frame["data"]);
}

#[tokio::test]
async fn users_cannot_set_an_author_or_take_a_role() {
    let app = TestApp::start().await;
    let (service, ann, eve) = (app.service(), app.user("ann").await, app.user("eve").await);
    let group = group(&service, &["ann", "eve"]).await;
    let anns = text(&send(&ann, &group, "ann's").await["id"]);
    let mut eves = eve.ws().await;
    let path = format!("groups/{group}/");
    // The owner may do this: later refusals are due to the caller alone.
    ann.patch(&path, json!({ "name": "ann was here", "author": "ann" })).await.ok(200);

    for author in ["ann", "admin", "system"] {
        let change = forged(json!({ "name": "eve was here", "author": author }));
        assert_eq!(eve.patch(&path, change.clone()).await.status, 403, "{author}");
        let mut data = change;
        data["group"] = json!(group);
        for (kind, more) in [
            ("group.update", json!({})),
            ("group.update", json!({ "owner": ["eve"] })),
            ("group.delete", json!({})),
            ("message.update", json!({ "id": anns, "body": "eve's" })),
            ("message.delete", json!({ "id": anns })),
        ] {
            let mut data = data.clone();
            for (key, value) in more.as_object().expect("an object") {
                data[key] = value.clone();
            }
            assert_eq!(eves.ask(kind, data).await["code"], 403, "{kind} as {author}");
        }
        let post = json!({ "name": "eve's", "author": author, "owner": [author], "id": FORGED });
        assert_eq!(eve.post("groups/", post).await.status, 403);
    }
    let after = ann.get(&format!("{path}?fields=__all__")).await.ok(200);
    assert_eq!((&after["name"], &after["owner"]), (&json!("ann was here"), &json!(["ann"])));

    let made = forged(
        json!({ "id": FORGED, "name": "eve's", "author": "ann", "owner": ["ann"], "members": ["ann"] }),
    );
    let made = eves.ask("group.create", made).await["data"].clone();
    assert_eq!((&made["owner"], &made["members"]), (&json!(["eve"]), &json!(["ann"])), "{made}");
    assert_ne!(made["id"], FORGED);
    let relation = json!({ "author": "ann", "name": "eve", "operation": "invitation" });
    assert_eq!(eves.ask("contact.update", relation.clone()).await["code"], 400, "eve invites herself");
    assert_eq!(eve.patch("users/ann/", json!({ "contact": relation })).await.status, 403);
    let read = eves.ask("message.read", json!({ "group": group, "seq": 2, "author": "ann" })).await;
    assert_eq!(read["data"]["author"], "eve");
    let status = eves.ask("status.update", json!({ "author": "ann", "status": "afk" })).await;
    assert_eq!(status["data"]["author"], "eve");
}

//! The field `data` of messages.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::setup::{group, id, two};
use serde_json::{Value, json};

#[tokio::test]
async fn everybody_receives_the_data_of_a_message() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let data = json!({ "order": 17, "<b>": [1.5, null, "é"], "a": { "b": {} } });
    let sent = json!({ "group": group, "body": "one", "data": data });
    let sent = ann.post("messages/", sent).await.ok(201);
    assert_eq!(sent["data"], data);
    assert_eq!(b.until("message.text").await["data"]["data"], data);
    let event = a.ask("message.text", json!({ "group": group, "body": "two", "data": data })).await;
    assert_eq!((&event["type"], &event["data"]["data"]), (&json!("message.text"), &data));
    let plain = a.ask("message.text", json!({ "group": group, "body": "three", "data": null })).await;
    assert_eq!(plain["data"]["data"], Value::Null);
    let history = bob.get(&format!("groups/{group}/messages/?fields=data")).await.ok(200);
    assert_eq!(history, json!([{ "data": null }, { "data": data }, { "data": data }]));
    assert_eq!(bob.ws().await.summary()[0]["messages"][1]["data"], data);
    b.send(json!({ "type": "sync.resume", "data": { "groups": { &group: 1 } } })).await;
    assert_eq!(b.until("message.text").await["data"]["data"], data);
    let first = a.ask("message.first", json!({ "target": "bob", "body": "hi", "data": data })).await;
    assert_eq!(first["data"]["messages"][0]["data"], data);
    let next = a.ask("message.first", json!({ "target": "bob", "body": "again", "data": data })).await;
    assert_eq!(next["data"]["data"], data);
}

#[tokio::test]
async fn an_edit_keeps_the_data_and_a_deletion_erases_it() {
    let app = TestApp::start().await;
    let (ann, _bob, service) = (app.user("ann").await, app.user("bob").await, app.service());
    let group = group(&service, &["ann", "bob"]).await;
    let sent = json!({ "group": group, "body": "one", "data": { "a": 1 } });
    let message = id(&ann.post("messages/", sent).await.ok(201));
    let path = format!("messages/{message}/");
    ann.put(&format!("{path}reactions/:a:/"), json!({})).await.ok(200);
    ann.put(&format!("{path}pin/"), json!({})).await.ok(200);
    let edited = ann.patch(&path, json!({ "body": "two", "data": { "b": 2 } })).await;
    assert_eq!(edited.header("chinwag-ignored"), "data");
    assert_eq!((&edited.json["data"], &edited.json["pinned"]), (&json!({ "a": 1 }), &json!(true)));
    let censored = service.patch(&path, json!({ "body": "three" })).await.ok(200);
    assert_eq!((&censored["data"], &censored["reactions"][":a:"]["count"]), (&json!({ "a": 1 }), &json!(1)));
    ann.delete(&format!("{path}pin/")).await.ok(200);
    assert_eq!(ann.get(&path).await.ok(200)["data"], json!({ "a": 1 }));
    ann.delete(&path).await.ok(200);
    ann.get(&path).await.ok(404);
}

#[tokio::test]
async fn data_is_an_object_of_four_kibibytes() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let mut socket = ann.ws().await;
    let longest = json!({ "a": "x".repeat(4096 - r#"{"a":""}"#.len()) });
    let longer = json!({ "a": "x".repeat(4097 - r#"{"a":""}"#.len()) });
    for data in [json!([]), json!("x"), json!(1), longer] {
        let message = json!({ "group": group, "body": "one", "data": data });
        let refused = ann.post("messages/", message.clone()).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "data");
        let refused = socket.ask("message.text", message).await;
        assert_eq!((&refused["code"], &refused["data"]["errors"][0]["field"]), (&json!(400), &json!("data")));
    }
    let message = json!({ "group": group, "body": "one", "data": longest });
    assert_eq!(ann.post("messages/", message).await.ok(201)["seq"], 2, "nothing else was sent");
}

#[tokio::test]
async fn a_retry_has_the_same_data() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let message = |data: Value| json!({ "group": group, "body": "one", "client_id": "1", "data": data });
    let first = ann.post("messages/", message(json!({ "a": 1 }))).await.ok(201);
    let again = ann.post("messages/", message(json!({ "a": 1 }))).await.ok(201);
    assert_eq!((&again["id"], &again["data"]), (&first["id"], &json!({ "a": 1 })));
    for data in [json!({ "a": 2 }), Value::Null] {
        ann.post("messages/", message(data)).await.ok(409);
    }
}

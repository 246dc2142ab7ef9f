//! Blocks: neither side receives anything of the other, except the log of groups that are not private.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::setup::two;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

async fn relate(socket: &mut Ws, name: &str, operation: &str) -> Value {
    socket.ask("contact.update", json!({ "name": name, "operation": operation })).await
}

#[tokio::test]
async fn a_block_restricts_both_and_changes_no_log() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group =
        a.ask("message.first", json!({ "target": "bob", "body": "hello" })).await["data"]["id"].clone();
    let group = group.as_str().expect("an id");
    b.until("group.update").await;
    let own = b.ask("message.text", json!({ "group": group, "body": "mine" })).await["data"]["id"].clone();
    a.until("message.text").await;

    assert_eq!(relate(&mut a, "bob", "block").await["data"]["operation"], "block");
    a.quiet().await;
    b.quiet().await;
    for client in [&ann, &bob] {
        let seen = client.get(&format!("groups/{group}/?fields=__all__")).await.ok(200);
        assert_eq!((&seen["restricts"], &seen["members"]), (&json!(["ann", "bob"]), &json!([])));
        assert_eq!(seen["head"], 2, "a block takes no number");
        let fresh = client.ws().await;
        assert_eq!(fresh.summary()[0]["restricts"], json!(["ann", "bob"]));
    }
    for socket in [&mut a, &mut b] {
        let data = json!({ "group": group, "body": "?" });
        for (kind, data) in [
            ("message.text", data),
            ("message.update", json!({ "id": own, "body": "other" })),
            ("message.delete", json!({ "id": own })),
        ] {
            let refused = socket.ask(kind, data).await;
            assert_eq!((&refused["type"], &refused["code"]), (&json!("error.data"), &json!(403)), "{kind}");
        }
    }
    let refused = b.ask("message.first", json!({ "target": "ann", "body": "?" })).await;
    assert_eq!(refused["code"], 403);
    assert_eq!(relate(&mut b, "ann", "invite").await["code"], 403);
    assert_eq!(relate(&mut a, "bob", "contact").await["code"], 400, "remove the block first");
    for client in [&ann, &bob] {
        let refused = client.post("messages/", json!({ "group": group, "body": "?" })).await;
        assert_eq!(refused.status, 403, "{}", refused.text);
    }

    assert_eq!(relate(&mut b, "ann", "blocked").await["data"]["operation"], "block");
    relate(&mut a, "bob", "unblock").await;
    let still = a.ask("message.text", json!({ "group": group, "body": "?" })).await;
    assert_eq!(still["code"], 403, "the other's block stands");
    relate(&mut b, "ann", "remove").await;
    let sent = a.ask("message.text", json!({ "group": group, "body": "peace" })).await;
    assert_eq!((&sent["type"], &sent["seq"]), (&json!("message.text"), &json!(3)));
}

#[tokio::test]
async fn only_the_author_of_a_block_is_notified() {
    let app = TestApp::start().await;
    let (_ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    relate(&mut a, "bob", "contact").await;
    relate(&mut b, "ann", "contact").await;
    b.until("status.update").await;
    a.until("status.update").await;
    relate(&mut a, "bob", "block").await;
    let ended = b.until("contact.update").await;
    assert_eq!(ended["data"], json!({ "author": "ann", "name": "bob", "operation": "remove" }));
    relate(&mut a, "bob", "unblock").await;
    relate(&mut a, "bob", "block").await;
    b.quiet().await;
    let lists = bob.get("users/bob/?fields=contacts+blocked_by").await.ok(200);
    assert_eq!(lists, json!({ "contacts": [], "blocked_by": [] }));
    let lists = app.service().get("users/bob/?fields=contacts+blocked_by").await.ok(200);
    assert_eq!(lists, json!({ "contacts": [], "blocked_by": ["ann"] }));
    assert_eq!(bob.ws().await.contacts()["blocked_by"], json!([]));
}

#[tokio::test]
async fn blocks_are_shown_where_the_setting_says_so() {
    let app = TestApp::with(|options| options.limits.show_blocked_by = true).await;
    let (_ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    relate(&mut a, "bob", "block").await;
    let event = b.until("contact.update").await;
    assert_eq!(event["data"], json!({ "author": "ann", "name": "bob", "operation": "block" }));
    assert_eq!(bob.ws().await.contacts()["blocked_by"], json!(["ann"]));
}

/// Sends typing and a read mark on a socket: the third user receives them, the other one does not.
async fn read_and_type(socket: &mut Ws, other: &mut Ws, third: &mut Ws, group: &Value) {
    socket.send(json!({ "type": "typing.start", "data": { "group": group } })).await;
    let data = json!({ "group": group, "seq": 2 });
    socket.send(json!({ "type": "message.read", "data": data, "ref": "read" })).await;
    assert_eq!(socket.next().await["ref"], "read");
    let (typing, read) = (third.next().await, third.next().await);
    let mut types = [&typing["type"], &read["type"]];
    types.sort_by_key(|kind| kind.as_str());
    assert_eq!(types, ["message.read", "typing.start"]);
    other.quiet().await;
}

#[tokio::test]
async fn a_shared_group_has_one_log_and_hides_reading_and_typing() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let (eve, service) = (app.user("eve").await, app.service());
    let mut e = eve.ws().await;
    let group = json!({ "name": "g", "author": "eve", "members": ["ann", "bob"] });
    let group = service.post("groups/", group).await.ok(201)["id"].clone();
    for socket in [&mut a, &mut b, &mut e] {
        socket.until("group.update").await;
    }
    relate(&mut a, "bob", "block").await;
    let sent = a.ask("message.text", json!({ "group": group, "body": "for all" })).await;
    assert_eq!(b.until("message.text").await["seq"], sent["seq"]);
    e.until("message.text").await;
    read_and_type(&mut a, &mut b, &mut e, &group).await;
    read_and_type(&mut b, &mut a, &mut e, &group).await;
    for (client, name) in [(&ann, "bob"), (&bob, "ann")] {
        let refused = client.post("groups/", json!({ "name": "new", "members": [name] })).await;
        assert_eq!(refused.status, 403, "{}", refused.text);
    }
}

#[tokio::test]
async fn blocked_user_does_not_learn_a_new_name() {
    let app = TestApp::start().await;
    let (_ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    a.ask("message.first", json!({ "target": "bob", "body": "hello" })).await;
    b.until("group.update").await;
    relate(&mut a, "bob", "block").await;
    let service = app.service();
    service.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    let frame = a.until("user.update").await;
    assert_eq!(frame["data"]["new_name"], "anna");
    // Nor does he by what he has missed.
    let mut again = bob.ws().await;
    let group = again.summary()[0]["id"].as_str().expect("an id").to_owned();
    again.send(json!({ "type": "sync.resume", "data": { "groups": { &group: 1 } } })).await;
    assert_eq!(again.expect("sync.done").await["data"]["groups"], json!({ &group: 2 }));
    // Her list of blocked users is private.
    service.patch("users/bob/", json!({ "new_name": "rob" })).await.ok(200);
    assert_eq!(a.until("user.update").await["data"]["name"], "bob");
    assert_eq!(b.until("user.update").await["data"]["name"], "bob");
}

#[tokio::test]
async fn the_blocked_query_answers_as_the_original_does() {
    let app = TestApp::start().await;
    let (_ann, mut a, bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    relate(&mut a, "bob", "block").await;
    let service = app.service();
    let long = "x".repeat(400);
    for (author, target, expected) in [
        (json!("bob"), json!("ann"), 403),
        (json!("ann"), json!("bob"), 200),
        (json!("bob"), json!("nobody"), 404),
        (json!("nobody"), json!("bob"), 404),
        (json!("bob"), json!(""), 404),
        (json!(""), json!("bob"), 404),
        (json!("bob"), json!("a b"), 404),
        (json!("bob"), json!(long), 404),
        (json!("bob"), json!(7), 400),
        (json!(null), json!("bob"), 400),
        (json!("bob"), json!(null), 400),
    ] {
        let asked = json!({ "author": author, "target": target });
        assert_eq!(service.post("relations/blocked/", asked.clone()).await.status, expected, "{asked}");
    }
    bob.post("relations/blocked/", json!({ "target": "ann" })).await.ok(403);
    bob.post("relations/blocked/", json!({ "author": "", "target": "nobody" })).await.ok(404);
}

#[tokio::test]
async fn a_block_is_made_however_many_relations_there_are() {
    let app = TestApp::with(|options| options.limits.user_relations = 2).await;
    let (_ann, mut a, _bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    for name in ["c1", "c2", "c3"] {
        app.user(name).await;
    }
    assert_eq!(relate(&mut a, "c1", "invite").await["type"], "contact.update");
    assert_eq!(relate(&mut a, "c2", "invite").await["type"], "contact.update");
    assert_eq!(relate(&mut a, "c3", "invite").await["code"], 400);
    assert_eq!(relate(&mut b, "ann", "invite").await["type"], "contact.update", "it is no relation of ann's");
    assert_eq!(relate(&mut a, "c3", "block").await["type"], "contact.update");
    assert_eq!(relate(&mut a, "bob", "contact").await["code"], 400, "and a contact would be one");
    assert_eq!(relate(&mut a, "bob", "block").await["type"], "contact.update");
}

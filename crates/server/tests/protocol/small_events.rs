//! Events stay small, however large the group is and however many groups there are.

use chinwag_core::limits::MAX_LISTED_MEMBERS;
use chinwag_testkit::app::TestApp;
use serde_json::{Value, json};

/// A group with one member more than lists contain, and a message. Returns its id.
async fn large_group(app: &TestApp) -> Value {
    let service = app.service();
    let mut names = vec!["bob".to_owned()];
    for n in 2..=MAX_LISTED_MEMBERS {
        let name = format!("user{n}");
        service.post("users/", json!({ "name": name })).await.ok(201);
        names.push(name);
    }
    let group = json!({ "name": "large", "author": "ann", "members": names });
    let group = service.post("groups/", group).await.ok(201)["id"].clone();
    let sent = json!({ "author": "ann", "group": group, "body": "first" });
    service.post("messages/", sent).await.ok(201);
    group
}

#[tokio::test]
async fn change_of_a_large_group_carries_no_lists_and_no_messages() {
    let app = TestApp::start().await;
    let (ann, bob, cat) = (app.user("ann").await, app.user("bob").await, app.user("cat").await);
    let group = large_group(&app).await;
    let (mut anns, mut bobs, mut cats) = (ann.ws().await, bob.ws().await, cat.ws().await);
    anns.ask("group.update", json!({ "id": group, "name": "renamed" })).await;
    let mut event = bobs.until("group.update").await;
    let entry = event["data"].as_object_mut().and_then(|data| data.remove("entry")).expect("an entry");
    assert_eq!(entry["changes"], json!([{ "kind": "renamed", "name": "renamed" }]));
    let brief = json!({
        "id": group, "name": "renamed", "owner": ["ann"], "members_count": 101, "avatar": null, "open": false,
        "slow": 0, "keep": null, "messages": [],
    });
    assert_eq!(event["data"], brief);
    let removal = json!({ "id": group, "remove": ["user2"] });
    anns.ask("group.update", removal).await;
    let listed = bobs.until("group.update").await;
    assert_eq!(
        listed["data"]["members"].as_array().map(Vec::len),
        Some(MAX_LISTED_MEMBERS - 1),
        "it is large no more"
    );
    anns.ask("group.update", json!({ "id": group, "members": ["cat"] })).await;
    let whole = cats.until("group.update").await;
    assert_eq!(whole["data"]["members"].as_array().map(Vec::len), Some(MAX_LISTED_MEMBERS));
    assert_eq!((&whole["data"]["messages"][0]["body"], &whole["data"]["head"]), (&json!("first"), &json!(5)));
    let seen = ann.get(&format!("groups/{}/?fields=__all__", group.as_str().expect("an id"))).await.ok(200);
    assert_eq!(
        (seen["members"].as_array().map(Vec::len), &seen["members_count"]),
        (Some(MAX_LISTED_MEMBERS), &json!(101))
    );
}

#[tokio::test]
async fn read_mark_in_a_large_group_reaches_own_sockets_alone() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = large_group(&app).await;
    let (mut anns, mut first, mut second) = (ann.ws().await, bob.ws().await, bob.ws().await);
    let read = first.ask("message.read", json!({ "group": group, "seq": 2 })).await;
    assert_eq!(second.until("message.read").await["data"], read["data"]);
    anns.ask("group.update", json!({ "id": group, "remove": ["user2"] })).await;
    anns.ask("message.text", json!({ "group": group, "body": "second" })).await;
    first.ask("message.read", json!({ "group": group, "seq": 4 })).await;
    let event = anns.until("message.read").await;
    assert_eq!(event["data"]["seq"], 4, "only the mark in the group of 100 was told");
}

#[tokio::test]
async fn rename_is_one_event_for_each_receiver() {
    let app = TestApp::start().await;
    let (_, bob) = (app.user("ann").await, app.user("bob").await);
    let mut bobs = bob.ws().await;
    let mut groups = Vec::new();
    for n in 0..3 {
        let group = json!({ "name": format!("group {n}"), "author": "ann", "members": ["bob"] });
        groups.push(app.service().post("groups/", group).await.ok(201)["id"].clone());
        bobs.until("group.update").await;
    }
    app.service().patch("users/ann/", json!({ "new_name": "eve" })).await.ok(200);
    assert_eq!(bobs.next().await["type"], "user.update");
    for group in groups {
        bobs.send(json!({ "type": "message.text", "data": { "group": group, "body": "hi" } })).await;
        let next = bobs.next().await;
        assert_eq!((&next["type"], &next["seq"]), (&json!("message.text"), &json!(3)));
    }
    assert_eq!(app.hub().counts().gaps, 0);
}

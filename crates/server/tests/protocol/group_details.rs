//! Details of groups: description, picture, data, openness, slow mode and retention.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, id, send, two, users};
use serde_json::{Value, json};

const PLAIN: [(&str, Value); 6] = [
    ("description", Value::Null),
    ("avatar", Value::Null),
    ("data", Value::Null),
    ("open", Value::Bool(false)),
    ("slow", Value::Null),
    ("keep", Value::Null),
];

fn path(group: &str) -> String {
    format!("groups/{group}/")
}

fn details(group: &Value) -> Value {
    PLAIN.iter().map(|(key, _)| ((*key).to_owned(), group[key].clone())).collect()
}

async fn stored(client: &Client, group: &str) -> Value {
    details(&client.get(&format!("{}?fields=__all__", path(group))).await.ok(200))
}

fn full() -> Value {
    json!({
        "description": "Tea\nand cake", "avatar": "https://a.example/tea.png", "data": { "room": [1, null] },
        "open": true, "slow": 60, "keep": 30,
    })
}

fn none() -> Value {
    json!({ "description": null, "avatar": null, "data": null, "open": false, "slow": 0, "keep": null })
}

#[tokio::test]
async fn details_are_set_at_creation_and_shown_everywhere() {
    let app = TestApp::start().await;
    let [ann, bob] = users(&app.service(), &["ann", "bob"]).await.try_into().expect("two");
    let (mut a, mut b) = (ann.ws().await, bob.ws().await);
    let mut new = full();
    new["name"] = "tea".into();
    new["author"] = "ann".into();
    new["members"] = json!(["bob"]);
    let made = app.service().post("groups/", new).await.ok(201);
    assert_eq!(details(&made), full());
    let group = id(&made);
    assert_eq!(details(&a.until("group.update").await["data"]), full());
    assert_eq!(details(&b.until("group.update").await["data"]), full());
    assert_eq!((stored(&bob, &group).await, stored(&app.service(), &group).await), (full(), full()));
    assert_eq!(details(&bob.ws().await.summary()[0]), full());
    let listed = ann.get("groups/?fields=description+avatar+data+open+slow+keep").await.ok(200);
    assert_eq!(listed[0], full());

    let made = a.ask("group.create", json!({ "name": "plain", "description": "x", "keep": 5 })).await;
    assert_eq!((&made["data"]["description"], &made["data"]["keep"]), (&json!("x"), &json!(5)));
    let plain = a.ask("group.create", json!({ "name": "plain" })).await;
    assert_eq!(details(&plain["data"]), none());
}

#[tokio::test]
async fn an_event_carries_description_and_data_where_they_changed() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    a.until("group.update").await;
    b.until("group.update").await;
    let change = json!({ "id": group, "description": "Tea", "slow": 7, "keep": 9 });
    let answer = a.ask("group.update", change).await;
    let told = b.until("group.update").await;
    for event in [&answer, &told] {
        let data = &event["data"];
        assert_eq!(
            (&data["description"], &data["slow"], &data["keep"]),
            (&json!("Tea"), &json!(7), &json!(9))
        );
        assert_eq!((data.get("data"), &data["avatar"], &data["messages"]), (None, &Value::Null, &json!([])));
        assert_eq!(
            data["entry"]["changes"],
            json!([{ "kind": "changed", "keys": ["description", "slow", "keep"] }])
        );
    }
    ann.patch(&path(&group), json!({ "name": "renamed" })).await.ok(200);
    let told = b.until("group.update").await;
    assert_eq!((told["data"].get("description"), told["data"].get("data")), (None, None));
    assert_eq!((&told["data"]["slow"], &told["data"]["keep"]), (&json!(7), &json!(9)));
    ann.patch(&path(&group), json!({ "data": { "a": 1 }, "description": "" })).await.ok(200);
    let told = b.until("group.update").await;
    assert_eq!((&told["data"]["data"], &told["data"]["description"]), (&json!({ "a": 1 }), &Value::Null));
    // An update without a change takes no number and is answered only to its socket.
    let before = ann.get(&format!("{}?fields=head", path(&group))).await.ok(200);
    let same = a.ask("group.update", json!({ "id": group, "keep": 9, "data": { "a": 1 } })).await;
    assert_eq!(same.get("seq"), None);
    b.quiet().await;
    assert_eq!(ann.get(&format!("{}?fields=head", path(&group))).await.ok(200), before);
    // A client that was offline receives all details in their current state.
    let mut late = bob.ws().await;
    late.send(json!({ "type": "sync.resume", "data": { "groups": { &group: 1 } } })).await;
    let told = late.until("group.update").await;
    let wanted = json!({ "description": null, "avatar": null, "data": { "a": 1 }, "open": false, "slow": 7, "keep": 9 });
    assert_eq!((details(&told["data"]), told["data"].get("entry")), (wanted, None));
}

#[tokio::test]
async fn bad_details_are_refused_by_name_and_change_nothing() {
    let app = TestApp::start().await;
    let service = app.service();
    let ann = app.user("ann").await;
    let group = group(&service, &["ann"]).await;
    service.patch(&path(&group), full()).await.ok(200);
    let mut socket = ann.ws().await;
    for (key, value) in [
        ("description", json!("x".repeat(1001))),
        ("description", json!("\u{200b}")),
        ("description", json!("a\tb")),
        ("description", json!(5)),
        ("avatar", json!("http://a.example/a")),
        ("avatar", json!("")),
        ("data", json!([])),
        ("data", json!({ "a": "x".repeat(4096) })),
        ("open", json!("yes")),
        ("open", Value::Null),
        ("slow", json!(21_601)),
        ("slow", json!(-1)),
        ("slow", json!(1.5)),
        ("slow", Value::Null),
        ("keep", json!(0)),
        ("keep", json!(36_501)),
        ("keep", json!("30d")),
    ] {
        let refused = service.patch(&path(&group), json!({ key: value })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], key, "{value}");
        let refused =
            service.post("groups/", json!({ "name": "g", "author": "ann", key: value })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], key, "{value}");
        let refused = socket.ask("group.update", json!({ "id": group, key: value })).await;
        assert_eq!((&refused["code"], &refused["data"]["errors"][0]["field"]), (&json!(400), &json!(key)));
    }
    assert_eq!(stored(&ann, &group).await, full());
    service.patch(&path(&group), json!({ "description": null, "avatar": null, "data": null })).await.ok(200);
    let cleared =
        json!({ "description": null, "avatar": null, "data": null, "open": true, "slow": 60, "keep": 30 });
    assert_eq!(stored(&ann, &group).await, cleared);
}

#[tokio::test]
async fn owner_and_admins_set_details_and_the_service_pictures() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, cat] = users(&service, &["ann", "bob", "cat"]).await.try_into().expect("three");
    let made = json!({ "name": "g", "author": "ann", "admins": ["bob"], "members": ["cat"] });
    let group = id(&service.post("groups/", made).await.ok(201));
    for (client, status) in [(&ann, 200), (&bob, 200), (&cat, 403)] {
        let changes = [
            json!({ "description": client.name() }),
            json!({ "data": null }),
            json!({ "slow": 0 }),
            json!({ "keep": 1 }),
        ];
        for change in changes {
            client.patch(&path(&group), change).await.ok(status);
        }
    }
    let picture = json!({ "avatar": "https://a.example/a.png" });
    let refused = ann.patch(&path(&group), picture.clone()).await.ok(403);
    assert!(refused["detail"].as_str().is_some_and(|why| why.contains("avatar")), "{refused}");
    ann.post("groups/", json!({ "name": "g", "avatar": "https://a.example/a.png" })).await.ok(403);
    service.patch(&path(&group), picture).await.ok(200);
    ann.patch(&path(&group), json!({ "avatar": null })).await.ok(200);
}

#[tokio::test]
async fn only_the_service_sets_data_and_keep_of_private_groups() {
    let app = TestApp::start().await;
    let (ann, mut a, _bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = id(&ann.put("private/", json!({ "user": "bob" })).await.ok(201));
    b.until("group.update").await;
    for change in [json!({ "data": { "a": 1 } }), json!({ "description": "x" }), json!({ "keep": 1 })] {
        ann.patch(&path(&group), change.clone()).await.ok(403);
        let mut event = change;
        event["id"] = group.as_str().into();
        assert_eq!(a.ask("group.update", event).await["code"], 403);
    }
    for change in [
        json!({ "open": true }),
        json!({ "description": "x", "data": { "a": 1 } }),
        json!({ "name": "x", "data": {} }),
    ] {
        app.service().patch(&path(&group), change).await.ok(403);
    }
    app.service().patch(&path(&group), json!({ "data": { "a": 1 }, "keep": 1 })).await.ok(200);
    let told = b.until("group.update").await;
    assert_eq!((&told["data"]["data"], &told["data"]["keep"]), (&json!({ "a": 1 }), &json!(1)));
    assert_eq!(told["data"]["members"], json!(["ann", "bob"]));
}

#[tokio::test]
async fn slow_mode_limits_only_members() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, cat] = users(&service, &["ann", "bob", "cat"]).await.try_into().expect("three");
    let made = json!({ "name": "g", "author": "ann", "admins": ["bob"], "members": ["cat"], "slow": 600 });
    let group = id(&service.post("groups/", made).await.ok(201));
    for client in [&ann, &bob] {
        send(client, &group, "one").await;
        send(client, &group, "two").await;
    }
    let first = json!({ "group": group, "body": "one", "client_id": "1" });
    let stored = cat.post("messages/", first.clone()).await.ok(201);
    let refused = cat.post("messages/", json!({ "group": group, "body": "two", "client_id": "2" })).await;
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!(refused.status == 429 && (1..=600).contains(&wait), "{} {wait}", refused.status);
    assert!(refused.text.contains("slow mode"), "{}", refused.text);
    let mut socket = cat.ws().await;
    let refused = socket.ask("message.text", json!({ "group": group, "body": "two" })).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error.data"), &json!(429)));
    assert!(
        refused["data"]["retry_after"].as_u64().is_some_and(|wait| (1..=600).contains(&wait)),
        "{refused}"
    );
    // A retry is answered, and the service is exempt.
    assert_eq!(cat.post("messages/", first).await.ok(201)["id"], stored["id"]);
    service.post("messages/", json!({ "group": group, "author": "cat", "body": "three" })).await.ok(201);
    // A deletion does not shorten the wait; a lower limit applies at once.
    cat.delete(&format!("messages/{}/", id(&stored))).await.ok(200);
    cat.post("messages/", json!({ "group": group, "body": "four" })).await.ok(429);
    ann.patch(&path(&group), json!({ "slow": 0 })).await.ok(200);
    send(&cat, &group, "five").await;
    let bodies = ann.get(&format!("groups/{group}/messages/?fields=body")).await.ok(200);
    assert_eq!(bodies.as_array().map(Vec::len), Some(6), "{bodies}");
}

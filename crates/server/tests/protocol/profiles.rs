//! Profiles: display names, avatars, data and kinds, and the events that announce them.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{befriend, group, send, users};
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};

const AVATAR: &str = "https://app.example/a.png";

async fn patch(client: &Client, name: &str, body: Value) -> u16 {
    client.patch(&format!("users/{name}/"), body).await.status
}

#[tokio::test]
async fn a_profile_reaches_everybody_who_knows_the_user() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, cat, dan] = &users(&service, &["ann", "bob", "cat", "dan"]).await[..] else { panic!() };
    group(&service, &["ann", "bob"]).await;
    befriend(ann, cat).await;
    let (mut own, mut fellow, mut contact, mut stranger) =
        (ann.ws().await, bob.ws().await, cat.ws().await, dan.ws().await);
    ann.patch("users/ann/", json!({ "display_name": " Ann Lee " })).await.ok(200);
    let expected = json!({
        "name": "ann", "display_name": "Ann Lee", "avatar": null, "data": null, "kind": "person",
    });
    for socket in [&mut own, &mut fellow, &mut contact] {
        assert_eq!(socket.until("user.update").await["data"], expected);
    }
    // The service sets the other fields; a change without effect is not announced.
    let put = json!({ "avatar": AVATAR, "data": { "team": 1 }, "kind": "bot" });
    service.put("users/ann/", put.clone()).await.ok(200);
    service.put("users/ann/", put).await.ok(200);
    ann.patch("users/ann/", json!({ "display_name": null })).await.ok(200);
    let second = fellow.until("user.update").await["data"].clone();
    let whole = json!({
        "name": "ann", "display_name": "Ann Lee", "avatar": AVATAR, "data": { "team": 1 }, "kind": "bot",
    });
    assert_eq!(second, whole);
    assert_eq!(fellow.until("user.update").await["data"]["display_name"], Value::Null);
    // A rename includes the profile.
    service.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    let renamed = fellow.until("user.update").await["data"].clone();
    assert_eq!((&renamed["name"], &renamed["new_name"]), (&json!("ann"), &json!("anna")));
    assert_eq!((&renamed["avatar"], &renamed["kind"]), (&json!(AVATAR), &json!("bot")));
    app.quiet([&mut stranger]).await;
}

#[tokio::test]
async fn a_user_sets_its_own_name_and_nothing_more() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, _bob] = &users(&service, &["ann", "bob"]).await[..] else { panic!() };
    for (key, value) in [("data", json!({})), ("kind", json!("bot")), ("avatar", json!(AVATAR))] {
        let answer = ann.patch("users/ann/", json!({ "display_name": "x", key: value })).await;
        assert_eq!(answer.status, 403, "{key}");
        assert!(answer.text.contains(key), "{}", answer.text);
    }
    assert_eq!(patch(ann, "bob", json!({ "display_name": "x" })).await, 403);
    assert_eq!(patch(ann, "ann", json!({ "display_name": "\u{2800}" })).await, 400);
    assert_eq!(patch(ann, "ann", json!({ "avatar": "http://a.example/" })).await, 400);
    assert_eq!(patch(ann, "ann", json!({ "avatar": null })).await, 200);
    let both = json!({ "display_name": "Ann", "settings": { "hide_last_seen": true } });
    let user = ann.patch("users/ann/", both).await.ok(200);
    assert_eq!((&user["display_name"], &user["settings"]["hide_last_seen"]), (&json!("Ann"), &json!(true)));
    assert_eq!(patch(&service, "ann", json!({ "data": { "a": 1 }, "kind": "bot" })).await, 200);
}

#[tokio::test]
async fn settings_decide_who_sets_profiles() {
    let app = TestApp::with(|options| options.users.profile_by_service = true).await;
    let ann = app.service().user("ann").await;
    assert_eq!(patch(&ann, "ann", json!({ "display_name": "Ann" })).await, 403);
    assert_eq!(patch(&ann, "ann", json!({ "avatar": null })).await, 403);
    assert_eq!(patch(&ann, "ann", json!({ "settings": { "hide_reads": true } })).await, 200);
    let app = TestApp::with(|options| options.users.avatar_urls = true).await;
    let ann = app.service().user("ann").await;
    assert_eq!(patch(&ann, "ann", json!({ "avatar": AVATAR })).await, 200);
}

#[tokio::test]
async fn profiles_stand_beside_messages_that_carry_authors() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, cat] = &users(&service, &["ann", "bob", "cat"]).await[..] else { panic!() };
    let id = group(&service, &["ann", "bob"]).await;
    send(ann, &id, "hello").await;
    send(bob, &id, "hi").await;
    let fetch = json!({ "group": id });
    // Without any profile, the key `people` is absent.
    let mut socket = bob.ws().await;
    assert_eq!(socket.people(), &Value::Null);
    assert_eq!(socket.ask("message.fetch", fetch.clone()).await["people"], Value::Null);
    let since = socket.ask("sync.resume", json!({ "groups": { (&id): 1 } })).await;
    assert_eq!((&since["type"], &since["people"]), (&json!("sync.done"), &Value::Null));

    service.put("users/ann/", json!({ "display_name": "Ann Lee" })).await.ok(200);
    service.put("users/cat/", json!({ "kind": "bot" })).await.ok(200);
    bob.put("private/", json!({ "user": "cat" })).await.ok(201);
    let lee = json!({ "display_name": "Ann Lee", "avatar": null, "kind": "person" });
    let bot = json!({ "display_name": null, "avatar": null, "kind": "bot" });
    let mut socket = bob.ws().await;
    assert_eq!(socket.people(), &json!({ "ann": lee, "cat": bot }));
    assert_eq!(socket.ask("message.fetch", fetch).await["people"], json!({ "ann": lee }));
    let since = socket.ask("sync.resume", json!({ "groups": { (&id): 1 } })).await;
    assert_eq!((&since["type"], &since["people"]), (&json!("sync.done"), &json!({ "ann": lee })));

    // A group that is new to the receiver includes its authors' profiles.
    let mut newcomer = cat.ws().await;
    service.patch(&format!("groups/{id}/"), json!({ "members": ["cat"] })).await.ok(200);
    assert_eq!(newcomer.until("group.update").await["people"], json!({ "ann": lee }));
    let change = socket.until("group.update").await;
    assert_eq!((&change["data"]["id"], &change["people"]), (&json!(id), &Value::Null));
}

#[tokio::test]
async fn a_summary_in_pages_ends_with_all_profiles() {
    let app = TestApp::start().await;
    let service = app.service();
    let ann = service.user("ann").await;
    for number in 0..40 {
        let name = format!("user{number:02}");
        let user = service.user(&name).await;
        service.put(&format!("users/{name}/"), json!({ "avatar": AVATAR })).await.ok(200);
        let id = group(&service, &["ann", &name]).await;
        send(&user, &id, "hello").await;
    }
    let socket = ann.ws().await;
    assert_eq!(socket.summary().as_array().map(Vec::len), Some(40));
    let people = socket.people().as_object().expect("profiles");
    assert_eq!(people.len(), 40);
    assert_eq!(people["user39"]["avatar"], AVATAR);
}

#[tokio::test]
async fn contacts_see_when_a_user_was_last_seen() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, cat] = &users(&service, &["ann", "bob", "cat"]).await[..] else { panic!() };
    befriend(ann, bob).await;
    let seen = async |client: &Client| {
        client.get("users/ann/?fields=last_seen").await.ok(200).get("last_seen").cloned()
    };
    assert_eq!(seen(bob).await, Some(Value::Null), "before the first time");
    let (socket, mut contact) = (ann.ws().await, bob.ws().await);
    assert!(seen(bob).await.is_some_and(|date| date.is_string()), "while she is there");
    socket.close().await;
    let gone = contact.frame_where(|frame| frame["data"]["status"] == "disconnected").await;
    assert_eq!(gone["data"]["author"], "ann");
    // It is stored at about the time of the announcement.
    let stored = Wait::begin();
    let last = loop {
        if let Some(last) = seen(bob).await.filter(Value::is_string) {
            break last;
        }
        stored.step(|| "the time is not stored").await;
    };
    assert_eq!(seen(bob).await, Some(last.clone()), "it stays while she is away");
    assert_eq!((seen(cat).await, seen(ann).await), (None, Some(last.clone())));
    ann.patch("users/ann/", json!({ "settings": { "hide_last_seen": true } })).await.ok(200);
    assert_eq!((seen(bob).await, seen(ann).await, seen(&service).await), (None, None, Some(last)));
}

//! Invites: codes with which anyone can join a group.

use std::sync::Arc;
use std::time::Duration;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::setup::{id, text, two, users};
use serde_json::{Value, json};

/// A group owned by Ann, with Bob as admin and Cat as member.
async fn group(service: &Client) -> String {
    let made = json!({
        "name": "Tea", "author": "ann", "admins": ["bob"], "members": ["cat"], "description": "All about it",
    });
    id(&service.post("groups/", made).await.ok(201))
}

async fn invite(client: &Client, group: &str, body: Value) -> String {
    text(&client.post(&format!("groups/{group}/invites/"), body).await.ok(201)["code"])
}

async fn codes(client: &Client, group: &str) -> Vec<String> {
    let listed = client.get(&format!("groups/{group}/invites/")).await.ok(200);
    listed.as_array().expect("a list").iter().map(|invite| text(&invite["code"])).collect()
}

async fn join(client: &Client, code: &str) -> u16 {
    client.post(&format!("invites/{code}/"), json!({})).await.status
}

#[tokio::test]
async fn a_code_leads_to_the_group_and_joins_it() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let service = app.service();
    let (ann, mut a, eve, mut e) = two(&service, ["ann", "eve"]).await;
    let [bob, _cat] = users(&service, &["bob", "cat"]).await.try_into().expect("two");
    let group = group(&service).await;
    a.until("group.update").await;
    let made = bob.post(&format!("groups/{group}/invites/"), json!({})).await.ok(201);
    let code = text(&made["code"]);
    let rest = code.strip_prefix("cw_invite_").expect("its kind");
    assert!(rest.len() == 22 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{code}");
    assert_eq!((&made["uses"], made.as_object().expect("an object").len()), (&json!(1), 3));
    let seen = eve.get(&format!("invites/{code}/")).await.ok(200);
    let shown = json!({ "name": "Tea", "description": "All about it", "avatar": null, "members_count": 3 });
    assert_eq!(seen, shown);
    app.nobody().get(&format!("invites/{code}/")).await.ok(401);
    let joined = eve.post(&format!("invites/{code}/"), json!({})).await.ok(200);
    assert_eq!((&joined["id"], &joined["members"]), (&json!(group), &json!(["cat", "eve"])));
    assert_eq!(joined["me"]["pending"], false);
    let entry = &a.until("group.update").await["data"]["entry"];
    assert_eq!(
        (&entry["by"], &entry["changes"]),
        (&json!("eve"), &json!([{ "kind": "joined", "who": ["eve"] }]))
    );
    assert_eq!(e.until("group.update").await["data"]["me"]["pending"], false);
    // The code is used up, for members as well.
    for client in [&ann, &eve, &service] {
        client.get(&format!("invites/{code}/")).await.ok(404);
    }
    assert_eq!(join(&eve, &code).await, 404);
    assert!(codes(&ann, &group).await.is_empty());
}

#[tokio::test]
async fn owner_and_admins_see_and_end_all_codes() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, cat, eve] = users(&service, &["ann", "bob", "cat", "eve"]).await.try_into().expect("four");
    let group = group(&service).await;
    let path = format!("groups/{group}/invites/");
    let anns = invite(&ann, &group, json!({ "uses": 5, "ttl": 60 })).await;
    let bobs = invite(&bob, &group, json!({ "uses": null })).await;
    let services = invite(&service, &group, json!({})).await;
    let for_bob = invite(&service, &group, json!({ "author": "bob" })).await;
    let all = [for_bob.clone(), services, bobs.clone(), anns.clone()];
    for client in [&ann, &bob, &service] {
        assert_eq!(codes(client, &group).await, all, "{}", client.name());
        let one = client.get(&format!("{path}{anns}/")).await.ok(200);
        assert_eq!((&one["code"], &one["uses"]), (&json!(anns), &json!(5)));
    }
    assert_eq!(bob.get(&format!("{path}{bobs}/")).await.ok(200)["uses"], Value::Null);
    for (client, status) in [(&cat, 403), (&eve, 404)] {
        client.post(&path, json!({})).await.ok(status);
        client.get(&path).await.ok(status);
        client.get(&format!("{path}{anns}/")).await.ok(status);
        client.delete(&format!("{path}{anns}/")).await.ok(status);
    }
    service.post(&path, json!({ "author": "cat" })).await.ok(403);
    ann.post(&path, json!({ "author": "bob" })).await.ok(403);
    // A code can only be deleted under its own group.
    let other = id(&bob.post("groups/", json!({ "name": "other" })).await.ok(201));
    bob.delete(&format!("groups/{other}/invites/{anns}/")).await.ok(404);
    bob.delete(&format!("{path}{anns}/")).await.ok(200);
    bob.delete(&format!("{path}{anns}/")).await.ok(404);
    ann.delete(&format!("{path}{bobs}/")).await.ok(200);
    assert_eq!((join(&eve, &anns).await, join(&eve, &bobs).await), (404, 404));
    let private = id(&ann.put("private/", json!({ "user": "bob" })).await.ok(201));
    for client in [&ann, &service] {
        client.post(&format!("groups/{private}/invites/"), json!({})).await.ok(403);
        client.get(&format!("groups/{private}/invites/")).await.ok(403);
    }
    for (key, value) in [
        ("uses", json!(0)),
        ("uses", json!(10_001)),
        ("uses", json!("5")),
        ("uses", json!(1.5)),
        ("ttl", json!(0)),
        ("ttl", json!(31_536_001)),
        ("ttl", json!("7d")),
    ] {
        let refused = ann.post(&path, json!({ key: value })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], key, "{value}");
    }
}

#[tokio::test]
async fn a_group_has_at_most_a_hundred_codes() {
    let app = TestApp::start().await;
    let service = app.service();
    users(&service, &["ann", "bob", "cat"]).await;
    let group = group(&service).await;
    for _ in 0..100 {
        invite(&service, &group, json!({})).await;
    }
    service.post(&format!("groups/{group}/invites/"), json!({})).await.ok(403);
    let listed = codes(&service, &group).await;
    assert_eq!(listed.len(), 100);
    service.delete(&format!("groups/{group}/invites/{}/", listed[99])).await.ok(200);
    invite(&service, &group, json!({})).await;
}

#[tokio::test]
async fn a_use_is_taken_by_joining_alone() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let service = app.service();
    let [ann, _bob, cat, dan, eve] =
        users(&service, &["ann", "bob", "cat", "dan", "eve"]).await.try_into().expect("five");
    let group = group(&service).await;
    ann.patch(&format!("groups/{group}/"), json!({ "members": ["dan"], "ban": ["eve"] })).await.ok(200);
    let code = invite(&ann, &group, json!({ "uses": 2 })).await;
    let left = async || ann.get(&format!("groups/{group}/invites/{code}/")).await.json["uses"].clone();
    assert_eq!((join(&cat, &code).await, join(&ann, &code).await), (200, 200));
    let accepted = dan.post(&format!("invites/{code}/"), json!({})).await.ok(200);
    assert_eq!(accepted["me"]["pending"], false);
    assert_eq!(join(&eve, &code).await, 403);
    let path = format!("invites/{code}/");
    service.post(&path, json!({ "author": "eve" })).await.ok(403);
    service.post(&path, json!({})).await.ok(400);
    service.post(&path, json!({ "author": "admin" })).await.ok(400);
    assert_eq!(left().await, json!(2));
    service.user("fay").await;
    service.post(&path, json!({ "author": "fay" })).await.ok(200);
    assert_eq!(left().await, json!(1));
    ann.patch(&format!("groups/{group}/"), json!({ "unban": ["eve"] })).await.ok(200);
    assert_eq!((join(&eve, &code).await, left().await), (200, Value::Null));
    assert_eq!(join(&cat, &code).await, 404);
}

#[tokio::test]
async fn codes_end_with_the_membership_of_their_maker() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, _cat, eve] =
        users(&service, &["ann", "bob", "cat", "eve"]).await.try_into().expect("four");
    let group = group(&service).await;
    let path = format!("groups/{group}/");
    for number in 0..4 {
        let code = invite(&bob, &group, json!({ "uses": null })).await;
        // A demotion, and renames of the creator and the group, change nothing.
        ann.patch(&path, json!({ "members": ["bob"], "name": format!("tea {number}") })).await.ok(200);
        eve.get(&format!("invites/{code}/")).await.ok(200);
        assert_eq!(codes(&ann, &group).await, [code.as_str()]);
        bob.get(&format!("{path}invites/")).await.ok(403);
        match number {
            0 => bob.post(&format!("{path}quit/"), json!({})).await.ok(200),
            1 => ann.patch(&path, json!({ "remove": ["bob"] })).await.ok(200),
            2 => ann.patch(&path, json!({ "ban": ["bob"] })).await.ok(200),
            _ => service.delete("users/bob/").await.ok(200),
        };
        assert_eq!(join(&eve, &code).await, 404, "{number}");
        assert!(codes(&ann, &group).await.is_empty());
        if number < 3 {
            // Codes stay invalid when their creator returns.
            ann.patch(&path, json!({ "unban": ["bob"], "admins": ["bob"] })).await.ok(200);
            assert_eq!(join(&eve, &code).await, 404, "{number}");
        }
    }
    let code = invite(&ann, &group, json!({ "uses": null })).await;
    service.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    assert_eq!(eve.get(&format!("invites/{code}/")).await.ok(200)["name"], "tea 3");
    service.delete(&path).await.ok(200);
    assert_eq!(join(&eve, &code).await, 404);
}

#[tokio::test]
async fn codes_expire_and_unknown_ones_count_as_sign_ins() {
    let clock = Arc::new(ManualClock::default());
    let app = TestApp::with(|options| {
        options.limits.rates.attempts_per_address = 5;
        options.clock = clock.clone();
        options.shared_rates = false;
    })
    .await;
    let service = app.service();
    let [ann, _bob, _cat, eve, fay] =
        users(&service, &["ann", "bob", "cat", "eve", "fay"]).await.try_into().expect("five");
    let group = group(&service).await;
    let (short, usual) =
        (invite(&ann, &group, json!({ "ttl": 600 })).await, invite(&ann, &group, json!({ "uses": 2 })).await);
    clock.move_wall(300);
    eve.get(&format!("invites/{short}/")).await.ok(200);
    clock.move_wall(300);
    assert_eq!(join(&eve, &short).await, 404);
    assert_eq!(codes(&ann, &group).await, [usual.as_str()]);
    clock.advance(Duration::from_secs(60));
    // Valid codes do not count against the limit; wrong ones of any form do, whether used or read.
    for _ in 0..10 {
        eve.get(&format!("invites/{usual}/")).await.ok(200);
    }
    let unknown = "cw_invite_0000000000000000000000";
    eve.get(&format!("invites/{unknown}/")).await.ok(404);
    assert_eq!(join(&fay, unknown).await, 404);
    assert_eq!((join(&eve, "nonsense").await, join(&eve, &short).await), (404, 404));
    eve.get("invites/cw_invite_/").await.ok(404);
    let refused = eve.post(&format!("invites/{usual}/"), json!({})).await;
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (429, false));
    assert_eq!(join(&fay, unknown).await, 429, "the address has no more, whoever asks");
    let session = json!({ "name": "nobody", "password": "a long password" });
    app.nobody().post("sessions/", session).await.ok(429);
    // The service has no limit.
    for _ in 0..10 {
        service.get(&format!("invites/{unknown}/")).await.ok(404);
    }
    clock.advance(Duration::from_secs(60));
    assert_eq!(join(&eve, &usual).await, 200);
}

//! Service keys with scopes: their rights and their end.

use std::time::Duration;

use chinwag_core::scope::Scope;
use chinwag_http::{ROUTES, RouteExample};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::push::Device;
use chinwag_testkit::setup::{group, id};
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};

use crate::bots::NO_CREDENTIAL;
use crate::hooks::bot;

/// Creates a key with these scopes; returns its id and a client with it.
async fn key(service: &Client, scopes: &[&str]) -> (String, Client) {
    let made = service.post("keys/", json!({ "scopes": scopes })).await.ok(201);
    let secret = made["key"].as_str().expect("the secret");
    assert!(secret.starts_with("cw_key_"), "{secret}");
    (id(&made), service.bearing(secret))
}

#[tokio::test]
async fn a_key_does_what_its_scopes_allow() {
    let app = TestApp::start().await;
    let service = app.service();
    app.user("ann").await;
    let (_, reader) = key(&service, &["read"]).await;
    let (_, writer) = key(&service, &["write"]).await;
    let new = json!({ "name": "tea", "author": "ann" });
    let refused = reader.post("groups/", new.clone()).await.ok(403);
    assert_eq!(refused["detail"], "this key does not have the scope write");
    let group = id(&writer.post("groups/", new).await.ok(201));
    let message = json!({ "group": group, "author": "ann", "body": "hello", "date": "2020-01-02T03:04:05Z" });
    let sent = writer.post("messages/", message).await.ok(201);
    assert_eq!(sent["date"], "2020-01-02T03:04:05.000000Z", "it is a service");
    reader.get(&format!("groups/{group}/")).await.ok(200);
    reader.get(&format!("groups/{group}/?as=ann")).await.ok(200);
    writer.get(&format!("groups/{group}/")).await.ok(403);
    let (_, users) = key(&service, &["users"]).await;
    users.post("users/ann/tokens/", json!({ "ttl": 60 })).await.ok(201);
    users.post("users/", json!({ "name": "bob" })).await.ok(201);
    let refused = reader.try_ws("/chat/", &[]).await.expect_err("a key is no user");
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn an_ended_key_is_refused_at_once() {
    let app = TestApp::start().await;
    let service = app.service();
    let (first, admin) = key(&service, &["admin", "read"]).await;
    let listed = admin.get("keys/").await.ok(200);
    assert_eq!(listed, json!([admin.get(&format!("keys/{first}/")).await.ok(200)]));
    assert_eq!(listed[0]["scopes"], json!(["read", "admin"]));
    assert_eq!((&listed[0]["expires"], &listed[0]["key"]), (&Value::Null, &Value::Null));
    admin.delete(&format!("keys/{first}/")).await.ok(200);
    admin.get("users/").await.ok(401);
    service.delete(&format!("keys/{first}/")).await.ok(404);
    service.get(&format!("keys/{first}/")).await.ok(404);

    let made = service.post("keys/", json!({ "scopes": ["read"], "ttl": 1 })).await.ok(201);
    let brief = service.bearing(made["key"].as_str().expect("the secret"));
    let wait = Wait::begin();
    while brief.get("users/").await.status != 401 {
        wait.step(|| "the key does not end").await;
    }
    assert_eq!(service.get("keys/").await.ok(200), json!([]));
    service.bearing("cw_key_0000000000000000000000000000000000000000000").get("users/").await.ok(401);
}

#[tokio::test]
async fn only_a_key_with_admin_scope_has_admin_routes() {
    let app = TestApp::start().await;
    let service = app.service();
    app.user("ann").await;
    service.post("accounts/", json!({ "name": "bob", "password": "correct horse" })).await.ok(201);
    let (_, users) = key(&service, &["users"]).await;
    let (_, both) = key(&service, &["users", "admin"]).await;
    users.post("users/ann/tokens/", json!({})).await.ok(201);
    users.put("users/bob/password/", json!({ "password": "horse battery" })).await.ok(200);
    for name in ["ann", "bob"] {
        users.patch(&format!("users/{name}/"), json!({ "admin": true })).await.ok(403);
        both.patch(&format!("users/{name}/"), json!({ "admin": true })).await.ok(200);
    }
    let refused = users.post("users/ann/tokens/", json!({})).await.ok(403);
    assert!(refused["detail"].as_str().is_some_and(|why| why.contains("scope admin")), "{refused}");
    users.put("users/bob/password/", json!({ "password": "battery staple" })).await.ok(403);
    users.patch("users/ann/", json!({ "admin": false })).await.ok(403);
    users.put("users/bob/", json!({ "adopt": true })).await.ok(403);
    let mut subscription = Device::at_url("https://push.example", "ann").subscription();
    subscription["author"] = json!("ann");
    let refused = users.post("push/subscriptions/", subscription.clone()).await.ok(403);
    assert!(refused["detail"].as_str().is_some_and(|why| why.contains("subscriptions")), "{refused}");
    let subscription = both.post("push/subscriptions/", subscription).await.ok(201);
    both.put("users/bob/", json!({ "adopt": true })).await.ok(200);
    both.post("users/ann/tokens/", json!({})).await.ok(201);
    let sessions = service.get("users/ann/sessions/").await.ok(200);
    let session = format!("users/ann/sessions/{}/", id(&sessions[0]));
    let subscription = format!("push/subscriptions/{}/?author=ann", id(&subscription));
    let suspended = json!({ "suspended": { "until": "2999-01-01T00:00:00Z" } });
    for (key, status) in [(&users, 403), (&both, 200)] {
        for path in [&session, "users/ann/tokens/", &subscription] {
            key.delete(path).await.ok(status);
        }
        key.patch("users/ann/", suspended.clone()).await.ok(status);
        key.delete("users/ann/").await.ok(status);
    }
}

#[tokio::test]
async fn a_key_lets_a_bot_do_only_what_it_may_itself() {
    let app = TestApp::start().await;
    let service = app.service();
    app.user("ann").await;
    bot(&service, "ci").await;
    let group = group(&service, &["ann", "ci"]).await;
    let made = async |scopes: &[&str], may: &[&str]| {
        let (_, key) = key(&service, scopes).await;
        key.post("users/ci/keys/", json!({ "groups": [group], "may": may })).await.status
    };
    assert_eq!(made(&["events"], &["read"]).await, 403);
    assert_eq!(made(&["events", "read"], &["read", "send"]).await, 403);
    assert_eq!(made(&["events", "read"], &["read"]).await, 201);
    assert_eq!(made(&["events", "write"], &["send"]).await, 201);
    let hook = json!({ "group": group });
    let (_, events) = key(&service, &["events"]).await;
    let refused = events.post("users/ci/hooks/", hook.clone()).await.ok(403);
    assert!(refused["detail"].as_str().is_some_and(|why| why.contains("lacks the scope write")), "{refused}");
    let (_, writer) = key(&service, &["events", "write"]).await;
    writer.post("users/ci/hooks/", hook).await.ok(201);
}

#[tokio::test]
async fn a_key_makes_no_wider_key() {
    let app = TestApp::start().await;
    let service = app.service();
    let (_, admin) = key(&service, &["admin", "read"]).await;
    admin.post("keys/", json!({ "scopes": ["admin", "write"] })).await.ok(403);
    key(&admin, &["read"]).await;
    let user = app.user("ann").await;
    user.get("keys/").await.ok(403);
    for odd in [json!([]), json!(["all"]), json!("read"), json!([1]), Value::Null] {
        let refused = service.post("keys/", json!({ "scopes": odd })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "scopes", "{odd}");
    }
    for odd in [json!(0), json!(31_536_001), Value::Null] {
        let refused = service.post("keys/", json!({ "scopes": ["read"], "ttl": odd })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "ttl", "{odd}");
    }
    for _ in 0..98 {
        key(&service, &["read"]).await;
    }
    let refused = service.post("keys/", json!({ "scopes": ["read"] })).await.ok(403);
    assert_eq!(refused["detail"], "there are 100 keys: delete one first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_takes_a_key_of_its_scope_alone() {
    let app = TestApp::start().await;
    let service = app.service();
    let mut keys = Vec::new();
    for scope in Scope::ALL {
        keys.push((scope, key(&service, &[scope.as_str()]).await.1));
    }
    for name in ["ann", "bob"] {
        app.user(name).await;
    }
    let mut wrong = Vec::new();
    for (number, route) in ROUTES.iter().enumerate() {
        let name = format!("{} {}", route.method, route.path);
        if NO_CREDENTIAL.contains(&name.as_str()) {
            continue;
        }
        for (scope, key) in &keys {
            let group = group(&service, &["ann", "bob"]).await;
            let message = json!({ "group": group, "author": "ann", "body": "own" });
            let message = id(&service.post("messages/", message).await.ok(201));
            let path = route.example_path("nobody", &group, &message);
            let ids = RouteExample {
                group: &group,
                author: "ann",
                other: "bob",
                fresh: &format!("fresh{number}{}", scope.as_str()),
            };
            let request = key.request(route.method.to_uppercase().parse().expect("a method"), &path);
            let body = (route.rules.example)(&ids);
            let request = if body.is_null() { request } else { request.json(&body) };
            let answer = key.send(request).await;
            // An answer to HEAD has no body.
            let says = route.method == "head" || answer.text.contains("this key does not have the scope");
            let is_refused = answer.status == 403 && says;
            if is_refused == (*scope == route.scope()) {
                wrong.push(format!("{name} with {}: {}", scope.as_str(), answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn rust_client_makes_and_ends_keys() {
    let app = TestApp::start().await;
    let service = chinwag_client::Rest::new(&app.url()).with_token(chinwag_testkit::app::SERVICE_KEY);
    let made = service.create_key(&["read"], Some(Duration::from_secs(60))).await.expect("made");
    assert!(made.expires.is_some() && !format!("{made:?}").contains("cw_key_"));
    let reader = service.with_token(made.key.as_deref().expect("the secret"));
    reader.sessions("nobody").await.expect_err("there is no such user");
    assert_eq!(service.keys().await.expect("a list").len(), 1);
    service.delete_key(made.id).await.expect("ended");
    assert!(service.keys().await.expect("a list").is_empty());
}

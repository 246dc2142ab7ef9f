//! The audit log: filters, pages, failed sign-ins, and the removal of old entries. `audited_acts.rs` tests
//! which actions have entries.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::follower::Claim;
use chinwag_core::store::Follower;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::setup::{group, text};
use serde_json::{Value, json};

const PASSWORD: &str = "long enough to be a password";
const WRONG: &str = "another password, as long";

async fn listed(client: &Client, query: &str) -> Vec<Value> {
    client.get(&format!("audit/{query}")).await.ok(200).as_array().expect("a list").clone()
}

/// The entries of failed sign-ins, newest first.
async fn failures(service: &Client) -> Vec<Value> {
    listed(service, "?action=session.fail").await
}

/// The entries of all pages.
async fn paged(client: &Client, query: &str) -> Vec<Value> {
    let (mut entries, mut path) = (Vec::new(), format!("audit/{query}"));
    loop {
        let answer = client.get(&path).await;
        let next = answer.header("link").split_once("/api/v1/").and_then(|(_, rest)| rest.split_once('>'));
        let next = next.map(|(next, _)| next.to_owned());
        entries.extend(answer.ok(200).as_array().expect("a list").clone());
        match next {
            Some(next) => path = next,
            None => return entries,
        }
    }
}

/// The actions with their targets.
fn acts<'a>(entries: &'a [Value]) -> Vec<(&'a str, &'a str)> {
    let text = |entry: &'a Value, key| entry[key].as_str().unwrap_or_default();
    entries.iter().map(|entry| (text(entry, "action"), text(entry, "target"))).collect()
}

#[tokio::test]
async fn audit_log_is_filtered_and_paged() {
    let app = TestApp::start().await;
    let service = app.service();
    for name in ["ann", "bob", "cat"] {
        service.post("users/", json!({ "name": name })).await.ok(201);
    }
    service.post("users/ann/tokens/", json!({})).await.ok(201);
    let all = listed(&service, "").await;
    let newest =
        [("token.create", "ann"), ("user.create", "cat"), ("user.create", "bob"), ("user.create", "ann")];
    assert_eq!(acts(&all)[..4], newest);
    let typed = service.rest().audit(Some("ann")).await.expect("a list");
    assert_eq!(typed.iter().map(|entry| &*entry.action).collect::<Vec<_>>(), ["token.create", "user.create"]);
    let day = &text(&all[0]["date"])[..10];
    for (query, expected) in [
        ("?target=ann".to_owned(), &[0, 3][..]),
        ("?target=ann&action=user.create&actor=service".into(), &[3]),
        ("?target=ann&address=192.0.2.1".into(), &[]),
        ("?target=ann&address=127.0.0.1&actor=service".into(), &[0, 3]),
        ("?date=2020-02-29".into(), &[]),
        ("?actor=command+line".into(), &[]),
    ] {
        let expected: Vec<_> = expected.iter().map(|index| all[*index].clone()).collect();
        assert_eq!(listed(&service, &query).await, expected, "{query}");
    }
    // The oldest ones may be from the day before.
    let of_the_day: Vec<_> =
        all.iter().filter(|entry| text(&entry["date"]).starts_with(day)).cloned().collect();
    assert_eq!(listed(&service, &format!("?date={day}")).await, of_the_day);
    for query in ["limit=1", "limit=2&actor=service", "limit=1&actor=service&action=user.create"] {
        let whole = query.split_once('&').map(|(_, filter)| format!("?{filter}")).unwrap_or_default();
        assert_eq!(paged(&service, &format!("?{query}")).await, listed(&service, &whole).await, "{query}");
    }
    for (query, field) in [
        ("?action=user.bake".to_owned(), "action"),
        ("?date=yesterday".into(), "date"),
        ("?date=2026-02-30".into(), "date"),
        (format!("?actor={}", "x".repeat(151)), "actor"),
        ("?cursor=none".into(), "cursor"),
    ] {
        let refused = service.get(&format!("audit/{query}")).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{query}");
    }
}

#[tokio::test]
async fn audit_log_is_for_admins_and_keys_with_the_scope() {
    let app = TestApp::start().await;
    let service = app.service();
    let eve = app.user("eve").await;
    eve.get("audit/").await.ok(403);
    app.nobody().get("audit/").await.ok(401);
    service.patch("users/eve/", json!({ "admin": true })).await.ok(200);
    assert_eq!(listed(&eve, "?action=user.admin").await.len(), 1);
    for (scope, status) in [("read", 403), ("admin", 200)] {
        let key = service.post("keys/", json!({ "scopes": [scope] })).await.ok(201);
        service.bearing(&text(&key["key"])).get("audit/").await.ok(status);
    }
}

#[tokio::test]
async fn users_own_acts_have_no_entries() {
    let app = TestApp::start().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    app.user("bob").await;
    let before = listed(&service, "").await;
    let made = ann.post("groups/", json!({ "name": "Tea", "members": ["bob"] })).await.ok(201);
    let path = format!("groups/{}/", text(&made["id"]));
    ann.patch(&path, json!({ "name": "Coffee" })).await.ok(200);
    ann.patch(&format!("{path}me/"), json!({ "pinned": true })).await.ok(200);
    let sent = ann.post("messages/", json!({ "group": made["id"], "body": "hello" })).await.ok(201);
    ann.delete(&format!("messages/{}/", text(&sent["id"]))).await.ok(200);
    ann.patch("users/ann/", json!({ "display_name": "Ann" })).await.ok(200);
    ann.delete(&path).await.ok(200);
    assert_eq!(listed(&service, "").await, before);
    // Neither do requests that change nothing or are refused.
    let room = group(&service, &["ann"]).await;
    let before = listed(&service, "").await;
    service.patch("users/ann/", json!({ "display_name": "Ann" })).await.ok(200);
    service.patch(&format!("groups/{room}/"), json!({ "name": "g" })).await.ok(200);
    service.patch("users/ann/", json!({ "suspended": null })).await.ok(200);
    service.post("users/", json!({ "name": "ann" })).await.ok(400);
    service.delete("users/nobody/").await.ok(404);
    assert_eq!(listed(&service, "").await, before);
}

#[tokio::test]
async fn adoption_of_an_account_is_noted() {
    let app = TestApp::start().await;
    let service = app.service();
    service.sign_up("ann", PASSWORD).await;
    service.put("users/ann/", json!({ "adopt": true })).await.ok(200);
    let all = listed(&service, "?target=ann").await;
    assert_eq!(acts(&all), [("user.adopt", "ann"), ("account.create", "ann")]);
}

#[tokio::test]
async fn failed_sign_ins_are_noted_with_the_name() {
    let app = TestApp::start().await;
    let (service, nobody) = (app.service(), app.nobody());
    let ann = service.sign_up("ann", PASSWORD).await;
    app.user("una").await;
    for name in ["ann", "\u{200b}", "una", "stranger"] {
        nobody.post("sessions/", json!({ "name": name, "password": WRONG })).await.ok(401);
    }
    ann.patch("accounts/me/", json!({ "old": WRONG, "new": PASSWORD })).await.ok(403);
    let until = json!({ "until": "2099-01-01T00:00:00Z", "reason": "spam" });
    service.patch("users/ann/", json!({ "suspended": until })).await.ok(200);
    nobody.post("sessions/", json!({ "name": "ann", "password": PASSWORD })).await.ok(403);
    let failed = failures(&service).await;
    let names: Vec<_> = failed.iter().map(|entry| entry["target"].clone()).collect();
    assert_eq!(
        names,
        ["ann", "ann", "stranger", "una", "", "ann"].map(|name| match name {
            "" => Value::Null,
            name => json!(name),
        })
    );
    for entry in &failed {
        assert_eq!((&entry["actor"], &entry["address"]), (&Value::Null, &json!("127.0.0.1")), "{entry}");
    }
    let reasons: BTreeSet<_> = failed.iter().map(|entry| text(&entry["detail"])).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("suspended") && reason.ends_with("spam")));
}

#[tokio::test]
async fn refused_keys_and_sockets_are_failed_sign_ins() {
    let app = TestApp::start().await;
    let (service, nobody) = (app.service(), app.nobody());
    nobody.bearing("cw_key_unknown").get("users/").await.ok(401);
    nobody.bearing("cw_bot_unknown").get("groups/").await.ok(401);
    for refused in [nobody.bearing("cw_token_unknown"), nobody.bearing("cw_bot_unknown")] {
        assert_eq!(refused.try_ws("/chat/", &[]).await.expect_err("it is unknown").status, 401);
    }
    assert_eq!(nobody.try_ws("/chat/?ticket=unknown", &[]).await.expect_err("it is unknown").status, 401);
    let failed = failures(&service).await;
    assert_eq!(failed.len(), 5);
    // A request without a credential or with an ended token has no entry: the latter came from a successful
    // sign-in.
    assert_eq!(nobody.try_ws("/chat/", &[]).await.expect_err("it is nobody").status, 401);
    nobody.get("users/").await.ok(401);
    nobody.bearing("cw_token_unknown").get("users/").await.ok(401);
    assert_eq!(failures(&service).await, failed);
}

#[tokio::test]
async fn flood_of_failed_sign_ins_is_counted() {
    let app = TestApp::start().await;
    let (service, nobody) = (app.service(), app.nobody());
    for _ in 0..30 {
        nobody.bearing("cw_key_unknown").get("users/").await.ok(401);
    }
    assert_eq!(failures(&service).await.len(), 20);
    let other = nobody.bearing("cw_key_unknown").from("127.0.0.2".parse().expect("an address"));
    other.get("users/").await.ok(401);
    let failed = failures(&service).await;
    assert_eq!((failed.len(), &failed[0]["address"]), (21, &json!("127.0.0.2")));
    assert!(text(&failed[0]["detail"]).ends_with("; 10 before it have no entry"), "{}", failed[0]);
    // A failed sign-in of another kind still has an entry.
    nobody.post("sessions/", json!({ "name": "ann", "password": WRONG })).await.ok(401);
    assert_eq!(failures(&service).await[0]["target"], "ann");
}

#[tokio::test]
async fn old_entries_are_removed() {
    let clock = Arc::new(ManualClock::default());
    let held = clock.clone();
    let app = TestApp::with(|options| {
        options.clock = held;
        options.limits.audit.keep = Duration::from_secs(24 * 3600);
    })
    .await;
    let service = app.service();
    service.post("users/", json!({ "name": "ann" })).await.ok(201);
    clock.move_wall(23 * 3600);
    service.post("users/", json!({ "name": "bob" })).await.ok(201);
    clock.move_wall(2 * 3600);
    let mut candidate = app.app().candidate(Follower::ExpiredTokens, Duration::from_secs(5));
    let Claim::Mine { lease, .. } = candidate.take().await.expect("an answer") else {
        panic!("nobody else is here")
    };
    while app.app().tokens_purge(lease).await.expect("a step") > 0 {}
    let left = listed(&service, "").await;
    assert_eq!(acts(&left), [("user.create", "bob")]);
}

//! Suspensions: a user suspended by the service or an admin is refused with every credential until the
//! suspension ends.

use std::sync::Arc;

use chinwag_core::Date;
use chinwag_http::auth::jwt::Secret;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::jwt::{Host, SECRET};
use chinwag_testkit::setup::{group, history, send, text, two};
use serde_json::{Value, json};

use crate::hooks::bot;

const PASSWORD: &str = "a long password";
const DAY: i64 = 24 * 3600;

/// A date this many seconds from now, as text.
fn later(app: &TestApp, seconds: i64) -> String {
    Date::from_micros(app.app().clock().now().micros() + seconds * 1_000_000).to_string()
}

async fn suspend(app: &TestApp, client: &Client, name: &str) -> Answer {
    let suspension = json!({ "until": later(app, DAY), "reason": "spam" });
    client.patch(&format!("users/{name}/"), json!({ "suspended": suspension })).await
}

async fn lift(client: &Client, name: &str) -> Answer {
    client.patch(&format!("users/{name}/"), json!({ "suspended": null })).await
}

/// Asserts that both transports refuse the client with the reason.
async fn is_refused(client: &Client) {
    let refused = client.get("users/").await.ok(403);
    let detail = text(&refused["detail"]);
    assert!(detail.starts_with("this account is suspended until ") && detail.ends_with(": spam"), "{detail}");
    let shaken = client.try_ws("/chat/", &[]).await.expect_err("it is refused");
    assert!(shaken.status == 403 && shaken.body.contains(": spam"), "{shaken:?}");
}

async fn is_served(client: &Client) {
    client.get("users/").await.ok(200);
    client.try_ws("/chat/", &[]).await.expect("it is served");
}

#[tokio::test]
async fn suspended_user_is_refused_with_the_reason() {
    let app = TestApp::start().await;
    let (service, nobody) = (app.service(), app.nobody());
    let signs_in =
        async || nobody.post("sessions/", json!({ "name": "cat", "password": PASSWORD })).await.status;
    let (ann, mut a, bob, mut b) = two(&service, ["ann", "bob"]).await;
    let cat = nobody.sign_up("cat", PASSWORD).await;
    let group = group(&service, &["ann", "bob", "cat"]).await;
    send(&ann, &group, "before").await;
    let ticket = text(&ann.post("tickets/", json!({})).await.ok(201)["ticket"]);
    let mut second = ann.ws().await;

    let shown = suspend(&app, &service, "ann").await.ok(200);
    assert_eq!(shown["suspended"]["reason"], "spam");
    for socket in [&mut a, &mut second] {
        assert_eq!(socket.close_code().await, Some(4003));
    }
    is_refused(&ann).await;
    let message = json!({ "group": group, "body": "after" });
    assert!(text(&ann.post("messages/", message.clone()).await.ok(403)["detail"]).ends_with(": spam"));
    ann.patch("users/ann/", json!({ "display_name": "Ann" })).await.ok(403);
    ann.post("tickets/", json!({})).await.ok(403);
    let shaken = nobody.try_ws(&format!("/chat/?ticket={ticket}"), &[]).await.expect_err("it is refused");
    assert_eq!(shaken.status, 403);
    suspend(&app, &service, "cat").await.ok(200);
    assert_eq!(signs_in().await, 403);
    is_refused(&cat).await;

    // Others still see its messages, and the service may act in its name.
    send(&bob, &group, "here").await;
    b.until("message.text").await;
    let message = json!({ "group": group, "author": "ann", "body": "by the service" });
    service.post("messages/", message).await.ok(201);
    service.get("users/?as=ann").await.ok(200);
    assert_eq!(history(&bob, &group).await.len(), 3);

    assert_eq!(lift(&service, "ann").await.ok(200)["suspended"], Value::Null);
    lift(&service, "cat").await.ok(200);
    is_served(&ann).await;
    assert_eq!(signs_in().await, 201);
    send(&ann, &group, "again").await;
}

#[tokio::test]
async fn suspension_ends_by_itself() {
    let clock = Arc::new(ManualClock::default());
    let held = clock.clone();
    let app = TestApp::with(|options| options.clock = held).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let until = later(&app, 60);
    service.patch("users/ann/", json!({ "suspended": { "until": until } })).await.ok(200);
    let refused = ann.get("users/").await.ok(403);
    assert_eq!(refused["detail"], json!(format!("this account is suspended until {until}")));
    let shown = service.get("users/ann/?fields=suspended+admin").await.ok(200);
    assert_eq!(shown, json!({ "admin": false, "suspended": { "until": until, "reason": null } }));
    clock.move_wall(60);
    is_served(&ann).await;
    let shown = service.get("users/ann/?fields=suspended").await.ok(200);
    assert_eq!(shown, json!({ "suspended": null }));
}

#[tokio::test]
async fn suspension_holds_for_tokens_of_the_host_and_for_bots() {
    let app = TestApp::with(|options| {
        options.http.jwt.secret = Some(Secret::parse(SECRET).expect("long enough"));
    })
    .await;
    let service = app.service();
    app.user("ann").await;
    bot(&service, "ci").await;
    let here = group(&service, &["ann", "ci"]).await;
    let expires = app.app().clock().now().micros() / 1_000_000 + 600;
    let token = Host::default().token("HS256", &json!({ "sub": "ann", "exp": expires }));
    let ann = app.nobody().bearing(&token);
    let files = text(&ann.post("tickets/", json!({ "for": "files" })).await.ok(201)["ticket"]);
    let key = json!({ "groups": [here], "may": ["read", "send"] });
    let ci = service.bearing(&text(&service.post("users/ci/keys/", key).await.ok(201)["key"]));
    let hook = text(&service.post("users/ci/hooks/", json!({ "group": here })).await.ok(201)["url"]);
    let (mut own, mut by_key) = (ann.ws().await, ci.ws().await);
    for name in ["ann", "ci"] {
        suspend(&app, &service, name).await.ok(200);
    }
    assert_eq!((own.close_code().await, by_key.close_code().await), (Some(4003), Some(4003)));
    is_refused(&ann).await;
    let path = format!("groups/{here}/messages/");
    assert!(text(&ci.get(&path).await.ok(403)["detail"]).ends_with(": spam"));
    ci.post("messages/", json!({ "group": here, "body": "x" })).await.ok(403);
    assert_eq!(ci.try_ws("/chat/", &[]).await.expect_err("it is refused").status, 403);
    assert_eq!(app.nobody().post(&hook, json!({ "text": "x" })).await.status, 403);
    let file = "files/018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e/a.png";
    app.nobody().get(&format!("{file}?ticket={files}")).await.ok(403);
    for name in ["ann", "ci"] {
        lift(&service, name).await.ok(200);
    }
    is_served(&ann).await;
    ci.get(&path).await.ok(200);
    app.nobody().get(&format!("{file}?ticket={files}")).await.ok(404);
}

#[tokio::test]
async fn bad_suspensions_are_refused_by_name() {
    let app = TestApp::start().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let until = later(&app, DAY);
    for (suspension, field) in [
        (json!({}), "suspended.until"),
        (json!({ "until": null }), "suspended.until"),
        (json!({ "until": "tomorrow" }), "suspended.until"),
        (json!({ "until": later(&app, -1) }), "suspended.until"),
        (json!({ "until": until, "reason": "x".repeat(501) }), "suspended.reason"),
        (json!({ "until": until, "reason": "\u{200b}" }), "suspended.reason"),
        (json!({ "until": until, "reason": "rude\0" }), "suspended.reason"),
        (json!("forever"), "suspended"),
    ] {
        let refused = service.patch("users/ann/", json!({ "suspended": suspension })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{suspension}");
    }
    let mixed = json!({ "suspended": { "until": until }, "display_name": "Ann" });
    service.patch("users/ann/", mixed).await.ok(400);
    service.patch("users/nobody/", json!({ "suspended": null })).await.ok(404);
    is_served(&ann).await;
}

#[tokio::test]
async fn admins_suspend_users_but_neither_admins_nor_special_ones() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, bob, cat) = (app.user("ann").await, app.user("bob").await, app.user("cat").await);
    for client in [&ann, &bob] {
        client.patch("users/ann/", json!({ "admin": true })).await.ok(403);
        suspend(&app, client, "cat").await.ok(403);
    }
    suspend(&app, &ann, "ann").await.ok(403);
    assert_eq!(service.patch("users/ann/", json!({ "admin": true })).await.ok(200)["admin"], true);
    service.patch("users/bob/", json!({ "admin": true })).await.ok(200);
    service.patch("users/admin/", json!({ "admin": true })).await.ok(403);

    suspend(&app, &ann, "cat").await.ok(200);
    is_refused(&cat).await;
    for name in ["bob", "ann", "admin"] {
        suspend(&app, &ann, name).await.ok(403);
    }
    ann.patch("users/cat/", json!({ "admin": true })).await.ok(403);
    ann.patch("users/cat/", json!({ "display_name": "Cat" })).await.ok(403);
    ann.delete("users/cat/").await.ok(403);
    assert_eq!(lift(&ann, "cat").await.ok(200)["suspended"], Value::Null);
    // The service suspends an admin, who then has no rights.
    suspend(&app, &service, "bob").await.ok(200);
    is_refused(&bob).await;
    suspend(&app, &bob, "cat").await.ok(403);
    lift(&ann, "bob").await.ok(403);
    service.patch("users/ann/", json!({ "admin": false })).await.ok(200);
    suspend(&app, &ann, "cat").await.ok(403);
}

#[tokio::test]
async fn admins_see_users_groups_webhooks_and_settings() {
    let app = TestApp::with(|options| {
        options.http.settings.insert("ws.max_frame".into(), json!(65_536));
        options.http.settings.insert("cluster_secret".into(), json!(true));
    })
    .await;
    let service = app.service();
    let (ann, mut a, bob, _b) = two(&service, ["ann", "bob"]).await;
    let settings = json!({ "settings": { "added_by": "nobody", "hide_reads": true } });
    service.patch("users/bob/", settings).await.ok(200);
    let (own, other) = (group(&service, &["ann"]).await, group(&service, &["bob"]).await);
    a.until("group.update").await;
    send(&ann, &own, "mine").await;
    send(&bob, &other, "hidden").await;
    bob.post(&format!("groups/{other}/read/"), json!({ "seq": 2 })).await.ok(200);
    let webhook = json!({ "url": "https://hooks.example/a?key=quokka" });
    let webhook = text(&service.post("webhooks/", webhook).await.ok(201)["id"]);
    let (hidden, hook) = (format!("groups/{other}/"), format!("webhooks/{webhook}/"));
    let ways = ["settings/", "webhooks/", &hook, &format!("{hook}attempts/")];
    for path in ways {
        ann.get(path).await.ok(403);
    }
    ann.get(&hidden).await.ok(404);

    service.patch("users/ann/", json!({ "admin": true })).await.ok(200);
    assert_eq!(ann.get("settings/").await.ok(200)["cluster_secret"], true);
    let names = ann.get("users/").await.ok(200);
    assert!(names.as_array().is_some_and(|all| all.contains(&json!({ "name": "bob" }))), "{names}");
    let seen = ann.get("users/bob/?fields=__all__").await.ok(200);
    assert_eq!(
        (&seen["origin"], &seen["admin"], &seen["suspended"]),
        (&json!("host"), &json!(false), &Value::Null)
    );
    assert!(seen.get("settings").is_none() && seen.get("contacts").is_none(), "{seen}");
    let seen = ann.get(&format!("{hidden}?fields=__all__")).await.ok(200);
    assert_eq!(
        (&seen["owner"], &seen["messages"], &seen["banned"], &seen["reads"]),
        (&json!(["bob"]), &json!([]), &json!([]), &json!({}))
    );
    assert_eq!(
        ann.get(&format!("groups/{own}/?fields=messages")).await.ok(200)["messages"][0]["body"],
        "mine"
    );
    assert_eq!(ann.get("groups/").await.ok(200).as_array().map(Vec::len), Some(2));
    ann.get(&format!("{hidden}messages/")).await.ok(404);
    ann.patch(&hidden, json!({ "name": "taken" })).await.ok(404);
    for seen in [ann.get("webhooks/").await.ok(200)[0].clone(), ann.get(&hook).await.ok(200)] {
        assert_eq!(seen["url"], "https://hooks.example/a");
    }
    assert_eq!(service.get(&hook).await.ok(200)["url"], "https://hooks.example/a?key=quokka");
    ann.get(&format!("{hook}attempts/")).await.ok(200);
    ann.post(&format!("{hook}test/"), json!({})).await.ok(403);
    ann.delete(&hook).await.ok(403);
    assert_eq!(ann.ws().await.summary().as_array().map(Vec::len), Some(1), "its own groups alone");
}

//! A full disk: requests that add data are 507 over both transports, and all others still work.

use chinwag_http::{ROUTES, RouteEntry};
use chinwag_testkit::client::Client;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

use super::routes::example;
use super::{cell, rows, world};

/// Prefixes of the rows in the role table that remove, read, or change a mark.
const GOING_ON: [&str; 8] = ["delete", "remove", "ban", "quit", "accept", "mark", "see", "read"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_that_adds_is_507_on_a_full_disk() {
    let app = world().await;
    let service = app.service();
    for (number, route) in ROUTES.iter().enumerate() {
        let RouteEntry { method, path, rules } = route;
        let (cell, victim) = (cell(&service, "owner").await, format!("victim{number}"));
        app.user(&victim).await;
        let [_, by_user, by_service] = rules.answers;
        // Actions without use for a service are attempted as a user.
        let (caller, expected) = match by_service {
            403 => (app.sign_in("outsider").await, by_user),
            _ => (app.service(), by_service),
        };
        let request = example(route, &caller, &cell, &victim, &format!("fresh{number}"));
        app.app().set_low(true);
        let answer = caller.send(request).await;
        app.app().set_low(false);
        let expected = if rules.adds { 507 } else { expected };
        assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_that_adds_is_507_on_a_full_disk() {
    let app = world().await;
    let (service, owner) = (app.service(), app.sign_in("owner").await);
    let mut socket = owner.ws().await;
    for row in rows().into_iter().filter(|row| row.allowed[0]) {
        let cell = cell(&service, "owner").await;
        let expected = if GOING_ON.iter().any(|word| row.name.starts_with(word)) { 0 } else { 507 };
        if let Some(event) = row.event {
            let (kind, data) = event(&cell);
            app.app().set_low(true);
            let code = code(&mut socket, kind, data).await;
            app.app().set_low(false);
            assert_eq!(code, expected, "{} by {kind}", row.name);
        }
    }
    app.app().set_low(true);
    let contact = |operation: &str| json!({ "name": "member", "operation": operation });
    for (kind, data, expected) in [
        ("group.create", json!({ "name": "new" }), 507),
        ("message.first", json!({ "target": "member", "body": "hello" }), 507),
        ("contact.update", contact("invitation"), 507),
        ("contact.update", contact("block"), 0),
        ("contact.update", contact("remove"), 0),
        ("status.update", json!({ "status": "online" }), 0),
    ] {
        assert_eq!(code(&mut socket, kind, data.clone()).await, expected, "{kind} {data}");
    }
}

#[tokio::test]
async fn credentials_and_settings_work_on_a_full_disk() {
    let app = world().await;
    let service = app.service();
    let account = json!({ "name": "signed", "password": "a long password" });
    service.post("accounts/", account.clone()).await.ok(201);
    app.app().set_low(true);
    app.nobody().post("sessions/", account).await.ok(201);
    let ann = Client::new(
        &app.url(),
        Some(service.post("users/member/tokens/", json!({})).await.ok(201)["token"].as_str().expect("one")),
        "member",
    );
    let settings = json!({ "settings": { "added_by": "nobody" } });
    ann.patch("users/member/", settings).await.ok(200);
    ann.patch("users/member/", json!({ "new_name": "other" })).await.ok(507);
    ann.ws().await;
}

/// The code of the error that a socket receives, or 0.
async fn code(socket: &mut Ws, kind: &str, data: Value) -> u64 {
    socket.ask(kind, data).await["code"].as_u64().unwrap_or(0)
}

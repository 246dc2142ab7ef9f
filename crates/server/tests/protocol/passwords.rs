//! Password changes by the user, who keeps its session, and by the service.

use chinwag_testkit::app::TestApp;
use serde_json::{Value, json};

const OLD: &str = "a long password";
const NEW: &str = "another password";

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let here = nobody.sign_up("ann", OLD).await;
    let begin =
        async |password: &str| nobody.post("sessions/", json!({ "name": "ann", "password": password })).await;
    let there = nobody.bearing(begin(OLD).await.ok(201)["token"].as_str().expect("a token"));
    let (mut kept, mut ended) = (here.ws().await, there.ws().await);
    let change =
        async |old: &str, new: &str| here.patch("accounts/me/", json!({ "old": old, "new": new })).await;
    assert_eq!(change("not the password", NEW).await.status, 403);
    assert_eq!(change("short", NEW).await.status, 403, "no password at all");
    let refused = change(OLD, "short").await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "new");
    assert_eq!(there.get("sessions/").await.status, 200, "nothing has changed");

    change(OLD, NEW).await.ok(200);
    assert_eq!(ended.close_code().await, Some(4001));
    there.get("sessions/").await.ok(401);
    here.get("sessions/").await.ok(200);
    kept.quiet().await;
    begin(OLD).await.ok(401);
    begin(NEW).await.ok(201);
}

#[tokio::test]
async fn the_service_sets_a_password_and_ends_all_sessions() {
    let app = TestApp::start().await;
    let ann = app.nobody().sign_up("ann", OLD).await;
    let mut socket = ann.ws().await;
    let password = json!({ "password": NEW });
    ann.put("users/ann/password/", password.clone()).await.ok(403);
    app.service().put("users/nobody/password/", password.clone()).await.ok(404);
    app.service().put("users/ann/password/", json!({ "password": "short" })).await.ok(400);
    app.service().put("users/ann/password/", password).await.ok(200);
    assert_eq!(socket.close_code().await, Some(4001));
    ann.get("sessions/").await.ok(401);
    app.nobody().post("sessions/", json!({ "name": "ann", "password": NEW })).await.ok(201);
}

#[tokio::test]
async fn users_of_the_host_have_no_password() {
    let app = TestApp::start().await;
    let bob = app.user("bob").await;
    bob.patch("accounts/me/", json!({ "old": OLD, "new": NEW })).await.ok(409);
    app.service().put("users/bob/password/", json!({ "password": NEW })).await.ok(409);
}

#[tokio::test]
async fn wrong_old_passwords_count_as_attempts() {
    let app = TestApp::with(|options| options.limits.rates.attempts_per_name = 2).await;
    let ann = app.nobody().sign_up("ann", OLD).await;
    let change = async |old: &str| ann.patch("accounts/me/", json!({ "old": old, "new": NEW })).await.status;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(change("not the password").await);
    }
    assert!(answers.contains(&429), "{answers:?}");
}

#[tokio::test]
async fn a_session_tells_two_users_of_one_name_apart() {
    let app = TestApp::start().await;
    let created = async |ann: &chinwag_testkit::client::Client| -> Value {
        ann.get("sessions/").await.ok(200)["created"].clone()
    };
    let first = app.nobody().sign_up("ann", OLD).await;
    let before = created(&first).await;
    assert_eq!(created(&first).await, before);
    first.delete("users/ann/").await.ok(200);
    let next = app.user("ann").await;
    assert_ne!(created(&next).await, before);
}

//! A user's sessions: listed, ended one by one, and all but the current one ended.

use std::sync::Arc;

use chinwag_client::Rest;
use chinwag_core::token::TokenHash;
use chinwag_http::sessions;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::fault::Faults;
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "a long password";

/// Signs in as a browser.
async fn sign_in(nobody: &Client, agent: &str) -> Answer {
    let body = json!({ "name": "ann", "password": PASSWORD });
    nobody.send(nobody.request(Method::POST, "sessions/").header("user-agent", agent).json(&body)).await
}

fn bearing(nobody: &Client, answer: Answer) -> Client {
    nobody.bearing(answer.ok(201)["token"].as_str().expect("a token"))
}

async fn listed(client: &Client) -> Vec<Value> {
    client.get("users/ann/sessions/").await.ok(200).as_array().expect("a list").clone()
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let here = nobody.sign_up("ann", PASSWORD).await;
    let there = bearing(&nobody, sign_in(&nobody, "Mozilla/5.0 Firefox/140.0").await);
    let (mut kept, mut ended) = (here.ws().await, there.ws().await);
    let sessions = listed(&here).await;
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["agent"], "Mozilla/5.0 Firefox/140.0");
    assert_eq!(sessions[0]["address"], "127.0.0.1");
    assert_eq!(sessions[0]["last_used"], sessions[0]["created"]);
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(false), &json!(true)));
    assert_eq!(listed(&there).await[0]["current"], true);
    let id = sessions[0]["id"].as_str().expect("an id");
    let path = format!("users/ann/sessions/{id}/");
    assert!(
        !TokenHash::of(there.token())
            .0
            .starts_with(&id.parse::<uuid::Uuid>().expect("a UUID").as_bytes()[..4])
    );

    let bob = nobody.sign_up("bob", PASSWORD).await;
    bob.get("users/ann/sessions/").await.ok(403);
    bob.delete(&path).await.ok(403);
    bob.delete(&format!("users/bob/sessions/{id}/")).await.ok(404);
    here.delete(&path).await.ok(200);
    assert_eq!(ended.close_code().await, Some(4001));
    there.get("sessions/").await.ok(401);
    here.delete(&path).await.ok(404);
    kept.quiet().await;
    assert_eq!(listed(&here).await.len(), 1);
    app.service().get("users/admin/sessions/").await.ok(403);
    app.service().get("users/nobody/sessions/").await.ok(404);
}

#[tokio::test]
async fn admin_ends_sessions_of_others() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let (ann, admin) = (nobody.sign_up("ann", PASSWORD).await, nobody.sign_up("arlan", PASSWORD).await);
    admin.get("users/ann/sessions/").await.ok(403);
    app.service().patch("users/arlan/", json!({ "admin": true })).await.ok(200);
    let there = bearing(&nobody, sign_in(&nobody, "Firefox").await);
    let mut sockets = [ann.ws().await, there.ws().await];
    let id = listed(&admin).await[0]["id"].clone();
    admin.delete(&format!("users/ann/sessions/{}/", id.as_str().expect("an id"))).await.ok(200);
    assert_eq!(sockets[1].close_code().await, Some(4001));
    there.get("sessions/").await.ok(401);
    let ended = admin.delete("users/ann/tokens/").await;
    assert_eq!((ended.status, ended.headers.get("set-cookie")), (200, None), "the admin stays signed in");
    assert_eq!(sockets[0].close_code().await, Some(4001));
    ann.get("sessions/").await.ok(401);
    admin.get("sessions/").await.ok(200);
    admin.delete("users/admin/tokens/").await.ok(403);
    let entries = admin.get("audit/?actor=arlan&target=ann").await.ok(200);
    let acts: Vec<_> = entries.as_array().expect("a list").iter().map(|entry| &entry["action"]).collect();
    assert_eq!(acts, ["sessions.delete", "session.delete"]);
}

#[tokio::test]
async fn ended_session_of_the_request_drops_the_cookie() {
    let app = TestApp::start().await;
    let ann = app.nobody().sign_up("ann", PASSWORD).await;
    let sessions = listed(&ann).await;
    let path = format!("users/ann/sessions/{}/", sessions[0]["id"].as_str().expect("an id"));
    let answer = ann.delete(&path).await;
    let cookie = answer.headers["set-cookie"].to_str().expect("ASCII").to_owned();
    assert!(cookie.contains("Max-Age=0"), "{cookie}");
    ann.get("sessions/").await.ok(401);
}

#[tokio::test]
async fn all_other_sessions_end_together() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let here = nobody.sign_up("ann", PASSWORD).await;
    let others =
        [bearing(&nobody, sign_in(&nobody, "one").await), bearing(&nobody, sign_in(&nobody, "two").await)];
    let (mut kept, mut ended) = (here.ws().await, others[0].ws().await);
    here.delete("users/ann/tokens/?others=perhaps").await.ok(400);
    here.delete("users/ann/tokens/?others=true").await.ok(200);
    assert_eq!(ended.close_code().await, Some(4001));
    for other in &others {
        other.get("sessions/").await.ok(401);
    }
    kept.quiet().await;
    assert_eq!(listed(&here).await.len(), 1);
    app.service().delete("users/ann/tokens/?others=true").await.ok(200);
    here.get("sessions/").await.ok(401);
}

#[tokio::test]
async fn use_of_a_session_is_noted_later() {
    let app = TestApp::start().await;
    let (ann, service) = (app.user("ann").await, app.service());
    let session = || async { listed(&service).await.remove(0) };
    let issued = session().await;
    assert_eq!(
        (&issued["last_used"], &issued["agent"], &issued["address"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );

    let request = ann.request(Method::GET, "sessions/").header("user-agent", "An app");
    ann.send(request).await.ok(200);
    assert_eq!(session().await["last_used"], Value::Null, "a request writes nothing");
    sessions::note(app.state(), false).await.expect("noted");
    let used = session().await;
    assert_eq!((&used["agent"], &used["address"]), (&json!("An app"), &json!("127.0.0.1")));
    let first = used["last_used"].as_str().expect("a date").to_owned();
    assert!(first.as_str() > used["created"].as_str().expect("a date"));

    sessions::note(app.state(), false).await.expect("noted");
    assert_eq!(session().await["last_used"], first.as_str(), "nothing has used it since");
    let _socket = ann.ws().await;
    sessions::note(app.state(), false).await.expect("noted");
    let second = session().await["last_used"].as_str().expect("a date").to_owned();
    assert!(second > first, "a handshake is a use");
    sessions::note(app.state(), true).await.expect("noted");
    assert!(session().await["last_used"].as_str() > Some(second.as_str()), "so is an open socket");
}

#[tokio::test]
async fn use_that_could_not_be_noted_is_noted_later() {
    let faults = Arc::new(Faults::default());
    let app = TestApp::with(|options| options.faults = faults.clone()).await;
    let (ann, service) = (app.user("ann").await, app.service());
    ann.get("sessions/").await.ok(200);
    faults.panic_in_write();
    // It fails on the embedded store.
    let _ = sessions::note(app.state(), false).await;
    sessions::note(app.state(), false).await.expect("noted");
    assert_ne!(listed(&service).await[0]["last_used"], Value::Null);
}

#[tokio::test]
async fn hundred_and_first_session_ends_the_oldest() {
    let app = TestApp::start().await;
    let (first, service) = (app.user("ann").await, app.service());
    for _ in 0..100 {
        service.post("users/ann/tokens/", json!({ "ttl": 600 })).await.ok(201);
    }
    assert_eq!(listed(&service).await.len(), 100);
    first.get("sessions/").await.ok(401);
}

#[tokio::test]
async fn rust_client_lists_and_ends_sessions() {
    let app = TestApp::start().await;
    let nobody = Rest::new(&app.url());
    let here = nobody.sign_up("ann", PASSWORD).await.expect("signed up");
    let there = nobody.sign_in("ann", PASSWORD).await.expect("signed in");
    let sessions = there.sessions("ann").await.expect("a list");
    assert_eq!(sessions.iter().map(|session| session.current).collect::<Vec<_>>(), [true, false]);
    there.end_session("ann", sessions[1].id).await.expect("ended");
    assert!(here.sessions("ann").await.is_err());
    nobody.sign_in("ann", PASSWORD).await.expect("signed in");
    there.revoke_other_tokens("ann").await.expect("ended");
    assert_eq!(there.sessions("ann").await.expect("a list").len(), 1);
}

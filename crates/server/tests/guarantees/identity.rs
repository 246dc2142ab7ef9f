//! Identity: no account belongs to two people, and the names that applications use are accepted everywhere.

use chinwag_http::auth::jwt::Secret;
use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::client::{Client, encoded};
use chinwag_testkit::jwt::{Host, SECRET};
use serde_json::json;

use crate::tokens::seconds;
use crate::{WAIT_TIMEOUT, group, send, text};

const PASSWORD: &str = "what mallory chose";

/// A host application whose users are created on first use.
async fn app(change: impl FnOnce(&mut Options)) -> (TestApp, Host) {
    let app = TestApp::with(|options| {
        options.http.jwt.secret = Some(Secret::parse(SECRET).expect("long enough"));
        options.http.jwt.create = true;
        change(options);
    })
    .await;
    (app, Host::default())
}

/// A client with a JWT of the host application.
fn by_jwt(app: &TestApp, host: &Host, name: &str) -> Client {
    app.nobody().bearing(&host.token("HS256", &json!({ "sub": name, "exp": seconds(600) })))
}

/// The statuses that the client gets over REST and WebSocket.
async fn over_both_transports(client: &Client) -> (u16, u16) {
    let shaken = client.try_ws("/chat/", &[]).await;
    (client.get("sessions/").await.status, shaken.map_or_else(|refused| refused.status, |_| 101))
}

async fn signs_in(app: &TestApp, name: &str) -> u16 {
    app.nobody().post("sessions/", json!({ "name": name, "password": PASSWORD })).await.status
}

async fn signs_up(app: &TestApp, name: &str) -> u16 {
    app.nobody().post("accounts/", json!({ "name": name, "password": PASSWORD })).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn name_of_a_signed_up_user_is_not_shared_with_the_host() {
    let (app, host) = app(|_| {}).await;
    let service = app.service();
    let mallory = app.nobody().sign_up("ann", PASSWORD).await;
    let mut socket = mallory.ws().await;
    let ticket = text(&mallory.post("tickets/", json!({})).await.ok(201)["ticket"]);

    // The host application's ann gets no access to mallory's account.
    service.put("users/ann/", json!({ "display_name": "Ann" })).await.ok(409);
    service.post("users/ann/tokens/", json!({})).await.ok(409);
    service.post("users/", json!({ "name": "ann" })).await.ok(400);
    assert_eq!(over_both_transports(&by_jwt(&app, &host, "ann")).await, (401, 401));
    let whole = service.get("users/ann/?fields=__all__").await.ok(200);
    assert_eq!((&whole["origin"], &whole["display_name"]), (&json!("account"), &json!(null)));
    assert_eq!(over_both_transports(&mallory).await, (200, 101));

    // After the adoption, mallory's credentials are void.
    let adopted = service.put("users/ann/", json!({ "display_name": "Ann", "adopt": true })).await.ok(200);
    assert_eq!((&adopted["origin"], &adopted["display_name"]), (&json!("host"), &json!("Ann")));
    assert_eq!(socket.close_code_within(WAIT_TIMEOUT).await, Some(4001));
    assert_eq!(over_both_transports(&mallory).await, (401, 401));
    assert_eq!(signs_in(&app, "ann").await, 401);
    let by_ticket = app.nobody().try_ws(&format!("/chat/?ticket={ticket}"), &[]).await;
    assert_eq!(by_ticket.expect_err("the ticket has ended").status, 401);
    assert_eq!(over_both_transports(&by_jwt(&app, &host, "ann")).await, (200, 101));
    service.post("users/ann/tokens/", json!({})).await.ok(201);
    assert_eq!(signs_up(&app, "ann").await, 400);

    // A token request can adopt, too.
    let mallory = app.nobody().sign_up("bob", PASSWORD).await;
    service.post("users/bob/tokens/", json!({ "adopt": true })).await.ok(201);
    assert_eq!((over_both_transports(&mallory).await, signs_in(&app, "bob").await), ((401, 401), 401));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_the_host_never_signs_up_or_renames() {
    let (app, host) = app(|options| options.users.rename_self = true).await;
    let service = app.service();
    let by_service = app.user("ann").await;
    service.put("users/put/", json!({})).await.ok(201);
    let (by_put, by_jwt) = (app.sign_in("put").await, by_jwt(&app, &host, "jwt"));
    by_jwt.get("sessions/").await.ok(200);
    for (client, name) in [(by_service, "ann"), (by_put, "put"), (by_jwt, "jwt")] {
        client.patch(&format!("users/{name}/"), json!({ "new_name": "eve" })).await.ok(403);
        assert_eq!((signs_up(&app, name).await, signs_in(&app, name).await), (400, 401), "{name}");
    }
    let own = app.nobody().sign_up("own", PASSWORD).await;
    own.patch("users/own/", json!({ "new_name": "owner" })).await.ok(200);
    // Once adopted, the user may no longer rename itself.
    let token = text(&service.post("users/owner/tokens/", json!({ "adopt": true })).await.ok(201)["token"]);
    own.bearing(&token).patch("users/owner/", json!({ "new_name": "own2" })).await.ok(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_only_the_service_renames() {
    let (app, _) = app(|_| {}).await;
    let ann = app.nobody().sign_up("ann", PASSWORD).await;
    ann.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(403);
    app.service().patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    assert_eq!(ann.get("sessions/").await.ok(200)["name"], "anna");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn former_name_is_reassigned_only_by_the_service() {
    let (app, host) = app(|options| options.users.rename_self = true).await;
    let service = app.service();
    app.user("deleted").await;
    service.delete("users/deleted/").await.ok(200);
    app.user("renamed").await;
    service.patch("users/renamed/", json!({ "new_name": "other" })).await.ok(200);
    let own = app.nobody().sign_up("own", PASSWORD).await;
    own.patch("users/own/", json!({ "new_name": "mine" })).await.ok(200);

    for name in ["deleted", "renamed", "own"] {
        for spelled in [name.to_owned(), name.to_uppercase()] {
            assert_eq!(signs_up(&app, &spelled).await, 400, "{spelled}");
            own.patch("users/mine/", json!({ "new_name": spelled })).await.ok(400);
            assert_eq!(over_both_transports(&by_jwt(&app, &host, &spelled)).await, (401, 401), "{spelled}");
        }
        service.get(&format!("users/{name}/")).await.ok(404);
    }
    service.put("users/deleted/", json!({})).await.ok(201);
    service.post("users/", json!({ "name": "renamed" })).await.ok(201);
    service.patch("users/other/", json!({ "new_name": "own" })).await.ok(200);
    for name in ["deleted", "renamed", "own"] {
        assert_eq!(over_both_transports(&by_jwt(&app, &host, name)).await, (200, 101), "{name}");
    }
    // A user who changes only the case of its name keeps it.
    own.patch("users/mine/", json!({ "new_name": "Mine" })).await.ok(200);
    own.patch("users/Mine/", json!({ "new_name": "mine" })).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_not_held_where_the_setting_is_zero() {
    let (app, host) = app(|options| options.users.name_hold = std::time::Duration::ZERO).await;
    app.user("ann").await;
    app.service().delete("users/ann/").await.ok(200);
    assert_eq!(over_both_transports(&by_jwt(&app, &host, "ann")).await, (200, 101));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_spelling_is_another_refused_user() {
    let (app, host) = app(|_| {}).await;
    let service = app.service();
    for (stored, variants) in [
        ("ann@example.org", vec!["Ann@example.org", "ANN@EXAMPLE.ORG", "ａnn@example.org"]),
        ("Jos\u{e9}", vec!["Jose\u{301}", "jos\u{e9}", "JOS\u{c9}", "Ｊos\u{e9}"]),
        ("pocox", vec!["росох", "POCOX"]),
    ] {
        service.put(&format!("users/{}/", encoded(stored)), json!({})).await.ok(201);
        for variant in variants {
            let path = format!("users/{}/", encoded(variant));
            service.put(&path, json!({})).await.ok(409);
            let token = service.post(&format!("{path}tokens/"), json!({})).await.status;
            assert!([404, 409].contains(&token), "{variant}: {token}");
            service.post("users/", json!({ "name": variant })).await.ok(400);
            assert_eq!(signs_up(&app, variant).await, 400, "{variant}");
            assert_eq!(over_both_transports(&by_jwt(&app, &host, variant)).await, (401, 401), "{variant}");
            if token == 409 {
                assert_eq!(service.get(&path).await.ok(200)["name"], stored, "{variant}");
            }
        }
        assert_eq!(over_both_transports(&by_jwt(&app, &host, stored)).await, (200, 101), "{stored}");
    }
    // A new name is accepted only in its canonical form.
    service.put(&format!("users/{}/", encoded("Zoe\u{308}")), json!({})).await.ok(409);
    assert_eq!(over_both_transports(&by_jwt(&app, &host, "Zoe\u{308}")).await, (401, 401));
    assert_eq!(over_both_transports(&by_jwt(&app, &host, "Zo\u{eb}")).await, (200, 101));
}

/// Names as applications use them.
const NAMES: &[&str] = &[
    "6f1c2b1e-8d0a-4a6e-9d5e-0c7b8f3a2d11",
    "auth0|5f7c1e2d3b4a",
    "google-oauth2|103547991597142817347",
    "ann+tag@example.org",
    "user:42",
    "42",
    "...",
    "bob#1",
    "100%",
    "%2e%2E",
    "a?b=c&d",
    "a;b,c",
    "[a](b){c}`~^$!*'=",
    "Jürgen@example.org",
    "名前",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_names_of_applications_are_names_everywhere() {
    let (app, host) = app(|_| {}).await;
    let service = app.service();
    let peer = app.user("peer").await;
    let mut peers = peer.ws().await;
    for name in NAMES {
        let path = format!("users/{}/", encoded(name));
        service.put(&path, json!({ "display_name": "Somebody" })).await.ok(201);
        service.put(&path, json!({})).await.ok(200);
        let whole = service.get(&format!("{path}?fields=__all__")).await.ok(200);
        assert_eq!((&whole["name"], &whole["display_name"]), (&json!(name), &json!("Somebody")));

        let client = app.sign_in(name).await;
        assert_eq!(client.get("sessions/").await.ok(200)["name"], *name);
        assert_eq!(by_jwt(&app, &host, name).get("sessions/").await.ok(200)["name"], *name);
        let mut socket = client.ws().await;
        let first = peers.ask("message.first", json!({ "target": name, "body": "hello" })).await;
        assert_eq!(first["type"], "group.update", "{name}: {first}");
        assert_eq!(socket.until("group.update").await["data"]["members"], first["data"]["members"]);
        let invited = peers.ask("contact.update", json!({ "name": name, "operation": "invite" })).await;
        assert_eq!(invited["data"]["name"], *name, "{invited}");
        let contact = json!({ "contact": { "name": "peer", "operation": "contact" } });
        let related = client.patch(&path, contact).await.ok(200);
        assert_eq!(related["contacts"], json!(["peer"]), "{name}");

        let made = group(&service, &["peer", name]).await;
        let said = send(&client, &made, "from me").await;
        assert_eq!((&said["author"], &said["group"]), (&json!(name), &json!(made)));
        service.patch(&format!("groups/{made}/"), json!({ "owner": [name] })).await.ok(200);
        assert_eq!(service.get(&format!("groups/{made}/?fields=owner")).await.json["owner"], json!([name]));
        for change in [json!({ "owner": ["peer"] }), json!({ "remove": [name] })] {
            service.patch(&format!("groups/{made}/"), change).await.ok(200);
        }

        service.delete(&format!("{path}tokens/")).await.ok(200);
        assert_eq!(socket.close_code_within(WAIT_TIMEOUT).await, Some(4001), "{name}");
        service.delete(&path).await.ok(200);
        service.get(&path).await.ok(404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_no_address_holds_are_refused_everywhere() {
    let (app, host) = app(|options| options.users.rename_self = true).await;
    let service = app.service();
    let own = app.nobody().sign_up("own", PASSWORD).await;
    app.user("tokens").await;
    for name in [".", "..", "．", "．．", "a/b", "a／b", "a\\b", "@a", "a b", "\u{301}a", "a\u{200b}"] {
        service.post("users/", json!({ "name": name })).await.ok(400);
        assert_eq!(signs_up(&app, name).await, 400, "{name}");
        own.patch("users/own/", json!({ "new_name": name })).await.ok(400);
        assert_eq!(over_both_transports(&by_jwt(&app, &host, name)).await, (401, 401), "{name}");
        if !matches!(name, "." | "..") {
            let refused = service.put(&format!("users/{}/", encoded(name)), json!({})).await;
            assert_eq!(
                (refused.status, &refused.json["errors"][0]["field"]),
                (400, &json!("name")),
                "{name}"
            );
            service.get(&format!("users/{}/", encoded(name))).await.ok(404);
        }
    }
    // Browsers normalize this to users/tokens/, whose user must not be deleted.
    service.delete("users/a%2F..%2Ftokens/").await.ok(404);
    service.get("users/tokens/").await.ok(200);
}

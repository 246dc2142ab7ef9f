//! Keys of bots: their rights at every route and event, and their end.

use chinwag_http::{CLIENT_EVENTS, Example, ROUTES, RouteEntry, RouteExample};
use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::setup::{group, history, id, send, text};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::hooks::{bot, two_messages};

const BOTH: [&str; 2] = ["read", "send"];

/// Creates a key of a bot; returns its id and a client with it.
async fn key(service: &Client, bot: &str, groups: &[&str], may: &[&str]) -> (String, Client) {
    let made =
        service.post(&format!("users/{bot}/keys/"), json!({ "groups": groups, "may": may })).await.ok(201);
    (id(&made), service.bearing(&text(&made["key"])))
}

/// A server with `ann`, and the bot `ci` in two of her groups.
async fn world() -> (TestApp, Client, [String; 2]) {
    world_with(|_| {}).await
}

async fn world_with(change: impl FnOnce(&mut Options)) -> (TestApp, Client, [String; 2]) {
    let app = TestApp::with(change).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    bot(&service, "ci").await;
    let groups = [group(&service, &["ann", "ci"]).await, group(&service, &["ann", "ci"]).await];
    (app, ann, groups)
}

#[tokio::test]
async fn key_reads_and_sends_in_its_groups_alone() {
    let (app, ann, [here, there]) = world().await;
    let service = app.service();
    let (_, key) = key(&service, "ci", &[&here], &BOTH).await;
    let (asked, hidden) = (send(&ann, &here, "ping").await, send(&ann, &there, "hidden").await);
    let answer = json!({ "group": here, "body": "pong", "respond_to": asked["id"] });
    let answer = key.post("messages/", answer).await.ok(201);
    assert_eq!(answer["author"], "ci");
    let own = format!("messages/{}/", id(&answer));
    assert_eq!(key.patch(&own, json!({ "body": "pong!" })).await.ok(200)["body"], "pong!");
    assert_eq!(history(&key, &here).await.len(), 2);
    assert_eq!(key.get(&format!("messages/{}/", id(&asked))).await.ok(200)["body"], "ping");
    assert_eq!(key.get(&format!("groups/{here}/?fields=name")).await.ok(200)["name"], "g");
    key.patch(&format!("messages/{}/", id(&asked)), json!({ "body": "mine" })).await.ok(403);
    key.delete(&own).await.ok(200);
    for path in [
        format!("groups/{there}/messages/"),
        format!("groups/{there}/"),
        format!("messages/{}/", id(&hidden)),
    ] {
        key.get(&path).await.ok(404);
    }
    key.post("messages/", json!({ "group": there, "body": "x" })).await.ok(404);
    key.post("messages/", json!({ "group": here, "body": "x", "author": "ann" })).await.ok(403);
    assert_eq!(history(&ann, &there).await.len(), 1);
}

#[tokio::test]
async fn key_does_what_its_rights_say() {
    let (app, ann, [here, _]) = world().await;
    let service = app.service();
    let ((_, reader), (_, sender)) =
        (key(&service, "ci", &[&here], &["read"]).await, key(&service, "ci", &[&here], &["send"]).await);
    let asked = id(&send(&ann, &here, "ping").await);
    reader.get(&format!("groups/{here}/messages/")).await.ok(200);
    sender.get(&format!("groups/{here}/messages/")).await.ok(403);
    sender.get(&format!("messages/{asked}/")).await.ok(403);
    reader.post("messages/", json!({ "group": here, "body": "x" })).await.ok(403);
    let sent = id(&sender.post("messages/", json!({ "group": here, "body": "x" })).await.ok(201));
    reader.patch(&format!("messages/{sent}/"), json!({ "body": "y" })).await.ok(403);
    reader.delete(&format!("messages/{sent}/")).await.ok(403);
    sender.delete(&format!("messages/{sent}/")).await.ok(200);
}

#[tokio::test]
async fn keys_are_made_listed_and_ended_by_the_service() {
    let (app, ann, [here, there]) = world().await;
    let service = app.service();
    let made =
        service.post("users/ci/keys/", json!({ "groups": [here, there, here], "may": BOTH })).await.ok(201);
    assert_eq!((&made["groups"], &made["may"]), (&json!([here, there]), &json!(BOTH)));
    assert!(text(&made["key"]).starts_with("cw_bot_"), "{made}");
    let path = format!("users/ci/keys/{}/", id(&made));
    let shown = service.get(&path).await.ok(200);
    assert_eq!((shown.get("key"), &shown["groups"]), (None, &json!([here, there])));
    assert_eq!(service.get("users/ci/keys/").await.ok(200), json!([shown]));
    let unknown = "0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e25";
    for (bot, body, field) in [
        ("ci", json!({ "may": ["read"] }), "groups"),
        ("ci", json!({ "groups": [], "may": ["read"] }), "groups"),
        ("ci", json!({ "groups": here, "may": ["read"] }), "groups"),
        ("ci", json!({ "groups": [here, "here"], "may": ["read"] }), "groups[1]"),
        ("ci", json!({ "groups": [here, here, unknown], "may": ["read"] }), "groups[2]"),
        ("ci", json!({ "groups": [here, unknown], "may": ["read"] }), "groups[1]"),
        ("ci", json!({ "groups": vec![unknown; 101], "may": ["read"] }), "groups"),
        ("ci", json!({ "groups": [here] }), "may"),
        ("ci", json!({ "groups": [here], "may": [] }), "may"),
        ("ci", json!({ "groups": [here], "may": ["write"] }), "may"),
        ("ci", json!({ "groups": [here], "may": "read" }), "may"),
        ("ann", json!({ "groups": [here], "may": ["read"] }), "name"),
    ] {
        let refused = service.post(&format!("users/{bot}/keys/"), body.clone()).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{body}: {refused}");
    }
    ann.post("users/ci/keys/", json!({ "groups": [here], "may": ["read"] })).await.ok(403);
    let client = service.bearing(&text(&made["key"]));
    client.get(&format!("groups/{here}/messages/")).await.ok(200);
    service.delete(&path).await.ok(200);
    service.delete(&path).await.ok(404);
    client.get(&format!("groups/{here}/messages/")).await.ok(401);
    client.post("messages/", json!({ "group": here, "body": "x" })).await.ok(401);
}

#[tokio::test]
async fn keys_end_with_the_bot() {
    let (mut app, _, [here, _]) = world().await;
    let service = app.service();
    let (_, person) = key(&service, "ci", &[&here], &BOTH).await;
    app.restart().await;
    let path = format!("groups/{here}/messages/");
    person.get(&path).await.ok(200);
    service.put("users/ci/", json!({ "kind": "person" })).await.ok(200);
    person.get(&path).await.ok(401);
    service.put("users/ci/", json!({ "kind": "bot" })).await.ok(200);
    person.get(&path).await.ok(401);
    let (_, gone) = key(&service, "ci", &[&here], &BOTH).await;
    service.delete("users/ci/").await.ok(200);
    gone.get(&path).await.ok(401);
}

#[tokio::test]
async fn keys_have_the_limits_of_a_user() {
    let (app, _, [here, _]) = world_with(two_messages).await;
    let (_, key) = key(&app.service(), "ci", &[&here], &BOTH).await;
    let mut statuses = Vec::new();
    for number in 0..3 {
        statuses
            .push(key.post("messages/", json!({ "group": here, "body": number.to_string() })).await.status);
    }
    assert_eq!(statuses, [201, 201, 429]);
}

/// The routes that a key with both rights may use, by method and path.
const ALLOWED: [&str; 15] = [
    "get /api/v1/groups/{id}/",
    "get /api/v1/groups/{id}/messages/",
    "get /api/v1/groups/{id}/pins/",
    "get /api/v1/groups/{id}/members/",
    "post /api/v1/messages/",
    "get /api/v1/messages/{id}/",
    "patch /api/v1/messages/{id}/",
    "delete /api/v1/messages/{id}/",
    "get /api/v1/messages/{id}/thread/",
    "get /api/v1/messages/{id}/reactions/",
    // No such file exists.
    "get /api/v1/files/{id}/",
    "get /api/v1/files/{id}/{name}",
    "get /api/v1/files/{id}/thumbnail/image.webp",
    // These need no credential.
    "get /api/v1/server/",
    "options /api/v1/files/uploads/",
];
/// Routes that authenticate by body or path and ignore other credentials.
pub(crate) const NO_CREDENTIAL: [&str; 6] = [
    "get /oidc/begin/",
    "get /oidc/callback/",
    "post /api/v1/accounts/",
    "post /api/v1/oidc/",
    "post /api/v1/sessions/",
    "post /hooks/{secret}/",
];

/// The example request of a route, in a group that the bot owns and about its own message.
fn example(route: &RouteEntry, caller: &Client, group: &str, message: &str, fresh: &str) -> RequestBuilder {
    let mut path = route.example_path("ci", group, message);
    if route.path == "/api/v1/search/" || (route.method, route.path) == ("get", "/api/v1/messages/") {
        path.push_str("?q=word");
    }
    let request = caller.request(route.method.to_uppercase().parse().expect("a method"), &path);
    let ids = RouteExample { group, author: "ci", other: "ann", fresh };
    let body = (route.rules.example)(&ids);
    // Resumable uploads require their version header from every caller.
    let request = request.header("tus-resumable", "1.0.0").header("upload-length", "1");
    let request = if route.method == "patch" && route.path.contains("/uploads/") {
        request.header("content-type", "application/offset+octet-stream").header("upload-offset", "0")
    } else {
        request
    };
    if body.is_null() { request } else { request.json(&body) }
}

async fn state(service: &Client, group: &str) -> Vec<Answer> {
    let mut state = Vec::new();
    for path in [
        format!("groups/{group}/?fields=__all__"),
        format!("groups/{group}/messages/"),
        "users/?fields=name".into(),
        "users/ci/?fields=relations+contacts+blockeds+invitations+display_name+kind".into(),
    ] {
        state.push(service.get(&path).await);
    }
    state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_refuses_a_key_what_its_row_does_not_say() {
    let (app, _, _) = world().await;
    let service = app.service();
    let mut wrong = Vec::new();
    for (number, route) in ROUTES.iter().enumerate() {
        let name = format!("{} {}", route.method, route.path);
        if NO_CREDENTIAL.contains(&name.as_str()) {
            continue;
        }
        let group = group(&service, &["ci", "ann"]).await;
        let message = json!({ "group": group, "author": "ci", "body": "own" });
        let message = id(&service.post("messages/", message).await.ok(201));
        let (_, key) = key(&service, "ci", &[&group], &BOTH).await;
        let before: Vec<_> = state(&service, &group).await.into_iter().map(|answer| answer.text).collect();
        let request = example(route, &key, &group, &message, &format!("fresh{number}"));
        let answer = key.send(request).await;
        let is_right = match (ALLOWED.contains(&name.as_str()), name.contains("/files/{id}/")) {
            (true, true) => answer.status == 404,
            (true, false) => answer.status < 300,
            (false, _) => {
                let after: Vec<_> =
                    state(&service, &group).await.into_iter().map(|answer| answer.text).collect();
                answer.status == 403 && before == after
            }
        };
        if !is_right {
            wrong.push(format!("{name}: {} {}", answer.status, answer.text));
        }
    }
    assert!(wrong.is_empty(), "{} routes differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn key_is_a_credential_in_the_header_alone() {
    let (app, _, [here, _]) = world().await;
    let (_, key) = key(&app.service(), "ci", &[&here], &BOTH).await;
    let nobody = app.nobody();
    let cookie = format!("access={}", key.token());
    let request = nobody.request(reqwest::Method::GET, &format!("groups/{here}/")).header("cookie", cookie);
    assert_eq!(nobody.send(request).await.status, 401);
    let wrong = nobody.bearing("cw_bot_0000000000000000000000000000000000000000000");
    wrong.get(&format!("groups/{here}/")).await.ok(401);
    wrong.post("tickets/", json!({})).await.ok(401);
    key.post("tickets/", json!({})).await.ok(403);
    let refused = wrong.try_ws("/chat/", &[]).await.expect_err("it is no key");
    assert_eq!(refused.status, 401);
    let offered = format!("chinwag, bearer.{}", key.token());
    nobody.try_ws("/chat/", &[("sec-websocket-protocol", &offered)]).await.expect("as browsers send it");
}

#[tokio::test]
async fn key_opens_a_socket_of_its_groups_alone() {
    let (app, ann, [here, there]) = world().await;
    let (service, ci) = (app.service(), app.sign_in("ci").await);
    let contact = |author: &str, name: &str| json!({ "contact": { "author": author, "name": name, "operation": "contact" } });
    service.patch("users/ci/", contact("ci", "ann")).await.ok(200);
    service.patch("users/ann/", contact("ann", "ci")).await.ok(200);
    send(&ann, &here, "before").await;
    let (_, key) = key(&service, "ci", &[&here], &BOTH).await;
    // The bot's other sockets receive everything, whichever connected first.
    let mut scoped = key.try_ws("/chat/?groups=0&messages=1", &[]).await.expect("it may read");
    let mut whole = ci.ws().await;
    let groups = scoped.summary().as_array().expect("a list").clone();
    assert_eq!((groups.len(), &groups[0]["id"]), (1, &json!(here)));
    assert_eq!(groups[0]["messages"][0]["body"], "before");
    assert_eq!(scoped.contacts()["contacts"], json!([]));
    assert_eq!(whole.summary().as_array().expect("a list").len(), 2);
    let mut ann_socket = ann.ws().await;
    send(&ann, &there, "hidden").await;
    ann_socket.send(json!({ "type": "typing.start", "data": { "group": there } })).await;
    service.patch("users/ann/", json!({ "display_name": "Ann Lee" })).await.ok(200);
    service.patch(&format!("groups/{there}/"), json!({ "name": "renamed" })).await.ok(200);
    group(&service, &["ann", "ci"]).await;
    send(&ann, &here, "shown").await;
    let shown = scoped.next().await;
    assert_eq!(
        (&shown["type"], &shown["data"]["body"]),
        (&json!("message.text"), &json!("shown")),
        "{shown}"
    );
    whole.frame_where(|frame| frame["data"]["body"] == "hidden").await;
    let sent = scoped.ask("message.text", json!({ "group": here, "body": "pong" })).await;
    assert_eq!((&sent["type"], &sent["data"]["author"]), (&json!("message.text"), &json!("ci")));
    let refused = scoped.ask("message.text", json!({ "group": there, "body": "pong" })).await;
    assert_eq!(refused["code"], 404, "{refused}");
    let fetched = scoped.ask("message.fetch", json!({ "group": there })).await;
    assert_eq!(fetched["code"], 404, "{fetched}");
    let held = json!({ "groups": { here.clone(): 1, there.clone(): 1 } });
    scoped.send(json!({ "type": "sync.resume", "data": held, "ref": "r" })).await;
    let done = scoped.until("sync.done").await;
    assert_eq!(done["data"]["refused"], json!({ there.clone(): "not_found" }), "{done}");
    assert!(done["data"]["groups"].get(&there).is_none(), "{done}");
}

#[tokio::test]
async fn sockets_end_with_their_key() {
    let (app, ann, [here, _]) = world().await;
    let service = app.service();
    let (first, one) = key(&service, "ci", &[&here], &["read"]).await;
    let (_, two) = key(&service, "ci", &[&here], &["read"]).await;
    let (mut ended, mut other) = (one.ws().await, two.ws().await);
    service.delete(&format!("users/ci/keys/{first}/")).await.ok(200);
    assert_eq!(ended.close_code().await, Some(4001));
    send(&ann, &here, "still here").await;
    other.frame_where(|frame| frame["data"]["body"] == "still here").await;
    service.put("users/ci/", json!({ "kind": "person" })).await.ok(200);
    assert_eq!(other.close_code().await, Some(4001));
    let (_, sender) = {
        service.put("users/ci/", json!({ "kind": "bot" })).await.ok(200);
        key(&service, "ci", &[&here], &["send"]).await
    };
    let refused = sender.try_ws("/chat/", &[]).await.expect_err("it may not read");
    assert_eq!(refused.status, 403);
}

/// The events that a key with both rights may send.
const EVENTS: [&str; 5] =
    ["message.text", "message.fetch", "message.update", "message.delete", "sync.resume"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_refuses_a_key_what_its_row_does_not_say() {
    let (app, _, _) = world().await;
    let service = app.service();
    app.user("newcomer").await;
    let mut wrong = Vec::new();
    for event in CLIENT_EVENTS {
        let group = group(&service, &["ci", "ann"]).await;
        let message = json!({ "group": group, "author": "ci", "body": "own" });
        let message = id(&service.post("messages/", message).await.ok(201));
        let (_, key) = key(&service, "ci", &[&group], &BOTH).await;
        let before: Vec<_> = state(&service, &group).await.into_iter().map(|answer| answer.text).collect();
        let mut socket = key.ws().await;
        let example = Example { group: group.clone(), message, user: "newcomer".into() };
        socket.send(json!({ "type": event.name, "data": (event.example)(&example), "ref": "r" })).await;
        let fetch = json!({ "group": group });
        socket.send(json!({ "type": "message.fetch", "data": fetch, "ref": "after" })).await;
        let mut code = None;
        loop {
            let frame = socket.next().await;
            if frame["ref"] == "r" && frame["type"] == "error.data" {
                code = frame["code"].as_u64();
            }
            if frame["ref"] == "after" {
                break;
            }
        }
        let after: Vec<_> = state(&service, &group).await.into_iter().map(|answer| answer.text).collect();
        let is_right =
            if EVENTS.contains(&event.name) { code.is_none() } else { code == Some(403) && before == after };
        if !is_right {
            wrong.push(format!("{}: {code:?}", event.name));
        }
    }
    assert!(wrong.is_empty(), "{} events differ: {wrong:?}", wrong.len());
}

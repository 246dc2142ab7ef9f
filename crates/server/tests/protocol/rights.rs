//! Rights: every cell of the role table over both transports, and every route and event.
//!
//! A cell is one actor who attempts one action in its own group. Both transports must refuse alike, and a
//! refusal must change nothing.

mod full_disk;
mod role_table;
mod routes;

use std::collections::BTreeSet;

use chinwag_core::permission::{Role, may};
use chinwag_http::{CLIENT_EVENTS, ClientEventEntry, Example, ROUTES, Right};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

use role_table::{Rest, Row, Said, rows};

/// The actors: the members of every cell's group, named by role, and users who are not in it.
const ACTORS: [&str; 8] =
    ["owner", "warden", "member", "restrict", "outsider", "removed", "blocked", "invited"];
const EXTRAS: [&str; 4] = ["warden2", "member2", "restrict2", "newcomer"];

/// The group of one cell, with a message by each of its members.
struct Cell {
    group: String,
    actor: &'static str,
    service: bool,
    messages: Value,
}

impl Cell {
    fn message_of(&self, author: &str) -> &str {
        self.messages[author].as_str().expect("everybody in the group has written")
    }

    /// Adds the `author` that a service must name, if the actor is the service.
    fn author(&self, mut body: Value) -> Value {
        if self.service {
            body["author"] = "owner".into();
        }
        body
    }

    fn own(&self) -> &str {
        self.message_of(if self.messages[self.actor].is_string() { self.actor } else { "member2" })
    }
}

/// The actor's role in its cell's group, as a column of the table.
fn column(actor: &str) -> Option<usize> {
    ["owner", "warden", "member", "restrict"].iter().position(|role| *role == actor)
}

async fn world() -> TestApp {
    let app = TestApp::start().await;
    for name in ACTORS.iter().chain(&EXTRAS) {
        app.user(name).await;
    }
    app
}

/// A group with each actor in the role of its name, each with a message; `removed` was a member.
async fn cell(service: &Client, actor: &'static str) -> Cell {
    let group = service
        .post(
            "groups/",
            json!({
                "name": "a cell", "author": "owner", "admins": ["warden", "warden2"],
                "members": ["member", "member2", "restrict", "restrict2", "removed"],
            }),
        )
        .await
        .ok(201)["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut messages = json!({});
    for author in ["owner", "warden", "warden2", "member", "member2", "restrict", "restrict2", "removed"] {
        let sent =
            service.post("messages/", json!({ "group": group, "author": author, "body": author })).await;
        messages[author] = sent.ok(201)["id"].clone();
    }
    let change = json!({ "restricts": ["restrict", "restrict2"], "remove": ["removed"] });
    service.patch(&format!("groups/{group}/"), change).await.ok(200);
    Cell { group, actor, service: actor == "service", messages }
}

async fn state(service: &Client, cell: &Cell) -> (Value, Value) {
    let group = service.get(&format!("groups/{}/?fields=__all__", cell.group)).await.json;
    let messages = service.get(&format!("groups/{}/messages/?limit=100", cell.group)).await.json;
    (group, messages)
}

/// The expected result: 0 for allowed, else the code of the refusal.
fn expected(row: &Row, actor: &str) -> u16 {
    match column(actor) {
        Some(role) if row.allowed[role] => 0,
        Some(_) => 403,
        None => 404,
    }
}

/// Attempts every row as one actor over both transports. Returns the cells that differ from the table.
async fn try_every_row(app: &TestApp, actor: &'static str) -> Vec<String> {
    let (service, client) = (app.service(), app.sign_in(actor).await);
    let mut socket = client.ws().await;
    let mut wrong = Vec::new();
    for row in rows() {
        let expected = expected(&row, actor);
        if let Some(rest) = row.rest {
            let cell = cell(&service, actor).await;
            let found = over_rest(&service, &client, &cell, rest).await;
            note(&mut wrong, actor, &row, "REST", expected, found);
        }
        if let Some(event) = row.event {
            let cell = cell(&service, actor).await;
            let found = over_socket(&service, &mut socket, &cell, event).await;
            note(&mut wrong, actor, &row, "WebSocket", expected, found);
        }
    }
    wrong
}

fn note(
    wrong: &mut Vec<String>,
    actor: &str,
    row: &Row,
    transport: &str,
    expected: u16,
    found: Result<u16, String>,
) {
    match found {
        Ok(code) if code == expected => {}
        Ok(code) => {
            wrong.push(format!("{actor}: {} over {transport}: {code} instead of {expected}", row.name));
        }
        Err(why) => wrong.push(format!("{actor}: {} over {transport}: {why}", row.name)),
    }
}

async fn over_rest(service: &Client, client: &Client, cell: &Cell, rest: Rest) -> Result<u16, String> {
    let before = state(service, cell).await;
    let (method, path, body) = rest(cell);
    let request = client.request(method, &path);
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = client.send(request).await;
    if answer.status < 300 {
        return Ok(0);
    }
    unchanged(service, cell, &before).await.map(|()| answer.status)
}

async fn over_socket(service: &Client, socket: &mut Ws, cell: &Cell, event: Said) -> Result<u16, String> {
    let before = state(service, cell).await;
    let (kind, data) = event(cell);
    let frame = socket.ask(kind, data).await;
    if frame["type"] != "error.data" {
        return Ok(0);
    }
    let code =
        frame["code"].as_u64().and_then(|code| u16::try_from(code).ok()).ok_or("an error has a code")?;
    unchanged(service, cell, &before).await.map(|()| code)
}

async fn unchanged(service: &Client, cell: &Cell, before: &(Value, Value)) -> Result<(), String> {
    let after = state(service, cell).await;
    if after == *before { Ok(()) } else { Err(format!("was refused, and changed {before:?} to {after:?}")) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_of_the_role_table_is_equal_on_both_transports() {
    let app = world().await;
    let service = app.service();
    app.user("friend").await;
    let block = json!({ "contact": { "author": "owner", "name": "blocked", "operation": "block" } });
    service.patch("users/owner/", block).await.ok(200);
    let invite = json!({ "contact": { "author": "owner", "name": "invited", "operation": "invitation" } });
    service.patch("users/owner/", invite).await.ok(200);

    let tried = ACTORS.map(|actor| try_every_row(&app, actor));
    let wrong: Vec<String> = futures_util::future::join_all(tried).await.concat();
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The result that the event's declaration gives for an actor: 0 for allowed, else the code of the refusal.
fn expected_of(right: Right, actor: &str) -> u16 {
    match (right, column(actor)) {
        (Right::User, _) => 0,
        (Right::Member(_), None) => 404,
        (Right::Member(action), Some(role)) => {
            if may(Role::ALL[role], action) {
                0
            } else {
                403
            }
        }
    }
}

/// Sends the example of an event. Returns the code of its refusal, or 0.
async fn send_example(socket: &mut Ws, event: &ClientEventEntry, cell: &Cell, number: usize) -> u16 {
    let user = EXTRAS[3].to_owned();
    let example = Example { group: cell.group.clone(), message: cell.own().to_owned(), user };
    let reference = format!("{}-{number}", event.name);
    socket.send(json!({ "type": event.name, "data": (event.example)(&example), "ref": reference })).await;
    // Not every event has an answer, so send another event after it: its answer shows that the first is done.
    let after = format!("after-{reference}");
    let fetch = json!({ "group": cell.group });
    socket.send(json!({ "type": "message.fetch", "data": fetch, "ref": after })).await;
    let mut code = 0;
    loop {
        let frame = socket.next().await;
        if frame["ref"] == reference.as_str() && frame["type"] == "error.data" {
            code = frame["code"].as_u64().and_then(|code| u16::try_from(code).ok()).expect("a code");
        }
        if frame["ref"] == after.as_str() {
            return code;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_event_is_allowed_as_it_declares() {
    let app = world().await;
    let service = app.service();
    let mut wrong = Vec::new();
    for actor in ["owner", "warden", "member", "restrict", "outsider", "removed"] {
        let mut socket = app.sign_in(actor).await.ws().await;
        for (number, event) in CLIENT_EVENTS.iter().enumerate() {
            let cell = cell(&service, actor).await;
            let (found, expected) =
                (send_example(&mut socket, event, &cell, number).await, expected_of(event.right, actor));
            if found != expected {
                wrong.push(format!("{actor}: {}: {found} instead of {expected}", event.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} events differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_may_do_all_that_anybody_may() {
    let app = world().await;
    let service = app.service();
    for row in rows().into_iter().filter(|row| !["demote the owner", "remove the owner"].contains(&row.name))
    {
        let Some(rest) = row.rest else { continue };
        let cell = cell(&service, "service").await;
        assert_eq!(over_rest(&service, &service, &cell, rest).await, Ok(0), "{}", row.name);
    }
    for name in ["demote the owner", "remove the owner"] {
        let row = rows().into_iter().find(|row| row.name == name).expect("a row");
        let cell = cell(&service, "service").await;
        let found = over_rest(&service, &service, &cell, row.rest.expect("a route")).await;
        assert_eq!(found, Ok(403), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_and_deleted_users_are_refused_on_both_transports() {
    let app = world().await;
    let service = app.service();
    let gone = app.user("deleted").await;
    service.delete("users/deleted/").await.ok(200);
    for client in [app.nobody(), gone] {
        for row in rows() {
            let Some(rest) = row.rest else { continue };
            let cell = cell(&service, "owner").await;
            let found = over_rest(&service, &client, &cell, rest).await;
            assert_eq!(found, Ok(401), "{} by {}", row.name, client.name());
        }
        let refused = client.try_ws("/chat/", &[]).await.expect_err("the handshake is refused");
        assert_eq!(refused.status, 401, "{}", client.name());
    }
    let refused = service.try_ws("/chat/", &[]).await.expect_err("the service is nobody's socket");
    assert_eq!(refused.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_has_a_row_of_rights() {
    let app = TestApp::start().await;
    let document = app.service().get("openapi.json").await.ok(200);
    let mut served = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys().filter(|key| *key != "parameters") {
            served.insert(format!("{method} {path}"));
        }
    }
    let rows: BTreeSet<_> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let open = [
        "get /healthz",
        "get /readyz",
        "get /metrics",
        "get /api/v1/openapi.json",
        "get /api/v1/asyncapi.json",
    ]
    .map(String::from);
    let rows: BTreeSet<_> =
        rows.into_iter().chain(open.into_iter().filter(|route| served.contains(route))).collect();
    assert_eq!(served, rows, "a route has no row of rights, or a row no route");
}

//! Rate limits over both transports.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::limits::RateLimits;
use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::setup::group;
use chinwag_testkit::ws::Ws;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// The delay of an unknown browser when the name is under attack.
const SLOWEST: Duration = Duration::from_secs(5);

/// A server with some limits and a stopped clock.
async fn limited(change: impl FnOnce(&mut RateLimits)) -> (TestApp, Arc<ManualClock>) {
    held(|options| change(&mut options.limits.rates)).await
}

/// A server whose clock stands still.
async fn held(change: impl FnOnce(&mut Options)) -> (TestApp, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let app = TestApp::with(|options| {
        change(options);
        options.clock = clock.clone();
        options.shared_rates = false;
        options.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    (app, clock)
}

/// Sends a message; returns the error if it is refused.
async fn refused(ws: &mut Ws, group: &str) -> Option<Value> {
    let answer = ws.ask("message.text", json!({ "group": group, "body": "hello" })).await;
    (answer["type"] != "message.text").then_some(answer)
}

async fn status(ws: &mut Ws) -> Value {
    ws.ask("status.update", json!({ "status": "online" })).await
}

/// Sends an event that counts only as an event.
async fn event(ws: &mut Ws) -> Value {
    ws.ask("sync.resume", json!({ "groups": {} })).await
}

#[tokio::test]
async fn refused_events_use_up_no_limit_and_state_when_to_retry() {
    let (app, clock) = limited(|rates| (rates.messages_burst, rates.messages_per_second) = (3, 1)).await;
    let ann = app.user("ann").await;
    let made = ann.post("groups/", json!({ "name": "g" })).await.ok(201);
    let group = made["id"].as_str().expect("an id");
    let mut ws = ann.ws().await;
    for _ in 0..3 {
        assert_eq!(refused(&mut ws, group).await, None);
    }
    for _ in 0..5 {
        let error = refused(&mut ws, group).await.expect("the burst is used up");
        assert_eq!((&error["type"], &error["code"]), (&json!("error.data"), &json!(429)), "{error}");
        assert_eq!(error["data"]["retry_after"], 1, "{error}");
    }
    let over_rest = ann.post("messages/", json!({ "group": group, "body": "hello" })).await;
    assert_eq!((over_rest.header("retry-after"), over_rest.status), ("1", 429));
    clock.advance(Duration::from_secs(1));
    assert_eq!(refused(&mut ws, group).await, None, "what was refused took nothing");
    assert!(refused(&mut ws, group).await.is_some());
    status(&mut ws).await;
}

#[tokio::test]
async fn slow_mode_refusals_use_up_no_other_limit() {
    let (app, _clock) = limited(|rates| {
        (rates.events_burst, rates.events_per_second) = (8, 1);
        (rates.messages_burst, rates.messages_per_second) = (3, 1);
    })
    .await;
    let (ann, _olga, service) = (app.user("ann").await, app.user("olga").await, app.service());
    let (slow, other) = (group(&service, &["olga", "ann"]).await, group(&service, &["olga", "ann"]).await);
    service.patch(&format!("groups/{slow}/"), json!({ "slow": 60 })).await.ok(200);
    let mut ws = ann.ws().await;
    assert_eq!(refused(&mut ws, &slow).await, None);
    for _ in 0..3 {
        assert_eq!(refused(&mut ws, &slow).await.expect("slow mode")["data"]["retry_after"], 60);
        let over_rest = ann.post("messages/", json!({ "group": slow, "body": "hello" })).await;
        assert_eq!((over_rest.header("retry-after"), over_rest.status), ("60", 429));
    }
    for _ in 0..2 {
        assert_eq!(refused(&mut ws, &other).await, None, "two of the burst are left");
    }
    assert_eq!(refused(&mut ws, &other).await.expect("the burst is used up")["data"]["retry_after"], 1);
}

#[tokio::test]
async fn refused_first_contacts_use_up_no_other_limit() {
    let (app, _clock) = limited(|rates| {
        rates.first_contacts_per_day = 1;
        (rates.events_burst, rates.events_per_second) = (3, 1);
    })
    .await;
    let ann = app.user("ann").await;
    for name in ["bob", "cay"] {
        app.user(name).await;
    }
    let mut ws = ann.ws().await;
    let first = json!({ "target": "bob", "body": "hi" });
    assert_eq!(ws.ask("message.first", first).await["type"], "group.update");
    assert_eq!(ws.ask("message.first", json!({ "target": "cay", "body": "hi" })).await["code"], 429);
    ann.put("private/", json!({ "user": "cay" })).await.ok(429);
    for _ in 0..2 {
        assert_eq!(status(&mut ws).await["type"], "status.update");
    }
    assert_eq!(status(&mut ws).await["code"], 429);
}

#[tokio::test]
async fn rest_and_sockets_of_a_user_count_together() {
    let (app, _clock) = limited(|rates| {
        (rates.events_burst, rates.events_per_second) = (6, 1);
        (rates.changes_burst, rates.changes_per_second) = (2, 1);
    })
    .await;
    let (ann, service) = (app.user("ann").await, app.service());
    let (mut one, mut other) = (ann.ws().await, ann.ws().await);
    let made = ann.post("groups/", json!({ "name": "g" })).await.ok(201);
    let path = format!("groups/{}/", made["id"].as_str().expect("an id"));
    ann.patch(&path, json!({ "name": 7 })).await.ok(400);
    ann.patch(&path, json!({ "name": "h" })).await.ok(429);
    for ws in [&mut one, &mut other] {
        assert_eq!(event(ws).await["type"], "sync.done");
    }
    ann.post("tickets/", json!({})).await.ok(201);
    one.send_text("no JSON").await;
    one.until("error.decode").await;
    assert_eq!(event(&mut other).await["code"], 429);
    ann.post("tickets/", json!({})).await.ok(429);
    ann.get(&path).await.ok(200);
    for _ in 0..10 {
        service.patch(&path, json!({ "name": "h" })).await.ok(200);
    }
    app.user("bob").await.post("groups/", json!({ "name": "g" })).await.ok(201);
}

#[tokio::test]
async fn edits_count_as_messages() {
    let (app, _clock) = limited(|rates| (rates.messages_burst, rates.messages_per_second) = (3, 1)).await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let sent = ann.post("messages/", json!({ "group": group, "body": "one" })).await.ok(201);
    let (mut ws, path) = (ann.ws().await, format!("messages/{}/", sent["id"].as_str().expect("an id")));
    ann.patch(&path, json!({ "body": "two" })).await.ok(200);
    let edit = json!({ "id": sent["id"], "body": "three" });
    assert_eq!(ws.ask("message.update", edit.clone()).await["type"], "message.update");
    assert_eq!(ws.ask("message.update", edit).await["code"], 429);
    ann.patch(&path, json!({ "body": "four" })).await.ok(429);
}

#[tokio::test]
async fn statuses_and_relations_count_as_changes() {
    let (app, _clock) = limited(|rates| (rates.changes_burst, rates.changes_per_second) = (2, 1)).await;
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    let mut ws = ann.ws().await;
    assert_eq!(status(&mut ws).await["type"], "status.update");
    let relate = async |ws: &mut Ws, operation: &str| {
        ws.ask("contact.update", json!({ "name": "bob", "operation": operation })).await
    };
    assert_eq!(relate(&mut ws, "invite").await["type"], "contact.update");
    assert_eq!(
        (&status(&mut ws).await["code"], &relate(&mut ws, "remove").await["code"]),
        (&json!(429), &json!(429))
    );
    ann.patch("users/ann/", json!({ "contact": { "name": "bob", "operation": "remove" } })).await.ok(429);
    assert_eq!(relate(&mut ws, "block").await["type"], "contact.update");
}

#[tokio::test]
async fn each_hundred_names_of_a_request_are_a_change() {
    let (app, clock) = limited(|rates| (rates.changes_burst, rates.changes_per_second) = (5, 1)).await;
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    let mut ws = ann.ws().await;
    let names = vec!["bob"; 201];
    let made = ann.post("groups/", json!({ "name": "g", "members": names })).await.ok(201);
    let path = format!("groups/{}/", made["id"].as_str().expect("an id"));
    let refused = ws.ask("group.update", json!({ "id": made["id"], "remove": names })).await;
    assert_eq!((&refused["code"], &refused["data"]["retry_after"]), (&json!(429), &json!(1)));
    ann.patch(&path, json!({ "remove": names })).await.ok(429);
    assert_eq!(ws.ask("group.create", json!({ "name": "h", "admins": names })).await["code"], 429);
    ann.patch(&path, json!({ "remove": vec!["bob"; 200] })).await.ok(200);
    ann.patch(&path, json!({ "name": "h" })).await.ok(429);
    clock.advance(Duration::from_secs(3));
    assert_eq!(
        ws.ask("group.update", json!({ "id": made["id"], "members": names })).await["type"],
        "group.update"
    );
}

#[tokio::test]
async fn flood_of_refused_events_ends_with_4029() {
    let (app, _clock) = limited(|rates| (rates.events_burst, rates.events_per_second) = (1, 1)).await;
    let mut ws = app.user("ann").await.ws().await;
    for _ in 0..499 {
        ws.send(json!({ "type": "status.update", "data": { "status": "online" } })).await;
    }
    assert_eq!(status(&mut ws).await["code"], 429, "the first passed, so this is the 499th refused");
    ws.send(json!({ "type": "status.update", "data": { "status": "online" } })).await;
    assert_eq!(ws.close_code().await, Some(4029));
}

#[tokio::test]
async fn frames_below_events_end_with_4029() {
    let fragment = |opcode| Message::Frame(Frame::message(Vec::new(), OpCode::Data(opcode), false));
    for (first, frame) in
        [(None, Message::Pong(Vec::new().into())), (Some(fragment(Data::Text)), fragment(Data::Continue))]
    {
        let (app, _clock) = limited(|rates| (rates.events_burst, rates.events_per_second) = (20, 1)).await;
        let mut ws = app.user("ann").await.ws().await;
        if let Some(first) = first {
            ws.send_message(first).await;
        }
        for _ in 0..400 {
            ws.send_message(frame.clone()).await;
        }
        assert_eq!(ws.close_code().await, Some(4029), "{frame:?}");
    }
}

#[tokio::test]
async fn blocks_pass_whatever_was_used_up() {
    let (app, _clock) = limited(|rates| (rates.events_burst, rates.events_per_second) = (1, 1)).await;
    let (ann, _bob, _cay) = (app.user("ann").await, app.user("bob").await, app.user("cay").await);
    let mut ws = ann.ws().await;
    status(&mut ws).await;
    assert_eq!(ws.ask("contact.update", json!({ "name": "bob", "operation": "invite" })).await["code"], 429);
    let blocked = ws.ask("contact.update", json!({ "name": "bob", "operation": "block" })).await;
    assert_eq!(blocked["data"]["operation"], "block");
    ann.patch("users/ann/", json!({ "contact": { "name": "cay", "operation": "remove" } })).await.ok(429);
    ann.patch("users/ann/", json!({ "contact": { "name": "cay", "operation": "block" } })).await.ok(200);
    ann.patch("users/ann/", json!({ "new_name": "ann2" })).await.ok(429);
}

#[tokio::test]
async fn handshakes_of_one_user_are_limited() {
    let (app, clock) = limited(|rates| (rates.connects_burst, rates.connects_per_second) = (2, 1)).await;
    let ann = app.user("ann").await;
    let (_one, _two) = (ann.ws().await, ann.ws().await);
    assert_eq!(ann.try_ws("/chat/", &[]).await.expect_err("the third").status, 429);
    app.user("bob").await.ws().await;
    clock.advance(Duration::from_secs(1));
    ann.ws().await;
}

#[tokio::test]
async fn groups_of_a_day_and_accounts_of_an_hour_are_limited() {
    let (app, clock) = limited(|rates| (rates.groups_per_day, rates.signups_per_hour) = (2, 2)).await;
    let ann = app.user("ann").await;
    for _ in 0..2 {
        ann.post("groups/", json!({ "name": "g" })).await.ok(201);
    }
    let refused = ann.post("groups/", json!({ "name": "g" })).await;
    assert_eq!((refused.header("retry-after"), refused.status), ("43200", 429));
    let sign_up = async |name: &str| {
        app.nobody().post("accounts/", json!({ "name": name, "password": "correct horse" })).await
    };
    sign_up("bob").await.ok(201);
    sign_up("cay").await.ok(201);
    let refused = sign_up("dan").await;
    assert_eq!((refused.header("retry-after"), refused.status), ("1800", 429));
    clock.advance(Duration::from_secs(1800));
    sign_up("dan").await.ok(201);
}

#[tokio::test]
async fn strangers_that_a_user_writes_to_first_are_limited() {
    let (app, clock) = limited(|rates| rates.first_contacts_per_day = 2).await;
    let ann = app.user("ann").await;
    let friend = app.user("friend").await;
    for name in ["bob", "cay", "dan"] {
        app.user(name).await;
    }
    for (client, other) in [(&ann, "friend"), (&friend, "ann")] {
        let contact = json!({ "contact": { "name": other, "operation": "invite" } });
        client.patch(&format!("users/{}/", client.name()), contact).await.ok(200);
    }
    let mut ws = ann.ws().await;
    let mut first = async |name: &str| ws.ask("message.first", json!({ "target": name, "body": "hi" })).await;
    for (name, code) in [("nobody", 400), ("bob", 0), ("cay", 0), ("dan", 429), ("friend", 0), ("bob", 0)] {
        assert_eq!(first(name).await["code"].as_u64().unwrap_or(0), code, "{name}");
    }
    clock.advance(Duration::from_secs(12 * 3600));
    assert_eq!(first("dan").await["type"], "group.update");
}

#[tokio::test]
async fn oldest_session_ends_for_the_hundred_and_first() {
    let (app, _clock) = limited(|_| {}).await;
    let ann = app.user("ann").await;
    let second = app.sign_in("ann").await;
    let mut socket = ann.ws().await;
    for _ in 0..98 {
        app.sign_in("ann").await;
    }
    ann.get("sessions/").await.ok(200);
    app.sign_in("ann").await;
    assert_eq!(socket.close_code().await, Some(4001));
    ann.get("sessions/").await.ok(401);
    second.get("sessions/").await.ok(200);
}

/// Signs in from an address, with the cookies of a browser.
async fn sign_in(nobody: &Client, from: &str, cookie: &str, password: &str) -> Answer {
    let request = nobody.request(Method::POST, "sessions/").header("x-forwarded-for", from);
    let request = request.header("cookie", cookie);
    nobody.send(request.body(json!({ "name": "ann", "password": password }).to_string())).await
}

#[tokio::test]
async fn owner_gets_in_while_others_guess() {
    let (app, _clock) = limited(|rates| rates.attempts_per_name = 2).await;
    let nobody = app.nobody();
    let account = json!({ "name": "ann", "password": "correct horse" });
    let request = nobody.request(Method::POST, "accounts/").header("x-forwarded-for", "10.0.0.1");
    let made = nobody.send(request.body(account.to_string())).await;
    let device = device(&made);
    for n in 0..2 {
        for _ in 0..2 {
            sign_in(&nobody, &format!("10.0.1.{n}"), "", "a guess, and wrong").await.ok(401);
        }
        let refused = sign_in(&nobody, &format!("10.0.1.{n}"), "", "correct horse").await;
        assert_eq!((refused.header("retry-after"), refused.status), ("30", 429));
    }
    // The known browser signs in even from an address that has used up its attempts.
    for (from, device) in [("10.0.0.1", ""), ("10.0.9.9", &device), ("10.0.1.0", &device)] {
        // Use the fastest of five attempts: a delayed one always takes at least the delay.
        let mut took = SLOWEST;
        for _ in 0..5 {
            let begun = Instant::now();
            sign_in(&nobody, from, device, "correct horse").await.ok(201);
            took = took.min(begun.elapsed());
            if took < SLOWEST {
                break;
            }
        }
        assert!(took < SLOWEST, "{from} waits");
    }
    let begun = Instant::now();
    sign_in(&nobody, "10.0.2.1", "", "correct horse").await.ok(201);
    assert!(begun.elapsed() >= SLOWEST, "who is new to the name waits");
}

/// The device cookie set by a sign-in.
fn device(answer: &Answer) -> String {
    let mut cookies =
        answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().expect("ASCII"));
    let device = cookies.find(|cookie| cookie.starts_with("device=")).expect("a device");
    device.split(';').next().expect("a pair").to_owned()
}

#[tokio::test]
async fn known_browsers_are_limited_one_by_one_and_together() {
    let (app, _clock) = limited(|rates| rates.attempts_per_name = 2).await;
    let nobody = app.nobody();
    nobody.post("accounts/", json!({ "name": "ann", "password": "correct horse" })).await.ok(201);
    let right = async |from: &str, device: &str| sign_in(&nobody, from, device, "correct horse").await;
    let mut devices = Vec::new();
    for from in ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"] {
        devices.push(device(&right(from, "").await));
    }
    let last = devices.pop().expect("four");
    for cookie in &mut devices {
        for _ in 0..2 {
            let answer = right("10.0.9.9", cookie).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
            *cookie = device(&answer);
        }
        assert_eq!(right("10.0.9.9", cookie).await.status, 429, "the new cookie is that of the same browser");
    }
    assert_eq!(
        right("10.0.9.9", &last).await.status,
        429,
        "the others have used up the attempts of the name"
    );
}

#[tokio::test]
async fn wall_clock_moves_no_limit() {
    let (app, clock) = limited(|rates| {
        rates.attempts_per_name = 10;
        rates.attempts_per_address = 3;
    })
    .await;
    let nobody = app.nobody();
    nobody.post("accounts/", json!({ "name": "ann", "password": "correct horse" })).await.ok(201);
    sign_in(&nobody, "10.0.0.1", "", "correct horse").await.ok(201);
    for seconds in [-3600, 7200, -90_000] {
        clock.move_wall(seconds);
        clock.advance(Duration::from_secs(20));
        sign_in(&nobody, "10.0.0.1", "", "correct horse").await.ok(201);
    }
    for _ in 0..2 {
        sign_in(&nobody, "10.0.0.1", "", "a guess, and wrong").await.ok(401);
    }
    let refused = sign_in(&nobody, "10.0.0.1", "", "correct horse").await;
    assert_eq!((refused.header("retry-after"), refused.status), ("20", 429));
}

#[tokio::test]
async fn members_are_searched_as_often_as_messages() {
    let (app, _clock) = limited(|rates| (rates.searches_burst, rates.searches_per_second) = (1, 1)).await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let members = async |query: &str| ann.get(&format!("groups/{group}/members/{query}")).await.status;
    assert_eq!(members("?q=a").await, 200);
    assert_eq!(members("?q=a").await, 429);
    for query in ["", "?q=&limit=50", "?like=ann"] {
        assert_eq!(members(query).await, 200, "{query}");
    }
}

#[tokio::test]
async fn service_that_reads_as_a_user_takes_nothing_of_its_limits() {
    let (app, _clock) = limited(|rates| {
        (rates.searches_burst, rates.searches_per_second) = (1, 1);
        rates.attempts_per_address = 1;
    })
    .await;
    let (ann, service) = (app.user("ann").await, app.service());
    for _ in 0..2 {
        service.get("search/?q=tea&as=ann").await.ok(200);
        service.get("invites/unknown/?as=ann").await.ok(404);
    }
    ann.get("search/?q=tea").await.ok(200);
}

#[tokio::test]
async fn requests_that_are_refused_for_their_form_count() {
    let (app, _clock) = held(|options| {
        options.http.strict = true;
        options.http.max_body = 100;
        let rates = &mut options.limits.rates;
        (rates.events_burst, rates.events_per_second) = (3, 1);
        (rates.searches_burst, rates.searches_per_second) = (1, 1);
    })
    .await;
    let ann = app.user("ann").await;
    ann.get("search/?q=tea&nick=1").await.ok(400);
    ann.get("search/?q=tea&nick=1").await.ok(429);
    ann.post("tickets/?nick=1", json!({})).await.ok(400);
    ann.post("tickets/?as=ann", json!({})).await.ok(400);
    ann.post("tickets/", json!({ "for": "x".repeat(100) })).await.ok(413);
    ann.post("tickets/", json!({})).await.ok(429);
}

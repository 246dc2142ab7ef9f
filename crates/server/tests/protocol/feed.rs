//! The feed of events as the service reads it.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::follower::Claim;
use chinwag_core::store::Follower;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::setup::{befriend, group, id, send, text};
use chinwag_testkit::wait::WAIT_TIMEOUT;
use serde_json::{Value, json};

async fn app() -> TestApp {
    TestApp::with(|options| options.limits.feed.enabled = true).await
}

/// Reads everything after a cursor in pages of `limit`.
async fn all(service: &Client, after: &str, limit: usize) -> (Vec<Value>, String) {
    let (mut events, mut after) = (Vec::new(), after.to_owned());
    loop {
        let page = service.get(&format!("events/?limit={limit}&after={after}")).await.ok(200);
        let part = page["events"].as_array().expect("a list").clone();
        assert!(part.len() <= limit);
        after = text(&page["cursor"]);
        if part.is_empty() {
            return (events, after);
        }
        assert_eq!(part.last().expect("one")["id"], after.as_str(), "the cursor is the id of the last event");
        events.extend(part);
    }
}

fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(&event["type"])).collect()
}

async fn end(service: &Client) -> String {
    all(service, "", 1000).await.1
}

#[tokio::test]
async fn feed_is_off_unless_it_is_set() {
    let app = TestApp::start().await;
    let refused = app.service().get("events/").await.ok(404);
    assert!(text(&refused["detail"]).contains("events.enabled"), "{refused}");
    let ann = app.user("ann").await;
    ann.get("events/").await.ok(403);
    app.nobody().get("events/").await.ok(401);
}

#[tokio::test]
async fn every_change_is_one_event_with_its_number() {
    let app = app().await;
    let (service, ann, bob) = (app.service(), app.user("ann").await, app.user("bob").await);
    befriend(&ann, &bob).await;
    let group = group(&service, &["ann", "bob"]).await; // 1
    let message = id(&send(&ann, &group, "one").await); // 2
    ann.patch(&format!("messages/{message}/"), json!({ "body": "two" })).await.ok(200); // 3
    bob.put(&format!("messages/{message}/reactions/%F0%9F%91%8D/"), json!({})).await.ok(200); // 4
    ann.put(&format!("messages/{message}/pin/"), json!({})).await.ok(200); // 5
    bob.post(&format!("groups/{group}/read/"), json!({ "seq": 2 })).await.ok(200);
    service.patch("users/ann/", json!({ "display_name": "Ann" })).await.ok(200);
    service.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    ann.patch(&format!("groups/{group}/"), json!({ "name": "tea" })).await.ok(200);
    let (events, cursor) = all(&service, "", 2).await;
    let expected = [
        "contact.update",
        "contact.update",
        "group.update",
        "message.text",
        "message.update",
        "message.react",
        "message.pin",
        "message.read",
        "user.update",
        "user.update",
        "group.update",
    ];
    assert_eq!(types(&events), expected);
    let seqs: Vec<_> = events.iter().filter_map(|event| event["seq"].as_i64()).collect();
    assert_eq!(seqs[..5], [1, 2, 3, 4, 5]);
    assert_eq!(events[1]["data"], json!({ "author": "bob", "name": "anna", "operation": "contact" }));
    assert_eq!((&events[3]["data"]["body"], &events[3]["data"]["author"]), (&json!("two"), &json!("anna")));
    assert_eq!(events[3]["data"].get("bot"), None);
    assert_eq!((&events[5]["data"]["name"], &events[5]["data"]["on"]), (&json!("bob"), &json!(true)));
    assert_eq!(
        events[7]["data"],
        json!({ "author": "bob", "group": group, "date": events[3]["data"]["date"], "seq": 2 })
    );
    assert_eq!(events[8]["data"]["display_name"], "Ann");
    assert_eq!((&events[9]["data"]["name"], &events[9]["data"]["new_name"]), (&json!("ann"), &json!("anna")));
    assert_eq!(events[10]["data"]["name"], "tea");
    assert_eq!(all(&service, &cursor, 10).await.0, Vec::<Value>::new());
    ann.delete(&format!("messages/{message}/")).await.ok(200);
    service.delete("users/bob/").await.ok(200);
    ann.delete(&format!("groups/{group}/")).await.ok(200);
    let (events, _) = all(&service, &cursor, 10).await;
    let kept: Vec<_> = types(&events).into_iter().filter(|kind| kind != "group.update").collect();
    assert_eq!(kept, ["message.delete", "user.delete", "group.delete"]);
    assert_eq!(events[0]["data"], json!({ "group": group, "id": message, "seq": 2 }));
    assert_eq!(events.last().expect("one")["data"], json!(group));
}

#[tokio::test]
async fn message_that_begins_a_private_group_is_an_event() {
    let app = app().await;
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    ann.ws().await.ask("message.first", json!({ "target": "bob", "body": "psst" })).await;
    let (events, _) = all(&app.service(), "", 10).await;
    assert_eq!(types(&events), ["group.update", "message.text"]);
    assert_eq!((&events[1]["seq"], &events[1]["data"]["body"]), (&json!(1), &json!("psst")));
}

#[tokio::test]
async fn deleted_message_leaves_no_text_in_the_feed() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    let sent = send(&ann, &group, "canary").await;
    let message = id(&sent);
    let after = end(&service).await;
    ann.put(&format!("messages/{message}/reactions/%F0%9F%91%8D/"), json!({})).await.ok(200);
    ann.put(&format!("messages/{message}/pin/"), json!({})).await.ok(200);
    ann.patch(&format!("messages/{message}/"), json!({ "body": "canary two" })).await.ok(200);
    ann.delete(&format!("messages/{message}/")).await.ok(200);
    let left = json!({ "id": message, "group": group, "author": "ann", "date": sent["date"], "seq": 2 });
    let (events, _) = all(&service, "", 100).await;
    let of_message = |event: &&Value| text(&event["type"]).starts_with("message.");
    let events: Vec<_> = events.iter().filter(of_message).collect();
    assert_eq!(events.len(), 5);
    for event in &events[..4] {
        assert_eq!(event["data"], left, "{event}");
    }
    service.delete("users/ann/").await.ok(200);
    let (events, _) = all(&service, &after, 100).await;
    assert_eq!((&events[0]["data"]["id"], &events[0]["data"]["author"]), (&json!(message), &Value::Null));
}

#[tokio::test]
async fn objects_of_a_deleted_group_are_named_and_no_more() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    let sent = send(&ann, &group, "hello").await;
    ann.delete(&format!("groups/{group}/")).await.ok(200);
    let (events, _) = all(&service, "", 100).await;
    assert_eq!(types(&events), ["group.update", "message.text", "group.delete"]);
    assert_eq!(events[0]["data"], json!({ "id": group }));
    let left = json!({ "id": sent["id"], "group": group, "author": "ann", "date": sent["date"], "seq": 2 });
    assert_eq!(events[1]["data"], left);
}

#[tokio::test]
async fn rename_of_a_deleted_user_has_both_names() {
    let app = app().await;
    let (service, _ann) = (app.service(), app.user("ann").await);
    let after = end(&service).await;
    service.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    service.delete("users/anna/").await.ok(200);
    let (events, _) = all(&service, &after, 100).await;
    assert_eq!(types(&events), ["user.update", "user.delete"]);
    assert_eq!(events[0]["data"], json!({ "name": "ann", "new_name": "anna" }));
    assert_eq!(events[1]["data"], json!({ "name": "anna" }));
}

#[tokio::test]
async fn message_of_a_bot_says_so() {
    let app = app().await;
    let service = app.service();
    service.put("users/robo/", json!({ "kind": "bot" })).await.ok(201);
    let robo = service.sign_in("robo").await;
    let group = group(&service, &["robo"]).await;
    send(&robo, &group, "beep").await;
    let page = service.get("events/?types=message.text,message.update").await.ok(200);
    assert_eq!(
        (&page["events"][0]["data"]["body"], &page["events"][0]["data"]["bot"]),
        (&json!("beep"), &json!(true))
    );
}

#[tokio::test]
async fn types_and_limits_are_checked_and_kept() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    for number in 0..250 {
        send(&ann, &group, number).await;
    }
    service.patch("users/ann/", json!({ "display_name": "Ann" })).await.ok(200);
    let page = service.get("events/?types=user.update&limit=1").await.ok(200);
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1), "it is found behind many others: {page}");
    assert_eq!(service.get("events/").await.ok(200)["events"].as_array().map(Vec::len), Some(100));
    assert_eq!(service.get("events/?limit=1000").await.ok(200)["events"].as_array().map(Vec::len), Some(252));
    for (query, field) in [
        ("types=message.sent", "types"),
        ("types=notified", "types"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("wait=61", "wait"),
        ("wait=-1", "wait"),
        ("after=soon", "after"),
    ] {
        let refused = service.get(&format!("events/?{query}")).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{query}");
    }
}

#[tokio::test]
async fn cursor_that_is_too_old_or_foreign_is_gone() {
    let clock = Arc::new(ManualClock::default());
    let held = clock.clone();
    let app = TestApp::with(|options| {
        options.limits.feed.enabled = true;
        options.clock = held;
    })
    .await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let begun = text(&service.get("events/").await.ok(200)["cursor"]);
    let group = group(&service, &["ann"]).await;
    send(&ann, &group, "old").await;
    let middle = end(&service).await;
    let (history, _) = middle.split_once('.').expect("a history");
    service.get(&format!("events/?after={history}.999999")).await.ok(410);
    service.get(&format!("events/?after={}.1", "0".repeat(32))).await.ok(410);
    clock.move_wall(8 * 24 * 3600);
    // ann's token has expired by now.
    let new = json!({ "group": group, "author": "ann", "body": "new" });
    service.post("messages/", new).await.ok(201);
    let mut candidate = app.app().candidate(Follower::EventFeed, WAIT_TIMEOUT);
    let Ok(Claim::Mine { lease, .. }) = candidate.take().await else { panic!("it has work") };
    while app.app().feed_trim(lease).await.expect("a step") > 0 {}
    candidate.release(lease).await.expect("it is released");
    assert_eq!(candidate.take().await.expect("an answer"), Claim::Idle);
    service.get(&format!("events/?after={begun}")).await.ok(410);
    let page = service.get(&format!("events/?after={middle}")).await.ok(200);
    assert_eq!(page["events"][0]["data"]["body"], "new");
    assert_eq!(service.get("events/").await.ok(200), page, "from the oldest that is kept");
}

#[tokio::test]
async fn waiting_request_is_answered_by_the_next_event() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    let after = end(&service).await;
    let nothing = service.get(&format!("events/?wait=1&after={after}")).await.ok(200);
    assert_eq!(nothing, json!({ "events": [], "cursor": after }));
    let waiting = {
        let (service, path) = (service.clone(), format!("events/?wait=60&after={after}"));
        tokio::spawn(async move { service.get(&path).await.ok(200) })
    };
    send(&ann, &group, "hello").await;
    let page = waiting.await.expect("an answer");
    assert_eq!(page["events"][0]["data"]["body"], "hello");
}

/// Reads from a stream until it contains this text.
async fn read_until(response: &mut reqwest::Response, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let chunk = tokio::time::timeout(WAIT_TIMEOUT, response.chunk()).await.expect("it comes in time");
        let chunk = chunk.expect("the stream stands").expect("the stream goes on");
        read.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    read
}

#[tokio::test]
async fn stream_goes_on_after_the_last_event_id() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    let open = |last: &str| {
        let request = service.request(reqwest::Method::GET, "events/?types=message.text");
        let request = request.header("accept", "text/event-stream").timeout(Duration::from_secs(600));
        if last.is_empty() { request } else { request.header("last-event-id", last) }
    };
    let mut stream = open("").send().await.expect("an answer");
    let headers = stream.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["x-accel-buffering"], "no");
    let comment = read_until(&mut stream, "\n\n").await;
    let place = comment.trim().strip_prefix(":\nid: ").expect("a comment with an id");
    send(&ann, &group, "one").await;
    let event = read_until(&mut stream, "\n\n").await;
    let (head, data) = event.trim().split_once('\n').expect("two lines");
    let id = head.strip_prefix("id: ").expect("an id").to_owned();
    let data: Value = serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
    assert_eq!((&data["id"], &data["data"]["body"]), (&json!(id), &json!("one")));
    drop(stream);
    let mut again = open(place).send().await.expect("an answer");
    assert_eq!(read_until(&mut again, "\n\n").await, event, "the id of a comment is a place");
    drop(again);
    send(&ann, &group, "two").await;
    let mut stream = open(&id).send().await.expect("an answer");
    let event = read_until(&mut stream, "\n\n").await;
    assert!(event.contains("\"two\"") && !event.contains("\"one\""), "{event}");
    let forged = open("x").send().await.expect("an answer");
    assert_eq!(forged.status(), 400);
}

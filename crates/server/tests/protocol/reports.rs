//! Reports: who can create and read them, their states, and the erasure of their text.

use std::sync::Arc;

use chinwag_core::app::follower::Claim;
use chinwag_core::limits::RateLimits;
use chinwag_core::store::Follower;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::setup::{group, id, send, text, two, users};
use serde_json::{Value, json};

async fn report(client: &Client, message: &str, reason: &str) -> Answer {
    client.post(&format!("messages/{message}/reports/"), json!({ "reason": reason })).await
}

async fn change(client: &Client, report: &Value, change: Value) -> Answer {
    client.patch(&format!("reports/{}/", id(report)), change).await
}

async fn listed(client: &Client, query: &str) -> Vec<Value> {
    client.get(&format!("reports/{query}")).await.ok(200).as_array().expect("a list").clone()
}

#[tokio::test]
async fn member_reports_and_admins_read_and_close() {
    let app = TestApp::with(|options| options.limits.feed.enabled = true).await;
    let service = app.service();
    let (ann, mut a, bob, mut b) = two(&service, ["ann", "bob"]).await;
    let eve = app.user("eve").await;
    let group = group(&service, &["ann", "bob"]).await;
    let sent = id(&send(&ann, &group, "bad words").await);
    for socket in [&mut a, &mut b] {
        socket.until("message.text").await;
    }
    let made = report(&bob, &sent, " rude ").await.ok(201);
    assert_eq!(
        (&made["reason"], &made["state"], &made["reporter"]),
        (&json!("rude"), &json!("open"), &json!("bob"))
    );
    assert!(made.get("body").is_none() && made.get("note").is_none(), "{made}");
    let again = report(&bob, &sent, "very rude").await.ok(200);
    assert_eq!((id(&again), &again["reason"]), (id(&made), &json!("very rude")));
    assert_eq!(report(&eve, &sent, "x").await.status, 404);
    for (reason, field) in
        [("", "reason"), ("\u{200b}", "reason"), ("rude\0", "reason"), (&*"x".repeat(1001), "reason")]
    {
        assert_eq!(report(&bob, &sent, reason).await.ok(400)["errors"][0]["field"], field);
    }
    let by_service = |author: &str| json!({ "author": author, "reason": "seen" });
    let path = format!("messages/{sent}/reports/");
    service.post(&path, json!({ "reason": "seen" })).await.ok(400);
    service.post(&path, by_service("eve")).await.ok(403);
    service.post(&path, by_service("ann")).await.ok(201);

    bob.get("reports/").await.ok(403);
    change(&bob, &made, json!({ "state": "resolved" })).await.ok(403);
    service.patch("users/eve/", json!({ "admin": true })).await.ok(200);
    let all = listed(&eve, "").await;
    let reporters: Vec<_> = all.iter().map(|report| text(&report["reporter"])).collect();
    assert_eq!(reporters, ["ann", "bob"], "the newest first");
    assert_eq!(
        (&all[1]["body"], &all[1]["message"], &all[1]["note"]),
        (&json!("bad words"), &json!(sent), &Value::Null)
    );
    assert_eq!(listed(&eve, "?limit=1").await, all[..1]);
    for bad in ["?state=closed", "?state=open&state=resolved"] {
        eve.get(&format!("reports/{bad}")).await.ok(400);
    }

    // The message may be deleted: admins keep its text until the report is closed.
    ann.patch(&format!("messages/{sent}/"), json!({ "body": "good words" })).await.ok(200);
    ann.delete(&format!("messages/{sent}/")).await.ok(200);
    let noted = change(&eve, &made, json!({ "note": "looking" })).await.ok(200);
    assert_eq!(
        (&noted["body"], &noted["note"], &noted["state"]),
        (&json!("bad words"), &json!("looking"), &json!("open"))
    );
    let cleared = change(&eve, &made, json!({ "note": null })).await.ok(200);
    assert_eq!(cleared["note"], Value::Null);
    let closed = change(&eve, &made, json!({ "state": "dismissed", "note": null })).await.ok(200);
    assert_eq!((&closed["body"], &closed["note"]), (&Value::Null, &Value::Null));
    assert_eq!(listed(&eve, "?state=dismissed").await, [closed]);
    let opened = change(&service, &made, json!({ "state": "open" })).await.ok(200);
    assert_eq!(opened["body"], Value::Null, "it is gone for good");
    change(&eve, &made, json!({ "state": "open" })).await.ok(200);
    change(&eve, &made, json!({})).await.ok(400);
    assert_eq!(change(&eve, &made, json!({ "state": "shut" })).await.ok(400)["errors"][0]["field"], "state");

    let fed = service.get("events/?types=report.create,report.update").await.ok(200);
    let kinds: Vec<_> =
        fed["events"].as_array().expect("events").iter().map(|event| text(&event["type"])).collect();
    let [create, update] = ["report.create", "report.update"];
    assert_eq!(kinds, [create, update, create, update, update, update, update]);
    let first = &fed["events"][0]["data"];
    assert_eq!((&first["id"], &first["state"], first.get("body")), (&made["id"], &json!("open"), None));
    // The message's author receives none of this.
    a.expect("message.update").await;
    a.expect("message.delete").await;
    a.quiet().await;
}

#[tokio::test]
async fn reported_text_ends_with_its_author_and_after_30_days() {
    let clock = Arc::new(ManualClock::default());
    let held = clock.clone();
    let app = TestApp::with(|options| options.clock = held).await;
    let service = app.service();
    let [ann, bob, cat] = &users(&service, &["ann", "bob", "cat"]).await[..] else { panic!("three") };
    let group = group(&service, &["ann", "bob", "cat"]).await;
    let (one, two) = (id(&send(ann, &group, "by ann").await), id(&send(cat, &group, "by cat").await));
    for message in [&one, &two] {
        report(bob, message, "rude").await.ok(201);
    }
    service.delete("users/ann/").await.ok(200);
    let all = listed(&service, "").await;
    assert_eq!((&all[1]["author"], &all[1]["body"]), (&Value::Null, &Value::Null));
    assert_eq!((&all[0]["author"], &all[0]["body"]), (&json!("cat"), &json!("by cat")));
    service.delete("users/bob/").await.ok(200);
    let all = listed(&service, "").await;
    assert_eq!((&all[0]["reporter"], &all[0]["reason"]), (&Value::Null, &Value::Null));
    clock.move_wall(30 * 24 * 3600);
    assert_eq!(listed(&service, "").await[0]["body"], Value::Null, "before it is erased");
    clock.move_wall(-1);
    assert_eq!(listed(&service, "").await[0]["body"], "by cat");
    clock.move_wall(2);
    let mut candidate = app.app().candidate(Follower::ExpiredTokens, std::time::Duration::from_secs(5));
    let Claim::Mine { lease, .. } = candidate.take().await.expect("an answer") else {
        panic!("nobody else is here")
    };
    while app.app().tokens_purge(lease).await.expect("a step") > 0 {}
    clock.move_wall(-24 * 3600);
    let all = listed(&service, "").await;
    assert_eq!(all[0]["body"], Value::Null);

    change(&service, &all[0], json!({ "state": "resolved" })).await.ok(200);
    clock.move_wall(366 * 24 * 3600);
    while app.app().tokens_purge(lease).await.expect("a step") > 0 {}
    let left = listed(&service, "").await;
    assert_eq!(left, all[1..], "a closed one ends after a year");
}

#[tokio::test]
async fn admins_delete_reported_messages_and_no_others() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, mut a, bob, _b) = two(&service, ["ann", "bob"]).await;
    let eve = app.user("eve").await;
    service.patch("users/eve/", json!({ "admin": true })).await.ok(200);
    let group = group(&service, &["ann", "bob"]).await;
    let (one, two) = (id(&send(&ann, &group, "one").await), id(&send(&ann, &group, "two").await));
    let three = id(&send(&ann, &group, "three").await);
    for message in [&one, &three] {
        report(&bob, message, "rude").await.ok(201);
    }
    eve.delete(&format!("messages/{two}/")).await.ok(404);
    eve.get(&format!("messages/{one}/")).await.ok(404);
    eve.delete(&format!("messages/{one}/")).await.ok(200);
    assert_eq!(a.until("message.delete").await["data"]["id"], json!(one));
    let mut socket = eve.ws().await;
    socket.send(json!({ "type": "message.delete", "data": { "id": three }, "ref": "3" })).await;
    let answer = socket.until("message.delete").await;
    assert_eq!((&answer["data"]["id"], &answer["ref"]), (&json!(three), &json!("3")));
    assert_eq!(a.until("message.delete").await["data"]["id"], json!(three));
    bob.delete(&format!("messages/{two}/")).await.ok(403);
}

#[tokio::test]
async fn reports_are_limited_by_the_hour() {
    let app = TestApp::with(|options| {
        options.clock = Arc::new(ManualClock::default());
        options.shared_rates = false;
        options.limits.rates = RateLimits { reports_per_hour: 2, ..RateLimits::lifted() };
    })
    .await;
    let (ann, _a, bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let sent = id(&send(&ann, &group, "bad words").await);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(report(&bob, &sent, "rude").await.status);
    }
    assert_eq!(statuses, [201, 200, 429]);
    assert_eq!(report(&ann, &sent, "mine").await.status, 201);
}

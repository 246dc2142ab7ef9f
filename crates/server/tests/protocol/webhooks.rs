//! Webhooks: managed by the service, and received by a test server.

use std::sync::Arc;

use chinwag_http::WebhookOptions;
use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::client::Client;
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::setup::{group, id, send, text};
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use chinwag_testkit::webhook::{HookReceiver, Received, Reply, numbers_in_order};
use serde_json::{Value, json};

const DAY: i64 = 24 * 3600;

/// Allows local addresses, and a long timeout because a test may hold a request.
fn local(options: &mut Options) {
    options.http.webhooks = WebhookOptions { private: true, timeout: WAIT_TIMEOUT };
}

/// A server that may send to this machine.
async fn app() -> TestApp {
    TestApp::with(local).await
}

/// The same with a clock under the test's control.
async fn with_clock() -> (TestApp, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let held = clock.clone();
    let app = TestApp::with(|options| {
        local(options);
        options.clock = held;
    });
    (app.await, clock)
}

async fn hook(service: &Client, receiver: &HookReceiver, types: &[&str]) -> (String, String) {
    let made = json!({ "url": format!("{}/in", receiver.url()), "types": types });
    let made = service.post("webhooks/", made).await.ok(201);
    (id(&made), text(&made["secret"]))
}

fn body_of(request: &Received) -> Value {
    request.event()["data"]["body"].clone()
}

fn bodies(received: &[Received]) -> Vec<Value> {
    received.iter().map(body_of).collect()
}

async fn attempts(service: &Client, hook: &str) -> Vec<Value> {
    let attempts = service.get(&format!("webhooks/{hook}/attempts/")).await.ok(200);
    attempts.as_array().expect("a list").clone()
}

/// Waits until there are this many attempts.
async fn attempted(service: &Client, hook: &str, count: usize) -> Vec<Value> {
    let wait = Wait::begin();
    loop {
        let found = attempts(service, hook).await;
        if found.len() >= count {
            return found;
        }
        wait.step(|| format!("{count} attempts did not come: {found:?}")).await;
    }
}

/// Sends a message with the service key, because users' tokens expire when the clock moves.
async fn say(service: &Client, group: &str, body: &str) -> Value {
    let message = json!({ "group": group, "author": "ann", "body": body });
    service.post("messages/", message).await.ok(201)
}

#[tokio::test]
async fn events_arrive_signed_and_as_in_the_feed() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let receiver = HookReceiver::start().await;
    let before = group(&service, &["ann"]).await;
    let (hook, secret) = hook(&service, &receiver, &["*"]).await;
    send(&ann, &before, "hello").await;
    let after = group(&service, &["ann"]).await;
    let received = receiver.count(2).await;
    let page = service.get("events/").await.ok(200);
    for (request, event) in received.iter().zip(page["events"].as_array().expect("a list")) {
        assert_eq!(request.event(), *event, "the body is the feed's event");
        assert_eq!(request.header("webhook-id"), text(&event["id"]));
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.header("user-agent").starts_with("Chinwag/"), "{:?}", request.headers);
        assert!(request.is_signed_by(&secret), "{:?}", request.headers);
        assert!(!request.is_signed_by("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"));
        assert_eq!(request.path, "/in");
    }
    assert_eq!((received[1].group(), received.len()), (Some(after), 2), "and nothing from before");
    let shown = service.get(&format!("webhooks/{hook}/")).await.ok(200);
    assert_eq!((&shown["types"], shown.get("secret")), (&json!(["*"]), None));
    assert_eq!(service.get("webhooks/").await.ok(200), json!([shown]));
    let attempts = attempted(&service, &hook, 2).await;
    assert_eq!(attempts[0]["event"], received[1].event()["id"], "the newest first");
    assert_eq!((&attempts[0]["status"], &attempts[0]["error"]), (&json!(200), &Value::Null));
    assert!(attempts[0]["ms"].is_u64() && attempts[0]["date"].is_string(), "{attempts:?}");
    assert!(app.nobody().figure("chinwag_webhook_requests_total{result=\"sent\"}").await >= 2.0);
}

#[tokio::test]
async fn payloads_of_webhooks_are_checked() {
    let app = TestApp::with(|options| options.limits.webhooks = 1).await;
    let service = app.service();
    let url = "https://hooks.example/a";
    let long = format!("https://hooks.example/{}", "a".repeat(2048));
    for (body, field) in [
        (json!({}), "url"),
        (json!({ "url": null }), "url"),
        (json!({ "url": "/in" }), "url"),
        (json!({ "url": "ftp://hooks.example/" }), "url"),
        (json!({ "url": "https://ann:secret@hooks.example/" }), "url"),
        (json!({ "url": long }), "url"),
        (json!({ "url": format!("{url}\0") }), "url"),
        (json!({ "url": url, "types": [] }), "types"),
        (json!({ "url": url, "types": "message.text" }), "types"),
        (json!({ "url": url, "types": null }), "types"),
        (json!({ "url": url, "types": [1] }), "types"),
        (json!({ "url": url, "types": ["message.sent"] }), "types"),
        (json!({ "url": url, "types": ["*", "message.text"] }), "types"),
        (json!({ "url": url, "secret": "whsec_c2hvcnQ=" }), "secret"),
        (json!({ "url": url, "secret": "C2FVsBQIhrscChlQIMV+b5sSYspob7oD" }), "secret"),
        (json!({ "url": url, "secret": null }), "secret"),
    ] {
        let refused = service.post("webhooks/", body.clone()).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{body}: {refused}");
    }
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let made = json!({ "url": url, "types": ["user.delete", "message.text"], "secret": secret });
    let made = service.post("webhooks/", made).await.ok(201);
    assert_eq!((&made["secret"], &made["types"]), (&json!(secret), &json!(["message.text", "user.delete"])));
    service.post("webhooks/", json!({ "url": url })).await.ok(403);
    let path = format!("webhooks/{}/", id(&made));
    service.patch(&path, json!({})).await.ok(400);
    service.patch(&path, json!({ "name": "a" })).await.ok(400);
    assert_eq!(service.patch(&path, json!({ "url": "here" })).await.ok(400)["errors"][0]["field"], "url");
    let changed = service.patch(&path, json!({ "types": ["*"] })).await.ok(200);
    assert_eq!((&changed["types"], &changed["url"]), (&json!(["*"]), &json!(url)));
    for after in [json!(null), json!("soon"), json!(7)] {
        let refused = service.post(&format!("{path}replay/"), json!({ "after": after })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "after", "{after}");
    }
    let foreign = json!({ "after": format!("{}.1", "0".repeat(32)) });
    service.post(&format!("{path}replay/"), foreign).await.ok(410);
    service.delete(&path).await.ok(200);
    service.get(&path).await.ok(404);
    assert_eq!(service.get("webhooks/").await.ok(200), json!([]));
}

#[tokio::test]
async fn private_addresses_are_refused() {
    let app = TestApp::start().await;
    let service = app.service();
    for host in [
        "127.0.0.1:8000",
        "[::ffff:127.0.0.1]",
        "[::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "2130706433",
        "0x7f.1",
        "localhost.",
        "169.254.169.254",
    ] {
        let refused = service.post("webhooks/", json!({ "url": format!("http://{host}/") })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "url", "{host}");
        assert!(text(&refused["errors"][0]["detail"]).contains("webhooks.private"), "{refused}");
    }
    let made = service.post("webhooks/", json!({ "url": "https://hooks.example/" })).await.ok(201);
    let path = format!("webhooks/{}/", id(&made));
    let refused = service.patch(&path, json!({ "url": "http://10.0.0.1/" })).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "url");
}

#[tokio::test]
async fn feed_is_on_while_there_is_a_webhook() {
    let app = app().await;
    let service = app.service();
    let receiver = HookReceiver::start().await;
    let has_events = async || {
        let server = service.get("server/").await.ok(200);
        server["features"].as_array().expect("a list").contains(&json!("events"))
    };
    service.get("events/").await.ok(404);
    assert!(!has_events().await);
    let (one, _) = hook(&service, &receiver, &["*"]).await;
    let (two, _) = hook(&service, &receiver, &["*"]).await;
    service.delete(&format!("webhooks/{one}/")).await.ok(200);
    service.get("events/").await.ok(200);
    assert!(has_events().await);
    service.delete(&format!("webhooks/{two}/")).await.ok(200);
    service.get("events/").await.ok(404);
}

#[tokio::test]
async fn test_event_goes_whatever_the_types() {
    let app = app().await;
    let service = app.service();
    let receiver = HookReceiver::start().await;
    let (hook, secret) = hook(&service, &receiver, &["user.delete"]).await;
    let attempt = service.post(&format!("webhooks/{hook}/test/"), json!({})).await.ok(200);
    let received = receiver.received();
    assert!(received.len() == 1 && received[0].is_signed_by(&secret));
    let event = received[0].event();
    assert_eq!((&event["type"], &event["data"]), (&json!("webhook.test"), &json!({ "webhook": hook })));
    assert_eq!((&attempt["event"], &attempt["status"]), (&event["id"], &json!(200)));
    assert_eq!(received[0].header("webhook-id"), text(&event["id"]));
    receiver.answer(|_| Reply::Status(503));
    let failed = service.post(&format!("webhooks/{hook}/test/"), json!({})).await.ok(200);
    assert_eq!((&failed["status"], failed["error"].is_string()), (&json!(503), true));
    assert_eq!(attempts(&service, &hook).await, [failed, attempt]);
}

#[tokio::test]
async fn types_select_the_events_that_are_sent() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let receiver = HookReceiver::start().await;
    hook(&service, &receiver, &["message.update", "user.delete"]).await;
    let id_of = |message: &Value| text(&message["id"]);
    let group = group(&service, &["ann"]).await;
    let message = id_of(&send(&ann, &group, "one").await);
    ann.patch(&format!("messages/{message}/"), json!({ "body": "two" })).await.ok(200);
    service.delete("users/ann/").await.ok(200);
    let received = receiver.count(2).await;
    let types: Vec<_> = received.iter().map(|request| text(&request.event()["type"])).collect();
    assert_eq!(types, ["message.update", "user.delete"]);
}

#[tokio::test]
async fn replaced_secret_signs_for_another_day() {
    let (app, clock) = with_clock().await;
    let service = app.service();
    let receiver = HookReceiver::start().await;
    let (hook, old) = hook(&service, &receiver, &["*"]).await;
    let path = format!("webhooks/{hook}/");
    let new = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let test = async || {
        service.post(&format!("{path}test/"), json!({})).await.ok(200);
        receiver.received().pop().expect("a request")
    };
    for _ in 0..2 {
        // The second time changes nothing.
        let changed = service.patch(&path, json!({ "secret": new })).await.ok(200);
        assert_eq!(changed.get("secret"), None);
        let request = test().await;
        assert!(request.is_signed_by(new) && request.is_signed_by(&old), "{:?}", request.headers);
    }
    clock.move_wall(DAY + 1);
    let request = test().await;
    assert_eq!(request.header("webhook-signature").split(' ').count(), 1, "the old one has ended");
}

#[tokio::test]
async fn failing_event_holds_up_its_group_alone() {
    let (app, clock) = with_clock().await;
    let service = app.service();
    app.user("ann").await;
    let receiver =
        HookReceiver::answering(|request| Reply::Status(if body_of(request) == "bad" { 400 } else { 200 }));
    let receiver = receiver.await;
    let (one, other) = (group(&service, &["ann"]).await, group(&service, &["ann"]).await);
    let (hook, _) = hook(&service, &receiver, &["message.text"]).await;
    say(&service, &one, "bad").await;
    receiver.count(1).await;
    say(&service, &one, "behind").await;
    say(&service, &other, "free").await;
    let received = receiver.count(2).await;
    assert_eq!(bodies(&received), ["bad", "free"]);
    let failed = attempted(&service, &hook, 2).await.pop().expect("the first");
    assert_eq!((&failed["status"], failed["error"].is_string()), (&json!(400), true));
    // The schedule: the next attempts are after 5 s and 5 min.
    clock.move_wall(6);
    receiver.count(3).await;
    say(&service, &other, "still free").await;
    assert_eq!(bodies(&receiver.count(4).await)[2..], ["bad", "still free"]);
    receiver.answer(|_| Reply::Status(200));
    clock.move_wall(340);
    let received = receiver.count(6).await;
    assert_eq!(bodies(&received)[4..], ["bad", "behind"], "in order within the group");
    let ids: Vec<_> = [0, 2, 4].map(|at: usize| received[at].header("webhook-id").to_owned()).into();
    assert!(ids.iter().all(|id| *id == ids[0]), "a retry has the id of its event: {ids:?}");
    say(&service, &one, "after").await;
    assert_eq!(body_of(&receiver.count(7).await[6]), "after", "its group is free again");
}

#[tokio::test]
async fn event_is_given_up_after_three_days() {
    let (app, clock) = with_clock().await;
    let service = app.service();
    app.user("ann").await;
    let receiver =
        HookReceiver::answering(|request| Reply::Status(if body_of(request) == "good" { 200 } else { 500 }));
    let receiver = receiver.await;
    let group = group(&service, &["ann"]).await;
    hook(&service, &receiver, &["message.text"]).await;
    say(&service, &group, "bad").await;
    receiver.count(1).await;
    clock.move_wall(3 * DAY - 1000);
    say(&service, &group, "bad behind").await;
    // The last attempt of the first event.
    receiver.count(2).await;
    say(&service, &group, "good").await;
    clock.move_wall(2000);
    // The first event is given up, and the next one is sent; it has three days of its own.
    let received = receiver.count(3).await;
    assert_eq!(bodies(&received), ["bad", "bad", "bad behind"]);
    let given_up = "chinwag_webhook_given_up_total";
    // The metric counts when the result is stored, which may be after the next request.
    let wait = Wait::begin();
    while service.figure(given_up).await < 1.0 {
        wait.step(|| "no event was given up").await;
    }
    clock.move_wall(3 * DAY);
    say(&service, &group, "good").await;
    let received =
        receiver.until("the good one", |received| body_of(&received[received.len() - 1]) == "good");
    let received = received.await;
    assert_eq!(
        received.iter().filter(|request| body_of(request) == "good").count(),
        1,
        "the older is too old"
    );
}

#[tokio::test]
async fn slow_request_holds_up_its_group_alone() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let receiver =
        HookReceiver::answering(
            |request| {
                if body_of(request) == "slow" { Reply::Held } else { Reply::Status(200) }
            },
        );
    let receiver = receiver.await;
    let (one, other) = (group(&service, &["ann"]).await, group(&service, &["ann"]).await);
    let (hook, _) = hook(&service, &receiver, &["message.text"]).await;
    send(&ann, &one, "slow").await;
    receiver.count(1).await;
    send(&ann, &one, "behind").await;
    for number in 0..20 {
        send(&ann, &other, number).await;
    }
    let received = receiver.count(21).await;
    assert!(!bodies(&received).contains(&json!("behind")), "it waits");
    receiver.release();
    let received = receiver.until("the one behind", |received| bodies(received).contains(&json!("behind")));
    let received = received.await;
    let numbers = numbers_in_order(&received);
    assert_eq!((numbers[&one].len(), numbers[&other].len()), (2, 20));
    let held = attempts(&service, &hook).await;
    assert!(held.iter().all(|attempt| attempt["error"].is_null()), "{held:?}");
}

#[tokio::test]
async fn replay_sends_again_with_the_same_ids() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let receiver = HookReceiver::start().await;
    let (hook, secret) = hook(&service, &receiver, &["message.text"]).await;
    let group = group(&service, &["ann"]).await;
    for number in 0..3 {
        send(&ann, &group, number).await;
    }
    let first = receiver.count(3).await;
    attempted(&service, &hook, 3).await;
    let after = json!({ "after": first[0].header("webhook-id") });
    let answered = service.post(&format!("webhooks/{hook}/replay/"), after).await.ok(200);
    assert_eq!(id(&answered), hook);
    let again = receiver.count(5).await;
    for (one, other) in [(&first[1], &again[3]), (&first[2], &again[4])] {
        assert_eq!(one.header("webhook-id"), other.header("webhook-id"));
        assert_eq!(one.event(), other.event());
        assert!(other.is_signed_by(&secret));
    }
    send(&ann, &group, "new").await;
    assert_eq!(body_of(&receiver.count(6).await[5]), "new");
    let end = service.get("events/").await.ok(200)["cursor"].clone();
    let (history, _) = end.as_str().and_then(|end| end.split_once('.')).expect("a cursor");
    let ahead = json!({ "after": format!("{history}.999999") });
    service.post(&format!("webhooks/{hook}/replay/"), ahead).await.ok(410);
}

#[tokio::test]
async fn deleted_text_is_not_sent_by_a_retry() {
    let (app, clock) = with_clock().await;
    let service = app.service();
    app.user("ann").await;
    let receiver = HookReceiver::answering(|_| Reply::Status(500)).await;
    let group = group(&service, &["ann"]).await;
    hook(&service, &receiver, &["message.text"]).await;
    let message = say(&service, &group, "canary").await;
    receiver.count(1).await;
    service.delete(&format!("messages/{}/", id(&message))).await.ok(200);
    receiver.answer(|_| Reply::Status(200));
    clock.move_wall(6);
    let again = receiver.count(2).await.pop().expect("two");
    let left = json!({
        "id": message["id"], "group": group, "author": "ann", "date": message["date"], "seq": message["seq"],
    });
    assert_eq!(again.event()["data"], left);
}

#[tokio::test]
async fn redirects_are_failures_and_not_followed() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let target = HookReceiver::start().await;
    let to = format!("{}/elsewhere", target.url());
    let receiver = HookReceiver::answering(move |_| Reply::Redirect(to.clone())).await;
    let (hook, _) = hook(&service, &receiver, &["message.text"]).await;
    let group = group(&service, &["ann"]).await;
    send(&ann, &group, "hello").await;
    let failed = attempted(&service, &hook, 1).await.remove(0);
    assert_eq!(failed["status"], 307);
    assert!(text(&failed["error"]).contains("redirects"), "{failed}");
    assert!(target.received().is_empty());
}

#[tokio::test]
async fn dead_and_silent_webhooks_do_not_hold_up_others() {
    let app = app().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let (quick, silent) = (HookReceiver::start().await, HookReceiver::answering(|_| Reply::Held).await);
    let dead = HookReceiver::start().await.url().to_owned();
    let made = service.post("webhooks/", json!({ "url": dead })).await.ok(201);
    hook(&service, &silent, &["*"]).await;
    hook(&service, &quick, &["*"]).await;
    let mut groups = Vec::new();
    for _ in 0..3 {
        groups.push(group(&service, &["ann"]).await);
    }
    for number in 0..30 {
        send(&ann, &groups[number % groups.len()], number).await;
    }
    let numbers = numbers_in_order(&quick.count(33).await);
    assert!(groups.iter().all(|group| numbers[group] == (1..=11).collect::<Vec<_>>()), "{numbers:?}");
    let failed = attempted(&service, &id(&made), 3).await;
    assert!(failed.iter().all(|attempt| attempt["status"].is_null() && attempt["error"].is_string()));
    silent.release();
    let numbers = numbers_in_order(&silent.count(33).await);
    assert!(groups.iter().all(|group| numbers[group] == (1..=11).collect::<Vec<_>>()), "{numbers:?}");
}

#[tokio::test]
async fn webhooks_go_on_after_a_restart_where_they_were() {
    let mut app = app().await;
    let service = app.service();
    app.user("ann").await;
    let receiver = HookReceiver::start().await;
    hook(&service, &receiver, &["message.text"]).await;
    let group = group(&service, &["ann"]).await;
    for number in 0..3 {
        say(&service, &group, &number.to_string()).await;
        receiver.count(number + 1).await;
        app.restart().await;
        assert_eq!(service.get("events/").await.status, 200, "the feed is still on");
    }
    say(&service, &group, "last").await;
    let received = receiver.until("the last one", |received| bodies(received).contains(&json!("last"))).await;
    assert_eq!(numbers_in_order(&received)[&group], [2, 3, 4, 5]);
}

#[tokio::test]
async fn receiver_that_was_away_gets_everything_in_order() {
    let (app, clock) = with_clock().await;
    let service = app.service();
    app.user("ann").await;
    let receiver = HookReceiver::answering(|_| Reply::Status(500)).await;
    let (hook, _) = hook(&service, &receiver, &["message.text"]).await;
    let groups = [group(&service, &["ann"]).await, group(&service, &["ann"]).await];
    for number in 0..40 {
        say(&service, &groups[number % 2], &number.to_string()).await;
    }
    attempted(&service, &hook, 2).await;
    // An hour, in which the schedule reaches its pauses of half an hour and two hours.
    for (seconds, tried) in [(6, 4), (400, 6), (3200, 8)] {
        clock.move_wall(seconds);
        attempted(&service, &hook, tried).await;
    }
    receiver.answer(|_| Reply::Status(200));
    clock.move_wall(3 * 3600);
    let is_last = |request: &Received| body_of(request) == "38" || body_of(request) == "39";
    let received = receiver
        .until("the last ones", |received| received.iter().filter(|request| is_last(request)).count() >= 2);
    let numbers = numbers_in_order(&received.await);
    assert!(groups.iter().all(|group| numbers[group] == (2..=21).collect::<Vec<_>>()), "{numbers:?}");
}

//! Notifications as a device and its push service receive them.

use std::sync::Arc;
use std::time::Duration;

use chinwag_http::{PushOptions, WebhookOptions};
use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::client::Client;
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::push::{Device, sender_claims};
use chinwag_testkit::setup::{group, id, send, text};
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use chinwag_testkit::webhook::{ClosedReceiver, HookReceiver, Reply};
use serde_json::{Value, json};

use crate::export::{export, lines};

const SUBJECT: &str = "mailto:ann@example.org";

/// Allows local addresses and notifies without delay.
fn local(options: &mut Options) {
    options.limits.push.delay = Duration::ZERO;
    let subject = Some(SUBJECT.to_owned());
    options.http.push =
        PushOptions { private: true, timeout: WAIT_TIMEOUT, subject, ..PushOptions::default() };
    options.http.webhooks = WebhookOptions { private: true, timeout: WAIT_TIMEOUT };
}

async fn app() -> (TestApp, HookReceiver) {
    let receiver = HookReceiver::answering(|_| Reply::Status(201)).await;
    (TestApp::with(local).await, receiver)
}

/// The same with a clock under the test's control.
async fn with_clock(delay: Duration) -> (TestApp, HookReceiver, Arc<ManualClock>) {
    let receiver = HookReceiver::answering(|_| Reply::Status(201)).await;
    let clock = Arc::new(ManualClock::default());
    let held = clock.clone();
    let app = TestApp::with(|options| {
        local(options);
        options.limits.push.delay = delay;
        options.clock = held;
    });
    (app.await, receiver, clock)
}

async fn subscribe(client: &Client, device: &Device) -> String {
    id(&client.post("push/subscriptions/", device.subscription()).await.ok(201))
}

/// Creates a private group of two users with the service key.
async fn private(app: &TestApp, users: [&str; 2]) -> String {
    id(&app.service().put("private/", json!({ "users": users })).await.ok(201))
}

fn bodies(notifications: &[Value]) -> Vec<&str> {
    notifications.iter().map(|one| one["body"].as_str().expect("a body")).collect()
}

#[tokio::test]
async fn export_names_the_push_service_and_no_address() {
    let (app, receiver) = app().await;
    let ann = app.user("ann").await;
    subscribe(&ann, &Device::at(&receiver, "phone")).await;
    let devices = lines(&export(&ann, "ann").await, "devices.jsonl");
    assert_eq!(devices[0]["service"], "127.0.0.1");
    assert!(!devices[0].to_string().contains("phone"), "{}", devices[0]);
}

#[tokio::test]
async fn unread_message_is_pushed_encrypted_and_signed() {
    let (app, receiver) = app().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let key = text(&bob.get("push/key/").await.ok(200)["key"]);
    assert_eq!(app.service().get("push/key/").await.ok(200)["key"], key, "one key for all");
    let device = Device::at(&receiver, "phone");
    subscribe(&bob, &device).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let sent = send(&ann, &group, "hello").await;
    let notification = device.count(&receiver, 1).await.remove(0);
    let expected = json!({
        "group": group, "title": "g", "message": sent["id"], "seq": sent["seq"], "author": "ann", "body": "hello", "unread": 1,
    });
    assert_eq!(notification, expected);
    let request = &receiver.received()[0];
    let bytes = uuid_bytes(&group);
    assert_eq!(request.header("topic"), base64url(&bytes), "the newest of a group stands for it");
    assert_eq!((request.header("urgency"), request.header("content-encoding")), ("normal", "aes128gcm"));
    let ttl: u64 = request.header("ttl").parse().expect("seconds");
    assert!((86_000..=86_400).contains(&ttl), "{ttl}");
    let claims = sender_claims(request, &key);
    assert_eq!(claims["aud"], receiver.url(), "the origin alone");
    assert_eq!(claims["sub"], SUBJECT, "some push services refuse tokens without a contact");
    let left = claims["exp"].as_i64().expect("seconds") - seconds_now(&sent);
    assert!((3600..24 * 3600).contains(&left), "{left}");
    let title = json!({ "display_name": "Ann Lee" });
    ann.patch("users/ann/", title).await.ok(200);
    let private = private(&app, ["ann", "bob"]).await;
    send(&ann, &private, "psst").await;
    let notification = device.count(&receiver, 2).await.remove(1);
    assert_eq!((&notification["title"], &notification["body"]), (&json!("Ann Lee"), &json!("psst")));
    assert_eq!(receiver.received()[1].header("urgency"), "high");
    assert!(app.nobody().figure("chinwag_push_requests_total{result=\"sent\"}").await >= 2.0);
}

fn uuid_bytes(id: &str) -> Vec<u8> {
    let digits: String = id.chars().filter(|digit| *digit != '-').collect();
    (0..16).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hex")).collect()
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// The date of a message in seconds.
fn seconds_now(message: &Value) -> i64 {
    let date = chinwag_core::Date::parse(&text(&message["date"])).expect("a date");
    date.micros() / 1_000_000
}

#[tokio::test]
async fn visible_and_muted_messages_are_not_pushed() {
    let (app, receiver) = app().await;
    let service = app.service();
    let names = ["ann", "on", "afk", "none", "muted", "mention", "foe", "outsider"];
    let mut clients = Vec::new();
    for name in names {
        clients.push(app.user(name).await);
    }
    let devices: Vec<_> = names.iter().map(|name| Device::at(&receiver, name)).collect();
    for (client, device) in clients.iter().zip(&devices) {
        subscribe(client, device).await;
    }
    let group = group(&service, &names[..7]).await;
    let mine = format!("groups/{group}/me/");
    let _online = clients[1].ws().await;
    let mut afk = clients[2].ws().await;
    afk.ask("status.update", json!({ "status": "afk" })).await;
    clients[3].patch(&mine, json!({ "notify": "none" })).await.ok(200);
    clients[4].patch(&mine, json!({ "muted_until": "2999-01-01T00:00:00Z" })).await.ok(200);
    clients[5].patch(&mine, json!({ "notify": "mentions" })).await.ok(200);
    let block = json!({ "contact": { "author": "foe", "name": "ann", "operation": "block" } });
    clients[6].patch("users/foe/", block).await.ok(200);
    let all = json!({ "group": group, "body": "one", "mentions": ["none", "muted", "foe"] });
    clients[0].post("messages/", all).await.ok(201);
    devices[2].count(&receiver, 1).await;
    let mentioned = json!({ "group": group, "body": "two", "mentions": ["mention"] });
    clients[0].post("messages/", mentioned).await.ok(201);
    let found = devices[5].count(&receiver, 1).await;
    assert_eq!(bodies(&found), ["two"], "mentions alone");
    assert_eq!(bodies(&devices[2].count(&receiver, 2).await), ["one", "two"]);
    let received = receiver.received();
    for index in [0, 1, 3, 4, 6, 7] {
        assert_eq!(devices[index].notifications(&received), Vec::<Value>::new(), "{}", names[index]);
    }
}

#[tokio::test]
async fn message_that_is_read_within_the_delay_is_not_pushed() {
    let (app, receiver, clock) = with_clock(Duration::from_secs(10)).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let device = Device::at(&receiver, "phone");
    subscribe(&bob, &device).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let read = send(&ann, &group, "read").await;
    bob.post(&format!("groups/{group}/read/"), json!({ "seq": read["seq"] })).await.ok(200);
    clock.move_wall(6);
    let unread = send(&ann, &group, "unread").await;
    clock.move_wall(6);
    // The follower has checked the first message, whose delay is over, and waits because of the second.
    app.settle().await;
    assert!(receiver.received().is_empty(), "its delay is not over");
    clock.move_wall(6);
    let found = device.count(&receiver, 1).await;
    assert_eq!(found[0]["message"], unread["id"]);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn user_who_disconnects_without_reading_is_pushed() {
    let (app, receiver) = app().await;
    let [ann, bob, cid] = [app.user("ann").await, app.user("bob").await, app.user("cid").await];
    let (phone, other) = (Device::at(&receiver, "phone"), Device::at(&receiver, "other"));
    subscribe(&bob, &phone).await;
    subscribe(&cid, &other).await;
    let groups =
        [group(&app.service(), &["ann", "bob"]).await, group(&app.service(), &["ann", "bob", "cid"]).await];
    let mut socket = bob.ws().await;
    let read = send(&ann, &groups[0], "read").await;
    bob.post(&format!("groups/{}/read/", groups[0]), json!({ "seq": read["seq"] })).await.ok(200);
    send(&ann, &groups[1], "unread").await;
    // The decision was made while bob was online.
    other.count(&receiver, 1).await;
    assert_eq!(phone.notifications(&receiver.received()), Vec::<Value>::new());
    socket.ask("status.update", json!({ "status": "afk" })).await;
    assert_eq!(bodies(&phone.count(&receiver, 1).await), ["unread"]);
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn subscriptions_are_one_for_each_endpoint() {
    let (app, receiver) = app().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let device = Device::at(&receiver, "shared");
    let made = ann.post("push/subscriptions/", device.subscription()).await.ok(201);
    let keys: Vec<_> = made.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["created", "endpoint", "id"], "no key is shown");
    let again = ann.post("push/subscriptions/", device.subscription()).await.ok(200);
    assert_eq!(again, made);
    assert_eq!(ann.get("push/subscriptions/").await.ok(200), json!([made]));
    let path = format!("push/subscriptions/{}/", id(&made));
    bob.delete(&path).await.ok(404);
    let taken = bob.post("push/subscriptions/", device.subscription()).await.ok(201);
    assert_ne!(id(&taken), id(&made));
    assert_eq!(ann.get("push/subscriptions/").await.ok(200), json!([]), "who sent it last has it");
    ann.delete(&path).await.ok(404);
    bob.delete(&format!("push/subscriptions/{}/", id(&taken))).await.ok(200);
    assert_eq!(bob.get("push/subscriptions/").await.ok(200), json!([]));
    let by_service = Device::at(&receiver, "service").subscription();
    app.service().post("push/subscriptions/", by_service.clone()).await.ok(400);
    let mut of_ann = by_service;
    of_ann["author"] = json!("ann");
    app.service().post("push/subscriptions/", of_ann).await.ok(201);
    assert_eq!(
        app.service().get("push/subscriptions/?as=ann").await.ok(200).as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn twenty_first_subscription_ends_the_oldest() {
    let (app, receiver) = app().await;
    let ann = app.user("ann").await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(subscribe(&ann, &Device::at(&receiver, &format!("device-{number}"))).await);
    }
    ann.post("push/subscriptions/", Device::at(&receiver, "device-0").subscription()).await.ok(200);
    ids.push(subscribe(&ann, &Device::at(&receiver, "device-20")).await);
    let listed = ann.get("push/subscriptions/").await.ok(200);
    let listed: Vec<_> = listed.as_array().expect("a list").iter().map(id).collect();
    let mut expected = ids[2..20].to_vec();
    expected.extend([ids[0].clone(), ids[20].clone()]);
    assert_eq!(listed, expected, "the one that was sent again stays");
}

#[tokio::test]
async fn subscription_ends_with_its_token_or_after_two_weeks() {
    let (app, receiver, clock) = with_clock(Duration::ZERO).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let other = app.sign_in("ann").await;
    subscribe(&ann, &Device::at(&receiver, "session")).await;
    let mut unnamed = Device::at(&receiver, "unnamed").subscription();
    unnamed["author"] = json!("ann");
    service.post("push/subscriptions/", unnamed).await.ok(201);
    assert_eq!(other.get("push/subscriptions/").await.ok(200).as_array().map(Vec::len), Some(2));
    ann.delete("sessions/").await.ok(200);
    let left = other.get("push/subscriptions/").await.ok(200);
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    assert_eq!(left[0]["endpoint"], Device::at(&receiver, "unnamed").endpoint());
    clock.move_wall(14 * 24 * 3600 + 1);
    assert_eq!(service.get("push/subscriptions/?as=ann").await.ok(200), json!([]));
}

#[tokio::test]
async fn endpoints_that_are_private_or_not_https_are_refused() {
    let receiver = HookReceiver::start().await;
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for endpoint in [
        "https://[::ffff:127.0.0.1]/a",
        "https://[::7f00:1]/a",
        "https://[64:ff9b::a9fe:a9fe]/a",
        "https://[2002:7f00:1::]/a",
        "https://2130706433/a",
        "https://0x7f.1/a",
        "https://localhost./a",
        "https://192.168.1.1/a",
        "http://push.example/a",
        "https://ann:secret@push.example/a",
        "ftp://push.example/a",
        "https://push.example/a\0",
        "/push/a",
        "",
    ] {
        let mut subscription = Device::at(&receiver, "phone").subscription();
        subscription["endpoint"] = json!(endpoint);
        let refused = ann.post("push/subscriptions/", subscription).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "endpoint", "{endpoint}: {refused}");
    }
    for (keys, field) in [
        (json!({}), "keys.p256dh"),
        (json!(null), "keys"),
        (json!({ "p256dh": "BA", "auth": "BTBZMqHH6r4Tts7J_aSIgg" }), "keys"),
        (json!({ "p256dh": "?", "auth": "BTBZMqHH6r4Tts7J_aSIgg" }), "keys.p256dh"),
    ] {
        let subscription = json!({ "endpoint": "https://push.example/a", "keys": keys });
        let refused = ann.post("push/subscriptions/", subscription).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let off = TestApp::with(|options| options.limits.push.enabled = false).await;
    let ann = off.user("ann").await;
    ann.get("push/key/").await.ok(404);
    assert_eq!(off.nobody().get("server/").await.ok(200)["push"], false);
}

#[tokio::test]
async fn failing_push_service_is_tried_again_with_the_newest() {
    let (app, receiver) = app().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let device = Device::at(&receiver, "phone");
    subscribe(&bob, &device).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    receiver.answer(|_| Reply::Status(503));
    let mention = json!({ "group": group, "body": "one", "mentions": ["bob"] });
    ann.post("messages/", mention).await.ok(201);
    device.count(&receiver, 1).await;
    send(&ann, &group, "two").await;
    send(&ann, &group, "three").await;
    device.count(&receiver, 2).await;
    receiver.answer(|_| Reply::Status(429));
    let tried = device.count(&receiver, 3).await.len();
    receiver.answer(|_| Reply::Status(201));
    let found = device.count(&receiver, tried + 1).await;
    let last = found.last().expect("a notification");
    assert_eq!((&last["body"], &last["unread"]), (&json!("three"), &json!(3)));
    assert_eq!(
        receiver.received().last().expect("one").header("urgency"),
        "high",
        "the mention is among them"
    );
}

#[tokio::test]
async fn unreachable_push_service_holds_up_no_other() {
    let (app, receiver) = app().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let closed = ClosedReceiver::reserve();
    let (near, far) = (Device::at(&receiver, "near"), Device::at_url(&closed.url(), "far"));
    subscribe(&bob, &far).await;
    subscribe(&bob, &near).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    send(&ann, &group, "one").await;
    near.count(&receiver, 1).await;
    send(&ann, &group, "two").await;
    assert_eq!(bodies(&near.count(&receiver, 2).await), ["one", "two"]);
    let opened = closed.open(|_| Reply::Status(201));
    let late = far.count(&opened, 1).await;
    assert_eq!((&late[0]["body"], &late[0]["unread"]), (&json!("two"), &json!(2)), "the newest alone");
}

#[tokio::test]
async fn retry_of_a_read_or_deleted_message_is_dropped() {
    let (app, receiver, clock) = with_clock(Duration::ZERO).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let device = Device::at(&receiver, "phone");
    subscribe(&bob, &device).await;
    let service = app.service();
    let (one, two) = (group(&service, &["ann", "bob"]).await, group(&service, &["ann", "bob"]).await);
    let three = group(&service, &["ann", "bob"]).await;
    receiver.answer(|_| Reply::Status(500));
    let read = send(&ann, &one, "read").await;
    let deleted = send(&ann, &two, "deleted").await;
    device.count(&receiver, 2).await;
    // Both are scheduled for a retry before the next one is sent.
    send(&ann, &three, "kept").await;
    device.count(&receiver, 3).await;
    bob.post(&format!("groups/{one}/read/"), json!({ "seq": read["seq"] })).await.ok(200);
    ann.delete(&format!("messages/{}/", id(&deleted))).await.ok(200);
    receiver.answer(|_| Reply::Status(201));
    clock.move_wall(10);
    // The earliest due is sent first, so the two would arrive before this one.
    send(&ann, &three, "left").await;
    let found = device.count(&receiver, 4).await;
    assert_eq!(found.last().map(|one| &one["body"]), Some(&json!("left")), "{found:?}");
    assert_eq!(found.len(), 4, "{found:?}");
}

#[tokio::test]
async fn gone_subscription_is_removed_and_a_refused_one_stays() {
    let (app, receiver) = app().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (gone, refused) = (Device::at(&receiver, "gone"), Device::at(&receiver, "refused"));
    subscribe(&bob, &gone).await;
    let kept = subscribe(&bob, &refused).await;
    receiver.answer(|request| Reply::Status(if request.path == "/push/gone" { 410 } else { 403 }));
    let group = group(&app.service(), &["ann", "bob"]).await;
    send(&ann, &group, "one").await;
    refused.count(&receiver, 1).await;
    let wait = Wait::begin();
    loop {
        let listed = bob.get("push/subscriptions/").await.ok(200);
        if listed.as_array().map(Vec::len) == Some(1) {
            assert_eq!(id(&listed[0]), kept);
            break;
        }
        wait.step(|| format!("the gone one stands: {listed}")).await;
    }
    receiver.answer(|_| Reply::Status(201));
    send(&ann, &group, "two").await;
    assert_eq!(bodies(&refused.count(&receiver, 2).await), ["one", "two"], "a refusal is not tried again");
    assert_eq!(gone.notifications(&receiver.received()).len(), 1);
}

#[tokio::test]
async fn long_message_is_cut_to_fit() {
    let (app, receiver) = app().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let device = Device::at(&receiver, "phone");
    subscribe(&bob, &device).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let body = "👨\u{200d}👩\u{200d}👦".repeat(500);
    send(&ann, &group, &body).await;
    let notification = device.count(&receiver, 1).await.remove(0);
    let cut = text(&notification["body"]);
    assert_eq!(notification["cut"], true);
    assert!(body.starts_with(&cut) && cut.len() > 3500 && cut.len().is_multiple_of(18), "{}", cut.len());
    let length = receiver.received()[0].body.len();
    assert!((4096 - 18..=4096).contains(&length), "{length}");
}

#[tokio::test]
async fn text_is_withheld_from_push_services() {
    use chinwag_core::push::PushContent;
    for (content, keys) in [
        (PushContent::Sender, vec!["author", "group", "message", "seq", "title", "unread"]),
        (PushContent::None, vec!["group", "message", "seq", "unread"]),
    ] {
        let receiver = HookReceiver::start().await;
        let app = TestApp::with(|options| {
            local(options);
            options.http.push.content = content;
        });
        let app = app.await;
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let device = Device::at(&receiver, "phone");
        subscribe(&bob, &device).await;
        let group = group(&app.service(), &["ann", "bob"]).await;
        send(&ann, &group, "secret").await;
        let notification = device.count(&receiver, 1).await.remove(0);
        let mut found: Vec<_> = notification.as_object().expect("an object").keys().cloned().collect();
        found.sort();
        assert_eq!(found, keys);
    }
}

#[tokio::test]
async fn notify_events_name_users_and_reasons() {
    let (app, receiver) = app().await;
    let service = app.service();
    let ann = app.user("ann").await;
    let [bob, cid] = [app.user("bob").await, app.user("cid").await];
    let group = group(&service, &["ann", "bob", "cid"]).await;
    send(&ann, &group, "before").await;
    let hook = json!({ "url": receiver.url(), "types": ["notify"] });
    service.post("webhooks/", hook).await.ok(201);
    cid.patch(&format!("groups/{group}/me/"), json!({ "notify": "none" })).await.ok(200);
    let mention = json!({ "group": group, "body": "hello", "mentions": ["bob"] });
    let sent = ann.post("messages/", mention).await.ok(201);
    let event = receiver.count(1).await[0].event();
    assert_eq!(event["type"], "notify");
    let expected = json!({
        "users": [{ "user": "bob", "reason": "mention", "unread": 2 }],
        "group": group, "title": "g", "message": sent["id"], "seq": sent["seq"], "author": "ann", "body": "hello",
    });
    assert_eq!(event["data"], expected);
    let private = private(&app, ["bob", "ann"]).await;
    let sent = send(&bob, &private, "psst").await;
    let event = receiver.count(2).await[1].event();
    let users = json!([{ "user": "ann", "reason": "private", "unread": 1 }]);
    assert_eq!((&event["data"]["users"], &event["data"]["title"]), (&users, &json!("bob")));
    let listed = service.get("events/?types=notify").await.ok(200);
    assert_eq!(listed["events"][1], event, "the feed has the same");
    let usual = service.get("events/?limit=1000").await.ok(200);
    let is_notify = |event: &Value| event["type"] == "notify";
    assert!(!usual["events"].as_array().expect("a list").iter().any(is_notify), "only who names it gets it");
    bob.delete(&format!("messages/{}/", id(&sent))).await.ok(200);
    let listed = service.get("events/?types=notify").await.ok(200);
    let mut keys: Vec<_> = listed["events"][1]["data"].as_object().expect("data").keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["author", "date", "group", "id", "seq"], "no text of a deleted message");
}

#[tokio::test]
async fn message_that_begins_a_private_group_is_pushed() {
    let (app, receiver) = app().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let device = Device::at(&receiver, "phone");
    subscribe(&bob, &device).await;
    ann.ws().await.ask("message.first", json!({ "target": "bob", "body": "psst" })).await;
    let notification = device.count(&receiver, 1).await.remove(0);
    assert_eq!((&notification["title"], &notification["body"]), (&json!("ann"), &json!("psst")));
}

//! Incoming hooks: managed by the service and used by other programs.

use std::sync::Arc;

use chinwag_core::limits::RateLimits;
use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::clock::ManualClock;
use chinwag_testkit::setup::{group, history, id, send, text};
use reqwest::Method;
use serde_json::{Value, json};

/// Creates a bot.
pub(crate) async fn bot(service: &Client, name: &str) {
    let made = service.put(&format!("users/{name}/"), json!({ "kind": "bot" })).await;
    assert!(made.status < 300, "{}", made.text);
}

/// A limit of two messages, with a stopped clock.
pub(crate) fn two_messages(options: &mut Options) {
    options.clock = Arc::new(ManualClock::default());
    options.shared_rates = false;
    options.limits.rates = RateLimits { messages_burst: 2, messages_per_second: 1, ..RateLimits::lifted() };
}

/// A server with the bot `ci`, its group with `ann`, and a hook in it.
struct Hooked {
    app: TestApp,
    service: Client,
    ann: Client,
    group: String,
    /// The path of the hook's URL.
    url: String,
    hook: String,
}

async fn hooked() -> Hooked {
    hooked_with(|_| {}).await
}

async fn hooked_with(change: impl FnOnce(&mut Options)) -> Hooked {
    let app = TestApp::with(change).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    bot(&service, "ci").await;
    let group = group(&service, &["ann", "ci"]).await;
    let made = service.post("users/ci/hooks/", json!({ "group": group })).await.ok(201);
    Hooked { app, service, ann, group, url: text(&made["url"]), hook: id(&made) }
}

impl Hooked {
    async fn post(&self, body: &Value) -> Answer {
        self.app.nobody().post(&self.url, body.clone()).await
    }

    async fn post_as(&self, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
        let nobody = self.app.nobody();
        nobody.send(nobody.request(Method::POST, &self.url).header("content-type", kind).body(body)).await
    }

    async fn newest(&self) -> Value {
        history(&self.ann, &self.group).await.pop().expect("a message")
    }
}

#[tokio::test]
async fn hook_sends_what_slack_would() {
    let on = hooked().await;
    let root = send(&on.ann, &on.group, "builds").await;
    let message = json!({
        "text": "<https://a.example/?x=1&amp;y=2|Build 7> &lt;b&gt; failed\nline 2",
        "username": "Builder", "icon_url": "https://a.example/i.png", "thread_ts": root["id"],
        "channel": "#builds", "icon_emoji": ":ghost:", "attachments": [],
    });
    let answer = on.post(&message).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "ok"));
    let body = "Build 7 (https://a.example/?x=1&y=2) <b> failed\nline 2";
    let sent = on.newest().await;
    assert_eq!((&sent["body"], &sent["author"]), (&json!(body), &json!("ci")));
    assert_eq!(sent["data"], json!({ "username": "Builder", "icon_url": "https://a.example/i.png" }));
    assert_eq!(sent["thread"], root["id"]);
    let form = form_of(&json!({ "text": "<https://a.example|Build 8> &amp; more" }));
    assert_eq!(on.post_as("application/x-www-form-urlencoded", form).await.status, 200);
    let sent = on.newest().await;
    assert_eq!(sent["body"], "Build 8 (https://a.example) & more");
    assert_eq!((&sent["data"], &sent["thread"]), (&Value::Null, &Value::Null));
    // As `curl --data` sends it.
    let plain = on.post_as("application/x-www-form-urlencoded", r#"{"text": "plain"}"#).await;
    assert_eq!(plain.status, 200, "{}", plain.text);
    assert_eq!(on.newest().await["body"], "plain");
}

#[tokio::test]
async fn hook_takes_the_texts_of_attachments_and_blocks() {
    let on = hooked().await;
    let attached = json!({
        "fallback": "not shown", "pretext": "Firing", "title": "Disk &lt; 5 %", "title_link": "https://a.example/1",
        "text": "on db1", "fields": [{ "title": "severity", "value": "page" }, { "short": true }, 7], "color": "danger",
    });
    let lines = "Firing\nDisk < 5 % (https://a.example/1)\non db1\nseverity: page";
    let block = json!({ "type": "section", "text": { "type": "mrkdwn", "text": "from a block" } });
    let context = json!({ "type": "context", "elements": [{ "type": "image" }, { "text": "small" }] });
    for (message, expected) in [
        (json!({ "attachments": [attached] }), lines.to_owned()),
        (
            json!({ "text": "Alert", "attachments": [attached, { "fallback": "plain" }] }),
            format!("Alert\n{lines}\nplain"),
        ),
        (
            json!({ "text": "not shown", "blocks": [block, { "type": "divider" }, context] }),
            "from a block\nsmall".to_owned(),
        ),
        (json!({ "attachments": [{ "blocks": [block] }] }), "from a block".to_owned()),
    ] {
        let answer = on.post(&message).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(on.newest().await["body"], expected);
    }
}

fn form_of(message: &Value) -> String {
    let payload: String =
        message.to_string().bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    format!("payload={payload}&other=1")
}

#[tokio::test]
async fn messages_of_hooks_are_those_of_bots_in_the_feed() {
    let on = hooked().await;
    let receiver = json!({ "url": "https://hooks.example/a" });
    on.service.post("webhooks/", receiver).await.ok(201);
    assert_eq!(on.post(&json!({ "text": "done" })).await.status, 200);
    let page = on.service.get("events/?types=message.text").await.ok(200);
    assert_eq!(page["events"][0]["data"]["bot"], true, "{page}");
}

#[tokio::test]
async fn hooks_are_made_listed_and_ended_by_the_service() {
    let on = hooked().await;
    assert!(on.url.starts_with("/hooks/cw_hook_"), "{}", on.url);
    let path = format!("users/ci/hooks/{}/", on.hook);
    let shown = on.service.get(&path).await.ok(200);
    assert_eq!((&shown["group"], shown.get("url")), (&json!(on.group), None));
    assert_eq!(on.service.get("users/ci/hooks/").await.ok(200), json!([shown]));
    for (bot, body, field) in [
        ("ci", json!({}), "group"),
        ("ci", json!({ "group": "here" }), "group"),
        ("ci", json!({ "group": "0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e25" }), "group"),
        ("ann", json!({ "group": on.group }), "name"),
    ] {
        let refused = on.service.post(&format!("users/{bot}/hooks/"), body.clone()).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{body}: {refused}");
    }
    on.service.post("users/nobody/hooks/", json!({ "group": on.group })).await.ok(404);
    on.service.get("users/ann/hooks/").await.ok(400);
    on.ann.post("users/ci/hooks/", json!({ "group": on.group })).await.ok(403);
    bot(&on.service, "other").await;
    on.service.get(&path.replace("ci", "other")).await.ok(404);
    on.service.delete(&path.replace("ci", "other")).await.ok(404);
    on.service.delete(&path).await.ok(200);
    on.service.delete(&path).await.ok(404);
    on.service.get(&path).await.ok(404);
    assert_eq!(on.post(&json!({ "text": "late" })).await.status, 404);
}

#[tokio::test]
async fn hook_ends_with_its_bot_and_its_group() {
    let on = hooked().await;
    let other = group(&on.service, &["ann", "ci"]).await;
    let made = on.service.post("users/ci/hooks/", json!({ "group": other })).await.ok(201);
    on.service.delete(&format!("groups/{other}/")).await.ok(200);
    assert_eq!(on.app.nobody().post(&text(&made["url"]), json!({ "text": "a" })).await.status, 404);
    assert_eq!(on.service.get("users/ci/hooks/").await.ok(200).as_array().expect("a list").len(), 1);
    on.service.put("users/ci/", json!({ "kind": "person" })).await.ok(200);
    assert_eq!(on.post(&json!({ "text": "a" })).await.status, 404, "a person has no hooks");
    on.service.put("users/ci/", json!({ "kind": "bot" })).await.ok(200);
    let made = on.service.post("users/ci/hooks/", json!({ "group": on.group })).await.ok(201);
    on.service.delete("users/ci/").await.ok(200);
    assert_eq!(on.app.nobody().post(&text(&made["url"]), json!({ "text": "a" })).await.status, 404);
}

#[tokio::test]
async fn bot_that_may_not_send_there_is_403() {
    let on = hooked().await;
    let (path, message) = (format!("groups/{}/", on.group), json!({ "text": "a" }));
    on.service.patch(&path, json!({ "restricts": ["ci"] })).await.ok(200);
    assert_eq!(on.post(&message).await.status, 403);
    on.service.patch(&path, json!({ "remove": ["ci"] })).await.ok(200);
    let refused = on.post(&message).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    on.service.patch(&path, json!({ "members": ["ci"] })).await.ok(200);
    assert_eq!(on.post(&message).await.status, 200);
    assert_eq!(history(&on.ann, &on.group).await.len(), 1, "refusals stored nothing");
}

#[tokio::test]
async fn payloads_of_hooks_are_checked() {
    let on = hooked().await;
    let long = "a".repeat(81);
    for (body, field) in [
        (json!({}), "text"),
        (json!({ "text": null }), "text"),
        (json!({ "attachments": [{ "color": "good" }], "blocks": 7 }), "text"),
        (json!({ "text": 7 }), "text"),
        (json!({ "text": " \u{200b}" }), "text"),
        (json!({ "text": "a".repeat(4097) }), "text"),
        (json!({ "text": "a", "username": long }), "username"),
        (json!({ "text": "a", "username": 7 }), "username"),
        (json!({ "text": "a", "icon_url": "http://a.example/i.png" }), "icon_url"),
        (json!({ "text": "a", "icon_url": on.hook }), "icon_url"),
        (json!({ "text": "a", "thread_ts": "1355517523.000005" }), "thread_ts"),
        (json!({ "text": "a", "thread_ts": on.hook }), "thread_ts"),
    ] {
        let refused = on.post(&body).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{body}: {refused}");
    }
    for (kind, body) in [
        ("application/json", "text"),
        ("application/json", "[]"),
        ("application/x-www-form-urlencoded", "text=a"),
        ("application/x-www-form-urlencoded", "payload=a"),
    ] {
        on.post_as(kind, body).await.ok(400);
    }
    let large = json!({ "text": "a", "fallback": "a".repeat(300_000) });
    assert_eq!(on.post(&large).await.status, 413);
    let empty = json!({ "text": "a", "username": null, "icon_url": "", "thread_ts": null });
    assert_eq!(on.post(&empty).await.status, 200);
    assert_eq!(on.newest().await["data"], Value::Null);
}

#[tokio::test]
async fn hooks_have_the_limits_of_a_user() {
    let on = hooked_with(two_messages).await;
    let mut statuses = Vec::new();
    for number in 0..3 {
        let answer = on.post(&json!({ "text": number.to_string() })).await;
        assert_eq!(answer.headers.contains_key("retry-after"), answer.status == 429);
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn hook_works_after_a_restart() {
    let mut on = hooked().await;
    on.app.restart().await;
    assert_eq!(on.post(&json!({ "text": "again" })).await.status, 200);
    assert_eq!(on.newest().await["body"], "again");
}

#[tokio::test]
async fn other_credentials_do_not_matter_to_a_hook() {
    let on = hooked().await;
    let strange = on.ann.bearing("of-another-program");
    assert_eq!(strange.post(&on.url, json!({ "text": "a" })).await.status, 200);
    assert_eq!(on.newest().await["author"], "ci");
    let unknown = "/hooks/cw_hook_0000000000000000000000000000000000000000000/";
    assert_eq!(on.service.post(unknown, json!({ "text": "a" })).await.status, 404);
    assert_eq!(on.app.nobody().get(&on.url).await.status, 405);
}

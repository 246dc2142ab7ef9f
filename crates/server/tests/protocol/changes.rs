//! `sync.resume` with `all`: everything that changed since the client was connected, and nothing else.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{befriend, group, send};
use chinwag_testkit::wait::Wait;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

/// A socket without groups in its summary, as a returning client opens it.
pub(crate) async fn returning(client: &Client) -> Ws {
    client.try_ws("/chat/?groups=0&messages=1", &[]).await.expect("a handshake")
}

/// Sends a resume. Returns the frames before its `sync.done` and the data of that, without counts and presence,
/// whose order varies.
pub(crate) async fn resume(socket: &mut Ws, data: Value) -> (Vec<Value>, Value) {
    socket.send(json!({ "type": "sync.resume", "data": data, "ref": "resume" })).await;
    let mut frames = Vec::new();
    loop {
        let frame = socket.next().await;
        match frame["type"].as_str() {
            Some("sync.done") => {
                assert_eq!(frame["ref"], "resume");
                return (frames, frame["data"].clone());
            }
            Some("summary.more" | "status.update") => {}
            _ => frames.push(frame),
        }
    }
}

/// The types of frames, each with its group or user.
pub(crate) fn about(frames: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let about = |frame: &Value| {
        let data = &frame["data"];
        let keys = ["group", "id", "name"].into_iter().map(|key| &data[key]);
        let named = keys.chain([data]).find(|value| value.is_string());
        (text(&frame["type"]), named.map(text).unwrap_or_default())
    };
    frames.iter().map(about).collect()
}

pub(crate) fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
}

/// The point of a client of this user that has received everything.
pub(crate) async fn since(client: &Client) -> String {
    let (_, done) = resume(&mut returning(client).await, json!({ "groups": {}, "all": true })).await;
    settled(client, done["since"].clone()).await
}

/// Advances a point until a resume from it returns only relations. On PostgreSQL, open transactions of other
/// tests can hold the point back for a moment, and changes after it are sent again.
async fn settled(client: &Client, mut since: Value) -> String {
    let wait = Wait::begin();
    loop {
        let asked = json!({ "groups": {}, "all": true, "since": since });
        let (frames, done) = resume(&mut returning(client).await, asked).await;
        since = done["since"].clone();
        if about(&frames) == pairs([("contact.summary", "")]) && done["groups"] == json!({}) {
            return since.as_str().expect("a point").to_owned();
        }
        wait.step(|| format!("answered again: {frames:?}")).await;
    }
}

#[tokio::test]
async fn resume_of_all_sends_what_changed_in_order() {
    let app = TestApp::start().await;
    let (ann, bob, service) = (app.user("ann").await, app.user("bob").await, app.service());
    befriend(&ann, &bob).await;
    let ids = [0, 1, 2, 3, 4].map(|_| ());
    let mut groups = Vec::new();
    for () in ids {
        groups.push(group(&service, &["ann", "bob"]).await);
        send(&ann, groups.last().expect("one"), "first").await;
    }
    let [silent, written, read, left, deleted] = <[String; 5]>::try_from(groups).expect("five");
    let since = since(&bob).await;
    send(&ann, &written, "second").await;
    bob.post(&format!("groups/{read}/read/"), json!({ "seq": 2 })).await.ok(200);
    bob.patch(&format!("groups/{read}/me/"), json!({ "pinned": true })).await.ok(200);
    bob.post(&format!("groups/{left}/quit/"), json!({})).await.ok(200);
    ann.delete(&format!("groups/{deleted}/")).await.ok(200);
    let new = group(&service, &["ann", "bob"]).await;
    ann.patch("users/ann/", json!({ "display_name": "Ann" })).await.ok(200);
    let mut socket = returning(&bob).await;
    let (frames, done) = resume(&mut socket, json!({ "groups": {}, "all": true, "since": since })).await;
    let mut seen = about(&frames);
    let (mut changed, mut gone) = (seen.drain(..2).collect::<Vec<_>>(), seen.drain(..2).collect::<Vec<_>>());
    changed.sort();
    gone.sort();
    let mut expected = pairs([("group.update", &written), ("group.update", &new)]);
    expected.sort();
    assert_eq!(changed, expected);
    assert_eq!(gone, pairs([("group.delete", &deleted), ("group.quit", &left)]));
    let expected =
        [("user.update", "ann"), ("contact.summary", ""), ("message.read", &read), ("group.me", &read)];
    assert_eq!(seen, pairs(expected));
    let shown = frames.iter().find(|frame| frame["data"]["id"] == *written).expect("the group");
    let data = &shown["data"];
    assert_eq!((&data["unread"], &data["head"], &shown["seq"]), (&json!(2), &json!(3), &json!(3)));
    assert_eq!(data["messages"].as_array().map(Vec::len), Some(1), "as many as the socket asked for");
    assert_eq!(data["messages"][0]["body"], "second");
    assert_eq!(done["groups"], json!({ &written: 3, &new: 1 }));
    assert_eq!(done["refused"], json!({}));
    settled(&bob, done["since"].clone()).await;
    let _ = silent;
}

#[tokio::test]
async fn named_groups_are_resumed_and_not_shown_again() {
    let app = TestApp::start().await;
    let (ann, bob, service) = (app.user("ann").await, app.user("bob").await, app.service());
    let [one, two] = [group(&service, &["ann", "bob"]).await, group(&service, &["ann", "bob"]).await];
    let [gone, three] = [group(&service, &["ann", "bob"]).await, group(&service, &["ann", "bob"]).await];
    let since = since(&bob).await;
    for group in [&one, &two, &three] {
        send(&ann, group, "news").await;
    }
    ann.patch(&format!("groups/{gone}/"), json!({ "remove": ["bob"] })).await.ok(200);
    let mut socket = returning(&bob).await;
    let part = json!({ "groups": { &one: 1 }, "more": true });
    socket.send(json!({ "type": "sync.resume", "data": part })).await;
    let (frames, done) =
        resume(&mut socket, json!({ "groups": { &two: 1, &gone: 1 }, "all": true, "since": since })).await;
    let kinds: Vec<_> = frames.iter().map(|frame| frame["type"].as_str().expect("a type")).collect();
    assert_eq!(kinds, ["message.text", "message.text", "group.update", "contact.summary"]);
    assert_eq!(frames[2]["data"]["id"], *three);
    assert_eq!(done["groups"], json!({ &one: 2, &two: 2, &three: 2 }), "the heads of all parts");
    assert_eq!(done["refused"], json!({ &gone: "not_found" }));
    send(&ann, &one, "more").await;
    socket.until("message.text").await;
    let again = json!({ "groups": {}, "all": true, "since": since });
    let (frames, _) = resume(&mut socket, again).await;
    let shown: Vec<_> = frames.iter().filter(|frame| frame["type"] == "group.update").collect();
    assert_eq!(shown.len(), 1, "groups named earlier count as named");
    assert_eq!(shown[0]["data"]["id"], *three);
}

#[tokio::test]
async fn useless_point_is_refused_and_everything_answered() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let [named, other] =
        [group(&app.service(), &["ann", "bob"]).await, group(&app.service(), &["ann", "bob"]).await];
    send(&ann, &other, "hello").await;
    bob.post(&format!("groups/{other}/read/"), json!({ "seq": 2 })).await.ok(200);
    bob.patch(&format!("groups/{named}/me/"), json!({ "notify": "none" })).await.ok(200);
    let since = since(&bob).await;
    let expected = pairs([
        ("group.update", &other),
        ("contact.summary", ""),
        ("message.read", &other),
        ("group.me", &named),
    ]);
    let history = "00000000-0000-4000-8000-000000000000";
    for (data, why) in [
        (json!({ "groups": { &named: 1 }, "all": true, "since": "rubbish" }), json!({ "since": "too_far" })),
        (
            json!({ "groups": { &named: 1 }, "all": true, "since": since, "history": history }),
            json!({ "since": "too_far", &named: "history_changed" }),
        ),
        (json!({ "groups": { &named: 1 }, "all": true }), json!({})),
    ] {
        let (mut frames, done) = resume(&mut returning(&bob).await, data).await;
        frames.retain(|frame| frame["type"] != "message.text");
        let mut seen = about(&frames);
        seen[2..].sort_by(|one, other| other.0.cmp(&one.0));
        assert_eq!((seen, &done["refused"]), (expected.clone(), &why));
        assert!(done["since"].is_string(), "the client goes on from here");
    }
}

#[tokio::test]
async fn pending_group_is_shown_until_it_is_accepted() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let since = since(&bob).await;
    let group =
        ann.post("groups/", json!({ "name": "strange", "members": ["bob"] })).await.ok(201)["id"].clone();
    ann.post("messages/", json!({ "group": group, "body": "come" })).await.ok(201);
    let asked = json!({ "groups": {}, "all": true, "since": since });
    let (frames, done) = resume(&mut returning(&bob).await, asked).await;
    let data = &frames[0]["data"];
    assert_eq!((&data["id"], &data["me"]["pending"], &data["messages"]), (&group, &json!(true), &json!([])));
    assert_eq!(done["groups"], json!({}), "no number of a pending group");
    let id = group.as_str().expect("an id");
    bob.post(&format!("groups/{id}/accept/"), json!({})).await.ok(200);
    let asked = json!({ "groups": {}, "all": true, "since": done["since"] });
    let (frames, done) = resume(&mut returning(&bob).await, asked).await;
    let data = &frames[0]["data"];
    assert_eq!((&data["me"]["pending"], &data["messages"][0]["body"]), (&json!(false), &json!("come")));
    assert_eq!(done["groups"], json!({ id: 2 }));
}

#[tokio::test]
async fn point_is_named_to_sockets_that_can_use_it() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let nothing = json!({ "groups": {} });
    let (_, done) = resume(&mut bob.ws().await, nothing.clone()).await;
    assert_eq!(done, json!({ "groups": {}, "refused": {} }), "as a client of before knows it");
    let mut socket = returning(&bob).await;
    send(&ann, &group, "after the summary").await;
    socket.until("message.text").await;
    let (_, done) = resume(&mut socket, nothing).await;
    let asked = json!({ "groups": {}, "all": true, "since": done["since"] });
    let (frames, _) = resume(&mut returning(&bob).await, asked).await;
    assert_eq!(frames[0]["data"]["id"], *group, "the point is that of the summary");
}

#[tokio::test]
async fn resume_names_1000_groups_in_a_frame() {
    let app = TestApp::start().await;
    let bob = app.user("bob").await;
    let mut socket = returning(&bob).await;
    let named = |count: u32, from: u32| {
        let id = |number| format!("a0000000-0000-4000-8000-{number:012}");
        Value::Object((from..from + count).map(|number| (id(number), json!(0))).collect())
    };
    let frame = socket.ask("sync.resume", json!({ "groups": named(1001, 0) })).await;
    assert_eq!(
        (&frame["type"], &frame["data"]["errors"][0]["field"]),
        (&json!("error.data"), &json!("groups"))
    );
    for part in 0..10 {
        let data = json!({ "groups": named(1000, part * 1000), "more": true });
        socket.send(json!({ "type": "sync.resume", "data": data })).await;
    }
    let frame = socket.ask("sync.resume", json!({ "groups": named(1, 10_000) })).await;
    assert_eq!(frame["type"], "error.data", "more than 10,000 in all parts");
    let done = socket.ask("sync.resume", json!({ "groups": {} })).await;
    assert_eq!(done["data"]["refused"].as_object().map(serde_json::Map::len), Some(10_000));
}

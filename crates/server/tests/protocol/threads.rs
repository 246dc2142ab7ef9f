//! Threads over both transports.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, head, id, send, two};
use serde_json::{Value, json};

async fn reply(client: &Client, group: &str, root: &str, body: &str) -> Value {
    client.post("messages/", json!({ "group": group, "body": body, "thread": root })).await.ok(201)
}

async fn replies(client: &Client, root: &str) -> Value {
    client.get(&format!("messages/{root}/")).await.ok(200)["replies"].clone()
}

fn bodies(page: &Value) -> Vec<&str> {
    page.as_array().expect("a page").iter().map(|message| message["body"].as_str().expect("a body")).collect()
}

#[tokio::test]
async fn a_root_shows_its_replies_in_every_object() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let sent = send(&ann, &group, "root").await; // 2
    assert_eq!((&sent["thread"], &sent["replies"], sent.get("root")), (&Value::Null, &Value::Null, None));
    let root = id(&sent);
    a.until("message.text").await;
    assert_eq!(b.until("message.text").await["data"].get("root"), None);

    let event = b.ask("message.text", json!({ "group": group, "body": "one", "thread": root })).await;
    let one = json!({ "count": 1, "last": event["data"]["date"], "names": ["bob"] });
    assert_eq!(event["data"]["thread"], json!(root));
    assert_eq!(event["data"]["root"], json!({ "id": root, "replies": one }));
    assert_eq!(a.until("message.text").await["data"], event["data"]);
    let answer = reply(&ann, &group, &root, "two").await;
    assert_eq!((&answer["thread"], answer.get("root")), (&json!(root), None), "the answer is the message");
    let two = json!({ "count": 2, "last": answer["date"], "names": ["ann", "bob"] });
    for socket in [&mut a, &mut b] {
        let event = socket.until("message.text").await;
        assert_eq!(event["data"]["root"], json!({ "id": root, "replies": two }));
        assert_eq!(event["data"]["replies"], Value::Null);
    }
    assert_eq!(replies(&bob, &root).await, two);
    let history = bob.get(&format!("groups/{group}/messages/")).await.ok(200);
    assert_eq!((&history[2]["replies"], &history[0]["thread"]), (&two, &json!(root)));
    let summary = bob.ws().await.summary().clone();
    assert_eq!((&summary[0]["messages"][2]["replies"], &summary[0]["unread"]), (&two, &json!(2)));
    assert_eq!(summary[0]["messages"][0]["thread"], json!(root));
    let seen = ann.get(&format!("groups/{group}/?fields=messages")).await.ok(200);
    assert_eq!(seen["messages"][2]["replies"], two);
    let fetched = b.ask("message.fetch", json!({ "group": group })).await;
    assert_eq!(fetched["data"]["history"][2]["replies"], two);
    // Other changes of the root keep its replies.
    let edited = ann.patch(&format!("messages/{root}/"), json!({ "body": "better" })).await.ok(200);
    assert_eq!(edited["replies"], two);
    assert_eq!(b.until("message.update").await["data"]["replies"], two);
    let reacted = bob.put(&format!("messages/{root}/reactions/:a:/"), json!({})).await.ok(200);
    assert_eq!(reacted["replies"], two);
    assert_eq!(ann.get(&format!("messages/{root}/?fields=root")).await.status, 400);
}

#[tokio::test]
async fn a_thread_needs_a_root_of_the_group() {
    let app = TestApp::start().await;
    let (ann, mut a, _bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let (here, there) = (group(&app.service(), &["ann"]).await, group(&app.service(), &["ann", "bob"]).await);
    let root = id(&send(&ann, &here, "root").await);
    let child = id(&reply(&ann, &here, &root, "reply").await);
    let erased = id(&send(&ann, &here, "gone").await);
    ann.delete(&format!("messages/{erased}/")).await.ok(200);
    let elsewhere = id(&send(&ann, &there, "elsewhere").await);
    let before = head(&ann, &here).await;
    let never = "0190b0b0-0000-7000-8000-000000000000";
    for bad in [json!(child), json!(erased), json!(elsewhere), json!(never), json!("x"), json!(7)] {
        let payload = json!({ "group": here, "body": "no", "thread": bad });
        let refused = ann.post("messages/", payload.clone()).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "thread", "{bad}");
        let refused = a.ask("message.text", payload).await;
        assert_eq!(
            (&refused["code"], &refused["data"]["errors"][0]["field"]),
            (&json!(400), &json!("thread"))
        );
    }
    assert_eq!(head(&ann, &here).await, before, "nothing was stored");
    for none in [Value::Null, json!("")] {
        let sent = json!({ "group": here, "body": "plain", "thread": none });
        assert_eq!(ann.post("messages/", sent).await.ok(201)["thread"], Value::Null);
    }
}

#[tokio::test]
async fn a_retry_names_the_same_thread() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let (root, other) = (id(&send(&ann, &group, "root").await), id(&send(&ann, &group, "other").await));
    let with = |thread: Value| json!({ "group": group, "body": "once", "client_id": "1", "thread": thread });
    let first = ann.post("messages/", with(json!(root))).await.ok(201);
    assert_eq!(ann.post("messages/", with(json!(root))).await.ok(201)["id"], first["id"]);
    for thread in [json!(other), Value::Null] {
        ann.post("messages/", with(thread)).await.ok(409);
    }
    let plain = json!({ "group": group, "body": "plain", "client_id": "2" });
    ann.post("messages/", plain.clone()).await.ok(201);
    let mut threaded = plain;
    threaded["thread"] = json!(root);
    ann.post("messages/", threaded).await.ok(409);
    ann.delete(&format!("messages/{root}/")).await.ok(200);
    let again = ann.post("messages/", with(json!(root))).await.ok(201);
    assert_eq!((&again["id"], &again["thread"]), (&first["id"], &Value::Null));
}

#[tokio::test]
async fn a_retry_answers_the_same_message_or_is_refused() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let (first, other) = (id(&send(&ann, &group, "first").await), id(&send(&ann, &group, "other").await));
    let with = |to: &Value, client_id: &str| json!({ "group": group, "body": "ok", "client_id": client_id, "respond_to": to });
    let (first, other) = (json!(first), json!(other));
    let reply = ann.post("messages/", with(&first, "1")).await.ok(201);
    let plain = ann.post("messages/", with(&Value::Null, "2")).await.ok(201);
    let mut ws = ann.ws().await;
    for (to, client_id) in [(&other, "1"), (&Value::Null, "1"), (&first, "2")] {
        ann.post("messages/", with(to, client_id)).await.ok(409);
        assert_eq!(ws.ask("message.text", with(to, client_id)).await["code"], 409);
    }
    assert_eq!(ann.post("messages/", with(&Value::Null, "2")).await.ok(201)["id"], plain["id"]);
    ann.delete(&format!("messages/{}/", first.as_str().expect("an id"))).await.ok(200);
    let again = ann.post("messages/", with(&first, "1")).await.ok(201);
    assert_eq!((&again["id"], &again["respond_to"]), (&reply["id"], &Value::Null));
    ann.post("messages/", with(&other, "1")).await.ok(409);
}

#[tokio::test]
async fn a_thread_is_paged_and_left_out_of_a_history() {
    let app = TestApp::start().await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let group = group(&app.service(), &["ann"]).await; // 1
    let root = id(&send(&ann, &group, "root").await); // 2
    let child = id(&reply(&ann, &group, &root, "a").await); // 3
    send(&ann, &group, "main").await; // 4
    for body in ["b", "c"] {
        reply(&ann, &group, &root, body).await; // 5, 6
    }
    let thread = async |query: &str| ann.get(&format!("messages/{root}/thread/{query}")).await.ok(200);
    assert_eq!(bodies(&thread("").await), ["c", "b", "a"]);
    assert_eq!(bodies(&thread("?limit=1").await), ["c"]);
    assert_eq!(bodies(&thread("?before=6&limit=1").await), ["b"]);
    assert_eq!(bodies(&thread("?after=3").await), ["b", "c"]);
    let date = thread("?limit=1").await[0]["date"].as_str().expect("a date").to_owned();
    assert_eq!(bodies(&thread(&format!("?before={date}")).await), ["b", "a"]);
    assert_eq!(bodies(&thread("?after=2020-01-01T00:00:00Z&limit=2").await), ["a", "b"]);
    assert_eq!(thread("?fields=seq&limit=1").await, json!([{ "seq": 6 }]));
    assert_eq!(bodies(&ann.get(&format!("messages/{child}/thread/")).await.ok(200)), [""; 0]);
    eve.get(&format!("messages/{root}/thread/")).await.ok(404);
    let refused = ann.get(&format!("messages/{root}/thread/?limit=101")).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "limit");

    let main =
        async |query: &str| ann.get(&format!("groups/{group}/messages/?thread=none{query}")).await.ok(200);
    assert_eq!(bodies(&main("").await), ["main", "root"]);
    assert_eq!(bodies(&main("&before=4").await), ["root"]);
    assert_eq!(bodies(&main("&after=2").await), ["main"]);
    assert_eq!(main("").await[1]["replies"]["count"], 3);
    let refused = ann.get(&format!("groups/{group}/messages/?thread={root}")).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "thread");
    ann.delete(&format!("messages/{root}/")).await.ok(200);
    assert_eq!(
        bodies(&main("").await),
        ["c", "b", "main", "a"],
        "replies without a root are messages like others"
    );
}

#[tokio::test]
async fn many_replies_are_passed_in_parts() {
    let app = TestApp::start().await;
    let (ann, mut a, ..) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let root = id(&send(&ann, &group, "root").await);
    for number in 0..1_100 {
        let reply = json!({ "group": group, "body": number.to_string(), "thread": root });
        a.send(json!({ "type": "message.text", "data": reply })).await;
    }
    while a.until("message.text").await["data"]["body"] != "1099" {}
    send(&ann, &group, "last").await;
    let page = async |query: &str| ann.get(&format!("groups/{group}/messages/?thread=none{query}")).await;
    let newest = page("").await;
    assert_eq!(newest.header("link"), "");
    assert_eq!(bodies(&newest.ok(200)), ["last", "root"]);
    assert_eq!(bodies(&page("&limit=1").await.ok(200)), ["last"]);
    assert_eq!(bodies(&page("&after=2").await.ok(200)), ["last"]);
    assert_eq!(bodies(&page("&before=1102").await.ok(200)), ["root"]);
    for list in [format!("groups/{group}/messages/"), format!("messages/{root}/thread/")] {
        for (begin, pages) in [("?limit=100", 12), ("?limit=100&after=1", 12)] {
            let (mut path, mut read) = (format!("{list}{begin}"), 0);
            for page in 1..=pages {
                let answer = ann.get(&path).await;
                let next = answer.header("link").split(['<', '>']).nth(1).map(str::to_owned);
                read += bodies(&answer.ok(200)).len();
                assert_eq!(next.is_some(), page < pages, "page {page} of {list}{begin}");
                path = next.unwrap_or_default();
            }
            assert!((1_100..=1_102).contains(&read), "{read} of {list}{begin}");
        }
    }
    assert_eq!(
        ann.get(&format!("groups/{group}/messages/")).await.header("link"),
        "",
        "no page was asked for"
    );
}

#[tokio::test]
async fn a_root_steps_back_when_its_replies_are_deleted() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let root = id(&send(&ann, &group, "root").await);
    let first = reply(&ann, &group, &root, "one").await;
    let last = reply(&bob, &group, &root, "two").await;
    for socket in [&mut a, &mut b] {
        for _ in 0..3 {
            socket.until("message.text").await;
        }
    }
    b.ask("message.delete", json!({ "id": last["id"] })).await;
    let event = a.until("message.delete").await;
    let left = json!({ "count": 1, "last": first["date"], "names": ["ann"] });
    assert_eq!(event["data"]["root"], json!({ "id": root, "replies": left }));
    ann.delete(&format!("messages/{}/", id(&first))).await.ok(200);
    assert_eq!(a.until("message.delete").await["data"]["root"], json!({ "id": root, "replies": null }));
    assert_eq!(replies(&bob, &root).await, Value::Null);
    // A new thread begins, and ends with its root.
    let third = id(&reply(&bob, &group, &root, "three").await);
    assert_eq!(a.until("message.text").await["data"]["root"]["replies"]["count"], 1);
    ann.delete(&format!("messages/{root}/")).await.ok(200);
    let event = a.until("message.delete").await;
    assert_eq!((&event["data"]["id"], event["data"].get("root")), (&json!(root), None));
    assert_eq!(bob.get(&format!("messages/{third}/")).await.ok(200)["thread"], Value::Null);
    let own = reply(&ann, &group, &third, "under a former reply").await;
    assert_eq!(own["thread"], json!(third));
    assert_eq!(replies(&ann, &third).await["names"], json!(["ann"]));
}

#[tokio::test]
async fn a_resume_has_the_root_as_it_stands() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await; // 1
    let root = id(&send(&ann, &group, "root").await); // 2
    let old = id(&reply(&ann, &group, &root, "old").await); // 3
    let new = reply(&bob, &group, &root, "new").await; // 4
    ann.delete(&format!("messages/{old}/")).await.ok(200); // 5
    let gone = id(&send(&ann, &group, "other root").await); // 6
    let orphan = id(&reply(&ann, &group, &gone, "orphan").await); // 7
    ann.delete(&format!("messages/{gone}/")).await.ok(200); // 8
    ann.delete(&format!("messages/{orphan}/")).await.ok(200); // 9
    let mut socket = ann.ws().await;
    socket.send(json!({ "type": "sync.resume", "data": { "groups": { &group: 3 } } })).await;
    let left = json!({ "id": root, "replies": { "count": 1, "last": new["date"], "names": ["bob"] } });
    let mut missed = Vec::new();
    for _ in 0..4 {
        let frame = socket.next().await;
        missed.push((frame["type"].clone(), frame["seq"].clone(), frame["data"]["root"].clone()));
    }
    assert_eq!(
        missed,
        [
            (json!("message.text"), json!(4), left.clone()),
            (json!("message.delete"), json!(5), left),
            (json!("message.delete"), json!(8), Value::Null),
            (json!("message.delete"), json!(9), Value::Null),
        ]
    );
    assert_eq!(socket.next().await["type"], "sync.done");
}

#[tokio::test]
async fn names_of_replies_follow_users_who_change_or_go() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let service = app.service();
    for name in ["cat", "dan"] {
        app.user(name).await;
    }
    let group = group(&service, &["ann", "bob", "cat", "dan"]).await;
    let (root, other) = (id(&send(&ann, &group, "root").await), id(&send(&bob, &group, "bob's").await));
    for name in ["bob", "ann", "cat", "dan", "cat", "bob"] {
        let reply = json!({ "group": group, "body": "reply", "thread": root, "author": name });
        service.post("messages/", reply).await.ok(201);
    }
    let under = id(&reply(&ann, &group, &other, "under bob's").await);
    assert_eq!(replies(&ann, &root).await["names"], json!(["bob", "cat", "dan"]), "the newest three");
    service.patch("users/cat/", json!({ "new_name": "catherine" })).await.ok(200);
    assert_eq!(replies(&ann, &root).await["names"], json!(["bob", "catherine", "dan"]));
    let before = head(&ann, &group).await;
    service.delete("users/bob/").await.ok(200);
    let left = replies(&ann, &root).await;
    assert_eq!((&left["count"], &left["names"]), (&json!(4), &json!(["catherine", "dan", "ann"])));
    let event = a.until("message.delete").await;
    assert_eq!(event["data"]["ids"].as_array().map(Vec::len), Some(3));
    assert_eq!(event["data"]["roots"], json!([{ "id": root, "replies": left }]), "his own root is no more");
    assert_eq!(ann.get(&format!("messages/{under}/")).await.ok(200)["thread"], Value::Null);
    let mut socket = ann.ws().await;
    socket.send(json!({ "type": "sync.resume", "data": { "groups": { &group: before } } })).await;
    let again = socket.until("message.delete").await;
    assert_eq!(again["data"]["roots"], json!([{ "id": root, "replies": left }]));
}

#[tokio::test]
async fn only_who_may_write_replies() {
    let app = TestApp::start().await;
    let (ann, _a, bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let made = json!({ "name": "tea", "author": "ann", "restricts": ["bob"] });
    let group = id(&app.service().post("groups/", made).await.ok(201));
    let root = id(&send(&ann, &group, "root").await);
    let payload = json!({ "group": group, "body": "no", "thread": root });
    bob.post("messages/", payload.clone()).await.ok(403);
    app.user("eve").await.post("messages/", payload).await.ok(404);
    bob.get(&format!("messages/{root}/thread/")).await.ok(200);
    assert_eq!(replies(&bob, &root).await, Value::Null);
}

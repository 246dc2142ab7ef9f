//! Reactions to messages over both transports.

use std::collections::BTreeSet;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, head, id, send, two};
use chinwag_testkit::wait::Wait;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

const THUMB: &str = "%F0%9F%91%8D";
const KEYCAP: &str = "%23%EF%B8%8F%E2%83%A3";

async fn react(socket: &mut Ws, message: &str, emoji: &str, on: bool) -> Value {
    socket.ask("message.react", json!({ "id": message, "emoji": emoji, "on": on })).await
}

fn path(message: &str, emoji: &str) -> String {
    format!("messages/{message}/reactions/{emoji}/")
}

async fn reactions(client: &Client, message: &str) -> Value {
    client.get(&format!("messages/{message}/")).await.ok(200)["reactions"].clone()
}

#[tokio::test]
async fn members_see_a_reaction_at_once_and_in_every_object() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let sent = send(&ann, &group, "hello").await;
    assert_eq!(sent["reactions"], json!({}));
    let message = id(&sent);
    a.until("message.text").await;
    b.until("message.text").await;

    let event = react(&mut b, &message, "👍\u{fe0f}", true).await;
    let data = json!({
        "id": message, "group": group, "name": "bob", "emoji": "👍", "on": true,
        "reaction": { "count": 1, "names": ["bob"] },
    });
    assert_eq!((&event["type"], &event["seq"], &event["data"]), (&json!("message.react"), &json!(3), &data));
    let seen = a.until("message.react").await;
    assert_eq!((&seen["seq"], &seen["data"]), (&json!(3), &data));
    assert_eq!(seen.get("ref"), None);

    let put = ann.put(&path(&message, KEYCAP), json!({})).await.ok(200);
    let keycap = "#\u{fe0f}\u{20e3}";
    let thumb = |mine| json!({ "count": 1, "names": ["bob"], "mine": mine });
    let own = |mine| json!({ "count": 1, "names": ["ann"], "mine": mine });
    assert_eq!(put["reactions"], json!({ "👍": thumb(false), keycap: own(true) }));
    assert_eq!(b.until("message.react").await["data"]["emoji"], keycap);
    let for_bob = json!({ "👍": thumb(true), keycap: own(false) });
    assert_eq!(reactions(&bob, &message).await, for_bob);
    let history = bob.get(&format!("groups/{group}/messages/")).await.ok(200);
    assert_eq!(history[0]["reactions"], for_bob);
    assert_eq!(bob.ws().await.summary()[0]["messages"][0]["reactions"], for_bob);
    let fetched = b.ask("message.fetch", json!({ "group": group })).await;
    assert_eq!(fetched["data"]["history"][0]["reactions"], for_bob);
    let service = reactions(&app.service(), &message).await;
    assert_eq!(service["👍"], json!({ "count": 1, "names": ["bob"] }), "nobody's own");

    let left = ann.delete(&path(&message, KEYCAP)).await.ok(200);
    assert_eq!(left["reactions"], json!({ "👍": thumb(false) }));
    let gone = b.until("message.react").await;
    assert_eq!((&gone["data"]["on"], &gone["data"]["reaction"]["count"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn answers_with_a_group_mark_the_callers_reactions() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let pair = id(&ann.put("private/", json!({ "user": "bob" })).await.ok(201));
    for group in [&group, &pair] {
        let message = id(&send(&ann, group, "hello").await);
        bob.put(&path(&message, THUMB), json!({})).await.ok(200);
    }
    let thumb = |mine| json!({ "👍": { "count": 1, "names": ["bob"], "mine": mine } });
    let own = format!("groups/{group}/");
    let answers = [
        bob.get(&format!("{own}?fields=messages")).await.ok(200),
        bob.post(&format!("{own}join/"), json!({})).await.ok(200),
        bob.put("private/", json!({ "user": "ann" })).await.ok(200),
        bob.ws().await.ask("message.first", json!({ "target": "ann" })).await["data"].clone(),
    ];
    for seen in answers {
        assert_eq!(seen["messages"][0]["reactions"], thumb(true), "{seen}");
    }
    let changed = ann.patch(&own, json!({ "name": "tea" })).await.ok(200);
    assert_eq!(changed["messages"][0]["reactions"], thumb(false));
    let service = app.service().get(&format!("{own}?fields=messages")).await.ok(200);
    assert_eq!(service["messages"][0]["reactions"]["👍"], json!({ "count": 1, "names": ["bob"] }));
}

#[tokio::test]
async fn changes_without_effect_take_no_number() {
    let app = TestApp::start().await;
    let (ann, mut a, _bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let message = id(&send(&ann, &group, "hello").await);
    ann.put(&path(&message, THUMB), json!({})).await.ok(200); // 3
    a.until("message.react").await;
    b.until("message.react").await;
    let again = react(&mut a, &message, "👍", true).await;
    assert_eq!((again.get("seq"), &again["data"]["reaction"]["count"]), (None, &json!(1)));
    let absent = react(&mut a, &message, "👎", false).await;
    assert_eq!((absent.get("seq"), &absent["data"]["reaction"]["count"]), (None, &json!(0)));
    ann.put(&path(&message, THUMB), json!({})).await.ok(200);
    ann.delete(&path(&message, ":none:")).await.ok(200);
    b.quiet().await;
    assert_eq!(head(&ann, &group).await, 3);
}

#[tokio::test]
async fn bad_reactions_are_refused_on_both_transports() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let message = id(&send(&ann, &group, "hello").await);
    let mut socket = ann.ws().await;
    for (text, encoded) in [("ok", "ok"), ("👍👍", "%F0%9F%91%8D%F0%9F%91%8D"), ("#", "%23"), ("::", "::")]
    {
        let refused = react(&mut socket, &message, text, true).await;
        assert_eq!(
            (&refused["code"], &refused["data"]["errors"][0]["field"]),
            (&json!(400), &json!("emoji"))
        );
        let refused = ann.put(&path(&message, encoded), json!({})).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "emoji", "{text}");
    }
    let refused = ann.put(&path(&message, "%FF"), json!({})).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "emoji");
    let refused = app.service().put(&path(&message, THUMB), json!({})).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "author");
    app.service().put(&format!("{}?author=ann", path(&message, THUMB)), json!({})).await.ok(200);
    for number in 0..19 {
        ann.put(&path(&message, &format!(":e{number}:")), json!({})).await.ok(200);
    }
    let refused = ann.put(&path(&message, ":more:"), json!({})).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "emoji", "the 21st");
    app.user("bob").await;
    app.service().patch(&format!("groups/{group}/"), json!({ "members": ["bob"] })).await.ok(200);
    app.service().put(&path(&message, THUMB), json!({ "author": "bob" })).await.ok(200);
}

#[tokio::test]
async fn only_senders_react() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let (eve, service) = (app.user("eve").await, app.service());
    let made = json!({ "name": "tea", "author": "ann", "restricts": ["bob"] });
    let group = id(&service.post("groups/", made).await.ok(201));
    let message = id(&send(&ann, &group, "hello").await);
    bob.put(&path(&message, THUMB), json!({})).await.ok(403);
    eve.put(&path(&message, THUMB), json!({})).await.ok(404);
    eve.get(&format!("messages/{message}/reactions/")).await.ok(404);
    let first = a.ask("message.first", json!({ "target": "bob", "body": "hi" })).await;
    let private = id(&first["data"]["messages"][0]);
    bob.put(&path(&private, THUMB), json!({})).await.ok(200);
    bob.patch("users/bob/", json!({ "contact": { "name": "ann", "operation": "block" } })).await.ok(200);
    for client in [&ann, &bob] {
        client.put(&path(&private, ":no:"), json!({})).await.ok(403);
        client.delete(&path(&private, THUMB)).await.ok(403);
    }
}

#[tokio::test]
async fn a_reaction_accepts_a_pending_group() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = id(&ann.post("groups/", json!({ "name": "tea", "members": ["bob"] })).await.ok(201));
    let message = id(&send(&ann, &group, "hello").await);
    let mut socket = bob.ws().await;
    let event = react(&mut socket, &message, "👍", true).await;
    assert_eq!((&event["type"], &event["data"]["name"]), (&json!("message.react"), &json!("bob")));
    assert_eq!(bob.get(&format!("groups/{group}/?fields=me")).await.ok(200)["me"]["pending"], false);
}

#[tokio::test]
async fn a_list_has_every_reaction_in_pages() {
    let app = TestApp::start().await;
    let names: Vec<_> = (0..23).map(|number| format!("user{number:02}")).collect();
    for name in &names {
        app.user(name).await;
    }
    let members: Vec<_> = names.iter().map(String::as_str).collect();
    let (service, group) = (app.service(), group(&app.service(), &members).await);
    let last = app.sign_in("user22").await;
    let message = id(&send(&last, &group, "hello").await);
    for name in &names {
        service.put(&path(&message, THUMB), json!({ "author": name })).await.ok(200);
    }
    service.put(&path(&message, ":a:"), json!({ "author": "user00" })).await.ok(200);
    let shown = reactions(&last, &message).await;
    let thumb = &shown["👍"];
    assert_eq!((&thumb["count"], &thumb["mine"]), (&json!(23), &json!(true)), "beyond the names shown");
    assert_eq!(thumb["names"], json!(names[..20]));
    let list = format!("messages/{message}/reactions/");
    let all = last.get(&list).await.ok(200);
    assert_eq!((all.as_array().map(Vec::len), &all[23]["emoji"]), (Some(24), &json!(":a:")));
    assert!(all[0]["date"].is_string());
    let first = last.get(&format!("{list}?emoji={THUMB}&limit=20")).await;
    let next = first.header("link").to_owned();
    let next = next.split(['<', '>']).nth(1).and_then(|link| link.split_once("/api/v1/")).expect("a link").1;
    let rest: Vec<_> = last.get(next).await.ok(200).as_array().expect("a list").clone();
    let rest: Vec<_> = rest.iter().map(|reaction| reaction["name"].as_str().expect("a name")).collect();
    assert_eq!(rest, ["user20", "user21", "user22"]);
}

#[tokio::test]
async fn a_resume_sends_a_changed_message_once() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await; // 1
    let old = id(&send(&ann, &group, "old").await); // 2
    let new = id(&send(&ann, &group, "new").await); // 3
    let gone = id(&send(&ann, &group, "gone").await); // 4
    bob.put(&path(&old, THUMB), json!({})).await.ok(200); // 5
    bob.put(&path(&gone, THUMB), json!({})).await.ok(200); // 6
    ann.patch(&format!("messages/{old}/"), json!({ "body": "older" })).await.ok(200); // 7
    ann.put(&path(&new, THUMB), json!({})).await.ok(200); // 8
    ann.delete(&format!("messages/{gone}/")).await.ok(200); // 9
    ann.put(&path(&old, THUMB), json!({})).await.ok(200); // 10
    let mut socket = bob.ws().await;
    socket.send(json!({ "type": "sync.resume", "data": { "groups": { &group: 2 } } })).await;
    let mut missed = Vec::new();
    for _ in 0..4 {
        let frame = socket.next().await;
        missed.push((frame["type"].clone(), frame["seq"].clone(), frame["data"]["reactions"]["👍"].clone()));
    }
    let both = json!({ "count": 2, "names": ["bob", "ann"], "mine": true });
    let one = json!({ "count": 1, "names": ["ann"], "mine": false });
    assert_eq!(
        missed,
        [
            (json!("message.text"), json!(3), one.clone()),
            (json!("message.update"), json!(8), one),
            (json!("message.delete"), json!(9), Value::Null),
            (json!("message.update"), json!(10), both),
        ]
    );
    assert_eq!(socket.next().await["type"], "sync.done");
}

#[tokio::test]
async fn reactions_outlive_leaving_and_end_with_their_user() {
    let app = TestApp::start().await;
    let (ann, bob, service) = (app.user("ann").await, app.user("bob").await, app.service());
    app.user("cat").await;
    app.user("dan").await;
    let group = group(&service, &["ann", "bob", "cat", "dan"]).await;
    let message = id(&send(&ann, &group, "hello").await);
    for name in ["ann", "bob", "cat", "dan"] {
        service.put(&path(&message, THUMB), json!({ "author": name })).await.ok(200);
    }
    let before = head(&service, &group).await;
    bob.post(&format!("groups/{group}/quit/"), json!({})).await.ok(200);
    service.patch("users/cat/", json!({ "new_name": "catherine" })).await.ok(200);
    service.delete("users/dan/").await.ok(200);
    let left = json!({ "count": 3, "names": ["ann", "bob", "catherine"] });
    assert_eq!(reactions(&service, &message).await["👍"], left);
    assert_eq!(service.get(&format!("messages/{message}/reactions/")).await.ok(200)[2]["name"], "catherine");
    let mut socket = ann.ws().await;
    socket.send(json!({ "type": "sync.resume", "data": { "groups": { &group: before } } })).await;
    let event = socket.until("message.update").await;
    assert_eq!(event["data"]["reactions"]["👍"]["count"], 3, "{event}");
}

#[tokio::test]
async fn reactions_go_with_the_number_of_their_users_deletion() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, mut a, _bob, _) = two(&service, ["ann", "bob"]).await;
    let group = group(&service, &["ann", "bob"]).await; // 1
    let mut ids = Vec::new();
    for body in ["one", "two", "three"] {
        ids.push(id(&send(&ann, &group, body).await)); // 2 to 4
    }
    for (message, emoji) in [(0, THUMB), (0, ":a:"), (1, THUMB), (2, THUMB)] {
        service.put(&path(&ids[message], emoji), json!({ "author": "bob" })).await.ok(200); // 5 to 8
    }
    service.put(&path(&ids[1], THUMB), json!({ "author": "ann" })).await.ok(200); // 9
    a.until("message.react").await;
    service.delete("users/bob/").await.ok(200); // 10
    assert_eq!(a.until("user.delete").await["data"]["name"], "bob");
    let last = send(&ann, &group, "last").await; // 11
    assert_eq!(last["seq"], 11, "no reaction takes a number");
    ann.patch(&format!("messages/{}/", ids[2]), json!({ "body": "third" })).await.ok(200); // 12
    let mut socket = ann.ws().await;
    socket.send(json!({ "type": "sync.resume", "data": { "groups": { &group: 9 } } })).await;
    let mut missed = Vec::new();
    loop {
        let frame = socket.next().await;
        if frame["type"] == "sync.done" {
            break;
        }
        missed.push((frame["type"].clone(), frame["seq"].clone(), frame["data"]["reactions"].clone()));
    }
    let thumb = json!({ "👍": { "count": 1, "names": ["ann"], "mine": true } });
    assert_eq!(
        missed,
        [
            (json!("message.update"), json!(10), json!({})),
            (json!("message.update"), json!(10), thumb),
            (json!("group.update"), json!(10), Value::Null),
            (json!("message.text"), json!(11), json!({})),
            (json!("message.update"), json!(12), json!({})),
        ]
    );
}

#[tokio::test]
async fn many_reactions_of_a_deleted_user_go_in_steps() {
    let app = TestApp::start().await;
    let (ann, bob, service) = (app.user("ann").await, app.user("bob").await, app.service());
    let (kept, left) = (group(&service, &["ann", "bob"]).await, group(&service, &["ann", "bob"]).await);
    let many = 25;
    for group in [&kept, &left] {
        for number in 0..many {
            let message = id(&send(&ann, group, number).await);
            for emoji in 0..10 {
                bob.put(&path(&message, &format!(":{emoji}:")), json!({})).await.ok(200);
            }
        }
    }
    bob.post(&format!("groups/{left}/quit/"), json!({})).await.ok(200);
    let before = (head(&ann, &kept).await, head(&ann, &left).await);
    service.delete("users/bob/").await.ok(200);
    let page = ann.get(&format!("groups/{kept}/messages/?limit=100")).await.ok(200);
    assert!(page.as_array().expect("a list").iter().all(|message| message["reactions"] == json!({})));
    let wait = Wait::begin();
    for (group, before) in [(&kept, before.0), (&left, before.1)] {
        while changed_since(&ann, group, before).await.len() < many {
            wait.step(|| "a message that lost reactions is not sent").await;
        }
        let taken = head(&ann, group).await - before;
        assert!((1..=40).contains(&taken), "{taken} numbers for 250 reactions");
    }
}

/// The ids of the messages that a resume sends as changed.
async fn changed_since(client: &Client, group: &str, seq: i64) -> BTreeSet<String> {
    let mut socket = client.ws().await;
    socket.send(json!({ "type": "sync.resume", "data": { "groups": { group: seq } } })).await;
    let mut changed = BTreeSet::new();
    loop {
        let frame = socket.next().await;
        match frame["type"].as_str() {
            Some("message.update") => drop(changed.insert(id(&frame["data"]))),
            Some("sync.done") => return changed,
            _ => {}
        }
    }
}

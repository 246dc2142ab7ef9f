//! Consent: a user who is added by a stranger receives nothing of the group before accepting. Also private
//! conversations, notes to oneself, and read marks over REST.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, id, two};
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

async fn app() -> TestApp {
    TestApp::with(|options| options.limits.consent = true).await
}

/// A group of Ann's to which she has added Tam.
async fn added(a: &mut Ws) -> String {
    let made = a.ask("group.create", json!({ "name": "g", "members": ["tam"] })).await;
    made["data"]["id"].as_str().expect("an id").to_owned()
}

async fn befriend(a: &mut Ws, t: &mut Ws) {
    a.ask("contact.update", json!({ "name": "tam", "operation": "contact" })).await;
    t.ask("contact.update", json!({ "name": "ann", "operation": "contact" })).await;
    t.until("status.update").await;
}

#[tokio::test]
async fn a_stranger_adds_and_nothing_follows_but_the_end() {
    let app = app().await;
    let (ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = added(&mut a).await;
    let shown = t.next().await;
    assert_eq!((&shown["type"], &shown["seq"]), (&json!("group.update"), &json!(1)));
    let data = &shown["data"];
    assert_eq!((&data["me"]["pending"], &data["messages"]), (&json!(true), &json!([])));
    assert_eq!((&data["name"], &data["members"]), (&json!("g"), &json!(["tam"])));

    let sent = a.ask("message.text", json!({ "group": group, "body": "secret" })).await;
    a.ask("message.update", json!({ "id": sent["data"]["id"], "body": "secret still" })).await;
    a.ask("group.update", json!({ "id": group, "name": "h" })).await;
    a.ask("message.read", json!({ "group": group, "seq": 2 })).await;
    a.send(json!({ "type": "typing.start", "data": { "group": group } })).await;
    a.quiet().await;
    t.quiet().await;
    let mut fresh = tam.ws().await;
    let summary = &fresh.summary()[0];
    assert_eq!((&summary["me"]["pending"], &summary["messages"]), (&json!(true), &json!([])));
    assert_eq!((&summary["unread"], &summary["name"]), (&json!(0), &json!("h")));
    let done = fresh.ask("sync.resume", json!({ "groups": { &group: 0 } })).await;
    assert_eq!(done["data"]["refused"], json!({ &group: "pending" }));

    // Reading is allowed and notifies nobody.
    let history = fresh.ask("message.fetch", json!({ "group": group })).await;
    assert_eq!(history["data"]["history"][0]["body"], "secret still");
    let mark = fresh.ask("message.read", json!({ "group": group, "seq": 2 })).await;
    assert_eq!((&mark["type"], &mark["data"]["seq"]), (&json!("message.read"), &json!(2)));
    fresh.send(json!({ "type": "typing.start", "data": { "group": group } })).await;
    fresh.quiet().await;
    t.quiet().await;
    a.quiet().await;
    assert_eq!(tam.ws().await.summary()[0]["last_read_seq"], Value::Null, "a new socket is told of the mark");
    let seen = tam.get(&format!("groups/{group}/?fields=me+unread")).await.ok(200);
    assert_eq!((&seen["me"]["pending"], &seen["unread"]), (&json!(true), &json!(0)));
    for client in [&tam, &ann] {
        let seen = client.get(&format!("groups/{group}/?fields=pending")).await.ok(200);
        assert_eq!(seen, json!({ "pending": ["tam"] }));
    }
    for (kind, data) in
        [("group.update", json!({ "id": group, "name": "i" })), ("group.delete", json!({ "id": group }))]
    {
        let refused = t.ask(kind, data).await;
        assert_eq!(refused["code"], 403);
        assert!(refused["data"]["detail"].as_str().is_some_and(|why| why.contains("accept it")), "{refused}");
    }

    ann.delete(&format!("groups/{group}/")).await.ok(200);
    assert_eq!(t.next().await, json!({ "type": "group.delete", "seq": 5, "data": group }));
}

#[tokio::test]
async fn accepting_shows_the_group_and_what_follows() {
    let app = app().await;
    let (_ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = added(&mut a).await;
    t.expect("group.update").await;
    a.ask("message.text", json!({ "group": group, "body": "one" })).await;
    let mut twin = tam.ws().await;
    let me = t.ask("group.accept", json!({ "group": group })).await;
    assert_eq!(
        (&me["type"], &me["data"]["group"], &me["data"]["pending"]),
        (&json!("group.me"), &json!(group), &json!(false))
    );
    assert_eq!(twin.expect("group.me").await["data"], me["data"]);
    for socket in [&mut t, &mut twin] {
        let shown = socket.expect("group.update").await;
        assert_eq!(shown["data"]["messages"][0]["body"], "one");
        assert_eq!((&shown["data"]["head"], &shown["data"]["me"]["pending"]), (&json!(2), &json!(false)));
    }
    a.quiet().await;
    a.ask("message.text", json!({ "group": group, "body": "two" })).await;
    for socket in [&mut t, &mut twin] {
        assert_eq!(socket.expect("message.text").await["seq"], 3);
    }
    let again = t.ask("group.accept", json!({ "group": group })).await;
    assert_eq!(again["type"], "group.me");
    twin.quiet().await;
    let seen = tam.post(&format!("groups/{group}/accept/"), json!({})).await.ok(200);
    assert_eq!((&seen["me"]["pending"], &seen["unread"]), (&json!(false), &json!(2)));
}

#[tokio::test]
async fn sending_a_message_accepts_the_group() {
    let app = app().await;
    let (_ann, mut a, _tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = added(&mut a).await;
    t.expect("group.update").await;
    a.ask("message.text", json!({ "group": group, "body": "one" })).await;
    for (body, reference) in [("two", "r2"), ("three", "r3")] {
        let data = json!({ "group": group, "body": body });
        t.send(json!({ "type": "message.text", "data": data, "ref": reference })).await;
    }
    let me = t.expect("group.me").await;
    assert_eq!(
        (&me["data"]["pending"], &me["ref"]),
        (&json!(false), &Value::Null),
        "the message is the answer"
    );
    assert_eq!(t.expect("group.update").await["data"]["head"], 2);
    for (seq, reference) in [(3, "r2"), (4, "r3")] {
        let own = t.expect("message.text").await;
        assert_eq!((&own["seq"], &own["ref"]), (&json!(seq), &json!(reference)));
        assert_eq!(a.until("message.text").await["seq"], seq);
    }
    assert_eq!(t.ask("message.read", json!({ "group": group, "seq": 4 })).await["type"], "message.read");
    assert_eq!(a.expect("message.read").await["data"]["author"], "tam");
}

#[tokio::test]
async fn only_contacts_and_the_service_add_again_after_a_decline() {
    let app = app().await;
    let (ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = added(&mut a).await;
    t.expect("group.update").await;
    // An empty body is enough.
    let quit = tam.request(reqwest::Method::POST, &format!("groups/{group}/quit/"));
    tam.send(quit).await.ok(200);
    let ended = t.expect("group.quit").await;
    assert_eq!((&ended["data"], &ended["seq"]), (&json!({ "group": group, "name": "tam" }), &json!(2)));
    assert_eq!(a.until("group.update").await["data"]["members"], json!([]));
    let path = format!("groups/{group}/");
    let refused = ann.patch(&path, json!({ "members": ["tam"] })).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("tam"), "{}", refused.text);
    app.service().patch(&path, json!({ "author": "ann", "members": ["tam"] })).await.ok(200);
    let added = t.expect("group.update").await;
    assert_eq!(added["data"]["me"]["pending"], false, "the service adds without asking");
    t.ask("group.quit", json!({ "group": group })).await;
    ann.patch(&path, json!({ "members": ["tam"] })).await.ok(403);
    befriend(&mut a, &mut t).await;
    ann.patch(&path, json!({ "members": ["tam"] })).await.ok(200);
    assert_eq!(t.until("group.update").await["data"]["members"], json!(["tam"]));
    assert_eq!(tam.get(&format!("{path}?fields=me")).await.ok(200)["me"]["pending"], false);
}

#[tokio::test]
async fn the_service_adds_a_pending_user_without_asking() {
    let app = app().await;
    let (_ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = added(&mut a).await;
    t.expect("group.update").await;
    let path = format!("groups/{group}/");
    for (seq, change) in [(1, json!({ "members": ["tam"] })), (2, json!({ "name": "h" }))] {
        app.service().patch(&path, change).await.ok(200);
        if seq == 1 {
            assert_eq!(t.expect("group.me").await["data"]["pending"], false);
        }
        assert_eq!(t.expect("group.update").await["seq"], seq);
    }
    assert_eq!(a.expect("group.update").await["seq"], 2, "acceptance takes no number");
    assert_eq!(tam.get(&format!("{path}?fields=me")).await.ok(200)["me"]["pending"], false);
}

#[tokio::test]
async fn a_pending_user_who_was_removed_may_be_added_again() {
    let app = app().await;
    let (ann, mut a, _tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = added(&mut a).await;
    t.expect("group.update").await;
    let path = format!("groups/{group}/");
    for seq in [2, 4] {
        ann.patch(&path, json!({ "remove": ["tam"] })).await.ok(200);
        assert_eq!(t.expect("group.quit").await["seq"], seq);
        ann.patch(&path, json!({ "members": ["tam"] })).await.ok(200);
        assert_eq!(t.expect("group.update").await["data"]["me"]["pending"], true);
    }
    ann.patch(&path, json!({ "owner": ["tam"] })).await.ok(400);
    // A group with only pending members ends with its last member.
    a.ask("group.quit", json!({ "group": group })).await;
    assert_eq!(t.expect("group.delete").await["data"], json!(group));
    app.service().get(&path).await.ok(404);
}

#[tokio::test]
async fn users_choose_who_may_add_them_and_write_first() {
    let app = app().await;
    let (ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let add = async || ann.post("groups/", json!({ "name": "g", "members": ["tam"] })).await.status;
    let write = async || ann.request(reqwest::Method::PUT, "private/").json(&json!({ "user": "tam" }));
    let set = async |added_by: &str, write_first: &str| {
        let settings = json!({ "settings": { "added_by": added_by, "write_first": write_first } });
        tam.patch("users/tam/", settings).await.ok(200)["settings"].clone()
    };
    let shown = set("contacts", "nobody").await;
    let expected = json!({
        "added_by": "contacts", "write_first": "nobody", "hide_last_seen": false, "hide_reads": false,
    });
    assert_eq!(shown, expected);
    assert_eq!((add().await, ann.send(write().await).await.status), (403, 403));
    befriend(&mut a, &mut t).await;
    assert_eq!((add().await, ann.send(write().await).await.status), (201, 403));
    set("nobody", "contacts").await;
    assert_eq!((add().await, ann.send(write().await).await.status), (403, 201));
    let service = app.service();
    service.post("groups/", json!({ "name": "g", "author": "ann", "members": ["tam"] })).await.ok(201);
    let shown = ann.get("users/tam/?fields=__all__").await.ok(200);
    assert_eq!(shown.get("settings"), None, "they are tam's own");
    ann.patch("users/tam/", json!({ "settings": { "added_by": "anyone" } })).await.ok(403);
    tam.patch("users/tam/", json!({ "settings": { "added_by": "all" } })).await.ok(400);
    for key in ["data", "kind", "origin", "admin"] {
        let refused = tam.patch("users/tam/", json!({ key: "x" })).await;
        assert!(refused.status == 403 && refused.text.contains(key), "{}", refused.text);
    }
}

#[tokio::test]
async fn over_100_pending_groups_the_owner_of_most_loses_one() {
    let app = app().await;
    let (ann, _a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let eve = app.user("eve").await;
    eve.post("groups/", json!({ "name": "e", "members": ["tam"] })).await.ok(201);
    let mut groups = Vec::new();
    for n in 0..100 {
        let made = ann.post("groups/", json!({ "name": format!("g{n}"), "members": ["tam"] })).await.ok(201);
        groups.push(made["id"].clone());
    }
    assert_eq!(
        t.until("group.quit").await["data"]["group"],
        groups[0],
        "and not that of eve, which is older"
    );
    let left = tam.get("groups/").await.ok(200);
    assert_eq!(left.as_array().expect("a list").len(), 100);
    // The effect is the same as if tam had left.
    let path = format!("groups/{}/", groups[0].as_str().expect("an id"));
    ann.patch(&path, json!({ "members": ["tam"] })).await.ok(403);
}

#[tokio::test]
async fn accepting_ends_at_the_limit_of_groups() {
    let app = TestApp::with(|options| {
        options.limits.consent = true;
        options.limits.user_groups = 2;
    })
    .await;
    let service = app.service();
    let (_ann, mut a, tam, mut t) = two(&service, ["ann", "tam"]).await;
    let (first, second) = (added(&mut a).await, added(&mut a).await);
    let sent = a.ask("message.text", json!({ "group": second, "body": "hi" })).await;
    let own = group(&service, &["tam"]).await;
    tam.post(&format!("groups/{first}/accept/"), json!({})).await.ok(200);
    for (kind, data) in [
        ("group.accept", json!({ "group": second })),
        ("message.text", json!({ "group": second, "body": "me too" })),
        ("message.react", json!({ "id": sent["data"]["id"], "emoji": "👍", "on": true })),
    ] {
        let refused = t.ask(kind, data).await;
        assert_eq!(refused["code"], 403, "{refused}");
    }
    tam.post(&format!("groups/{second}/join/"), json!({})).await.ok(403);
    tam.post(&format!("groups/{own}/quit/"), json!({})).await.ok(200);
    tam.post(&format!("groups/{second}/accept/"), json!({})).await.ok(200);
}

#[tokio::test]
async fn strangers_who_are_added_count_as_first_contacts() {
    let app = TestApp::with(|options| {
        options.limits.consent = true;
        options.limits.rates.first_contacts_per_day = 2;
        options.shared_rates = false;
    })
    .await;
    let service = app.service();
    let (ann, mut a, bob, mut b) = two(&service, ["ann", "bob"]).await;
    let friend = app.user("tam").await;
    befriend(&mut a, &mut friend.ws().await).await;
    app.user("cay").await;
    app.user("dan").await;
    let make = async |members: &[&str]| ann.post("groups/", json!({ "name": "g", "members": members })).await;
    let refused = make(&["bob", "cay", "dan"]).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "86400"));
    b.quiet().await;
    let group = id(&make(&["tam", "bob", "cay"]).await.ok(201));
    ann.patch(&format!("groups/{group}/"), json!({ "members": ["dan"] })).await.ok(429);
    assert_eq!(make(&["cay"]).await.status, 429, "who has not accepted is a stranger still");
    bob.post(&format!("groups/{group}/accept/"), json!({})).await.ok(200);
    make(&["bob", "tam"]).await.ok(201);
    service.patch(&format!("groups/{group}/"), json!({ "author": "ann", "members": ["dan"] })).await.ok(200);
}

#[tokio::test]
async fn a_private_group_is_opened_over_rest_once() {
    let app = app().await;
    let (ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let put = async |client: &Client, body: Value| {
        client.send(client.request(reqwest::Method::PUT, "private/").json(&body)).await
    };
    let made = put(&ann, json!({ "user": "tam" })).await.ok(201);
    assert_eq!((&made["name"], &made["members"]), (&json!("@"), &json!(["ann", "tam"])));
    assert_eq!(made["me"]["pending"], false);
    for socket in [&mut a, &mut t] {
        assert_eq!(socket.expect("group.update").await["data"]["id"], made["id"]);
    }
    assert_eq!(put(&tam, json!({ "user": "ann" })).await.ok(200)["id"], made["id"]);
    let service = app.service();
    assert_eq!(put(&service, json!({ "users": ["tam", "ann"] })).await.ok(200)["id"], made["id"]);
    a.ask("contact.update", json!({ "name": "tam", "operation": "block" })).await;
    put(&tam, json!({ "user": "ann" })).await.ok(200);
    app.user("eve").await;
    a.ask("contact.update", json!({ "name": "eve", "operation": "block" })).await;
    put(&ann, json!({ "user": "eve" })).await.ok(403);
    put(&service, json!({ "users": ["eve", "ann"] })).await.ok(403);
    for bad in [
        json!({ "users": ["ann"] }),
        json!({ "users": ["ann", "nobody"] }),
        json!({}),
        json!({ "user": "admin" }),
    ] {
        assert_eq!(put(&service, bad.clone()).await.status, 400, "{bad}");
    }
    put(&ann, json!({ "users": ["tam", "eve"] })).await.ok(403);
}

#[tokio::test]
async fn notes_to_oneself_are_a_group_of_one() {
    let app = app().await;
    let (ann, mut a, _tam, _t) = two(&app.service(), ["ann", "tam"]).await;
    let first = a.ask("message.first", json!({ "target": "ann", "body": "milk" })).await;
    let data = &first["data"];
    assert_eq!((&data["members"], &data["owner"]), (&json!(["ann"]), &json!(["admin"])));
    let id = data["id"].as_str().expect("an id");
    let again = ann.send(ann.request(reqwest::Method::PUT, "private/").json(&json!({ "user": "ann" }))).await;
    let again = again.ok(200);
    assert_eq!((&again["id"], &again["unread"]), (&data["id"], &json!(0)));
    let users = json!({ "users": ["ann", "ann"] });
    let service = app.service();
    let same = service.send(service.request(reqwest::Method::PUT, "private/").json(&users)).await.ok(200);
    assert_eq!(same["id"], data["id"]);
    let sent = a.ask("message.text", json!({ "group": id, "body": "bread" })).await;
    assert_eq!(sent["seq"], 2);
    assert_eq!(a.ask("group.quit", json!({ "group": id })).await["code"], 403);
    ann.delete(&format!("groups/{id}/")).await.ok(403);
}

#[tokio::test]
async fn a_group_is_read_over_rest_as_by_the_event() {
    let app = app().await;
    let (ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let group = a.ask("message.first", json!({ "target": "tam", "body": "one" })).await["data"].clone();
    let path = format!("groups/{}/read/", group["id"].as_str().expect("an id"));
    let first = group["messages"][0].clone();
    t.until("group.update").await;
    let read = tam.post(&path, json!({ "seq": 1 })).await.ok(200);
    assert_eq!(read, json!({ "group": group["id"], "seq": 1, "date": first["date"] }));
    assert_eq!(a.until("message.read").await["data"]["author"], "tam");
    assert_eq!(tam.post(&path, json!({ "date": "1999-01-01T00:00:00Z" })).await.ok(200), read, "never back");
    for bad in [json!({}), json!({ "seq": 9 }), json!({ "seq": -1 })] {
        assert_eq!(tam.post(&path, bad.clone()).await.status, 400, "{bad}");
    }
    let service = app.service();
    service.post(&path, json!({ "seq": 1 })).await.ok(400);
    service.post(&path, json!({ "author": "ann", "seq": 1 })).await.ok(200);
    assert_eq!(t.until("message.read").await["data"]["author"], "tam");
    assert_eq!(t.until("message.read").await["data"]["author"], "ann");

    // A user who hides its read marks neither shows them nor sees those of others.
    tam.patch("users/tam/", json!({ "settings": { "hide_reads": true } })).await.ok(200);
    ann.post("messages/", json!({ "group": group["id"], "body": "two" })).await.ok(201);
    a.until("message.text").await;
    t.until("message.text").await;
    tam.post(&path, json!({ "seq": 2 })).await.ok(200);
    assert_eq!(t.expect("message.read").await["data"]["author"], "tam");
    a.quiet().await;
    ann.post(&path, json!({ "seq": 2 })).await.ok(200);
    a.expect("message.read").await;
    t.quiet().await;
}

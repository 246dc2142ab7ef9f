//! The events of the session in sections, and texts that are not events.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{Session, text};

/// An id that does not exist.
const NOTHING: &str = "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e";
/// Values that are invalid for almost every key.
const ODD: [&str; 4] = ["7", "\"\"", "[7]", "{\"a\":true}"];

pub(super) async fn play(session: &mut Session) {
    envelopes(session).await;
    contacts(session).await;
    let group = groups(session).await;
    messages(session, &group).await;
    first(session).await;
    consent(session).await;
    presence(session, &group).await;
    refusals(session).await;
    resume(session, &group).await;
    end(session, &group).await;
}

async fn envelopes(session: &mut Session) {
    session.part("Frames that are no events");
    session.open("ann", "").await;
    for frame in [
        "",
        "hello",
        "[]",
        "null",
        "{",
        "\u{feff}{}",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"message.text"}"#,
        r#"{"type":"message.text","data":null}"#,
        r#"{"type":"message.text","data":[]}"#,
        r#"{"type":"message.text","data":{"body":"a","body":"b"}}"#,
        r#"{"type":"message.shout","data":{},"ref":"known"}"#,
        r#"{"type":"message.text","data":{},"ref":7}"#,
        r#"{"type":"message.text","data":{},"ref":null}"#,
        r#"{"type":"message.text","data":{},"ref":"0123456789012345678901234567890123456789012345678901234567890123x"}"#,
    ] {
        session.say_text("ann", frame).await;
    }
    session.send("ann", Message::binary(b"{}".to_vec())).await;
}

async fn contacts(session: &mut Session) {
    session.part("Relations");
    session.open("bob", "").await;
    session.open("cat", "?groups=1&messages=1").await;
    let change = |name: &str, operation: &str| json!({ "name": name, "operation": operation });
    session.say("ann", "contact.update", change("bob", "invitation")).await;
    session.say("ann", "contact.update", change("bob", "invite")).await;
    session.say("bob", "contact.update", change("ann", "deny")).await;
    session.say("ann", "contact.update", change("bob", "invit")).await;
    session.say("bob", "contact.update", change("ann", "contact")).await;
    session.say("bob", "contact.update", change("ann", "contact")).await;
    session.say("cat", "contact.update", change("ann", "block")).await;
    session.say("cat", "contact.update", change("ann", "blocked")).await;
    session.say("ann", "contact.update", change("cat", "invitation")).await;
    session.say("cat", "contact.update", change("ann", "invitation")).await;
    session.say("cat", "contact.update", change("ann", "unblock")).await;
    session.say("cat", "contact.update", change("ann", "remove")).await;
    session.say("ann", "contact.update", change("ann", "invitation")).await;
    session.say("ann", "contact.update", change("admin", "invitation")).await;
    session.say("ann", "contact.update", change("nobody-at-all", "block")).await;
    session.say("ann", "contact.update", change("bob", "hug")).await;
}

/// Returns the id of a group in which ann is the owner, bob a member, and cat has accepted.
async fn groups(session: &mut Session) -> String {
    session.part("Groups");
    let group = json!({ "name": "tea", "members": ["bob"], "author": "mallory" });
    let made = session.say("ann", "group.create", group).await;
    let group = text(&made[0]["data"]["id"]);
    session.say("ann", "group.create", json!({ "name": "@" })).await;
    session.say("ann", "group.create", json!({ "name": "lists", "admins": "bob", "members": [7] })).await;
    session
        .say("ann", "group.create", json!({ "name": "people", "restricts": ["nobody-at-all", "a b"] }))
        .await;
    let change = |key: &str, value: Value| json!({ "id": group, key: value });
    session.say("ann", "group.update", change("name", "coffee".into())).await;
    session.say("ann", "group.update", change("name", "coffee".into())).await;
    session.say("ann", "group.update", change("members", json!(["cat"]))).await;
    session.say("cat", "group.accept", json!({ "id": group })).await;
    session.say("cat", "group.accept", json!({ "group": group })).await;
    session.say("ann", "group.update", change("admins", json!(["bob"]))).await;
    session.say("bob", "group.update", json!({ "group": group, "restricts": ["cat"] })).await;
    session.say("bob", "group.update", change("owner", json!(["bob"]))).await;
    session.say("bob", "group.update", change("remove", json!(["ann"]))).await;
    session.say("cat", "group.update", change("name", "mine".into())).await;
    session.say("ann", "group.update", change("owner", json!(["bob", "cat"]))).await;
    session.say("ann", "group.update", json!({ "id": NOTHING, "name": "none" })).await;
    group
}

async fn messages(session: &mut Session, group: &str) {
    session.part("Messages");
    let body = "a \"body\"\nwith \u{e9} and \u{1f44d}";
    let sent = session.say("ann", "message.text", json!({ "group": group, "body": body })).await;
    let first = text(&sent[0]["data"]["id"]);
    let reply = json!({
        "to": group, "body": "a reply", "respond_to": first, "client_id": "one", "author": "mallory",
        "date": "2024-05-12T10:29:16Z", "id": "x", "seq": 99,
    });
    session.say("bob", "message.text", reply.clone()).await;
    session.say("bob", "message.text", reply).await;
    let other = json!({ "group": group, "body": "another", "client_id": "one", "respond_to": "" });
    session.say("bob", "message.text", other).await;
    session.say("cat", "message.text", json!({ "group": group, "body": "restricted" })).await;
    session.say("ann", "message.text", json!({ "group": NOTHING, "body": "nowhere" })).await;
    session.say("ann", "message.text", json!({ "group": group, "body": " \n" })).await;
    let foreign = json!({ "group": group, "body": "foreign", "respond_to": NOTHING });
    session.say("ann", "message.text", foreign).await;
    session.say("ann", "message.update", json!({ "id": first, "body": "mended" })).await;
    session.say("bob", "message.update", json!({ "id": first, "body": "not mine" })).await;
    session.say("ann", "message.update", json!({ "id": NOTHING, "body": "none" })).await;
    for point in [json!({}), json!({ "before": 9, "limit": 1 }), json!({ "date": "2024-05-12T10:29:16.5Z" })]
    {
        let mut fetch = point;
        fetch["group"] = group.into();
        session.say("cat", "message.fetch", fetch).await;
    }
    session.say("cat", "message.fetch", json!({ "group": group, "limit": 101 })).await;
    session.say("cat", "message.fetch", json!({ "group": NOTHING })).await;
    session.say("bob", "message.read", json!({ "group": group, "seq": 7 })).await;
    session.say("bob", "message.read", json!({ "group": group, "seq": 1 })).await;
    session.say("bob", "message.read", json!({ "group": group, "date": "2024-05-12T10:29:16" })).await;
    session.say("bob", "message.read", json!({ "group": group, "seq": 999 })).await;
    session.say("bob", "message.read", json!({ "group": group })).await;
    session.say("bob", "message.delete", json!({ "id": first })).await;
    session.say("bob", "message.delete", json!({ "id": first })).await;
}

async fn first(session: &mut Session) {
    session.part("Private groups");
    let target = |name: &str| json!({ "target": name, "body": "hello", "client_id": "first" });
    let made = session.say("ann", "message.first", target("bob")).await;
    let private = text(&made[0]["data"]["id"]);
    session.say("ann", "message.first", target("bob")).await;
    session.say("bob", "message.first", json!({ "target": "ann", "body": "hello back" })).await;
    session.say("bob", "message.first", json!({ "target": "ann" })).await;
    session.say("ann", "message.first", json!({ "target": "ann", "body": "a note" })).await;
    session.say("ann", "message.first", json!({ "target": "admin", "body": "to a special user" })).await;
    session.say("ann", "message.first", json!({ "target": "nobody-at-all" })).await;
    for (event, key) in [("group.quit", "group"), ("group.delete", "id"), ("group.accept", "group")] {
        session.say("ann", event, json!({ key: private })).await;
    }
    session.say("ann", "group.update", json!({ "id": private, "name": "ours" })).await;
}

async fn consent(session: &mut Session) {
    session.part("Consent");
    let made =
        session.say("cat", "group.create", json!({ "name": "strangers", "members": ["bob", "ann"] })).await;
    let group = text(&made[0]["data"]["id"]);
    session.say("bob", "message.update", json!({ "id": NOTHING, "body": "x" })).await;
    session.say("bob", "group.update", json!({ "id": group, "name": "mine" })).await;
    session.say("bob", "message.fetch", json!({ "group": group })).await;
    session.say("bob", "message.read", json!({ "group": group, "seq": 1 })).await;
    session.say("bob", "sync.resume", json!({ "groups": { &group: 0 } })).await;
    session.say("bob", "message.text", json!({ "group": group, "body": "accepted" })).await;
    session.say("ann", "group.quit", json!({ "group": group })).await;
    session.say("cat", "group.update", json!({ "id": group, "members": ["ann"] })).await;
    session.say("cat", "group.update", json!({ "id": group, "remove": ["bob"] })).await;
    session.say("cat", "group.delete", json!({ "id": group })).await;
    session.say("cat", "group.delete", json!({ "id": group })).await;
}

async fn presence(session: &mut Session, group: &str) {
    session.part("Presence and typing");
    session.say("bob", "status.update", json!({ "status": "afk" })).await;
    session.say("bob", "status.update", json!({ "status": "afk" })).await;
    session.say("bob", "status.update", json!({ "status": "disconnected" })).await;
    session.say("bob", "status.update", json!({ "status": "online" })).await;
    session.say("bob", "status.update", json!({ "status": "asleep" })).await;
    session.say("ann", "typing.start", json!({ "group": group })).await;
    session.say("ann", "typing.stop", json!({ "group": group })).await;
    session.say("ann", "typing.start", json!({ "group": NOTHING })).await;
    session.say("cat", "typing.stop", json!({ "group": group })).await;
    session.vanish("ann").await;
    session.open("ann", "?groups=2&messages=3").await;
}

/// Sends each event without its keys, and with values of wrong types.
async fn refusals(session: &mut Session) {
    session.part("Payloads that are refused");
    let keys: [(&str, &[&str]); 16] = [
        ("message.text", &["group", "to", "body", "respond_to", "client_id", "author", "date"]),
        ("message.first", &["target", "body", "client_id"]),
        ("message.fetch", &["group", "before", "date", "limit"]),
        ("message.read", &["group", "seq", "date", "author"]),
        ("message.update", &["id", "body"]),
        ("message.delete", &["id"]),
        ("status.update", &["status"]),
        ("contact.update", &["name", "operation", "author"]),
        ("group.create", &["name", "admins", "members", "restricts", "author"]),
        (
            "group.update",
            &["id", "group", "name", "owner", "admins", "members", "restricts", "remove", "author"],
        ),
        ("group.quit", &["group", "id"]),
        ("group.accept", &["group", "id"]),
        ("group.delete", &["group", "id"]),
        ("typing.start", &["group"]),
        ("typing.stop", &["group"]),
        ("sync.resume", &["groups", "history", "all", "since", "more"]),
    ];
    for (event, keys) in keys {
        session.say("ann", event, json!({})).await;
        for odd in ODD {
            let pairs: Vec<_> = keys.iter().map(|key| format!("\"{key}\":{odd}")).collect();
            let data = serde_json::from_str(&format!("{{{}}}", pairs.join(","))).expect("JSON");
            session.say("ann", event, data).await;
        }
    }
}

async fn resume(session: &mut Session, group: &str) {
    session.part("Coming back");
    let held = json!({ "groups": { group: 1, NOTHING: 3 } });
    session.say("cat", "sync.resume", held).await;
    session.say("cat", "sync.resume", json!({ "groups": { group: 999 } })).await;
    session.say("cat", "sync.resume", json!({ "groups": {} })).await;
    session.say("cat", "sync.resume", json!({ "groups": { group: 1 }, "history": NOTHING })).await;
    session.say("cat", "sync.resume", json!({ "groups": { group: 1 }, "more": true })).await;
    session.say("cat", "sync.resume", json!({ "groups": { NOTHING: 1 }, "all": true })).await;
    session.say("cat", "sync.resume", json!({ "groups": {}, "all": true, "since": "x" })).await;
    session.say("cat", "sync.resume", json!({ "groups": { "x": 1 } })).await;
    session.say("cat", "sync.resume", json!({ "groups": { group: -1 } })).await;
}

async fn end(session: &mut Session, group: &str) {
    session.part("Leaving");
    session.say("cat", "group.quit", json!({ "group": group })).await;
    session.say("bob", "group.delete", json!({ "group": group })).await;
    session.say("ann", "group.update", json!({ "id": group, "remove": ["bob"] })).await;
    session.say("ann", "group.delete", json!({ "id": group })).await;
    session.say("ann", "group.quit", json!({ "id": group })).await;
}

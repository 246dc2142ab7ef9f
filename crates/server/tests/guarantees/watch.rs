//! No socket receives anything that its user could not read over REST.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

use crate::raw::{Incoming, Raw};
use crate::{frames_until, group, send, seq, text, until};

const PEOPLE: [&str; 7] = ["ann", "bob", "cat", "dan", "eve", "gil", "hal"];

/// The members of each group after each number, derived from its events.
struct Truth {
    members: BTreeMap<String, BTreeMap<i64, BTreeSet<String>>>,
}

/// The group of a frame.
fn about(frame: &Value) -> Option<&str> {
    match frame["type"].as_str()? {
        "group.update" => frame["data"]["id"].as_str(),
        "group.delete" => frame["data"].as_str(),
        _ => frame["data"]["group"].as_str(),
    }
}

fn everybody(view: &Value) -> BTreeSet<String> {
    let roles = ["owner", "admins", "members", "restricts"];
    roles.iter().flat_map(|role| view[role].as_array().expect("names")).map(text).collect()
}

impl Truth {
    fn of<'a>(frames: impl Iterator<Item = &'a Value>) -> Self {
        let mut members: BTreeMap<String, BTreeMap<i64, BTreeSet<String>>> = BTreeMap::new();
        for frame in frames.filter(|frame| frame["type"] == "group.update") {
            let group = text(&frame["data"]["id"]);
            members.entry(group).or_default().insert(seq(frame), everybody(&frame["data"]));
        }
        Self { members }
    }

    fn was_in(&self, group: &str, at: i64, user: &str) -> bool {
        let known = self.members.get(group).and_then(|known| known.range(..=at).next_back());
        known.is_some_and(|(_, members)| members.contains(user))
    }

    /// The reason why a user should not have received this frame, if any. `inside` has the groups that the user
    /// is in according to its earlier frames.
    fn fault(&self, user: &str, inside: &mut BTreeSet<String>, frame: &Value) -> Option<String> {
        let group = about(frame)?.to_owned();
        let own_end = frame["type"] == "group.quit" && frame["data"]["name"] == user;
        let end = own_end || frame["type"] == "group.delete";
        if let Some(at) = frame["seq"].as_i64() {
            let may = self.was_in(&group, at, user) || end && self.was_in(&group, at - 1, user);
            if !may {
                return Some(format!("{user} was not in the group at {at}, and was sent {frame}"));
            }
        } else if !inside.contains(&group) && !end {
            return Some(format!("{user} was in no such group, and was sent {frame}"));
        }
        if end {
            inside.remove(&group);
        } else {
            inside.insert(group);
        }
        None
    }
}

/// Causes every kind of event in a group; returns its id.
async fn everything(app: &TestApp, clients: &BTreeMap<&str, Client>) -> String {
    let service = app.service();
    let [ann, bob, cat] = ["ann", "bob", "cat"].map(|name| &clients[name]);
    let made = json!({ "name": "all", "author": "ann", "admins": ["bob"], "members": ["cat", "gil"],
        "restricts": ["dan"] });
    let id = text(&service.post("groups/", made).await.ok(201)["id"]);
    let path = format!("groups/{id}/");
    let one = text(&send(cat, &id, "one").await["id"]);
    ann.patch(&path, json!({ "remove": ["gil"] })).await.ok(200);
    for (name, status) in [("gil", 404), ("eve", 404), ("dan", 200)] {
        assert_eq!(clients[name].get(&path).await.status, status, "{name} asks for it");
    }
    let mut cats = cat.ws().await;
    cats.ask("message.read", json!({ "group": id, "seq": 2 })).await;
    let reply = json!({ "group": id, "body": "reply", "respond_to": one });
    let reply = text(&bob.post("messages/", reply).await.ok(201)["id"]);
    cat.patch(&format!("messages/{one}/"), json!({ "body": "edited" })).await.ok(200);
    cat.put(&format!("messages/{one}/reactions/:a:/"), json!({})).await.ok(200);
    bob.put(&format!("messages/{one}/pin/"), json!({})).await.ok(200);
    let answer = json!({ "group": id, "body": "in a thread", "thread": one, "mentions": ["cat"] });
    ann.post("messages/", answer).await.ok(201);
    cat.patch(&format!("{path}me/"), json!({ "pinned": true })).await.ok(200);
    ann.patch(&path, json!({ "description": "changed", "ban": ["eve"] })).await.ok(200);
    bob.delete(&format!("messages/{one}/")).await.ok(200);
    ann.delete(&format!("messages/{reply}/")).await.ok(200);
    cats.send(json!({ "type": "typing.start", "data": { "group": id } })).await;
    cats.send(json!({ "type": "typing.stop", "data": { "group": id } })).await;
    cats.ask("status.update", json!({ "status": "afk" })).await;
    bob.patch(&path, json!({ "name": "renamed", "members": ["dan", "hal"] })).await.ok(200);
    ann.patch(&path, json!({ "admins": ["cat"], "restricts": ["dan"], "remove": ["hal"] })).await.ok(200);
    send(ann, &id, "without hal").await;
    ann.patch(&path, json!({ "members": ["gil"] })).await.ok(200);
    send(ann, &id, "with gil").await;
    bob.patch(&path, json!({ "remove": ["gil"] })).await.ok(200);
    send(ann, &id, "without gil").await;
    let mut anns = ann.ws().await;
    let private = anns.ask("message.first", json!({ "target": "bob", "body": "between us" })).await;
    assert_eq!(private["type"], "group.update");
    for operation in ["invitation", "block", "unblock"] {
        anns.ask("contact.update", json!({ "name": "cat", "operation": operation })).await;
    }
    service.patch("users/bob/", json!({ "new_name": "rob" })).await.ok(200);
    cats.ask("group.quit", json!({ "group": id })).await;
    send(ann, &id, "without cat").await;
    service.delete("users/dan/").await.ok(200);
    anns.ask("group.delete", json!({ "group": id })).await;
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_socket_receives_a_frame_its_user_could_not_get() {
    let app = TestApp::start().await;
    let (mut clients, mut sockets) = (BTreeMap::new(), Vec::new());
    for name in PEOPLE {
        clients.insert(name, app.user(name).await);
        sockets.push((name, clients[name].ws().await));
    }
    let watched = everything(&app, &clients).await;
    // The last message, which every remaining user receives.
    let bell = group(&app.service(), &["ann", "rob", "cat", "eve", "gil", "hal"]).await;
    send(&clients["ann"], &bell, "the bell").await;

    let mut seen = BTreeMap::new();
    for (name, mut socket) in sockets.into_iter().filter(|(name, _)| *name != "dan") {
        seen.insert(name, frames_until(&mut socket, "the bell").await);
    }
    let truth = Truth::of(seen.values().flatten());
    let kinds: BTreeSet<&str> = seen["ann"].iter().filter_map(|frame| frame["type"].as_str()).collect();
    for kind in [
        "message.text",
        "message.update",
        "message.delete",
        "message.react",
        "message.pin",
        "message.read",
        "typing.start",
        "group.update",
        "group.delete",
        "user.update",
        "user.delete",
        "contact.update",
    ] {
        assert!(kinds.contains(kind), "{kind} did not happen: {kinds:?}");
    }
    let mut faults = Vec::new();
    for (name, frames) in &seen {
        let mut inside = BTreeSet::new();
        for frame in frames {
            // Bob was renamed.
            let renamed = *name == "bob"
                && truth.was_in(
                    about(frame).unwrap_or_default(),
                    frame["seq"].as_i64().unwrap_or(i64::MAX),
                    "rob",
                );
            let name = if renamed { "rob" } else { name };
            faults.extend(truth.fault(name, &mut inside, frame));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(seen["eve"].len(), 2, "an outsider hears the bell alone: {:?}", seen["eve"]);
    assert!(!json!(seen["eve"]).to_string().contains(&watched));
    for (name, unheard) in
        [("gil", ["reply", "without gil", "without hal"]), ("hal", ["one", "without hal", "with gil"])]
    {
        let heard = json!(seen[name]).to_string();
        let quits = seen[name].iter().filter(|frame| frame["type"] == "group.quit").count();
        assert_eq!(quits, if name == "gil" { 2 } else { 1 }, "{heard}");
        // A new member receives the group's history in its view, which it may read; only live messages count
        // here.
        let live = seen[name].iter().filter(|frame| frame["type"] == "message.text");
        let live: Vec<&Value> = live.map(|frame| &frame["data"]["body"]).collect();
        assert!(unheard.iter().all(|body| !live.contains(&&json!(body))), "{name}: {live:?}");
    }
}

/// Messages that a writer sends without waiting.
const BURST: usize = 50;
const ROUNDS: usize = 20;

/// Writes bursts; the last one begins after the removal.
async fn flow(socket: &mut Ws, group: &str, removed: &AtomicBool) {
    loop {
        let last = removed.load(Ordering::SeqCst);
        for number in 0..BURST {
            let data = json!({ "group": group, "body": number.to_string() });
            socket.send(json!({ "type": "message.text", "data": data, "ref": number.to_string() })).await;
        }
        while socket.next().await["ref"] != (BURST - 1).to_string().as_str() {}
        if last {
            return;
        }
    }
}

/// The frames of a socket up to its removal, the number of that, and the frames from then up to the bell.
async fn until_removed(socket: &mut Raw, read: &AtomicUsize, bell: &str) -> (Vec<Value>, i64, Vec<Value>) {
    let mut before = Vec::new();
    let end = loop {
        let frame = socket.frame().await;
        read.fetch_add(1, Ordering::SeqCst);
        if frame["type"] == "group.quit" {
            break seq(&frame);
        }
        before.push(frame);
    };
    let mut after = Vec::new();
    loop {
        match socket.next().await {
            Incoming::Text(text) => {
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                if frame["data"]["body"] == bell {
                    return (before, end, after);
                }
                after.push(frame);
            }
            Incoming::Pong(_) => {}
            Incoming::End(code) => panic!("closed with {code:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_receives_nothing_numbered_after() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let eve = app.user("eve").await;
    let flowing = group(&service, &["ann", "bob"]).await;
    let bells = group(&service, &["ann", "eve"]).await;
    let path = format!("groups/{flowing}/");
    let (mut anns, mut bobs) = (ann.ws().await, bob.ws().await);
    let mut victim = Raw::connect(&app.url(), eve.token(), None).await;
    for round in 0..ROUNDS {
        service.patch(&path, json!({ "members": ["eve"] })).await.ok(200);
        let (read, removed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let bell = format!("bell {round}");
        let removing = async {
            // Remove at another point of the flow in each round.
            until("the flow", || read.load(Ordering::SeqCst) > 5 + 4 * round).await;
            service.patch(&path, json!({ "remove": ["eve"] })).await.ok(200);
            removed.store(true, Ordering::SeqCst);
        };
        let flowed = async {
            tokio::join!(flow(&mut anns, &flowing, &removed), flow(&mut bobs, &flowing, &removed), removing);
            let head =
                service.get(&format!("{path}?fields=head")).await.ok(200)["head"].as_i64().expect("a head");
            // Ring the bell after all messages are delivered to the remaining members.
            send(&ann, &bells, &bell).await;
            head
        };
        let (head, (before, end, after)) = tokio::join!(flowed, until_removed(&mut victim, &read, &bell));
        assert!(head > end, "round {round}: messages flowed on after {end}, to {head}");
        let received: Vec<i64> = before.iter().map(seq).collect();
        let joined = received[0];
        assert_eq!(received, (joined..end).collect::<Vec<_>>(), "round {round}: all before {end}, in order");
        let of_it = after.iter().filter(|frame| frame.to_string().contains(&flowing));
        assert_eq!(of_it.collect::<Vec<_>>(), Vec::<&Value>::new(), "round {round}: after {end}");
    }
}

//! Blocks between users of two nodes: neither side receives anything of the other, except the complete log of a
//! group that both are in.

use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{befriend, group, history, id, send, seq, users};
use chinwag_testkit::trial::{WAIT_TIMEOUT, report, times};
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::cluster::{Cluster, Node};

/// A user with one socket at each node.
struct Person {
    user: Client,
    sockets: Vec<Ws>,
}

impl Person {
    async fn connect(user: &Client, nodes: &[Node]) -> Self {
        let mut sockets = Vec::new();
        for node in nodes {
            sockets.push(node.as_user(user).ws().await);
        }
        Self { user: user.clone(), sockets }
    }

    fn name(&self) -> &str {
        self.user.name()
    }

    /// Sets the status on all sockets, and waits until these people have received it at both nodes.
    async fn show(&mut self, status: &str, to: &mut [&mut Self]) {
        for socket in &mut self.sockets {
            socket.ask("status.update", json!({ "status": status })).await;
        }
        let shown = json!({ "author": self.name(), "status": status });
        for socket in to.iter_mut().flat_map(|person| &mut person.sockets) {
            socket.frame_where(|frame| frame["data"] == shown).await;
        }
    }
}

/// The people and groups of one round. Ann or Bob blocks the other; Eve and Dan observe.
struct Round {
    ann: Person,
    bob: Person,
    /// Shares a group with Ann and Bob.
    eve: Person,
    shared: String,
    private: String,
}

impl Round {
    async fn new(cluster: &Cluster, number: usize) -> Self {
        let service = cluster.nodes[0].service();
        let names = ["ann", "bob", "eve"].map(|name| format!("{name}-{number}"));
        let made = users(&service, &names.each_ref().map(String::as_str)).await;
        let [ann, bob, eve] = &made[..] else { panic!("three were asked for") };
        for (one, other) in [(ann, bob), (ann, eve), (bob, eve)] {
            befriend(one, other).await;
        }
        let shared = group(&service, &[eve.name(), ann.name(), bob.name()]).await;
        send(eve, &shared, "to be read").await;
        let private = id(&ann.put("private/", json!({ "user": bob.name() })).await.ok(201));
        let (mut ann, mut bob, mut eve) = (
            Person::connect(ann, &cluster.nodes).await,
            Person::connect(bob, &cluster.nodes).await,
            Person::connect(eve, &cluster.nodes).await,
        );
        // Establish presence in both directions, and wait until nothing is in flight.
        ann.show("afk", &mut [&mut bob, &mut eve]).await;
        bob.show("afk", &mut [&mut ann, &mut eve]).await;
        Self { ann, bob, eve, shared, private }
    }

    /// The people in the order actor, other, third.
    fn sides(&mut self, bob_acts: bool) -> (&mut Person, &mut Person, &mut Person) {
        let Self { ann, bob, eve, .. } = self;
        if bob_acts { (bob, ann, eve) } else { (ann, bob, eve) }
    }
}

/// Whether a frame has a number of this group's log.
fn is_numbered(frame: &Value, group: &str) -> bool {
    let data = &frame["data"];
    frame["seq"].is_i64() && (data["group"] == group || data["id"] == group)
}

/// Asserts that only entries of the group's log mention the user.
fn assert_nothing_of(user: &str, frames: &[Value], group: &str, receiver: &str) {
    let name = format!("\"{user}\"");
    let of_user: Vec<_> = frames
        .iter()
        .filter(|frame| !is_numbered(frame, group) && frame.to_string().contains(&name))
        .collect();
    assert!(of_user.is_empty(), "{receiver} received {of_user:?}");
}

/// Reads up to and including the frame that matches, and returns all frames.
async fn frames_until(socket: &mut Ws, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut frames = Vec::new();
    while !frames.last().is_some_and(&is_last) {
        frames.push(socket.next().await);
    }
    frames
}

/// Does everything that the other side must not notice, then sends, edits and deletes in the shared group.
/// Returns the last number of its log.
async fn act(actor: &mut Person, other: &str, node: usize, (shared, private): (&str, &str)) -> i64 {
    let name = actor.name().to_owned();
    let socket = &mut actor.sockets[node];
    for group in [shared, private] {
        socket.send(json!({ "type": "typing.start", "data": { "group": group } })).await;
    }
    let read = socket.ask("message.read", json!({ "group": shared, "seq": 2 })).await;
    assert_eq!(read["type"], "message.read", "{read}");
    socket.ask("status.update", json!({ "status": "online" })).await;
    let own = socket.ask("group.create", json!({ "name": format!("of {name}") })).await["data"]["id"].clone();
    for (kind, data) in [
        ("message.first", json!({ "target": other, "body": "?" })),
        ("message.text", json!({ "group": private, "body": "?" })),
        ("group.create", json!({ "name": "new", "members": [other] })),
        ("group.update", json!({ "id": own, "members": [other] })),
        ("contact.update", json!({ "name": other, "operation": "invite" })),
    ] {
        let refused = socket.ask(kind, data).await;
        assert!([403, 400].map(Some).contains(&refused["code"].as_i64()), "{kind}: {refused}");
    }
    let kept = socket.ask("message.text", json!({ "group": shared, "body": format!("of {name}") })).await;
    let gone = socket.ask("message.text", json!({ "group": shared, "body": "for a moment" })).await;
    socket.ask("message.update", json!({ "id": kept["data"]["id"], "body": format!("by {name}") })).await;
    seq(&socket.ask("message.delete", json!({ "id": gone["data"]["id"] })).await)
}

/// Asserts that a third person receives the actor's typing, read mark and presence at every node. This proves
/// that they were sent: if the other side has not received them by then, it never will.
async fn assert_sent(actor: &str, third: &mut Person, upto: i64) {
    for (node, socket) in third.sockets.iter_mut().enumerate() {
        let mut missing = vec!["message.read", "status.update", "typing.start"];
        let mut is_whole = false;
        let reading = async {
            while !missing.is_empty() || !is_whole {
                let frame = socket.next().await;
                is_whole |= frame["seq"] == upto;
                if frame["data"]["author"] == actor {
                    missing.retain(|kind| frame["type"] != *kind);
                }
            }
        };
        let is_over = timeout(WAIT_TIMEOUT / 2, reading).await.is_ok();
        assert!(is_over, "of {actor} at node {node} {missing:?} did not come, log whole: {is_whole}");
    }
}

/// Asserts that the lists of a user contain neither users whom it has blocked nor users who have blocked it.
async fn assert_lists(reader: &Person, other: &str, nodes: &[Node], groups: &[&str]) {
    let own = format!("of {}", reader.name());
    for node in nodes {
        let fresh = node.as_user(&reader.user).ws().await;
        for list in ["contacts", "presence", "invitations", "invited_by", "blocked_by"] {
            let shown = fresh.contacts()[list].to_string();
            assert!(!shown.contains(&format!("\"{other}\"")), "{list} of {}: {shown}", reader.name());
        }
        let listed = node.as_user(&reader.user).get("groups/").await.ok(200);
        let listed = listed.as_array().expect("a list");
        let foreign: Vec<_> = listed
            .iter()
            .filter(|group| group["name"] != own.as_str())
            .filter(|group| !groups.contains(&group["id"].as_str().expect("an id")))
            .collect();
        assert!(foreign.is_empty(), "{foreign:?}");
    }
}

/// Asserts that a resume sends every number of the log after `from`, and that `unread` is exact.
async fn assert_log(reader: &Person, nodes: &[Node], group: &str, from: i64, head: i64) {
    for node in nodes {
        let user = node.as_user(&reader.user);
        let mut fresh = user.ws().await;
        fresh.send(json!({ "type": "sync.resume", "data": { "groups": { group: from } } })).await;
        let frames = frames_until(&mut fresh, |frame| frame["type"] == "sync.done").await;
        assert_eq!(frames.last().expect("the end")["data"]["groups"][group], head);
        let numbers: Vec<i64> = frames.iter().filter_map(|frame| frame["seq"].as_i64()).collect();
        // Messages that were edited or deleted later are in the events of that change.
        assert!(
            numbers.windows(2).all(|pair| pair[0] < pair[1]) && numbers.last() == Some(&head),
            "{numbers:?}"
        );
        let seen = user.get(&format!("groups/{group}/?fields=unread+last_read_seq+head")).await.ok(200);
        let read = seen["last_read_seq"].as_i64().unwrap_or(0);
        let history = history(&user, group).await;
        let foreign = history.iter().filter(|message| message["author"] != reader.name());
        let unread = foreign.filter(|message| seq(message) > read).count();
        assert_eq!((&seen["unread"], &seen["head"]), (&json!(unread), &json!(head)), "{}", reader.name());
    }
}

/// One side acts at a node; the other must notice nothing at any node.
async fn assert_unnoticed(round: &mut Round, cluster: &Cluster, bob_acts: bool, node: usize) {
    let groups = (round.shared.clone(), round.private.clone());
    let (shared, private) = (groups.0.as_str(), groups.1.as_str());
    let before = cluster.head(shared);
    let (actor, other, third) = round.sides(bob_acts);
    let upto = act(actor, other.name(), node, (shared, private)).await;
    assert_sent(actor.name(), third, upto).await;
    let receiver = other.name().to_owned();
    for socket in &mut other.sockets {
        let mut frames =
            frames_until(socket, |frame| frame["seq"] == upto && is_numbered(frame, shared)).await;
        frames.extend(socket.received().await);
        let numbers = frames.iter().filter(|frame| is_numbered(frame, shared)).map(seq);
        let numbers: Vec<i64> = numbers.filter(|number| *number > before).collect();
        assert_eq!(numbers, (before + 1..=upto).collect::<Vec<_>>(), "the shared log is whole");
        assert_nothing_of(actor.name(), &frames, shared, &receiver);
    }
    assert_lists(other, actor.name(), &cluster.nodes, &[shared, private]).await;
    assert_log(other, &cluster.nodes, shared, before, upto).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_passes_a_block_but_the_log_of_a_shared_group() {
    let rounds = times(4, 100);
    let cluster = Cluster::of(2).await;
    for number in 0..rounds {
        let mut round = Round::new(&cluster, number).await;
        let (bob_blocks, node) = (number % 2 == 1, number / 2 % 2);
        let relate = |name: &str, operation: &str| json!({ "name": name, "operation": operation });
        let (blocker, blocked, _) = round.sides(bob_blocks);
        let block = relate(blocked.name(), "block");
        assert_eq!(blocker.sockets[node].ask("contact.update", block).await["data"]["operation"], "block");
        let ended = json!({ "author": blocker.name(), "name": blocked.name(), "operation": "remove" });
        for socket in &mut blocked.sockets {
            socket.frame_where(|frame| frame["data"] == ended).await;
        }
        blocker.sockets[1 - node].until("contact.update").await;
        for bob_acts in [false, true] {
            assert_unnoticed(&mut round, &cluster, bob_acts, (node + usize::from(bob_acts)) % 2).await;
        }
        // Without the block, the other side receives the same events.
        let shared = round.shared.clone();
        let (blocker, blocked, _) = round.sides(bob_blocks);
        blocker.sockets[node].ask("contact.update", relate(blocked.name(), "unblock")).await;
        blocker.sockets[node].send(json!({ "type": "typing.stop", "data": { "group": shared } })).await;
        for socket in &mut blocked.sockets {
            let typing = socket.until("typing.stop").await;
            assert_eq!(typing["data"], json!({ "author": blocker.name(), "group": shared }));
        }
    }
    report(
        "blocks",
        format!("{rounds} blocks, two nodes"),
        "nothing of either side reached the other; the shared log whole for both, live and by resume",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renames_pass_no_block_between_two_alone() {
    let rounds = times(2, 50);
    let cluster = Cluster::of(2).await;
    let service = cluster.nodes[0].service();
    for number in 0..rounds {
        let names = ["ann", "dan"].map(|name| format!("{name}-{number}"));
        let made = users(&service, &names.each_ref().map(String::as_str)).await;
        let [ann, dan] = &made[..] else { panic!("two were asked for") };
        befriend(ann, dan).await;
        ann.put("private/", json!({ "user": dan.name() })).await.ok(201);
        let alone = group(&service, &[dan.name()]).await;
        let mut anns = Person::connect(ann, &cluster.nodes).await;
        let mut dans = Person::connect(dan, &cluster.nodes).await;
        anns.show("afk", &mut [&mut dans]).await;
        let block = json!({ "name": dan.name(), "operation": "block" });
        anns.sockets[number % 2].ask("contact.update", block).await;
        for socket in &mut dans.sockets {
            socket.until("contact.update").await;
        }
        let new_name = format!("anna-{number}");
        service.patch(&format!("users/{}/", ann.name()), json!({ "new_name": new_name })).await.ok(200);
        for socket in &mut anns.sockets {
            assert_eq!(socket.until("user.update").await["data"]["new_name"], new_name.as_str());
        }
        // The same node sends this after the rename.
        let last = send(&cluster.nodes[0].as_user(dan), &alone, "after it").await;
        for socket in &mut dans.sockets {
            let mut frames = frames_until(socket, |frame| frame["data"] == last).await;
            frames.extend(socket.received().await);
            assert_nothing_of(&new_name, &frames, &alone, dan.name());
            assert_nothing_of(ann.name(), &frames, &alone, dan.name());
        }
    }
    report("blocks", format!("{rounds} renames"), "none reached the other side of a block");
}

//! A stranger adds users to an active group. Until they accept, they receive only its `group.update` and its
//! end. Once they accept, they neither miss nor repeat an event.

use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::setup::group;
use chinwag_testkit::trial::{Reader, Reading, Transport, Verdict, WAIT_TIMEOUT, report, times};
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::{Cluster, Flow, write};

const WRITERS: usize = 4;
const PACE: Duration = Duration::from_millis(10);
/// Messages before and after the step that a round tests.
const FLOW: usize = 40;

/// A group with writers in progress and a reader at each node.
struct World {
    cluster: Cluster,
    group: String,
    owner: Client,
    flow: Flow,
    readers: Vec<Reading>,
}

impl World {
    async fn new() -> Self {
        let cluster = Cluster::of(2).await;
        let writers = cluster.users("writer", WRITERS).await;
        let members = cluster.users("member", 3).await;
        let names: Vec<&str> = members.iter().chain(&writers).map(Client::name).collect();
        let group = group(&cluster.nodes[0].service(), &names).await;
        let mut readers = Vec::new();
        for (number, reader) in members[1..].iter().enumerate() {
            // Each reader stays at its node.
            let urls = vec![cluster.nodes[number].url()];
            readers.push(Reader::new(reader, &group).follow(&urls).await);
        }
        let flow = write(&writers, &group, PACE, |_| (Transport::WebSocket, cluster.urls()));
        Self { group, owner: members[0].clone(), flow, readers, cluster }
    }

    fn path(&self) -> String {
        format!("groups/{}/", self.group)
    }

    /// Creates a user with a socket at each node, and adds it to the group at one of them.
    async fn add(&self, number: usize) -> (Client, Vec<Pending>) {
        let user = self.cluster.nodes[0].service().user(&format!("tam-{number}")).await;
        let mut sockets = Vec::new();
        for node in &self.cluster.nodes[..2] {
            sockets.push(Pending::new(node.as_user(&user).ws().await, &self.group));
        }
        let owner = self.cluster.nodes[number % 2].as_user(&self.owner);
        owner.patch(&self.path(), json!({ "members": [user.name()] })).await.ok(200);
        for socket in &mut sockets {
            socket.until(|state| *state == State::Pending).await;
        }
        (user, sockets)
    }

    /// Sends more messages until the readers of both nodes have received them; returns the last number.
    async fn flow_on(&self) -> i64 {
        self.flow.ledger.busy(FLOW, WRITERS).await;
        let head = self.cluster.head(&self.group);
        for reader in &self.readers {
            reader.reaches(head, WAIT_TIMEOUT).await;
        }
        head
    }

    async fn settle(self) -> Verdict {
        let (verdict, ..) = self.cluster.settle(self.flow, self.readers, &self.group).await;
        verdict
    }
}

/// The state of the group as a socket knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Nothing,
    Pending,
    /// A member who has received everything up to this number.
    Joined(i64),
    Ended(i64),
}

/// A socket of an added user. It asserts that each frame of the group is valid in the current state.
struct Pending {
    socket: Ws,
    group: String,
    state: State,
    accepted: bool,
    events: usize,
}

impl Pending {
    fn new(socket: Ws, group: &str) -> Self {
        let groups = socket.summary().as_array().expect("groups").clone();
        let state = match groups.iter().find(|shown| shown["id"] == group) {
            None => State::Nothing,
            Some(shown) if shown["me"]["pending"] == true => {
                assert_eq!((&shown["messages"], &shown["unread"]), (&json!([]), &json!(0)));
                State::Pending
            }
            Some(shown) => State::Joined(shown["head"].as_i64().expect("a number")),
        };
        Self { socket, group: group.to_owned(), state, accepted: false, events: 0 }
    }

    /// Reads frames until the state matches.
    async fn until(&mut self, is_so: impl Fn(&State) -> bool) {
        let reading = async {
            while !is_so(&self.state) {
                let frame = self.socket.next().await;
                self.take(&frame);
            }
        };
        assert!(timeout(WAIT_TIMEOUT, reading).await.is_ok(), "it stays {:?}", self.state);
    }

    /// Reads all frames sent so far.
    async fn rest(&mut self) {
        for frame in self.socket.received().await {
            self.take(&frame);
        }
    }

    fn take(&mut self, frame: &Value) {
        let (kind, data) = (frame["type"].as_str().expect("a type"), &frame["data"]);
        if data["group"] != *self.group && data["id"] != *self.group {
            return;
        }
        self.state = match (self.state, kind, frame["seq"].as_i64()) {
            (State::Nothing, "group.update", Some(_)) if data["me"]["pending"] == true => {
                assert_eq!(data["messages"], json!([]), "{frame}");
                State::Pending
            }
            // This event has no number: from another node, it may arrive after a removal that followed the
            // acceptance.
            (State::Pending | State::Joined(_) | State::Ended(_), "group.me", None) => {
                self.accepted = true;
                self.state
            }
            (State::Pending, "group.update", _) if data["me"]["pending"] != true => {
                State::Joined(data["head"].as_i64().expect("a number"))
            }
            (State::Pending, "group.quit", Some(seq)) => State::Ended(seq),
            (State::Joined(last), _, Some(seq)) if seq == last + 1 => {
                self.events += 1;
                if kind == "group.quit" { State::Ended(seq) } else { State::Joined(seq) }
            }
            (State::Joined(_), "message.read" | "typing.start" | "typing.stop", None) => self.state,
            (state, ..) => panic!("{state:?}, and then {frame}"),
        };
    }
}

/// Whether the socket has received the log up to this number.
fn holds(head: i64) -> impl Fn(&State) -> bool {
    move |state| matches!(state, State::Joined(last) if *last >= head)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pending_member_receives_its_invitation_and_the_end_alone() {
    let rounds = times(4, 100);
    let world = World::new().await;
    for number in 0..rounds {
        let (user, mut sockets) = world.add(number).await;
        let away = world.cluster.nodes[(number + 1) % 2].as_user(&world.owner);
        let head = world.flow_on().await;
        away.patch(&world.path(), json!({ "name": format!("name {number}") })).await.ok(200);
        let mut owner = away.ws().await;
        owner.ask("message.read", json!({ "group": world.group, "seq": head })).await;
        owner.send(json!({ "type": "typing.start", "data": { "group": world.group } })).await;
        for node in &world.cluster.nodes {
            let mut fresh = Pending::new(node.as_user(&user).ws().await, &world.group);
            assert_eq!(fresh.state, State::Pending);
            let done = fresh.socket.ask("sync.resume", json!({ "groups": { &world.group: head } })).await;
            assert_eq!(done["data"]["refused"], json!({ &world.group: "pending" }));
        }
        world.flow_on().await;
        if number % 2 == 0 {
            away.patch(&world.path(), json!({ "remove": [user.name()] })).await.ok(200);
        } else {
            let user = world.cluster.nodes[number / 2 % 2].as_user(&user);
            user.post(&format!("{}quit/", world.path()), json!({})).await.ok(200);
        }
        let end = world.cluster.last_change(&world.group);
        world.flow_on().await;
        for socket in &mut sockets {
            socket.until(|state| matches!(state, State::Ended(_))).await;
            socket.rest().await;
            assert_eq!((socket.state, socket.accepted), (State::Ended(end), false));
        }
    }
    let verdict = world.settle().await;
    report("consent", format!("{rounds} users added"), format!("each its invitation and its end; {verdict}"));
    verdict.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepting_beside_messages_loses_and_repeats_nothing() {
    let rounds = times(6, 200);
    let world = World::new().await;
    let mut events = 0;
    for number in 0..rounds {
        let (user, mut sockets) = world.add(number).await;
        let at = world.cluster.nodes[(number + 1) % 2].as_user(&user);
        world.flow.ledger.busy(FLOW, WRITERS).await;
        if number % 2 == 0 {
            at.post(&format!("{}accept/", world.path()), json!({})).await.ok(200);
        } else {
            // A message by the user accepts, too.
            let client_id = format!("hello-{number}");
            let hello = json!({ "group": world.group, "body": "hello", "client_id": client_id });
            world.flow.ledger.note_request(&client_id);
            world.flow.ledger.note_acknowledgement(&client_id, &at.post("messages/", hello).await.ok(201));
        }
        let head = world.flow_on().await;
        for socket in &mut sockets {
            socket.until(holds(head)).await;
            socket.rest().await;
            events += socket.events;
        }
    }
    let verdict = world.settle().await;
    report(
        "consent",
        format!("{rounds} accepted beside messages"),
        format!("{events} events, each once and in order; {verdict}"),
    );
    assert!(events > 0, "messages flow on");
    verdict.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepting_beside_a_removal_ends_with_it_everywhere() {
    let rounds = times(6, 200);
    let world = World::new().await;
    let mut accepted = 0;
    for number in 0..rounds {
        let (user, mut sockets) = world.add(number).await;
        let at = world.cluster.nodes[(number + 1) % 2].as_user(&user);
        let remover = world.cluster.nodes[number % 2].as_user(&world.owner);
        let (accept, path) = (format!("{}accept/", world.path()), world.path());
        let (answer, ()) = tokio::join!(at.post(&accept, json!({})), async {
            remover.patch(&path, json!({ "remove": [user.name()] })).await.ok(200);
        });
        assert!([200, 404].contains(&answer.status), "{}", answer.text);
        accepted += usize::from(answer.status == 200);
        let end = world.cluster.last_change(&world.group);
        world.flow_on().await;
        for socket in &mut sockets {
            socket.until(|state| matches!(state, State::Ended(_))).await;
            socket.rest().await;
            assert_eq!(socket.state, State::Ended(end));
        }
    }
    let verdict = world.settle().await;
    report(
        "consent",
        format!("{rounds} removed while they accept"),
        format!("{accepted} accepted first; nothing after the end; {verdict}"),
    );
    verdict.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepting_beside_a_nodes_start_loses_and_repeats_nothing() {
    let rounds = times(5, 60);
    let world = World::new().await;
    let mut third = world.cluster.node(&[]).await;
    let (mut lasted, mut pending) = (Duration::from_millis(200), 0);
    for number in 0..rounds {
        let (user, mut sockets) = world.add(number).await;
        let (at, group) = (world.cluster.nodes[number % 2].as_user(&user), world.group.clone());
        let accept = format!("{}accept/", world.path());
        // Accept at various moments of the start, whose duration is about that of the previous one.
        let moment = lasted * u32::try_from(number % 5).expect("small") / 3;
        let begun = Instant::now();
        let accepting = tokio::spawn(async move {
            sleep(moment).await;
            at.post(&accept, json!({})).await.ok(200);
        });
        third = tokio::task::spawn_blocking(move || {
            third.start();
            third
        })
        .await
        .expect("it starts");
        lasted = begun.elapsed();
        sockets.push(Pending::new(third.as_user(&user).ws().await, &group));
        pending += usize::from(sockets[2].state == State::Pending);
        accepting.await.expect("it is accepted");
        let head = world.flow_on().await;
        for socket in &mut sockets {
            socket.until(holds(head)).await;
            socket.rest().await;
        }
        drop(sockets);
        third.running().terminate();
        assert_eq!(third.wait().code, Some(0));
    }
    let verdict = world.settle().await;
    report(
        "consent",
        format!("{rounds} accepted beside a start"),
        format!("{pending} of them before it at the new node; whole on three nodes; {verdict}"),
    );
    verdict.assert_kept();
}

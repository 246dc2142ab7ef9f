//! Sockets that cannot receive a complete sequence are closed so that their clients resume; and resumes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::{Event, Origin};
use chinwag_core::limits::RESUME_EVENTS;
use chinwag_core::permission::Role;
use chinwag_core::presence::{Appearance, Status};
use chinwag_core::store::Store;
use chinwag_core::{Date, GroupId, Seq, UserId};
use chinwag_hub::bus::LocalBus;
use chinwag_hub::bus::link::{Channel, Hint, HintKind, Link};
use chinwag_hub::{Close, Hub};
use chinwag_store_sqlite::SqliteStore;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::fake_link::FakeNetwork;
use crate::harness::{
    BlockingStore, Client, HeldReads, NOW, SetClock, TextEncoder, heads, identity_of, make_user, name_of,
    quiet, settle, update,
};
use crate::nodes::{add_member, changed, remove_member, send};

/// A bus that loses every event, so that only the audit finds commits.
struct Lossy;

impl Bus for Lossy {
    fn publish(&self, _: Vec<Event>) {}

    fn publish_ephemeral(&self, _: Vec<Event>) {}
}

/// Holds the answers of reads that start between `hold` and `open`.
#[derive(Default)]
struct Gate(Mutex<Option<Vec<Arc<Semaphore>>>>);

impl Gate {
    fn hold(&self) {
        *self.0.lock().expect("no test panics here") = Some(Vec::new());
    }

    /// Ends the hold for later reads. Each held read needs one more permit to answer.
    fn open(&self) -> Vec<Arc<Semaphore>> {
        self.0.lock().expect("no test panics here").take().unwrap_or_default()
    }

    /// If reads are held, lets one more read run, and holds its answer.
    fn pass(&self) -> Option<Arc<Semaphore>> {
        let read = Arc::new(Semaphore::new(1));
        self.0.lock().expect("no test panics here").as_mut()?.push(read.clone());
        Some(read)
    }
}

/// A node in a cluster whose store publishes no commits. Ann is in a group if `is_member`.
struct LinkedNode {
    gate: Arc<Gate>,
    network: Arc<FakeNetwork>,
    store: Arc<dyn Store>,
    bus: Arc<LocalBus>,
    hub: Arc<Hub>,
    client: Client,
    ann: UserId,
}

const GROUP: GroupId = GroupId(Uuid::from_u128(1));

impl LinkedNode {
    async fn start(is_member: bool) -> Self {
        let store = SqliteStore::memory(Arc::new(Lossy)).expect("a store opens");
        let (gate, network) = (Arc::<Gate>::default(), Arc::<FakeNetwork>::default());
        let gated = gate.clone();
        let store: Arc<dyn Store> =
            Arc::new(HeldReads { store: BlockingStore(store), hold: Box::new(move || gated.pass()) });
        let (bus, receiver) = LocalBus::new(16);
        let (link, events) = network.end(1);
        let clock = Arc::new(SetClock(NOW.into()));
        let receiver = receiver.among(link, events);
        let hub = Hub::start(
            store.clone(),
            bus.clone(),
            receiver,
            Arc::new(TextEncoder::default()),
            clock,
            quiet(),
        );
        let ann = make_user(&store, "ann").await;
        let make = store.write(move |tx, _| {
            tx.group_insert(GROUP, "group", None)?;
            if is_member { tx.member_set(GROUP, ann, Role::Member, Date::from_micros(NOW)) } else { Ok(()) }
        });
        make.await.expect("the store writes");
        let client = connect(&hub, ann).await;
        Self { gate, network, store, bus, hub, client, ann }
    }

    /// Commits that Ann joins or leaves the group, without an event.
    async fn change_membership(&self, is_joining: bool) -> Seq {
        let ann = self.ann;
        let changed = self.store.write(move |tx, _| {
            let change = if is_joining { add_member } else { remove_member };
            change(tx, &mut Vec::new(), GROUP, ann)
        });
        changed.await.expect("the store writes")
    }
}

async fn connect(hub: &Arc<Hub>, user: UserId) -> Client {
    let connection = hub.register(identity_of(user, "ann")).expect("there is room");
    let shown = hub.subscribe(&connection, heads).await.expect("the store reads");
    hub.go_live(&connection, vec![Bytes::from_static(b"hello")], &shown.expect("the user is there").1);
    let client = Client(connection);
    assert_eq!(client.texts(), ["hello"]);
    client
}

#[tokio::test(start_paused = true)]
async fn too_many_missed_events_require_a_resync() {
    let LinkedNode { store, hub, client, .. } = LinkedNode::start(true).await;
    let taken = store.write(move |tx, _| tx.seq_take(GROUP, RESUME_EVENTS + 1));
    taken.await.expect("the store writes");
    tokio::time::sleep(Duration::from_secs(15)).await;
    settle().await;
    assert_eq!(client.read(), (vec![], Some(Close::ResyncRequired)));
    let counts = hub.counts();
    assert_eq!((counts.resyncs, counts.too_slow), (1, 0));
}

/// Two messages of another node arrive, which the database then loses.
async fn lose_two(node: &LinkedNode) {
    let other = node.network.end(2).0;
    for seq in 1..=2 {
        let frame = Bytes::from(format!("text 1 {seq}"));
        let hint =
            Hint { group: Some(GROUP), seq: Some(Seq(seq)), frame, ..Hint::new(HintKind::Group(vec![])) };
        other.publish(Channel::Group(GROUP), hint);
        node.network.deliver(0, false);
    }
    settle().await;
    assert_eq!(node.client.texts(), ["text 1 1", "text 1 2"]);
}

#[tokio::test(start_paused = true)]
async fn audit_finds_that_the_database_has_lost_entries() {
    let node = LinkedNode::start(true).await;
    lose_two(&node).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(node.client.read(), (vec![], Some(Close::ResyncRequired)));
}

#[tokio::test(start_paused = true)]
async fn suspended_node_keeps_the_statuses_of_the_others() {
    let node = LinkedNode::start(true).await;
    let (other, ben) = (node.network.end(2).0, make_user(&node.store, "ben").await);
    let (name, receivers) = (name_of("ben"), vec![node.ann, ben]);
    let appearance = Appearance::Online;
    let hint = Hint::new(HintKind::Presence { count: 1, user: ben, name, appearance, receivers });
    other.publish(Channel::Nodes, hint);
    while node.network.pending() > 0 {
        node.network.deliver(0, false);
    }
    let status = async || {
        settle().await;
        node.hub.status_of(&[ben])
    };
    assert_eq!(status().await, [Status::Online]);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(status().await, [Status::Online]);
    // Without a sign of life from the other node.
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert_eq!(status().await, [Status::Disconnected]);
}

#[tokio::test(start_paused = true)]
async fn numbers_that_are_given_again_are_delivered() {
    let node = LinkedNode::start(true).await;
    lose_two(&node).await;
    let ann = node.ann;
    let send = async || {
        let sent = node.store.write(move |tx, _| {
            let mut events = Vec::new();
            send(tx, &mut events, GROUP, ann)?;
            Ok(events)
        });
        node.bus.publish(sent.await.expect("the store writes"));
        settle().await;
    };
    send().await;
    assert_eq!(node.client.read(), (vec![], Some(Close::ResyncRequired)));
    let again = connect(&node.hub, ann).await;
    send().await;
    assert_eq!(again.texts(), ["text 1 2"]);
}

#[tokio::test(start_paused = true)]
async fn resume_that_shows_a_left_group_is_corrected() {
    let node = LinkedNode::start(false).await;
    // Ann was a member when the resume was read; no event has reached this node.
    node.hub.pause(&node.client.0, []);
    let (joined, left) = (node.change_membership(true).await, node.change_membership(false).await);
    node.hub.resume(&node.client.0, vec![Bytes::from_static(b"missed")], &[(GROUP, joined)]);
    settle().await;
    assert_eq!(node.client.texts(), ["missed".to_owned(), format!("quit 1 {left}")]);
}

#[tokio::test(start_paused = true)]
async fn removal_during_a_resume_is_sent_once() {
    let LinkedNode { store, bus, hub, client, ann, .. } = LinkedNode::start(true).await;
    hub.pause(&client.0, []);
    let left = store.write(move |tx, _| {
        let mut events = Vec::new();
        remove_member(tx, &mut events, GROUP, ann)?;
        Ok(events)
    });
    bus.publish(left.await.expect("the store writes"));
    settle().await;
    // The resume was read before the removal.
    hub.resume(&client.0, vec![Bytes::from_static(b"missed")], &[(GROUP, Seq(0))]);
    settle().await;
    assert_eq!(client.texts(), ["missed", "quit 1 1"]);
}

#[tokio::test(start_paused = true)]
async fn removal_after_the_answer_of_a_resume_is_delivered() {
    let node = LinkedNode::start(true).await;
    node.hub.pause(&node.client.0, []);
    let taken = node.store.write(move |tx, _| tx.seq_take(GROUP, 3));
    taken.await.expect("the store writes");
    // The audit finds the removal, and reports it with the first number that was not delivered.
    assert_eq!(node.change_membership(false).await, Seq(4));
    tokio::time::sleep(Duration::from_secs(15)).await;
    node.hub.resume(&node.client.0, vec![Bytes::from_static(b"missed")], &[(GROUP, Seq(3))]);
    settle().await;
    assert_eq!(node.client.texts(), ["missed", "quit 1 4"]);
}

#[tokio::test(start_paused = true)]
async fn later_snapshot_outlives_an_older_answer() {
    let node = LinkedNode::start(true).await;
    node.change_membership(false).await;
    // A hint triggers a read of the store, whose answer is late.
    node.gate.hold();
    let hint = Hint { group: Some(GROUP), seq: Some(Seq(1)), ..Hint::new(HintKind::Unknown) };
    node.network.end(2).0.publish(Channel::Group(GROUP), hint);
    node.network.deliver(0, false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let held = node.gate.open();
    node.change_membership(true).await;
    let second = connect(&node.hub, node.ann).await;
    for read in &held {
        read.add_permits(1);
    }
    settle().await;
    assert_eq!((node.client.texts(), second.texts()), (vec!["update 1 1".to_owned()], vec![]));
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!((node.client.texts(), second.texts()), (vec!["update 1 2".to_owned()], vec![]));
}

#[tokio::test(start_paused = true)]
async fn group_shown_again_during_a_resume_requires_a_resync() {
    let node = LinkedNode::start(false).await;
    node.hub.pause(&node.client.0, []);
    let joined = node.change_membership(true).await;
    // The audit finds the join, and the group is sent as of a message that the resume does not contain.
    let taken = node.store.write(move |tx, _| tx.seq_take(GROUP, 1));
    taken.await.expect("the store writes");
    tokio::time::sleep(Duration::from_secs(15)).await;
    node.hub.resume(&node.client.0, vec![Bytes::from_static(b"missed")], &[(GROUP, joined)]);
    assert_eq!(node.client.read(), (vec![], Some(Close::ResyncRequired)));
}

#[tokio::test(start_paused = true)]
async fn own_change_in_a_gap_is_answered_once_in_its_place() {
    let node = LinkedNode::start(true).await;
    let (ann, socket) = (node.ann, node.client.0.id());
    let committed = node.store.write(move |tx, _| {
        // Two changes of another node whose hints do not arrive.
        changed(tx, GROUP)?;
        changed(tx, GROUP)?;
        let seq = changed(tx, GROUP)?;
        let mut events = vec![update(tx.view(GROUP)?.expect("the group is there"), seq, vec![], vec![])];
        send(tx, &mut events, GROUP, ann)?;
        for (event, reference) in events.iter_mut().zip(["mine", "said"]) {
            event.origin = Some(Origin { socket, reference: Some(reference.into()) });
        }
        Ok(events)
    });
    node.bus.publish(committed.await.expect("the store writes"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let wanted = ["update 1 1", "update 1 2", "update 1 3 #mine", "text 1 4 #said"];
    assert_eq!(node.client.texts(), wanted);
}

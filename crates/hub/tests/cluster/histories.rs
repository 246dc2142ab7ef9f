//! Random histories on two nodes whose hints are lost, repeated and reordered: each socket receives each event
//! of its groups once, in ascending order, and nothing after its removal.

use std::collections::BTreeMap;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::{Event, Origin};
use chinwag_core::store::{Store, Tx};
use chinwag_core::{GroupId, Result, Seq, UserId};
use chinwag_hub::bus::LocalBus;
use chinwag_hub::{Close, Connection, Hub, Nodes, Options};
use chinwag_store_sqlite::SqliteStore;
use proptest::prelude::*;
use uuid::Uuid;

use crate::fake_link::FakeNetwork;
use crate::harness::{
    BlockingStore, Client, NOW, SetClock, TextEncoder, heads, identity_of, make_user, quiet, settle,
};
use crate::history_log::{Entry, Log, accepted, check_group, numbered};
use crate::nodes::{accept, add, add_member, decline, is_invited, remove_member, send};

const NODES: usize = 2;
const USERS: usize = 3;
const GROUPS: usize = 2;
/// One socket of each user on each node.
const SOCKETS: usize = NODES * USERS;

/// Delivers each commit to the bus of the node that made it.
struct Router {
    buses: Vec<Arc<LocalBus>>,
    by: AtomicUsize,
}

impl Bus for Router {
    fn publish(&self, events: Vec<Event>) {
        self.buses[self.by.load(Ordering::Relaxed)].publish(events);
    }

    fn publish_ephemeral(&self, _: Vec<Event>) {}
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Commit a message on a node.
    Say(usize, usize),
    /// Commit on a node that a user joins a group, or leaves it.
    Turn(usize, usize, usize),
    /// Commit on a node that a user is added to a group as a pending member, or accepts it.
    Consent(usize, usize, usize),
    /// Deliver, repeat or lose a pending hint.
    Deliver(usize),
    Repeat(usize),
    Lose(usize),
    /// Deliver all hints in order.
    Clear,
    /// Advance a socket by one step: register, subscribe, read its snapshot, go live.
    Advance(usize),
    /// Drop a socket.
    Drop(usize),
    /// Activate the requested subscriptions.
    Listen,
    /// Let time pass.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..NODES, 0..GROUPS).prop_map(|(node, group)| Step::Say(node, group)),
        3 => (0..NODES, 0..GROUPS, 0..USERS).prop_map(|(node, group, user)| Step::Turn(node, group, user)),
        2 => (0..NODES, 0..GROUPS, 0..USERS).prop_map(|(node, group, user)| Step::Consent(node, group, user)),
        4 => any::<usize>().prop_map(Step::Deliver),
        2 => any::<usize>().prop_map(Step::Repeat),
        2 => any::<usize>().prop_map(Step::Lose),
        2 => Just(Step::Clear),
        8 => (0..SOCKETS).prop_map(Step::Advance),
        1 => (0..SOCKETS).prop_map(Step::Drop),
        2 => Just(Step::Listen),
        2 => (1_u64..60).prop_map(Step::Wait),
    ]
}

enum Stage {
    Nothing,
    Registered(Connection),
    /// With the groups in its snapshot, and the groups that its user has yet to accept.
    Live(Client, Vec<(GroupId, Seq)>, Vec<GroupId>),
}

struct History {
    network: Arc<FakeNetwork>,
    store: Arc<dyn Store>,
    router: Arc<Router>,
    hubs: Vec<Arc<Hub>>,
    users: Vec<UserId>,
    groups: Vec<GroupId>,
    logs: Vec<Log>,
    sockets: Vec<Stage>,
    read: Mutex<Vec<Vec<String>>>,
}

fn options() -> Options {
    let nodes = Nodes { audit_every: Duration::from_secs(10), ..Nodes::default() };
    Options { nodes, ..quiet() }
}

impl History {
    async fn new() -> Self {
        let network = Arc::new(FakeNetwork::default());
        let lanes: Vec<_> = (0..NODES).map(|_| LocalBus::new(4096)).collect();
        let buses = lanes.iter().map(|(bus, _)| bus.clone()).collect();
        let router = Arc::new(Router { buses, by: AtomicUsize::new(0) });
        let store = SqliteStore::memory(router.clone()).expect("a store opens");
        let store: Arc<dyn Store> = Arc::new(BlockingStore(store));
        let mut hubs = Vec::new();
        for (node, (bus, receiver)) in lanes.into_iter().enumerate() {
            let (end, link_events) = network.end(node as u128 + 1);
            let clock = Arc::new(SetClock(NOW.into()));
            let encoder = Arc::new(TextEncoder::default());
            hubs.push(Hub::start(
                store.clone(),
                bus,
                receiver.among(end, link_events),
                encoder,
                clock,
                options(),
            ));
        }
        let mut users = Vec::new();
        for n in 0..USERS {
            users.push(make_user(&store, &format!("user{n}")).await);
        }
        let groups: Vec<_> = (0..GROUPS).map(|n| GroupId(Uuid::from_u128(n as u128))).collect();
        let made = groups.clone();
        let job = move |tx: &mut dyn Tx, _: &mut Vec<Event>| {
            made.iter().try_for_each(|id| tx.group_insert(*id, "group", None))
        };
        store.write(job).await.expect("the store writes");
        let sockets = (0..SOCKETS).map(|_| Stage::Nothing).collect();
        let (logs, read) = (vec![BTreeMap::new(); GROUPS], Mutex::new(vec![Vec::new(); SOCKETS]));
        Self { network, store, router, hubs, users, groups, logs, sockets, read }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Say(node, group) => {
                self.router.by.store(node, Ordering::Relaxed);
                let (id, author) = (self.groups[group], self.users[0]);
                let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| send(tx, events, id, author);
                let seq = self.store.write(job).await.expect("the store writes");
                self.logs[group].insert(numbered(seq), Entry::Sent);
            }
            Step::Turn(node, group, user) => self.toggle_membership(node, group, user).await,
            Step::Consent(node, group, user) => self.consent(node, group, user).await,
            Step::Deliver(at) => self.network.deliver(at, false),
            Step::Repeat(at) => self.network.deliver(at, true),
            Step::Lose(at) => self.network.lose(at),
            Step::Clear => {
                while self.network.pending() > 0 {
                    self.network.deliver(0, false);
                }
            }
            Step::Advance(socket) => self.advance(socket).await,
            Step::Drop(socket) => {
                self.sockets[socket] = Stage::Nothing;
                self.read.lock().expect("no test panics here")[socket].clear();
            }
            Step::Listen => self.network.listen(),
            Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
        settle().await;
    }

    async fn toggle_membership(&mut self, node: usize, group: usize, user: usize) {
        self.router.by.store(node, Ordering::Relaxed);
        let (id, member) = (self.groups[group], self.users[user]);
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
            Ok(match tx.member(id, member)? {
                None => (Entry::Came(user), add_member(tx, events, id, member)?),
                Some(found) if found.pending => (Entry::Pending, decline(tx, events, id, member)?),
                Some(_) => (Entry::Went(user), remove_member(tx, events, id, member)?),
            })
        };
        let (entry, seq) = self.store.write(job).await.expect("the store writes");
        self.logs[group].insert(numbered(seq), entry);
    }

    async fn consent(&mut self, node: usize, group: usize, user: usize) {
        self.router.by.store(node, Ordering::Relaxed);
        let (id, member) = (self.groups[group], self.users[user]);
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
            Ok(match tx.member(id, member)? {
                None => Some((numbered(add(tx, events, id, member)?), Entry::Pending)),
                Some(found) if found.pending => {
                    Some((accepted(accept(tx, events, id, member)?, user), Entry::Came(user)))
                }
                Some(_) => None,
            })
        };
        let done = self.store.write(job).await.expect("the store writes");
        self.logs[group].extend(done);
    }

    async fn advance(&mut self, socket: usize) {
        let (user, hub) = (self.users[socket / NODES], &self.hubs[socket % NODES]);
        let stage = mem::replace(&mut self.sockets[socket], Stage::Nothing);
        self.sockets[socket] = match stage {
            Stage::Nothing => {
                Stage::Registered(hub.register(identity_of(user, "somebody")).expect("there is room"))
            }
            Stage::Registered(connection) => {
                let shown = hub.subscribe(&connection, heads).await.expect("the store reads");
                let ((), heads) = shown.expect("the user is there");
                let pending = self.pending(user).await;
                hub.go_live(&connection, vec![Bytes::from_static(b"hello")], &heads);
                Stage::Live(Client(connection), heads, pending)
            }
            live @ Stage::Live(..) => live,
        };
    }

    /// The groups that a user has yet to accept.
    async fn pending(&self, user: UserId) -> Vec<GroupId> {
        self.store.read(move |tx| tx.pending_beyond(user, 0)).await.expect("the store reads")
    }

    /// Makes all sockets live, loses all pending hints, and lets time pass.
    async fn finish(&mut self) {
        for socket in 0..SOCKETS {
            for _ in 0..2 {
                self.advance(socket).await;
            }
        }
        settle().await;
        while self.network.pending() > 0 {
            self.network.lose(0);
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
        settle().await;
    }

    async fn check(&self) -> Result<(), TestCaseError> {
        for (socket, stage) in self.sockets.iter().enumerate() {
            let Stage::Live(client, heads, shown) = stage else { continue };
            let pending = self.pending(self.users[socket / NODES]).await;
            let (mut texts, close) = client.read();
            // The hub closes a socket rather than skip an event; the client then resumes.
            if close == Some(Close::ResyncRequired) {
                continue;
            }
            prop_assert_eq!(close, None);
            prop_assert_eq!(texts.remove(0), "hello");
            for (group, log) in self.logs.iter().enumerate() {
                let mine = texts.iter().filter(|text| text.split(' ').nth(1) == Some(&group.to_string()));
                let mine: Vec<_> = mine.map(|text| parse(text)).collect();
                let head = heads.iter().find(|(id, _)| *id == self.groups[group]).map(|(_, head)| head.0);
                check_group(log, socket / NODES, head, &mine).map_err(|why| {
                    TestCaseError::fail(format!("{why}: {mine:?} of {log:?} after {head:?}"))
                })?;
                let (id, why) = (self.groups[group], format!("{mine:?} of {log:?}"));
                prop_assert_eq!(is_invited(shown.contains(&id), &mine), pending.contains(&id), "{}", why);
            }
        }
        Ok(())
    }
}

fn parse(text: &str) -> (String, i64) {
    let mut words = text.split(' ');
    let word = words.next().unwrap_or_default().to_owned();
    (word, words.nth(1).and_then(|seq| seq.parse().ok()).unwrap_or_default())
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let run: Pin<Box<dyn Future<Output = _>>> = Box::pin(async {
        let mut history = History::new().await;
        for step in steps {
            history.step(*step).await;
        }
        history.finish().await;
        history.check().await
    });
    runtime.expect("a runtime starts").block_on(run)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lossy_reordered_hints_deliver_each_event_once_in_order(
        steps in prop::collection::vec(step(), 1..100)
    ) {
        run(&steps)?;
    }
}

/// A user joins, leaves and rejoins a group while its first socket on the node is between the snapshot and
/// going live: the group in its snapshot is not sent again.
#[test]
fn a_user_added_while_going_live_gets_the_group_once() {
    use Step::{Advance, Clear, Turn, Wait};
    #[rustfmt::skip]
    let steps = [
        Turn(0, 0, 1), Turn(1, 0, 0), Turn(1, 0, 0), Advance(0), Advance(2), Advance(2), Turn(1, 0, 0), Clear,
        Wait(15), Turn(1, 0, 0), Clear,
    ];
    run(&steps).unwrap_or_else(|why| panic!("{why}"));
}

/// A removal and the user's next join are held back.
#[test]
fn held_leave_and_rejoin_events_keep_their_order() {
    use Step::{Advance, Clear, Say, Turn};
    #[rustfmt::skip]
    let steps = [
        Advance(0), Advance(4), Turn(0, 0, 0), Say(0, 0), Advance(4), Turn(1, 0, 2), Turn(0, 0, 2),
        Turn(0, 0, 2), Turn(0, 0, 2), Clear,
    ];
    run(&steps).unwrap_or_else(|why| panic!("{why}"));
}

/// The last known local member leaves, and a user connects whose snapshot already has its own join.
#[test]
fn member_in_a_snapshot_is_known_after_the_last_leaves() {
    use Step::{Advance, Clear, Turn};
    #[rustfmt::skip]
    let steps = [
        Turn(0, 1, 1), Turn(0, 1, 0), Advance(0), Advance(0), Turn(1, 1, 1), Turn(0, 1, 0), Turn(0, 1, 1),
        Advance(2), Advance(2), Clear, Turn(1, 1, 1),
    ];
    run(&steps).unwrap_or_else(|why| panic!("{why}"));
}

/// A read of the store makes a user a member, who is then removed, before its socket is live.
#[test]
fn a_user_removed_before_going_live_gets_group_quit() {
    use Step::{Advance, Clear, Say, Turn, Wait};
    #[rustfmt::skip]
    let steps = [
        Say(0, 0), Turn(0, 1, 1), Advance(3), Clear, Advance(5), Say(0, 1), Turn(1, 1, 2), Say(0, 1), Wait(28),
        Turn(0, 1, 2), Turn(1, 1, 0), Wait(29),
    ];
    run(&steps).unwrap_or_else(|why| panic!("{why}"));
}

/// A read of the store makes a user a member before its socket is live, and the change itself arrives later.
#[test]
fn a_change_read_from_the_store_is_not_delivered_again() {
    use Step::{Advance, Clear, Listen, Say, Turn, Wait};
    #[rustfmt::skip]
    let steps = [
        Turn(0, 0, 0), Advance(5), Advance(1), Clear, Turn(0, 0, 2), Listen, Turn(0, 0, 2), Say(0, 0),
        Turn(1, 0, 2), Turn(0, 0, 1), Advance(0), Wait(24), Turn(0, 0, 2), Advance(0), Advance(5), Say(0, 0), Clear,
    ];
    run(&steps).unwrap_or_else(|why| panic!("{why}"));
}

/// A read of the store for one user shows that another was removed; the removal itself arrives later.
#[test]
fn a_removal_read_from_the_store_is_not_replayed() {
    use Step::{Advance, Clear, Listen, Turn};
    #[rustfmt::skip]
    let steps = [
        Turn(1, 1, 0), Turn(0, 1, 2), Advance(4), Advance(4), Listen, Turn(1, 1, 1), Advance(0), Advance(2),
        Advance(2), Turn(1, 1, 1), Clear,
    ];
    run(&steps).unwrap_or_else(|why| panic!("{why}"));
}

/// Some repeated removals are held back, in a group that all known local members have left.
#[test]
fn duplicate_leaves_of_unknown_users_stay_in_order() {
    use Step::{Advance, Clear, Deliver, Lose, Repeat, Say, Turn};
    #[rustfmt::skip]
    let steps = [
        Advance(5), Turn(1, 0, 2), Advance(4), Clear, Advance(4), Turn(1, 0, 1), Deliver(0), Turn(1, 0, 2),
        Say(0, 0), Lose(4_442_595_321_314_512_584), Repeat(12_435_216_090_445_913_107), Turn(0, 0, 1), Advance(2),
        Advance(2), Turn(0, 0, 1), Clear, Turn(0, 0, 1),
    ];
    run(&steps).unwrap_or_else(|why| panic!("{why}"));
}

/// The removal of the last local member is held back, and the store shows that it has rejoined.
#[test]
fn held_removal_is_sent_before_the_group_is_shown_again() {
    use Step::{Advance, Clear, Say, Turn};
    #[rustfmt::skip]
    let steps = [
        Turn(1, 0, 0), Advance(1), Advance(1), Say(0, 0), Turn(1, 0, 0), Turn(0, 0, 0), Say(0, 0), Clear,
    ];
    run(&steps).unwrap_or_else(|why| panic!("{why}"));
}

/// The node missed the sender's join, and the local members for whom the message was held back have left.
#[tokio::test(start_paused = true)]
async fn a_sender_is_answered_after_all_local_members_left() {
    use Step::{Advance, Clear, Turn, Wait};
    let mut history = History::new().await;
    let steps = [Turn(0, 1, 1), Turn(0, 1, 0), Advance(0), Advance(0), Advance(4), Advance(4), Clear];
    for step in steps.into_iter().chain([Turn(1, 1, 1), Turn(0, 1, 0), Turn(1, 1, 2)]) {
        history.step(step).await;
    }
    let Stage::Live(client, ..) = &history.sockets[4] else { panic!("it lives") };
    let origin = Origin { socket: client.0.id(), reference: Some(Arc::from("r1")) };
    let (group, author) = (history.groups[1], history.users[2]);
    history.router.by.store(0, Ordering::Relaxed);
    let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
        send(tx, events, group, author)?;
        events[0].origin = Some(origin.clone());
        Ok(())
    };
    history.store.write(job).await.expect("the store writes");
    for step in [Clear, Wait(1000)] {
        history.step(step).await;
    }
    let Stage::Live(client, ..) = &history.sockets[4] else { panic!("it lives") };
    let texts = client.texts();
    assert!(texts.ends_with(&["whole 1 6".to_owned(), "text 1 6 #r1".to_owned()]), "{texts:?}");
    assert_eq!(texts.iter().filter(|text| text.ends_with("#r1")).count(), 1, "{texts:?}");
}

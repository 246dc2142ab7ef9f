//! Random histories on two nodes whose hints are lost, repeated and reordered: each socket sees
//! each event of its groups once, ascending, and nothing after its removal.

use std::collections::BTreeMap;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::store::{Store, Tx};
use chinwag_core::{GroupId, Result, Seq, UserId};
use chinwag_hub::bus::LocalBus;
use chinwag_hub::{Close, Connection, Hub, Nodes, Options};
use chinwag_store_sqlite::SqliteStore;
use proptest::prelude::*;
use uuid::Uuid;

use crate::air::Air;
use crate::harness::{Client, Hands, NOW, Still, Words, heads, identity_of, make_user, quiet, settle};
use crate::nodes::{come, go, say};

const NODES: usize = 2;
const USERS: usize = 3;
const GROUPS: usize = 2;
/// Of each user one on each node.
const SOCKETS: usize = NODES * USERS;

/// Hands what is committed to the node that has committed it.
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
    /// Commit on a node that a user comes into a group, or goes from it.
    Turn(usize, usize, usize),
    /// Deliver, repeat or lose one of the hints in the air.
    Deliver(usize),
    Repeat(usize),
    Lose(usize),
    /// Deliver everything, in order.
    Clear,
    /// Bring a socket one step further: register, subscribe, read its snapshot, let it live.
    Advance(usize),
    /// Drop a socket.
    Drop(usize),
    /// What was asked to be listened to is.
    Listen,
    /// Let some time pass.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..NODES, 0..GROUPS).prop_map(|(node, group)| Step::Say(node, group)),
        3 => (0..NODES, 0..GROUPS, 0..USERS).prop_map(|(node, group, user)| Step::Turn(node, group, user)),
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

/// What a group's log says of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Entry {
    Said,
    Came(usize),
    Went(usize),
}

enum Stage {
    Nothing,
    Registered(Connection),
    Live(Client, Vec<(GroupId, Seq)>),
}

struct History {
    air: Arc<Air>,
    store: Arc<dyn Store>,
    router: Arc<Router>,
    hubs: Vec<Arc<Hub>>,
    users: Vec<UserId>,
    groups: Vec<GroupId>,
    logs: Vec<BTreeMap<i64, Entry>>,
    sockets: Vec<Stage>,
    read: Mutex<Vec<Vec<String>>>,
}

fn options() -> Options {
    let nodes = Nodes { audit_every: Duration::from_secs(10), ..Nodes::default() };
    Options { nodes, ..quiet() }
}

impl History {
    async fn new() -> Self {
        let air = Arc::new(Air::default());
        let lanes: Vec<_> = (0..NODES).map(|_| LocalBus::new(4096)).collect();
        let buses = lanes.iter().map(|(bus, _)| bus.clone()).collect();
        let router = Arc::new(Router { buses, by: AtomicUsize::new(0) });
        let store = SqliteStore::memory(router.clone()).expect("a store opens");
        let store: Arc<dyn Store> = Arc::new(Still(store));
        let mut hubs = Vec::new();
        for (node, (bus, receiver)) in lanes.into_iter().enumerate() {
            let (end, ears) = air.end(node as u128 + 1);
            let hands = Arc::new(Hands(NOW.into()));
            let words = Arc::new(Words::default());
            hubs.push(Hub::start(store.clone(), bus, receiver.among(end, ears), words, hands, options()));
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
        Self { air, store, router, hubs, users, groups, logs, sockets, read }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Say(node, group) => {
                self.router.by.store(node, Ordering::Relaxed);
                let (id, author) = (self.groups[group], self.users[0]);
                let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| say(tx, events, id, author);
                let seq = self.store.write(job).await.expect("the store writes");
                self.logs[group].insert(seq.0, Entry::Said);
            }
            Step::Turn(node, group, user) => self.turn(node, group, user).await,
            Step::Deliver(at) => self.air.deliver(at, false),
            Step::Repeat(at) => self.air.deliver(at, true),
            Step::Lose(at) => self.air.lose(at),
            Step::Clear => {
                while self.air.hanging() > 0 {
                    self.air.deliver(0, false);
                }
            }
            Step::Advance(socket) => self.advance(socket).await,
            Step::Drop(socket) => {
                self.sockets[socket] = Stage::Nothing;
                self.read.lock().expect("no test panics here")[socket].clear();
            }
            Step::Listen => self.air.listen(),
            Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
        settle().await;
    }

    async fn turn(&mut self, node: usize, group: usize, user: usize) {
        self.router.by.store(node, Ordering::Relaxed);
        let (id, member) = (self.groups[group], self.users[user]);
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
            let is_in = tx.member(id, member)?.is_some();
            let seq = if is_in { go(tx, events, id, member)? } else { come(tx, events, id, member)? };
            Ok((is_in, seq))
        };
        let (was_in, seq) = self.store.write(job).await.expect("the store writes");
        self.logs[group].insert(seq.0, if was_in { Entry::Went(user) } else { Entry::Came(user) });
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
                hub.go_live(&connection, vec![Bytes::from_static(b"hello")], &heads);
                Stage::Live(Client(connection), heads)
            }
            live @ Stage::Live(..) => live,
        };
    }

    /// Everybody lives, everything that still hangs in the air is lost, and time passes.
    async fn finish(&mut self) {
        for socket in 0..SOCKETS {
            for _ in 0..2 {
                self.advance(socket).await;
            }
        }
        settle().await;
        while self.air.hanging() > 0 {
            self.air.lose(0);
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
        settle().await;
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (socket, stage) in self.sockets.iter().enumerate() {
            let Stage::Live(client, heads) = stage else { continue };
            let (mut texts, close) = client.read();
            // Rather closed than told with something left out: it resumes.
            if close == Some(Close::TooSlow) {
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

/// Whether a user's socket that was shown the group up to `head`, or not at all, was told of the
/// rest what it should.
fn check_group(
    log: &BTreeMap<i64, Entry>,
    user: usize,
    head: Option<i64>,
    got: &[(String, i64)],
) -> Result<(), &'static str> {
    let mut last = head.unwrap_or(0);
    // From where on the group is known to the socket, and whether it is now.
    let mut is_in = head.is_some();
    for (word, seq) in got {
        let repeats = *seq <= last && !(word == "quit" && *seq == last);
        if repeats {
            return Err("it does not ascend, or repeats");
        }
        match word.as_str() {
            // Its coming was lost, its going is told by the node that it is on.
            "quit" if !is_in && log.get(seq) == Some(&Entry::Went(user)) => {}
            "quit" if !is_in => return Err("it quits what it is not in"),
            "quit" => {
                // Its removal's number, or the first that it was not told.
                if !log.range(seq..).any(|(_, entry)| *entry == Entry::Went(user)) {
                    return Err("it is told to be out, and was not put out");
                }
                is_in = false;
            }
            // It is shown the whole group as it stands.
            "update" if !is_in => {
                if membership(log, user, *seq) != Some(true) {
                    return Err("it is shown a group that it is not in");
                }
                is_in = true;
            }
            _ if !is_in => return Err("it is told of a group that it is not in"),
            _ => {
                // One who has come again may read what was said meanwhile.
                let may = membership(log, user, *seq) == Some(true)
                    || log.range(seq..).any(|(_, entry)| *entry == Entry::Came(user));
                if !may {
                    return Err("it is told something after its removal");
                }
                if missed(log, user, last, *seq) {
                    return Err("a message is left out");
                }
            }
        }
        last = *seq;
    }
    let now = membership(log, user, i64::MAX);
    if is_in != now.unwrap_or(false) {
        return Err("it does not know whether it is in the group");
    }
    if is_in && missed(log, user, last, i64::MAX) {
        return Err("the last messages are missing");
    }
    Ok(())
}

/// Whether a message that the user was there for lies between two numbers; changes of a group may be
/// told as one.
fn missed(log: &BTreeMap<i64, Entry>, user: usize, after: i64, before: i64) -> bool {
    let mut between = log.range(after + 1..before);
    between.any(|(seq, entry)| *entry == Entry::Said && membership(log, user, *seq) == Some(true))
}

fn membership(log: &BTreeMap<i64, Entry>, user: usize, upto: i64) -> Option<bool> {
    let mut mine = log.range(..=upto).filter_map(|(_, entry)| match entry {
        Entry::Came(who) if *who == user => Some(true),
        Entry::Went(who) if *who == user => Some(false),
        _ => None,
    });
    mine.next_back()
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let run: Pin<Box<dyn Future<Output = _>>> = Box::pin(async {
        let mut history = History::new().await;
        for step in steps {
            history.step(*step).await;
        }
        history.finish().await;
        history.check()
    });
    runtime.expect("a runtime starts").block_on(run)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_lost_repeated_or_reordered_each_socket_is_told_each_event_once_in_order(
        steps in prop::collection::vec(step(), 1..100)
    ) {
        run(&steps)?;
    }
}

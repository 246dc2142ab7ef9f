//! A connecting socket, interleaved with everything that may happen at the same time. In any order, each
//! socket receives its snapshot and then every later event, once and in order.

mod paging;

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::{Event, Kind};
use chinwag_core::store::{Store, Tx};
use chinwag_core::{GroupId, Result, Seq, UserId};
use chinwag_hub::bus::LocalBus;
use chinwag_hub::{Connection, Hub, Identity, Options, Snapshot};
use chinwag_store_sqlite::SqliteStore;
use proptest::prelude::*;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::harness::{
    BlockingStore, Client, HeldReads, NOW, SetClock, TextEncoder, add_member, heads, make_user, message,
    name_of, quiet, remove_member, settle,
};

/// A bus that holds events until the test releases them.
#[derive(Default)]
struct Gate(Mutex<VecDeque<Vec<Event>>>);

impl Bus for Gate {
    fn publish(&self, events: Vec<Event>) {
        self.0.lock().expect("no test panics here").push_back(events);
    }

    fn publish_ephemeral(&self, _: Vec<Event>) {}
}

tokio::task_local! {
    /// A read within this scope runs, and later returns its answer, when the test adds permits.
    static HELD: Arc<Semaphore>;
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Commit a message.
    Say(usize),
    /// Commit that a user joins a group, or leaves it.
    Turn(usize, usize),
    /// Dispatch the oldest pending commit.
    Dispatch,
    /// Bring a socket of a user one step further: register, request the snapshot, read it, subscribe,
    /// possibly request and read again, go live.
    Advance(usize),
    /// Drop a socket.
    Drop(usize),
    /// Let the grace period of disconnected users end.
    Wait,
}

const USERS: usize = 3;
const GROUPS: usize = 3;
/// Two sockets per user.
const SOCKETS: usize = 2 * USERS;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..GROUPS).prop_map(Step::Say),
        3 => (0..GROUPS, 0..USERS).prop_map(|(group, user)| Step::Turn(group, user)),
        6 => Just(Step::Dispatch),
        8 => (0..SOCKETS).prop_map(Step::Advance),
        1 => (0..SOCKETS).prop_map(Step::Drop),
        1 => Just(Step::Wait),
    ]
}

/// An entry of a group's log.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Entry {
    Sent,
    Came(usize),
    Went(usize),
}

type Log = BTreeMap<i64, Entry>;

enum Stage {
    Nothing,
    Registered(Connection),
    /// Its snapshot is being read, or was read and waits to be returned.
    Reading(Connection, Arc<Semaphore>, JoinHandle<Result<Option<Snapshot<Vec<i64>>>>>),
    Read(Connection, Vec<(GroupId, Seq)>, Vec<i64>),
    Paging(paging::Paging),
    Live(Client, Vec<(GroupId, Seq)>, Vec<i64>),
}

struct Race {
    store: Arc<dyn Store>,
    gate: Arc<Gate>,
    bus: Arc<LocalBus>,
    hub: Arc<Hub>,
    users: Vec<UserId>,
    groups: Vec<GroupId>,
    logs: Vec<Log>,
    sockets: Vec<Stage>,
    /// Whether sockets receive their groups page by page.
    is_paged: bool,
    /// The frames that sockets received before they were live.
    read: Vec<Vec<String>>,
}

impl Race {
    async fn new(options: Options) -> Self {
        let gate = Arc::new(Gate::default());
        let store = SqliteStore::memory(gate.clone()).expect("a store opens");
        let store: Arc<dyn Store> = Arc::new(HeldReads {
            store: BlockingStore(store),
            hold: Box::new(|| HELD.try_with(Arc::clone).ok()),
        });
        let (bus, receiver) = LocalBus::new(4096);
        let clock = Arc::new(SetClock(NOW.into()));
        let hub = Hub::start(
            store.clone(),
            bus.clone(),
            receiver,
            Arc::new(TextEncoder::default()),
            clock,
            options,
        );
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
        let logs = vec![Log::new(); GROUPS];
        let sockets = (0..SOCKETS).map(|_| Stage::Nothing).collect();
        let read = vec![Vec::new(); SOCKETS];
        Self { store, gate, bus, hub, users, groups, logs, sockets, is_paged: false, read }
    }

    fn dispatch(&self) {
        if let Some(events) = self.gate.0.lock().expect("no test panics here").pop_front() {
            self.bus.publish(events);
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Say(group) => {
                let id = self.groups[group];
                let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
                    let seq = tx.seq_take(id, 1)?;
                    events.push(message(id, seq));
                    Ok(seq)
                };
                let seq = self.store.write(job).await.expect("the store writes");
                self.logs[group].insert(seq.0, Entry::Sent);
            }
            Step::Turn(group, user) => self.toggle_membership(group, user).await,
            Step::Dispatch => self.dispatch(),
            Step::Advance(socket) => self.advance(socket).await,
            Step::Drop(socket) => {
                // Like a handshake that is aborted while the groups are being read.
                if let Stage::Reading(_, _, task) = &self.sockets[socket] {
                    task.abort();
                }
                if let Stage::Paging(paging) = &self.sockets[socket] {
                    paging.abort();
                }
                self.sockets[socket] = Stage::Nothing;
                self.read[socket].clear();
            }
            Step::Wait => tokio::time::sleep(Duration::from_secs(4)).await,
        }
        settle().await;
    }

    async fn toggle_membership(&mut self, group: usize, user: usize) {
        let (id, member) = (self.groups[group], self.users[user]);
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
            let is_in = tx.member(id, member)?.is_some();
            if is_in {
                remove_member(tx, events, id, member)?;
            } else {
                add_member(tx, events, id, member)?;
            }
            let seq = events.iter().find(|e| matches!(e.kind, Kind::GroupUpdate { .. }));
            Ok((is_in, seq.and_then(|e| e.seq).expect("a change has a number")))
        };
        let (was_in, seq) = self.store.write(job).await.expect("the store writes");
        self.logs[group].insert(seq.0, if was_in { Entry::Went(user) } else { Entry::Came(user) });
    }

    async fn advance(&mut self, socket: usize) {
        let user = self.users[socket / 2];
        let stage = mem::replace(&mut self.sockets[socket], Stage::Nothing);
        self.sockets[socket] = match stage {
            Stage::Nothing => {
                let identity =
                    Identity { user, name: name_of("somebody"), token: None, expires: None, scope: None };
                Stage::Registered(self.hub.register(identity).expect("there is room"))
            }
            Stage::Registered(connection) => {
                let (hub, socket, held) =
                    (self.hub.clone(), Arc::clone(&connection), Arc::new(Semaphore::new(0)));
                let groups = self.groups.clone();
                let shown = move |tx: &dyn Tx, user| {
                    let found: BTreeMap<_, _> = tx.heads(&groups)?.into_iter().collect();
                    let at = groups.iter().map(|group| found[group].0).collect();
                    Ok((at, heads(tx, user)?.1))
                };
                let read = HELD.scope(held.clone(), async move { hub.subscribe(&socket, shown).await });
                Stage::Reading(connection, held, tokio::spawn(read))
            }
            Stage::Reading(connection, held, task) => {
                held.add_permits(1);
                settle().await;
                if task.is_finished() {
                    let shown = task.await.expect("it ends").expect("the store reads");
                    let (at, heads) = shown.expect("the user is there");
                    Stage::Read(connection, heads, at)
                } else {
                    Stage::Reading(connection, held, task)
                }
            }
            Stage::Read(connection, heads, at) if self.is_paged && !heads.is_empty() => {
                Stage::Paging(paging::Paging::begin(&self.hub, connection, heads, at))
            }
            Stage::Paging(paging) => self.turn_page(socket, paging).await,
            Stage::Read(connection, heads, at) => {
                self.hub.go_live(&connection, vec![Bytes::from_static(b"hello")], &heads);
                Stage::Live(Client(connection), heads, at)
            }
            live @ Stage::Live(..) => live,
        };
    }

    async fn finish(&mut self) {
        for socket in 0..SOCKETS {
            while !matches!(self.sockets[socket], Stage::Nothing | Stage::Live(..)) {
                self.advance(socket).await;
                settle().await;
            }
        }
        while !self.gate.0.lock().expect("no test panics here").is_empty() {
            self.dispatch();
            settle().await;
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (socket, stage) in self.sockets.iter().enumerate() {
            let Stage::Live(client, heads, at) = stage else { continue };
            let mut texts = self.read[socket].clone();
            texts.extend(client.texts());
            prop_assert_eq!(texts.remove(0), "hello");
            texts.retain(|text| !text.starts_with("status") && !text.starts_with("page"));
            for (group, at) in at.iter().enumerate() {
                let mine = texts.iter().filter(|text| text.split(' ').nth(1) == Some(&group.to_string()));
                let is_in = heads.iter().any(|(id, _)| *id == self.groups[group]);
                self.check_group(group, socket / 2, *at, is_in, &mine.cloned().collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }

    /// Checks that `got` is what a user's socket must receive of a group. `at` is the group's number in the
    /// snapshot, and `is_in` whether the user was a member then.
    fn check_group(
        &self,
        group: usize,
        user: usize,
        at: i64,
        is_in: bool,
        got: &[String],
    ) -> Result<(), TestCaseError> {
        let wanted = expected(&self.logs[group], group, user, at, is_in);
        let before = got.len().checked_sub(wanted.len());
        prop_assert!(before.is_some(), "{:?} lacks some of {:?}", got, wanted);
        let (before, after) = got.split_at(before.unwrap_or(0));
        prop_assert!(after == wanted, "{:?} is not {:?}", got, wanted);
        let (Some(first), Some(last)) = (before.first(), before.last()) else { return Ok(()) };
        // If the snapshot no longer contained the group, the socket may have received earlier memberships,
        // and the end of one.
        prop_assert!(!is_in, "{:?} is more than {:?}", got, wanted);
        let all = expected(&self.logs[group], group, user, 0, false);
        let from = all.iter().position(|text| text == first);
        prop_assert!(!first.starts_with("message") && last.starts_with("quit"), "{:?} is told", before);
        prop_assert!(from.is_some_and(|from| all[from..].starts_with(got)), "{:?} is not {:?}", got, all);
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), TestCaseError> {
        self.sockets.clear();
        self.read.clear();
        tokio::time::sleep(Duration::from_secs(8)).await;
        let counts = self.hub.counts();
        prop_assert_eq!((counts.sockets, counts.users, counts.groups), (0, 0, 0));
        prop_assert_eq!(counts.gaps, 0);
        Ok(())
    }
}

/// The frames that a user receives for a group's log after `from`. `is_in` says whether the user is a member
/// at `from`.
fn expected(log: &Log, group: usize, user: usize, from: i64, mut is_in: bool) -> Vec<String> {
    let mut texts = Vec::new();
    for (seq, entry) in log.range(from + 1..) {
        match entry {
            Entry::Went(who) if *who == user => {
                is_in = false;
                texts.push(format!("quit {group} {seq}"));
                continue;
            }
            Entry::Came(who) if *who == user => is_in = true,
            _ => {}
        }
        if is_in {
            let word = match entry {
                Entry::Sent => "message",
                Entry::Came(who) if *who == user => "whole",
                _ => "update",
            };
            texts.push(format!("{word} {group} {seq}"));
        }
    }
    texts
}

/// Runs the steps and checks the result. With `groups`, also checks how many groups still have entries.
fn race(steps: &[Step], groups: Option<usize>) -> Result<(), TestCaseError> {
    race_under(quiet(), steps, groups)
}

fn race_under(options: Options, steps: &[Step], groups: Option<usize>) -> Result<(), TestCaseError> {
    race_shown(options, steps, groups, false)
}

fn race_shown(
    options: Options,
    steps: &[Step],
    groups: Option<usize>,
    is_paged: bool,
) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let run: Pin<Box<dyn Future<Output = _>>> = Box::pin(async {
        let mut race = Race::new(options).await;
        race.is_paged = is_paged;
        for step in steps {
            race.step(*step).await;
        }
        race.finish().await;
        race.check()?;
        let known = race.hub.counts().groups;
        prop_assert!(groups.is_none_or(|groups| groups == known), "{} groups are known", known);
        race.leave().await
    });
    runtime.expect("a runtime starts").block_on(run)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_delivers_each_event_once(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        race(&steps, None)?;
    }
}

#[test]
fn a_removal_between_reading_and_subscribing_counts() {
    use Step::{Advance, Dispatch, Say, Turn};
    let mut steps = vec![Turn(0, 0), Dispatch, Advance(0), Advance(0), Advance(0), Turn(0, 0), Dispatch];
    steps.extend([Advance(0), Advance(0), Advance(0), Say(0), Dispatch]);
    race(&steps, Some(0)).expect("nothing is told after the removal");
}

#[test]
fn a_join_event_in_anothers_snapshot_is_still_delivered() {
    use Step::{Advance, Dispatch, Turn};
    let mut steps = vec![Turn(0, 0), Dispatch];
    steps.extend([Advance(2); 6]);
    steps.push(Turn(0, 1));
    steps.extend([Advance(0); 6]);
    steps.push(Dispatch);
    race(&steps, Some(1)).expect("both have what they should");
}

#[test]
fn a_late_group_snapshot_is_not_used_for_another_socket() {
    use Step::{Advance, Dispatch, Turn};
    let mut steps = vec![Advance(1), Advance(1)];
    steps.extend([Advance(0); 5]);
    steps.extend([Turn(0, 0), Advance(1), Advance(0), Advance(1), Dispatch]);
    race(&steps, Some(1)).expect("the first socket is told that its user has joined");
}

#[test]
fn events_between_two_readings_of_a_group_are_delivered() {
    use Step::{Advance, Say, Turn};
    let mut steps = vec![Turn(0, 0), Turn(0, 1)];
    steps.extend([Advance(0); 3]);
    steps.push(Say(0));
    steps.extend([Advance(2); 4]);
    race(&steps, Some(1)).expect("the first is told of the message");
}

/// The user's other socket has already subscribed the user, so all events are held from the start.
#[test]
fn an_overflow_while_reading_groups_reads_them_again() {
    use Step::{Advance, Dispatch, Say, Turn};
    let mut steps = vec![Turn(0, 0), Dispatch];
    steps.extend([Advance(0); 5]);
    steps.push(Step::Drop(0));
    steps.extend([Advance(1); 3]);
    steps.extend([Say(0), Dispatch].repeat(25));
    steps.extend([Advance(1); 2]);
    steps.extend([Say(0), Dispatch].repeat(9));
    let options = Options { queue_frames: 10, ..quiet() };
    race_under(options, &steps, Some(1)).expect("it is told what came since then");
}

#[test]
fn events_of_other_groups_cause_no_second_snapshot() {
    use Step::{Advance, Dispatch, Say, Turn};
    let mut steps = vec![Turn(0, 0), Turn(1, 1), Dispatch, Dispatch];
    steps.extend([Advance(0); 5]);
    steps.extend([Advance(2), Advance(2), Say(0), Dispatch, Advance(2), Say(0), Dispatch, Advance(2)]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime starts").block_on(async {
        let mut race = Race::new(quiet()).await;
        for step in steps {
            race.step(step).await;
        }
        assert!(matches!(race.sockets[2], Stage::Read(..)), "it has been read");
    });
}

#[test]
fn stale_snapshot_gets_group_quit() {
    use Step::{Advance, Dispatch, Say, Turn};
    let mut steps = vec![Turn(1, 1), Turn(1, 0), Dispatch, Advance(0), Advance(2), Advance(3)];
    steps.extend([Advance(2), Advance(2), Advance(3), Dispatch, Say(1), Turn(1, 1), Advance(3), Advance(3)]);
    race(&steps, None).expect("it is told the message, or knows that it is out");
}

#[test]
fn starting_socket_gets_events_after_the_last_other_leaves() {
    use Step::{Advance, Dispatch, Say, Turn, Wait};
    let mut steps = vec![Turn(0, 0), Turn(0, 1), Dispatch, Dispatch];
    steps.extend([Advance(2); 5]);
    steps.extend([Advance(0), Advance(0), Advance(0), Say(0), Dispatch, Step::Drop(2), Wait, Wait]);
    race(&steps, Some(1)).expect("it is told the message");
}

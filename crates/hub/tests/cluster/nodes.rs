//! Nodes on one store and one Redis, and clients that keep what they have read.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::clock::SystemClock;
use chinwag_core::event::{Event, Kind, Pending};
use chinwag_core::log::LogEntry;
use chinwag_core::message::Body;
use chinwag_core::permission::Role;
use chinwag_core::relation::{Pair, Relation};
use chinwag_core::send::Kept;
use chinwag_core::store::{NewMessage, Store, Tx};
use chinwag_core::{Date, GroupId, MessageId, Result, Seq, UserId};
use chinwag_hub::bus::{ConnectError, Receiver, RedisBus, RedisOptions};
use chinwag_hub::{Close, Hub, Identity, Nodes, Options};
use chinwag_store_sqlite::SqliteStore;
use chinwag_testkit::redis::Redis;
use chinwag_testkit::wait::{Wait, until, until_connected};
use tempfile::TempDir;
use uuid::Uuid;

use crate::harness::{
    Client, NOW, SetClock, TextEncoder, heads, identity_of, make_user, quiet, quit, update,
};

pub(crate) const SECRET: &[u8] = b"the secret of these tests' cluster";

/// The file of a store.
pub(crate) struct StoreFile {
    folder: TempDir,
}

impl StoreFile {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("chinwag.db")
    }
}

/// A node.
pub(crate) struct Node {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) bus: Arc<RedisBus>,
}

/// Short intervals, so that tests can wait for them.
pub(crate) fn quick() -> Options {
    let nodes = Nodes {
        hold: Duration::from_millis(20),
        audit_every: Duration::from_secs(1),
        beat_every: Duration::from_millis(200),
        lease: Duration::from_millis(1500),
        refresh_over: Duration::from_millis(50),
        ..Nodes::default()
    };
    Options { nodes, presence_grace: Duration::from_millis(300), ..quiet() }
}

/// Like [`quick`], without the audit, so that it cannot hide a loss.
pub(crate) fn unaudited() -> Options {
    let mut options = quick();
    options.nodes.audit_every = Duration::from_secs(100_000);
    options
}

/// Waits until Redis answers; returns the bus.
pub(crate) async fn connect(options: RedisOptions) -> (Arc<RedisBus>, Receiver) {
    let clock = SystemClock::default();
    until_connected(|| RedisBus::connect(options.clone(), &clock), ConnectError::is_away).await
}

impl Node {
    pub(crate) async fn start(place: &StoreFile, url: &str, options: Options) -> Self {
        let (bus, events) = connect(RedisOptions::new(url, SECRET)).await;
        let store = chinwag_store_sqlite::Options { durable: false, readers: 2, ..Default::default() };
        let store =
            SqliteStore::open(&place.file(), store, bus.clone() as Arc<dyn Bus>).expect("a store opens");
        let store: Arc<dyn Store> = Arc::new(store);
        let clock = Arc::new(SetClock(AtomicI64::new(NOW)));
        let hub =
            Hub::start(store.clone(), bus.clone(), events, Arc::new(TextEncoder::default()), clock, options);
        let node = Self { store, hub, bus };
        until("the link stands", || node.hub.link() == Some(true)).await;
        node
    }

    pub(crate) async fn user(&self, name: &str) -> UserId {
        make_user(&self.store, name).await
    }

    pub(crate) async fn write(
        &self,
        job: impl Fn(&mut dyn Tx, &mut Vec<Event>) -> Result<()> + Send + 'static,
    ) {
        self.store.write(job).await.expect("the store writes");
    }

    pub(crate) async fn group(&self, n: u128, members: &[UserId]) -> GroupId {
        let (id, members) = (GroupId(Uuid::from_u128(n)), members.to_vec());
        self.write(move |tx, _| {
            tx.group_insert(id, "group", None)?;
            members.iter().try_for_each(|m| tx.member_set(id, *m, Role::Member, Date::from_micros(NOW)))
        })
        .await;
        id
    }

    /// Commits a message and returns its number.
    pub(crate) async fn send(&self, group: GroupId, author: UserId) -> Seq {
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| send(tx, events, group, author);
        self.store.write(job).await.expect("the store writes")
    }

    pub(crate) async fn add_member(&self, group: GroupId, user: UserId) -> Seq {
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| add_member(tx, events, group, user);
        self.store.write(job).await.expect("the store writes")
    }

    pub(crate) async fn remove_member(&self, group: GroupId, user: UserId) -> Seq {
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| remove_member(tx, events, group, user);
        self.store.write(job).await.expect("the store writes")
    }

    /// Adds a user to a group as a pending member.
    pub(crate) async fn add(&self, group: GroupId, user: UserId) -> Seq {
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| add(tx, events, group, user);
        self.store.write(job).await.expect("the store writes")
    }

    pub(crate) async fn accept(&self, group: GroupId, user: UserId) -> Seq {
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| accept(tx, events, group, user);
        self.store.write(job).await.expect("the store writes")
    }

    pub(crate) async fn decline(&self, group: GroupId, user: UserId) -> Seq {
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| decline(tx, events, group, user);
        self.store.write(job).await.expect("the store writes")
    }

    pub(crate) async fn contacts(&self, a: UserId, b: UserId) {
        let pair = Pair { mine: Some(Relation::Contact), theirs: Some(Relation::Contact) };
        self.write(move |tx, _| tx.pair_set(a, b, pair, Date::from_micros(NOW))).await;
    }

    pub(crate) async fn connect(&self, user: UserId, name: &str) -> Reader {
        self.connect_as(identity_of(user, name)).await
    }

    pub(crate) async fn connect_as(&self, identity: Identity) -> Reader {
        let connection = self.hub.register(identity).expect("there is room");
        let shown = self.hub.subscribe(&connection, heads).await.expect("the store reads");
        let ((), heads) = shown.expect("the user is there");
        self.hub.go_live(&connection, vec![Bytes::from_static(b"hello")], &heads);
        Reader { client: Client(connection), texts: Mutex::default(), close: Mutex::default() }
    }
}

/// Waits until the nodes are subscribed to this many channels of Redis: two per node, and one for each of its
/// users and groups.
pub(crate) async fn wait_for_subscriptions(redis: &Redis, channels: usize) {
    until("the nodes listen", || redis.subscriptions() == channels).await;
}

/// Stores a message with its event.
pub(crate) fn send(tx: &mut dyn Tx, events: &mut Vec<Event>, group: GroupId, author: UserId) -> Result<Seq> {
    let seq = tx.seq_take(group, 1)?;
    let id = MessageId(Uuid::from_u128(group.0.as_u128() << 64 | u128::from(seq.0.unsigned_abs())));
    let body = Body::parse("hello", 100).expect("a good body");
    let date = Date::from_micros(NOW);
    tx.message_insert(&NewMessage::new(group, Kept { id, date, seq }, author, body))?;
    let message = tx.message(id)?.expect("it was just made");
    events.push(Event::in_group(Kind::MessageText(message), group, seq));
    Ok(seq)
}

/// A user joins a group.
pub(crate) fn add_member(
    tx: &mut dyn Tx,
    events: &mut Vec<Event>,
    group: GroupId,
    user: UserId,
) -> Result<Seq> {
    tx.member_set(group, user, Role::Member, Date::from_micros(NOW))?;
    let seq = changed(tx, group)?;
    events.push(update(tx.view(group)?.expect("the group is there"), seq, vec![user], vec![]));
    Ok(seq)
}

/// A user is added to a group as a pending member.
pub(crate) fn add(tx: &mut dyn Tx, events: &mut Vec<Event>, group: GroupId, user: UserId) -> Result<Seq> {
    tx.member_set(group, user, Role::Member, Date::from_micros(NOW))?;
    tx.pending_set(group, user, true)?;
    let seq = changed(tx, group)?;
    let view = tx.view(group)?.expect("the group is there");
    events.push(update(view.clone(), seq, vec![], vec![]));
    let added = Event::to_users(Kind::Pending(Pending::Added(view)), vec![user]);
    events.push(Event { seq: Some(seq), ..added });
    Ok(seq)
}

/// A user accepts a group; returns the last number of its snapshot.
pub(crate) fn accept(tx: &mut dyn Tx, events: &mut Vec<Event>, group: GroupId, user: UserId) -> Result<Seq> {
    let head = tx.log_hold(group)?;
    tx.pending_set(group, user, false)?;
    let view = tx.view(group)?.expect("the group is there");
    let accepted = Event::to_users(Kind::GroupAccepted { view, mentioned: 0 }, vec![user]);
    events.push(Event { seq: Some(head), ..accepted });
    Ok(head)
}

/// A pending member declines a group.
pub(crate) fn decline(tx: &mut dyn Tx, events: &mut Vec<Event>, group: GroupId, user: UserId) -> Result<Seq> {
    tx.member_remove(group, user)?;
    let seq = changed(tx, group)?;
    events.push(update(tx.view(group)?.expect("the group is there"), seq, vec![], vec![user]));
    let ended = Kind::Pending(Pending::Ended { group, name: crate::harness::name_of("somebody") });
    events.push(Event { seq: Some(seq), ..Event::to_users(ended, vec![user]) });
    Ok(seq)
}

/// Whether a client regards its user as pending in a group, given its snapshot and its frames.
pub(crate) fn is_invited(shown: bool, received: &[(String, i64)]) -> bool {
    received.iter().fold(shown, |invited, (word, _)| match word.as_str() {
        "pending" => true,
        "ended" | "whole" | "quit" => false,
        _ => invited,
    })
}

/// A user leaves a group.
pub(crate) fn remove_member(
    tx: &mut dyn Tx,
    events: &mut Vec<Event>,
    group: GroupId,
    user: UserId,
) -> Result<Seq> {
    tx.member_remove(group, user)?;
    let seq = changed(tx, group)?;
    events.push(update(tx.view(group)?.expect("the group is there"), seq, vec![], vec![user]));
    events.push(quit(group, "somebody", seq, user));
    Ok(seq)
}

pub(crate) fn changed(tx: &mut dyn Tx, group: GroupId) -> Result<Seq> {
    let seq = tx.seq_take(group, 1)?;
    tx.log_insert(group, seq, &LogEntry::GroupChanged)?;
    Ok(seq)
}

/// A client that keeps what it has read.
pub(crate) struct Reader {
    pub(crate) client: Client,
    texts: Mutex<Vec<String>>,
    close: Mutex<Option<Close>>,
}

impl Reader {
    /// All texts so far.
    pub(crate) fn texts(&self) -> Vec<String> {
        let (new, close) = self.client.read();
        let mut texts = self.texts.lock().expect("no test panics here");
        texts.extend(new);
        let mut was = self.close.lock().expect("no test panics here");
        *was = was.or(close);
        texts.clone()
    }

    pub(crate) fn close(&self) -> Option<Close> {
        self.texts();
        *self.close.lock().expect("no test panics here")
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.texts().iter().any(|known| known == text)
    }

    /// Waits for a text.
    pub(crate) async fn wait_for_text(&self, text: &str) {
        let wait = Wait::begin();
        while !self.has(text) {
            wait.step(|| format!("no {text:?} in {:?}", self.texts())).await;
        }
    }

    /// The numbers received for this group, in order.
    pub(crate) fn numbers(&self, group: GroupId) -> Vec<i64> {
        let id = group.0.as_u128().to_string();
        let texts = self.texts();
        let mine = texts.iter().filter(|text| text.split(' ').nth(1) == Some(&id));
        mine.filter_map(|text| text.split(' ').nth(2)?.parse().ok()).collect()
    }

    pub(crate) async fn wait_for_number(&self, group: GroupId, seq: Seq) {
        let wait = Wait::begin();
        while self.numbers(group).last() != Some(&seq.0) {
            wait.step(|| format!("not {seq} yet: {:?}", self.texts())).await;
        }
    }
}

/// Asserts that the numbers ascend without repetition.
pub(crate) fn assert_ascending(numbers: &[i64]) {
    let set: BTreeSet<_> = numbers.iter().copied().collect();
    let sorted: Vec<_> = set.into_iter().collect();
    assert_eq!(numbers, sorted, "each once, ascending");
}

pub(crate) fn typing(group: GroupId, name: &str) -> Event {
    let kind = Kind::Typing { author: crate::harness::name_of(name), group, started: true };
    Event { to: chinwag_core::event::Audience::Group(group), ..Event::to_users(kind, vec![]) }
}

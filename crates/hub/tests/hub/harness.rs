//! A hub with a store, and clients that read from it.

use std::fmt::Write;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::{Event, Kind, Pending};
use chinwag_core::group::View;
use chinwag_core::name::NameCase;
use chinwag_core::permission::Role;
use chinwag_core::presence::Status;
use chinwag_core::relation::Relations;
use chinwag_core::send::{Sending, Sent};
use chinwag_core::store::{Answer, Done, ReadJob, Sends, Store, Tx, WriteJob, send_as_jobs};
use chinwag_core::{Clock, Date, GroupId, HistoryId, MessageId, Name, Result, Seq, UserId, forward_store};
use chinwag_hub::bus::LocalBus;
use chinwag_hub::{
    Close, Connection, Encode, Hub, Identity, Memberships, Options, RegisterError, TakeOutcome,
};
use chinwag_store_sqlite::SqliteStore;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub(crate) const NOW: i64 = 1_700_000_000_000_000;

/// A store whose jobs block the test's thread, so that the paused clock does not advance while they run.
pub(crate) struct BlockingStore(pub(crate) SqliteStore);

impl Sends for BlockingStore {
    fn submit_sends(&self, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>> {
        send_as_jobs(self, sendings)
    }
}

impl Store for BlockingStore {
    fn submit_write(&self, job: WriteJob) -> Done<'_> {
        block_on(self.0.submit_write(job))
    }

    fn submit_read(&self, job: ReadJob) -> Done<'_> {
        block_on(self.0.submit_read(job))
    }

    fn history(&self) -> HistoryId {
        self.0.history()
    }

    fn name_case(&self) -> NameCase {
        self.0.name_case()
    }

    fn ready(&self) -> Done<'_> {
        block_on(self.0.ready())
    }
}

/// A store whose reads a test can hold. If `hold` returns a semaphore, a read takes one permit before it
/// runs, and another one before it returns its answer.
pub(crate) struct HeldReads {
    pub(crate) store: BlockingStore,
    pub(crate) hold: Box<dyn Fn() -> Option<Arc<Semaphore>> + Send + Sync>,
}

impl Sends for HeldReads {
    fn submit_sends(&self, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>> {
        send_as_jobs(self, sendings)
    }
}

impl Store for HeldReads {
    fn submit_write(&self, job: WriteJob) -> Done<'_> {
        self.store.submit_write(job)
    }

    fn submit_read(&self, job: ReadJob) -> Done<'_> {
        let Some(held) = (self.hold)() else { return self.store.submit_read(job) };
        Box::pin(async move {
            held.acquire().await.expect("it is never closed").forget();
            let done = self.store.submit_read(job).await;
            held.acquire().await.expect("it is never closed").forget();
            done
        })
    }

    forward_store!(store);
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on(job: Done<'_>) -> Done<'_> {
    // Without the cooperative budget of tokio, which would make the job yield.
    let mut job = pin!(tokio::task::unconstrained(job));
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match job.as_mut().poll(&mut context) {
            Poll::Ready(done) => return Box::pin(std::future::ready(done)),
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Encodes frames as words, and counts them.
#[derive(Default)]
pub(crate) struct TextEncoder(pub(crate) AtomicUsize);

impl Encode for TextEncoder {
    fn event(&self, event: &Event, reference: Option<&str>) -> Bytes {
        self.0.fetch_add(1, Ordering::Relaxed);
        let n = |group: &GroupId| group.0.as_u128();
        let mut text = match &event.kind {
            Kind::MessageText(message) => format!("text {}", n(&message.group)),
            Kind::MessageDelete { group, .. } => format!("message {}", n(group)),
            Kind::GroupUpdate { view, .. } => format!("update {}", n(&view.group.id)),
            Kind::GroupQuit { group, .. } => format!("quit {}", n(group)),
            Kind::GroupDelete(group) => format!("delete {}", n(group)),
            Kind::GroupAccepted { view, .. } => format!("whole {}", n(&view.group.id)),
            Kind::Pending(Pending::Added(view)) => format!("pending {}", n(&view.group.id)),
            Kind::Pending(Pending::Ended { group, .. } | Pending::Deleted(group)) => {
                format!("ended {}", n(group))
            }
            Kind::StatusUpdate { author, status } => format!("status {author} {}", status.as_str()),
            Kind::UserUpdate { new_name: Some(new_name), .. } => format!("rename {new_name}"),
            Kind::Typing { author, .. } => format!("typing {author}"),
            Kind::ContactUpdate { .. } => "contact".to_owned(),
            Kind::UserDelete { name } => panic!("a fault: {name}"),
            other => panic!("not in these tests: {other:?}"),
        };
        if let Some(seq) = event.seq {
            write!(text, " {seq}").expect("a string takes all");
        }
        if let Some(reference) = reference {
            write!(text, " #{reference}").expect("a string takes all");
        }
        Bytes::from(text)
    }

    fn whole(&self, event: &Event, _: Option<UserId>, reference: Option<&str>) -> Bytes {
        let frame = String::from_utf8(self.event(event, reference).to_vec()).expect("words");
        Bytes::from(frame.replacen("update", "whole", 1))
    }

    fn contacts(&self, _: &Relations, presence: &[(Name, Status)]) -> Vec<Bytes> {
        let told: Vec<_> =
            presence.iter().map(|(name, status)| format!("{name} {}", status.as_str())).collect();
        vec![Bytes::from(format!("contacts: {}", told.join(", ")))]
    }

    fn ping(&self) -> Bytes {
        Bytes::from_static(b"ping")
    }
}

/// A clock that the test sets.
pub(crate) struct SetClock(pub(crate) AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Date {
        Date::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn uuid(&self) -> Uuid {
        unreachable!("the hub makes no ids")
    }

    fn secret(&self) -> [u8; 32] {
        unreachable!("the hub makes no secrets")
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<LocalBus>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) encoder: Arc<TextEncoder>,
    pub(crate) clock: Arc<SetClock>,
}

/// Options without pings.
pub(crate) fn quiet() -> Options {
    let never = Duration::from_secs(1_000_000);
    Options { ping_every: never, pong_within: never, ..Options::default() }
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        let (bus, receiver) = LocalBus::new(4096);
        let store: Arc<dyn Store> =
            Arc::new(BlockingStore(SqliteStore::memory(bus.clone()).expect("a store opens")));
        let encoder = Arc::new(TextEncoder::default());
        let clock = Arc::new(SetClock(AtomicI64::new(NOW)));
        let hub = Hub::start(store.clone(), bus.clone(), receiver, encoder.clone(), clock.clone(), options);
        Self { store, bus, hub, encoder, clock }
    }

    pub(crate) async fn user(&self, name: &str) -> UserId {
        make_user(&self.store, name).await
    }

    pub(crate) async fn users<const N: usize>(&self, names: [&str; N]) -> [UserId; N] {
        let mut users = [UserId(0); N];
        for (user, name) in users.iter_mut().zip(names) {
            *user = self.user(name).await;
        }
        users
    }

    /// A group that exists only in the store, without any event.
    pub(crate) async fn group(&self, n: u128, members: &[UserId]) -> GroupId {
        let (id, members) = (GroupId(Uuid::from_u128(n)), members.to_vec());
        self.write(move |tx, _| {
            tx.group_insert(id, "group", None)?;
            members.iter().try_for_each(|m| tx.member_set(id, *m, Role::Member, Date::from_micros(NOW)))
        })
        .await;
        id
    }

    pub(crate) async fn write(
        &self,
        job: impl Fn(&mut dyn Tx, &mut Vec<Event>) -> Result<()> + Send + 'static,
    ) {
        self.store.write(job).await.expect("the store writes");
    }

    /// Commits one message and its event.
    pub(crate) async fn send(&self, group: GroupId) {
        self.write(move |tx, events| {
            let seq = tx.seq_take(group, 1)?;
            events.push(message(group, seq));
            Ok(())
        })
        .await;
    }

    pub(crate) async fn contacts(&self, a: UserId, b: UserId) {
        use chinwag_core::relation::{Pair, Relation::Contact};
        self.write(move |tx, _| {
            tx.pair_set(a, b, Pair { mine: Some(Contact), theirs: Some(Contact) }, Date::from_micros(NOW))
        })
        .await;
    }

    pub(crate) fn register(&self, user: UserId) -> Result<Connection, RegisterError> {
        self.hub.register(identity_of(user, "somebody"))
    }

    /// A live client that has read its first frame.
    pub(crate) async fn connect(&self, user: UserId) -> Client {
        self.connect_as(identity_of(user, "somebody")).await
    }

    pub(crate) async fn connect_as(&self, identity: Identity) -> Client {
        let connection = self.hub.register(identity).expect("there is room");
        let shown = self.hub.subscribe(&connection, heads).await.expect("the store reads");
        // Otherwise the socket is being closed.
        if let Some(((), heads)) = shown {
            self.hub.go_live(&connection, vec![Bytes::from_static(b"hello")], &heads);
        }
        let client = Client(connection);
        settle().await;
        client
    }

    pub(crate) async fn publish(&self, events: Vec<Event>) {
        self.bus.publish(events);
        settle().await;
    }
}

pub(crate) async fn make_user(store: &Arc<dyn Store>, name: &str) -> UserId {
    let name = name_of(name);
    let made = store.write(move |tx, _| tx.user_insert(&name, false, Date::from_micros(NOW)));
    made.await.expect("the store writes").expect("the name is free").id
}

/// Reads only the heads of the user's groups.
pub(crate) fn heads(tx: &dyn Tx, user: UserId) -> Result<((), Memberships)> {
    let mut groups = Memberships::default();
    for group in tx.groups_of(user, None, 1000)? {
        let Some(member) = tx.member(group.id, user)? else { continue };
        let heads = if member.pending { &mut groups.pending } else { &mut groups.accepted };
        heads.push((group.id, group.head));
    }
    Ok(((), groups))
}

pub(crate) fn identity_of(user: UserId, name: &str) -> Identity {
    Identity { user, name: name_of(name), token: None, expires: None, scope: None }
}

/// Returns once every task is idle.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

pub(crate) fn name_of(name: &str) -> Name {
    Name::parse(name).expect("a good name")
}

pub(crate) fn message(group: GroupId, seq: Seq) -> Event {
    Event::in_group(Kind::MessageDelete { id: MessageId(Uuid::nil()), group, seq, root: None }, group, seq)
}

pub(crate) fn update(view: Arc<View>, seq: Seq, joined: Vec<UserId>, left: Vec<UserId>) -> Event {
    let group = view.group.id;
    Event::in_group(Kind::GroupUpdate { view, joined, left, entry: None }, group, seq)
}

pub(crate) fn quit(group: GroupId, name: &str, seq: Seq, user: UserId) -> Event {
    let kind = Kind::GroupQuit { group, name: name_of(name) };
    Event { seq: Some(seq), ..Event::to_users(kind, vec![user]) }
}

/// Adds a user to a group.
pub(crate) fn add_member(
    tx: &mut dyn Tx,
    events: &mut Vec<Event>,
    group: GroupId,
    user: UserId,
) -> Result<()> {
    tx.member_set(group, user, Role::Member, Date::from_micros(NOW))?;
    let seq = tx.seq_take(group, 1)?;
    let view = tx.view(group)?.expect("the group is there");
    events.push(update(view, seq, vec![user], vec![]));
    Ok(())
}

/// Removes a user from a group.
pub(crate) fn remove_member(
    tx: &mut dyn Tx,
    events: &mut Vec<Event>,
    group: GroupId,
    user: UserId,
) -> Result<()> {
    tx.member_remove(group, user)?;
    let seq = tx.seq_take(group, 1)?;
    let view = tx.view(group)?.expect("the group is there");
    events.push(quit(group, "somebody", seq, user));
    events.push(update(view, seq, vec![], vec![user]));
    Ok(())
}

pub(crate) struct Client(pub(crate) Connection);

impl Client {
    /// The queued frames as text, and the close after them.
    pub(crate) fn read(&self) -> (Vec<String>, Option<Close>) {
        let mut frames = Vec::new();
        let close = self.read_frames(&mut frames);
        // Consecutive messages may be queued as one piece.
        let pieces = frames.iter().map(|piece| String::from_utf8_lossy(piece).replace("text ", "\ntext "));
        let texts = pieces.flat_map(|piece| piece.trim().lines().map(str::to_owned).collect::<Vec<_>>());
        (texts.collect(), close)
    }

    pub(crate) fn read_frames(&self, frames: &mut Vec<Bytes>) -> Option<Close> {
        loop {
            match self.0.take(frames) {
                TakeOutcome::Frames | TakeOutcome::Rest => {}
                TakeOutcome::Empty => return None,
                TakeOutcome::Close(close) => return Some(close),
            }
        }
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        let (texts, close) = self.read();
        assert_eq!(close, None);
        texts
    }

    /// Whether a wait would end immediately.
    pub(crate) async fn is_ready(&self) -> bool {
        let mut wait = pin!(self.0.wait());
        poll_fn(|context| Poll::Ready(Pin::new(&mut wait).as_mut().poll(context).is_ready())).await
    }
}

//! The dispatcher: one task that takes committed events in the order of the bus, and in a cluster the hints
//! of other nodes. It delivers each group's entries in order, exactly once.
//!
//! An entry that is next in its group is delivered immediately. The group's [`Replica`] decides everything
//! else; the dispatcher carries out its effects and keeps its timer. Live replicas hold no state, so they are
//! not stored.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use chinwag_core::app::catch_up::CaughtUp;
use chinwag_core::event::{Audience, Event, Kind};
use chinwag_core::group::View;
use chinwag_core::{GroupId, Seq, UserId};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::{Duration, Instant, sleep_until};

use crate::bus::Receiver;
use crate::bus::link::LinkEvent;
use crate::catch_up::FetchOutcome;
use crate::cluster::PendingChecks;
use crate::deliver::{EventFrames, Recipients};
use crate::entry::ReceivedEntry;
use crate::group::Group;
use crate::replication::effect::{Delay, Effect};
use crate::replication::fetch::Fetch;
use crate::replication::group::{Input, LocalGroup, Replica};
use crate::tasks::spawn;
use crate::{Close, Hub, batch, catch_up};

/// Concurrent fetches.
const MAX_READS: usize = 8;
/// Backoff after a failed fetch: the first and the longest delay.
const RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(2);
/// Sleep while no timer is set.
const IDLE: Duration = Duration::from_secs(3600);
/// Link events taken at a time.
const LINK_EVENTS: usize = 256;
/// The most answers of one group that wait until their askers become members here.
const MAX_UNANSWERED: usize = 64;

pub(crate) struct Dispatcher {
    /// The groups that are not live.
    replicas: HashMap<GroupId, TrackedReplica>,
    due: BTreeSet<(Instant, GroupId)>,
    outcomes: mpsc::Sender<FetchOutcome>,
    reads: Arc<Semaphore>,
    pub(crate) checks: PendingChecks,
}

/// A replica with the state that its driver keeps.
struct TrackedReplica {
    replica: Replica<ReceivedEntry>,
    due: Instant,
    /// When the first of the current series of store failures happened.
    failing: Option<Instant>,
    answer: FetchedState,
    /// Events that were delivered to others or discarded, while their askers are being looked up. An asker
    /// receives its answer once it is a member on this node. If the list is full, or the asker turns out not
    /// to be a member, its socket is closed and the client repeats the request.
    unanswered: Vec<(UserId, Event)>,
}

/// The part of the store's last answer that the replica does not hold itself.
#[derive(Default)]
struct FetchedState {
    head: Seq,
    view: Option<Arc<View>>,
    users: Vec<UserId>,
}

/// A group as this node sees it.
struct ServedGroup<'a> {
    hub: &'a Hub,
    id: GroupId,
    group: Option<Arc<Group>>,
}

impl LocalGroup for ServedGroup<'_> {
    fn position(&self) -> Option<Seq> {
        self.group.as_ref().map(|group| group.last())
    }

    fn is_member(&self, user: UserId) -> Option<bool> {
        self.hub.users.get(&user).map(|user| user.lock().group_at(self.id).is_ok())
    }
}

/// Runs until the hub is dropped.
pub(crate) async fn run(
    hub: Weak<Hub>,
    mut events: Receiver,
    outcomes: mpsc::Sender<FetchOutcome>,
    mut fetched: mpsc::Receiver<FetchOutcome>,
) {
    let mut dispatcher = Dispatcher::new(outcomes);
    let mut link = events.others.take().map(|others| others.events);
    let mut link_events = Vec::new();
    let Some(doubts) = hub.upgrade().map(|hub| hub.cluster.as_ref().map(|cluster| cluster.doubts.clone()))
    else {
        return;
    };
    loop {
        let due = dispatcher.due.first().map_or_else(|| Instant::now() + IDLE, |(at, _)| *at);
        tokio::select! {
            batch = events.recv() => {
                let (Some(hub), Some(batch)) = (hub.upgrade(), batch) else { return };
                dispatcher.events(&hub, batch);
                hub.flush();
            }
            Some(()) = receive(&mut link, &mut link_events) => {
                let Some(hub) = hub.upgrade() else { return };
                dispatcher.link_events(&hub, &mut link_events);
                hub.flush();
            }
            Some(outcome) = fetched.recv() => {
                let Some(hub) = hub.upgrade() else { return };
                dispatcher.outcome(&hub, outcome);
                hub.flush();
            }
            () = notified(doubts.as_deref()) => {
                let Some(hub) = hub.upgrade() else { return };
                dispatcher.doubts(&hub);
                hub.flush();
            }
            () = sleep_until(due), if !dispatcher.due.is_empty() => {
                let Some(hub) = hub.upgrade() else { return };
                // The missing entry may be a local commit that is already queued.
                while let Ok(batch) = events.committed.try_recv() {
                    dispatcher.events(&hub, batch);
                }
                dispatcher.fire(&hub, Instant::now());
                hub.flush();
            }
        }
    }
}

/// Waits for link events. Never completes on a single node.
async fn receive(link: &mut Option<mpsc::Receiver<LinkEvent>>, into: &mut Vec<LinkEvent>) -> Option<()> {
    match link {
        Some(link) => (link.recv_many(into, LINK_EVENTS).await > 0).then_some(()),
        None => std::future::pending().await,
    }
}

/// Waits for doubts. Never completes on a single node.
async fn notified(doubts: Option<&Notify>) {
    match doubts {
        Some(doubts) => doubts.notified().await,
        None => std::future::pending().await,
    }
}

impl Dispatcher {
    fn new(outcomes: mpsc::Sender<FetchOutcome>) -> Self {
        Self {
            replicas: HashMap::new(),
            due: BTreeSet::new(),
            outcomes,
            reads: Arc::new(Semaphore::new(MAX_READS)),
            checks: PendingChecks::default(),
        }
    }

    pub(crate) fn outcomes(&self) -> mpsc::Sender<FetchOutcome> {
        self.outcomes.clone()
    }

    /// Whether everything known of the group was delivered.
    pub(crate) fn is_live(&self, id: GroupId) -> bool {
        !self.replicas.contains_key(&id)
    }

    /// Delivers local commits, in order.
    fn events(&mut self, hub: &Arc<Hub>, events: Vec<Event>) {
        let mut events = events.into_iter();
        while !events.as_slice().is_empty() {
            let count = batch::length(events.as_slice());
            let is_done = count > 1 && self.batch(hub, &events.as_slice()[..count]);
            for event in events.by_ref().take(count) {
                if !is_done {
                    hub.counters.events.fetch_add(1, Ordering::Relaxed);
                    self.event(hub, event);
                }
            }
        }
    }

    /// Delivers messages of one group as one batch. Returns whether they were handled.
    fn batch(&mut self, hub: &Arc<Hub>, events: &[Event]) -> bool {
        let Some((id, first)) = batch::message_of(&events[0]) else { return false };
        if hub.cluster.is_none() && hub.local_group(id).is_none() {
            hub.counters.events.fetch_add(events.len() as u64, Ordering::Relaxed);
            return true;
        }
        // If encoding panics, the events are delivered one by one, so that only the faulty one fails.
        let Ok(frames) = catch_unwind(AssertUnwindSafe(|| hub.encode_batch(events))) else { return false };
        hub.counters.events.fetch_add(events.len() as u64, Ordering::Relaxed);
        hub.publish_batch(id, events, &frames);
        if !self.is_live(id) || !hub.deliver_batch(id, first, &frames) {
            for (at, event) in events.iter().enumerate() {
                let frames = EventFrames { all: Some(frames.one(at)), whole: None };
                self.local(hub, event.clone(), frames);
            }
        }
        true
    }

    fn event(&mut self, hub: &Arc<Hub>, event: Event) {
        let published = catch_unwind(AssertUnwindSafe(|| hub.publish_hints(&event)));
        // An event that cannot be encoded fails again on delivery, which closes its recipients' sockets.
        self.local(hub, event, published.unwrap_or_default());
    }

    /// Delivers an event that was committed here, or that is not stored.
    fn local(&mut self, hub: &Arc<Hub>, event: Event, frames: EventFrames) {
        match (&event.kind, &event.to, event.seq) {
            (Kind::GroupQuit { group: id, .. }, _, Some(seq)) => {
                let id = *id;
                if hub.cluster.is_none()
                    && let Some(group) = hub.groups.get(&id)
                {
                    group.expect(&mut group.lock(), seq);
                }
                self.drive(hub, id, Input::Attached { seq, entry: ReceivedEntry::Local(event, frames) });
            }
            (Kind::Pending(pending), _, Some(seq)) if hub.cluster.is_some() => {
                let id = pending.group();
                self.drive(hub, id, Input::Attached { seq, entry: ReceivedEntry::Local(event, frames) });
            }
            (Kind::GroupAccepted { view, .. }, ..) => {
                let (id, head, users) = (view.group.id, view.group.head, event.users().to_vec());
                let entry = ReceivedEntry::Local(event, EventFrames::default());
                self.drive(hub, id, Input::Accepted { head, entry, users });
            }
            (_, Audience::Group(id) | Audience::Others(id, _), Some(seq)) => {
                let id = *id;
                self.entry(hub, id, seq, ReceivedEntry::Local(event, frames));
            }
            _ => hub.apply_entry(&ReceivedEntry::Local(event, frames)),
        }
    }

    /// Delivers an entry of a group's log, if it is next.
    pub(crate) fn entry(&mut self, hub: &Arc<Hub>, id: GroupId, seq: Seq, entry: ReceivedEntry) {
        let (is_alone, group) = (hub.cluster.is_none(), hub.local_group(id));
        if let (true, Some(group)) = (is_alone, &group) {
            group.expect(&mut group.lock(), seq);
        }
        if group.is_some() || !self.is_live(id) {
            return self.drive_in(hub, id, group, Input::Entry { seq, entry, is_ordered: is_alone });
        }
        // Nothing precedes the first entry of a group that was created on this node.
        let is_first = is_alone || seq == Seq(1) && matches!(entry, ReceivedEntry::Local(..));
        if !is_first {
            entry.left().iter().for_each(|user| hub.remove_from_group(id, *user, Some(seq)));
        }
        let asker = match &entry {
            ReceivedEntry::Local(event, _) if !is_first => hub.asker(event),
            _ => None,
        };
        self.drive(hub, id, Input::Unserved { seq, entry, is_first, asker });
    }

    /// Passes an input to a group's replica, and carries out the effects.
    pub(crate) fn drive(&mut self, hub: &Arc<Hub>, id: GroupId, input: Input<ReceivedEntry>) {
        self.drive_in(hub, id, hub.groups.get(&id), input);
    }

    /// The same, with the group's entry already looked up.
    fn drive_in(
        &mut self,
        hub: &Arc<Hub>,
        id: GroupId,
        group: Option<Arc<Group>>,
        input: Input<ReceivedEntry>,
    ) {
        let mut local = ServedGroup { hub, id, group };
        let mut tracked = self.replicas.remove(&id).unwrap_or_else(TrackedReplica::live);
        let mut next = Some(input);
        while let Some(input) = next.take() {
            for effect in tracked.replica.step(&local, input) {
                self.carry_out(hub, id, &mut tracked, effect);
                next = (!tracked.replica.is_settled()).then_some(Input::Continue);
            }
            if next.is_some() {
                local.group = hub.groups.get(&id);
            }
        }
        if tracked.replica.is_settled() {
            tracked.unanswered.iter().for_each(|(asker, event)| hub.answer_or_close(id, *asker, event));
        } else {
            self.replicas.insert(id, tracked);
        }
    }

    fn carry_out(
        &mut self,
        hub: &Arc<Hub>,
        id: GroupId,
        tracked: &mut TrackedReplica,
        effect: Effect<ReceivedEntry>,
    ) {
        match effect {
            Effect::Deliver(entry) => {
                hub.apply_entry(&entry);
                if let ReceivedEntry::Local(event, _) = &entry {
                    tracked.keep_unanswered(hub, id, event);
                }
            }
            Effect::DeliverToMembers(entry) => {
                if let ReceivedEntry::Local(event, _) = &entry {
                    tracked.keep_unanswered(hub, id, event);
                }
                hub.apply_entry(&entry.without_turns());
            }
            Effect::Discard(entry) => {
                tracing::debug!(group = %id, "an entry was delivered before: it is dropped");
                // The database may also have lost the first entry and assigned its number again, so compare
                // the heads.
                self.compare(hub, id);
                if let ReceivedEntry::Local(event, _) = &entry {
                    hub.answer_asker(id, event);
                    tracked.keep_unanswered(hub, id, event);
                }
            }
            Effect::AnnounceRemoval(seq, entry) => hub.announce_removal(id, seq, &entry),
            Effect::Overflow(entries) => entries.iter().for_each(|entry| hub.close_asker(id, entry)),
            Effect::Start(delay) => {
                tracked.due = Instant::now() + duration(hub, delay);
                self.due.insert((tracked.due, id));
            }
            Effect::Fetch(fetch) => {
                let read = catch_up::read(hub.clone(), id, fetch, self.reads.clone(), self.outcomes());
                spawn(&hub.broken, read);
            }
            Effect::Advance(seq) => {
                if let Some(group) = hub.groups.get(&id) {
                    group.delivered(&mut group.lock(), seq);
                }
            }
            Effect::Remove { user, held, head } => catch_up::remove(hub, id, user, held, head),
            Effect::Add(user) => {
                if let (Some(view), Some(user)) = (&tracked.answer.view, hub.users.get(&user)) {
                    catch_up::add(hub, id, &user, view, tracked.answer.head);
                }
                let answered = tracked.unanswered.extract_if(.., |(asker, _)| *asker == user);
                answered.for_each(|(_, event)| hub.answer_asker(id, &event));
            }
            Effect::Invite { user, is_pending, head } => {
                catch_up::invite(hub, id, user, is_pending, tracked.answer.view.as_ref(), head);
            }
            Effect::Delete { seq, held } => catch_up::delete(hub, id, seq, held, &tracked.answer.users),
            Effect::RequireResync => {
                tracing::warn!(group = %id, "the missing entries cannot be delivered: the members' sockets must resume");
                hub.close_audience(Recipients::Group(id, &[]), Close::ResyncRequired);
            }
        }
    }

    /// Passes [`Input::Due`] to every replica whose timer has fired.
    fn fire(&mut self, hub: &Arc<Hub>, now: Instant) {
        while let Some((at, id)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, id));
            if self.replicas.get(&id).is_some_and(|tracked| tracked.due == at) {
                self.drive(hub, id, Input::Due);
            }
        }
    }

    fn outcome(&mut self, hub: &Arc<Hub>, outcome: FetchOutcome) {
        match outcome {
            FetchOutcome::Group { id, fetch, users, found } => {
                let newcomers = hub.cluster.as_ref().map(|cluster| cluster.end_read(id)).unwrap_or_default();
                match found {
                    Ok(found) => self.fetched(hub, id, fetch, users, found, newcomers),
                    Err(error) => self.failed(hub, id, &error),
                }
            }
            other => self.compared(hub, other),
        }
    }

    fn fetched(
        &mut self,
        hub: &Arc<Hub>,
        id: GroupId,
        fetch: Fetch,
        users: Vec<UserId>,
        found: Option<CaughtUp>,
        newcomers: Vec<(UserId, Seq)>,
    ) {
        let Some(tracked) = self.replicas.get_mut(&id) else { return };
        tracked.failing = None;
        if hub.groups.get(&id).is_some_and(|group| group.last() < fetch.after) {
            // The fetch began before the audit found that the store lost entries.
            return self.drive(hub, id, Input::Failed { is_final: false });
        }
        let found = found.map(|found| {
            let (head, view) = (found.head, found.view.clone());
            tracked.answer = FetchedState { head, view, users: Vec::new() };
            catch_up::answer(&users, newcomers, found)
        });
        tracked.answer.users = users;
        hub.counters.healed.fetch_add(1, Ordering::Relaxed);
        self.drive(hub, id, Input::Fetched(fetch, found));
    }

    fn failed(&mut self, hub: &Arc<Hub>, id: GroupId, error: &chinwag_core::Error) {
        let Some(tracked) = self.replicas.get_mut(&id) else { return };
        let since = *tracked.failing.get_or_insert_with(Instant::now);
        let is_final = since.elapsed() >= hub.options.nodes.give_up;
        tracing::warn!(group = %id, %error, is_final, "the missing entries of a group cannot be read");
        self.drive(hub, id, Input::Failed { is_final });
    }
}

impl TrackedReplica {
    fn live() -> Self {
        let (replica, answer) = (Replica::default(), FetchedState::default());
        Self { replica, due: Instant::now(), failing: None, answer, unanswered: Vec::new() }
    }

    /// Keeps an event whose asker has not received it, because it is not a member on this node yet.
    fn keep_unanswered(&mut self, hub: &Hub, id: GroupId, event: &Event) {
        let Some(asker) = hub.joining_asker(id, event, self.replica.joining()) else { return };
        if self.unanswered.len() < MAX_UNANSWERED {
            self.unanswered.push((asker, event.clone()));
        } else {
            hub.answer_or_close(id, asker, event);
        }
    }
}

fn duration(hub: &Hub, delay: Delay) -> Duration {
    match delay {
        Delay::None => Duration::ZERO,
        Delay::Hold => hub.options.nodes.hold,
        Delay::Backoff(attempts) => (RETRY * 2_u32.saturating_pow(attempts)).min(MAX_RETRY_DELAY),
    }
}

//! Presence: each user's status over all of its sockets, and the announcement of changes.
//!
//! A change is recorded under the user's lock, and the user is added to a queue unless it is there already.
//! One task takes users from the queue, reads their contacts from the store in batches, and announces what
//! has changed since the last announcement. However slow the store is, a user's changes cost at most one
//! concurrent read, and the latest state is always announced.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::mem;
use std::sync::{Arc, Weak};
use std::time::Duration;

use chinwag_core::event::{Event, Kind, Origin};
use chinwag_core::presence::{Appearance, Status};
use chinwag_core::store::Store;
use chinwag_core::{Date, Name, Result, UserId};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::user::{SocketEntry, User, UserPresence, UserState};
use crate::{Hub, Socket};

/// Users whose contacts are read per job of the store.
const BATCH: usize = 64;
/// Delay before the next attempt after the store failed.
const RETRY: Duration = Duration::from_secs(1);
/// Users per job that stores when they were seen, which keeps the job short.
const SEEN_PER_JOB: usize = 100;
/// Sleep while no user is leaving.
const IDLE: Duration = Duration::from_secs(3600);

/// Users with changes. Each user is in a queue at most once, so that both queues are bounded by the number of
/// users.
#[derive(Default)]
pub(crate) struct PresenceQueue {
    dirty: Mutex<VecDeque<Arc<User>>>,
    leaving: Mutex<BTreeMap<(Instant, UserId), Arc<User>>>,
    pub(crate) news: Notify,
}

impl PresenceQueue {
    fn mark_dirty(&self, user: &Arc<User>, presence: &mut UserPresence) {
        if !mem::replace(&mut presence.dirty, true) {
            self.dirty.lock().push_back(user.clone());
            self.news.notify_one();
        }
    }

    fn leave_at(&self, at: Instant, user: &Arc<User>) {
        self.leaving.lock().insert((at, user.id), user.clone());
        self.news.notify_one();
    }

    fn next_leave(&self) -> Option<Instant> {
        self.leaving.lock().keys().next().map(|(at, _)| *at)
    }

    fn pop_left(&self, now: Instant) -> Option<Arc<User>> {
        let mut leaving = self.leaving.lock();
        let entry = leaving.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}

/// Users who have arrived since the last write of arrivals, which are stored together. A node that crashes
/// stores no departures, so it loses the last-seen times of these users only. The set is bounded by the
/// number of users who arrive within the interval.
#[derive(Default)]
struct Arrivals {
    users: HashSet<UserId>,
    /// When to store them. None if the set is empty.
    due: Option<Instant>,
}

impl Arrivals {
    fn add(&mut self, news: &[Announcement], every: Duration) {
        let came = news.iter().filter(|one| !one.was_seen && one.is_seen());
        self.users.extend(came.map(Announcement::user));
        if !self.users.is_empty() {
            self.due.get_or_insert_with(|| Instant::now() + every);
        }
    }

    /// Takes the users if they are due.
    fn take(&mut self, now: Instant) -> Vec<UserId> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        mem::take(self).users.into_iter().collect()
    }
}

/// The presence task. Runs until the hub is dropped.
pub(crate) async fn run(hub: Weak<Hub>, waiting: Arc<PresenceQueue>) {
    let mut arrivals = Arrivals::default();
    loop {
        let due = [waiting.next_leave(), arrivals.due].into_iter().flatten().min();
        let deadline = due.unwrap_or_else(|| Instant::now() + IDLE);
        tokio::select! {
            () = waiting.news.notified() => {}
            () = sleep_until(deadline) => {}
        }
        let Some(hub) = hub.upgrade() else { return };
        if let Some(cluster) = &hub.cluster {
            cluster.announce_late(&hub).await;
        }
        let now = Instant::now();
        while let Some(user) = waiting.pop_left(now) {
            hub.grace_ended(&user, now);
        }
        while let Some(news) = hub.collect() {
            if let Err(error) = hub.announce(&news).await {
                tracing::warn!(%error, users = news.len(), "presence is delayed until the store answers");
                hub.put_back(news);
                sleep(RETRY).await;
            } else {
                arrivals.add(&news, hub.options.arrivals_every);
            }
        }
        let arrived = arrivals.take(Instant::now());
        if !arrived.is_empty() {
            // Not awaited, so that announcements do not wait for the store's writer.
            tokio::spawn(async move { hub.note_arrivals(&arrived).await });
        }
    }
}

/// A change of one user that is about to be announced.
pub(crate) struct Announcement {
    user: Arc<User>,
    pub(crate) appearance: Appearance,
    pub(crate) tell_self: bool,
    pub(crate) asker: Option<Box<Origin>>,
    /// Whether others saw the user before this change.
    was_seen: bool,
}

impl Announcement {
    pub(crate) fn user(&self) -> UserId {
        self.user.id
    }

    /// Whether others see the user after this change.
    fn is_seen(&self) -> bool {
        self.appearance.status() != Status::Disconnected
    }

    /// The contacts, and the user itself if its own sockets also receive the announcement.
    pub(crate) fn recipients(&self, mut contacts: Vec<UserId>) -> Vec<UserId> {
        contacts.extend(self.tell_self.then_some(self.user.id));
        contacts
    }
}

/// Stores when these users were last seen. If that fails, they appear to have been away for longer.
pub(crate) async fn note_last_seen(store: &dyn Store, users: Vec<UserId>, now: Date) {
    let noted = store.write(move |tx, _| tx.last_seen_set(&users, now)).await;
    if let Err(error) = noted {
        tracing::debug!(%error, "the time at which users were last seen is not stored");
    }
}

impl Hub {
    /// Sets this socket's status and returns the user's resulting status. A change is sent to the contacts
    /// and to the user's own sockets. With an `origin`, its socket receives a status update even without a
    /// change.
    pub fn set_status(&self, socket: &Socket, status: Status, origin: Option<&Origin>) -> Status {
        let user = socket.owner();
        let mut state = user.lock();
        if let Some(entry) = state.socket_entry(socket.id()).filter(|entry| entry.live) {
            entry.status = status;
            if self.show(user, &mut state, true) {
                let asker = origin.cloned().map(Box::new);
                if let Some(earlier) = mem::replace(&mut state.presence.asker, asker) {
                    self.answer(user, &state, &earlier);
                }
                return self.seen_as(user.id, state.presence.shown);
            }
        }
        if let Some(origin) = origin {
            self.answer(user, &state, origin);
        }
        self.seen_as(user.id, state.presence.shown)
    }

    /// Updates the appearance of a user with live sockets. Returns whether it has changed; if so, it will be
    /// announced to the contacts, and with `tell_self` also to the user's own sockets.
    pub(crate) fn show(&self, user: &Arc<User>, state: &mut UserState, tell_self: bool) -> bool {
        let appearance = state.appearance();
        if appearance == state.presence.shown {
            return false;
        }
        state.presence.shown = appearance;
        state.presence.tell_self |= tell_self;
        self.presence_queue.mark_dirty(user, &mut state.presence);
        true
    }

    /// Starts the grace period of a user without live sockets. A user who appears offline becomes absent at
    /// once, which nobody sees, so that its next socket is online.
    pub(crate) fn leave_later(&self, user: &Arc<User>, state: &mut UserState) {
        if state.presence.shown == Appearance::Hidden {
            state.presence.shown = Appearance::Absent;
            self.presence_queue.mark_dirty(user, &mut state.presence);
        }
        let left_at = *state.presence.left_at.get_or_insert_with(Instant::now);
        if !mem::replace(&mut state.presence.leaving, true) {
            self.presence_queue.leave_at(left_at + self.options.presence_grace, user);
        }
    }

    fn grace_ended(&self, user: &Arc<User>, now: Instant) {
        let mut state = user.lock();
        let Some(left_at) = state.presence.left_at else {
            state.presence.leaving = false; // The user has come back.
            return;
        };
        let end = left_at + self.options.presence_grace;
        if end > now {
            return self.presence_queue.leave_at(end, user); // The user came back and has left again.
        }
        state.presence.leaving = false;
        state.presence.shown = Appearance::Absent;
        self.presence_queue.mark_dirty(user, &mut state.presence);
    }

    /// Takes users whose changes must be announced. None if the queue is empty.
    fn collect(&self) -> Option<Vec<Announcement>> {
        let mut news = Vec::new();
        while news.len() < BATCH {
            let Some(user) = self.presence_queue.dirty.lock().pop_front() else { break };
            let mut state = user.lock();
            let presence = &mut state.presence;
            presence.dirty = false;
            let (appearance, tell_self) = (presence.shown, mem::take(&mut presence.tell_self));
            let asker = presence.asker.take();
            let is_news = match &self.cluster {
                Some(_) => appearance != presence.announced,
                None => appearance.status() != presence.announced.status(),
            };
            if is_news {
                let was_seen = presence.announced.status() != Status::Disconnected;
                drop(state);
                news.push(Announcement { user, appearance, tell_self, asker, was_seen });
                continue;
            }
            // The user changed back, or nobody sees the change.
            presence.announced = appearance;
            if let Some(asker) = asker {
                self.answer(&user, &state, &asker);
            }
            drop(state);
            self.retire(&user);
        }
        (!news.is_empty()).then_some(news)
    }

    async fn announce(&self, news: &[Announcement]) -> Result<()> {
        let users: Vec<UserId> = news.iter().map(|one| one.user.id).collect();
        let contacts = self.store.read(move |tx| {
            let ids = |user: &UserId| Ok(tx.contacts(*user)?.into_iter().map(|(id, _)| id).collect());
            users.iter().map(ids).collect::<Result<Vec<Vec<UserId>>>>()
        });
        for (one, contacts) in news.iter().zip(contacts.await?) {
            let mut state = one.user.lock();
            state.presence.announced = one.appearance;
            let author = state.name.clone();
            let is_announced = if let Some(cluster) = &self.cluster {
                cluster.share(self, &author, contacts, one)
            } else {
                self.publish_status(author, one.appearance.status(), one.recipients(contacts), one);
                true
            };
            if let (false, Some(asker)) = (is_announced, &one.asker) {
                self.answer(&one.user, &state, asker);
            }
            drop(state);
            self.retire(&one.user);
        }
        let left = news.iter().filter(|one| one.was_seen && !one.is_seen());
        let left: Vec<_> = left.map(Announcement::user).collect();
        if !left.is_empty() {
            // Not awaited, so that announcements do not wait for the store's writer.
            let (store, now) = (self.store.clone(), self.clock.now());
            tokio::spawn(async move { note_last_seen(&*store, left, now).await });
        }
        Ok(())
    }

    /// Stores that those of the users who are still connected were seen. The departure of the others has its
    /// own write.
    async fn note_arrivals(&self, users: &[UserId]) {
        for users in users.chunks(SEEN_PER_JOB) {
            let is_seen = |user: &Arc<User>| user.lock().presence.shown.status() != Status::Disconnected;
            let is_here = |id: &UserId| self.users.get(id).is_some_and(|user| is_seen(&user));
            let here: Vec<_> = users.iter().copied().filter(is_here).collect();
            if !here.is_empty() {
                note_last_seen(&*self.store, here, self.clock.now()).await;
            }
        }
    }

    /// The users whom others see because of their sockets on this node.
    pub(crate) fn seen_users(&self) -> Vec<UserId> {
        let mut seen = Vec::new();
        self.users.each(|user| {
            if user.lock().presence.shown.status() != Status::Disconnected {
                seen.push(user.id);
            }
        });
        seen
    }

    /// Publishes a user's status to these users. All presence changes are delivered this way, whether caused
    /// on this node, by another node, or by the end of one.
    pub(crate) fn publish_status<'a>(
        &self,
        author: Name,
        status: Status,
        recipients: Vec<UserId>,
        announcement: impl Into<Option<&'a Announcement>>,
    ) {
        if recipients.is_empty() {
            return;
        }
        let asker = announcement.into().and_then(|announcement| announcement.asker.as_deref());
        let kind = Kind::StatusUpdate { author, status };
        self.bus.publish_ephemeral(vec![Event::to_users(kind, recipients).from(asker)]);
    }

    /// Sends a user's status to some of its own sockets, when nothing has changed for others.
    pub(crate) fn send_status(
        &self,
        user: &User,
        state: &UserState,
        reference: Option<&str>,
        is_meant: impl Fn(&SocketEntry) -> bool,
    ) {
        let mut sockets = state.sockets.iter().filter(|entry| is_meant(entry)).peekable();
        if sockets.peek().is_none() {
            return;
        }
        let status = self.seen_as(user.id, state.presence.shown);
        let kind = Kind::StatusUpdate { author: state.name.clone(), status };
        let frame = self.encode.event(&Event::to_users(kind, Vec::new()), reference);
        sockets.for_each(|entry| self.push(&entry.socket, frame.clone()));
    }

    /// Returns announcements to the queue after a failure.
    fn put_back(&self, news: Vec<Announcement>) {
        for Announcement { user, tell_self, asker, .. } in news {
            let mut state = user.lock();
            state.presence.tell_self |= tell_self;
            match asker {
                Some(asker) if state.presence.asker.is_some() => self.answer(&user, &state, &asker),
                Some(asker) => state.presence.asker = Some(asker),
                None => {}
            }
            self.presence_queue.mark_dirty(&user, &mut state.presence);
        }
    }

    /// Sends the user's status to the socket that sent the request.
    fn answer(&self, user: &User, state: &UserState, origin: &Origin) {
        let is_asker = |entry: &SocketEntry| entry.socket.id() == origin.socket;
        self.send_status(user, state, origin.reference.as_deref(), is_asker);
    }

    /// Removes a user's entry if it has no sockets and nothing remains to be announced.
    fn retire(&self, user: &Arc<User>) {
        let mut state = user.lock();
        let presence = &state.presence;
        let untold = presence.dirty || presence.leaving || presence.announced != Appearance::Absent;
        if untold || !state.sockets.is_empty() || state.gone {
            return;
        }
        state.gone = true;
        let groups = mem::take(&mut state.groups);
        drop(state);
        self.remove_user_entry(user);
        for group in groups {
            let mut members = group.lock();
            members.remove(user);
            self.close_if_empty(&group, &mut members);
        }
    }
}

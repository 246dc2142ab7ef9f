//! Presence: the status of each user over all of its sockets, and its announcement.
//!
//! A change is recorded under the user's lock, and the user is added to a queue, at most once. One task
//! takes users from it, reads their contacts from the store, many users at a time, and announces the
//! changes since the last announcement. Many changes of one user cost one read at a time, and none is
//! lost, however slow the store is.

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

/// Users whose contacts are read in one job of the store.
const BATCH: usize = 64;
/// How long a store that failed is left alone.
const RETRY: Duration = Duration::from_secs(1);
/// Users in one job that stores when they were seen, so that no job is long.
const SEEN_AT_ONCE: usize = 100;
/// How long the task sleeps when nobody is leaving.
const IDLE: Duration = Duration::from_secs(3600);

/// Users with changes. Each is in either queue at most once, so that both are bounded by the number of
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

/// Users who have come, of whom the store is told together: a node that ends by force notes no departure, and forgets
/// only these. Each is there once, so that they are bounded by the number of users who come in that time.
#[derive(Default)]
struct Arrivals {
    users: HashSet<UserId>,
    /// When they are stored; none without any.
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

    /// Those that are to be stored now.
    fn take(&mut self, now: Instant) -> Vec<UserId> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        mem::take(self).users.into_iter().collect()
    }
}

/// The presence task: runs until the hub is gone.
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
            cluster.tell_late(&hub).await;
        }
        let now = Instant::now();
        while let Some(user) = waiting.pop_left(now) {
            hub.grace_ended(&user, now);
        }
        while let Some(news) = hub.collect() {
            if let Err(error) = hub.announce(&news).await {
                tracing::warn!(%error, users = news.len(), "presence waits for the store");
                hub.put_back(news);
                sleep(RETRY).await;
            } else {
                arrivals.add(&news, hub.options.arrivals_every);
            }
        }
        let arrived = arrivals.take(Instant::now());
        if !arrived.is_empty() {
            // Nobody's presence waits for the writer.
            tokio::spawn(async move { hub.note_arrivals(&arrived).await });
        }
    }
}

/// One user's change, as it is about to be announced.
pub(crate) struct Announcement {
    user: Arc<User>,
    pub(crate) appearance: Appearance,
    pub(crate) tell_self: bool,
    pub(crate) asker: Option<Box<Origin>>,
    /// Whether others saw the user until this change.
    was_seen: bool,
}

impl Announcement {
    pub(crate) fn user(&self) -> UserId {
        self.user.id
    }

    /// Whether others see the user from this change on.
    fn is_seen(&self) -> bool {
        self.appearance.status() != Status::Disconnected
    }

    /// The contacts, and the user itself if its own sockets receive the announcement.
    pub(crate) fn recipients(&self, mut contacts: Vec<UserId>) -> Vec<UserId> {
        contacts.extend(self.tell_self.then_some(self.user.id));
        contacts
    }
}

/// Stores when these users were last seen. Without it they seem to have been away for longer.
pub(crate) async fn note_last_seen(store: &dyn Store, users: Vec<UserId>, now: Date) {
    let noted = store.write(move |tx, _| tx.last_seen_set(&users, now)).await;
    if let Err(error) = noted {
        tracing::debug!(%error, "the time at which users were last seen is not stored");
    }
}

impl Hub {
    /// Sets this socket's status, and returns the user's status after it. Contacts and the user's own
    /// sockets receive a change. With an `origin`, its socket receives a status update in any case.
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

    /// Computes the status of a user with live sockets. Returns whether it has changed; then it is
    /// announced to its contacts, and with `tell_self` to all of its own sockets.
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

    /// A user has no live socket any more: its grace starts. The end of a user who appeared offline is
    /// visible to nobody, and its next socket is online.
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
            state.presence.leaving = false; // It has come back.
            return;
        };
        let end = left_at + self.options.presence_grace;
        if end > now {
            return self.presence_queue.leave_at(end, user); // It came back, and has left again.
        }
        state.presence.leaving = false;
        state.presence.shown = Appearance::Absent;
        self.presence_queue.mark_dirty(user, &mut state.presence);
    }

    /// Takes users whose changes are to be announced; none when the queue is empty.
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
            // It changed and changed back, or nobody sees the change: there is nothing to announce.
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
            // Nobody's presence waits for the writer.
            let (store, now) = (self.store.clone(), self.clock.now());
            tokio::spawn(async move { note_last_seen(&*store, left, now).await });
        }
        Ok(())
    }

    /// Stores that those of these users who are still here were seen. The departure of the others is stored already.
    async fn note_arrivals(&self, users: &[UserId]) {
        for users in users.chunks(SEEN_AT_ONCE) {
            let is_seen = |user: &Arc<User>| user.lock().presence.shown.status() != Status::Disconnected;
            let is_here = |id: &UserId| self.users.get(id).is_some_and(|user| is_seen(&user));
            let here: Vec<_> = users.iter().copied().filter(is_here).collect();
            if !here.is_empty() {
                note_last_seen(&*self.store, here, self.clock.now()).await;
            }
        }
    }

    /// The users whom others see, by their sockets here.
    pub(crate) fn seen_users(&self) -> Vec<UserId> {
        let mut seen = Vec::new();
        self.users.each(|user| {
            if user.lock().presence.shown.status() != Status::Disconnected {
                seen.push(user.id);
            }
        });
        seen
    }

    /// Publishes the status of a user to these users. Every change of presence is delivered this way,
    /// whether it happened here, on another node, or by the end of one.
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

    /// Sends a user's status to some of its own sockets, where nothing has changed for anybody else.
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

    /// Sends the user's status to the socket that asked.
    fn answer(&self, user: &User, state: &UserState, origin: &Origin) {
        let is_asker = |entry: &SocketEntry| entry.socket.id() == origin.socket;
        self.send_status(user, state, origin.reference.as_deref(), is_asker);
    }

    /// Removes a user's entry if it has no sockets and nothing is left to announce.
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

//! One socket: its queue, its owner, and the time since the peer's last frame.

use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use bytes::Bytes;
use chinwag_core::token::TokenHash;
use chinwag_core::{Date, GroupId, Name, Seq, SocketId, UserId};
use parking_lot::Mutex;

use crate::connect::Identity;
use crate::queue::{PushOutcome, QueueBounds, SocketQueue, Wake};
use crate::replication::cursor::Cursor;
use crate::replication::snapshot::{EventTag, SnapshotHeads};
use crate::user::User;

/// Why a socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Close {
    /// The process is draining. Queued frames are sent first.
    Restarting,
    /// The credential was revoked or has expired, or the user was deleted.
    CredentialEnded,
    /// The user is suspended.
    Suspended,
    /// The client reads too slowly: its queue has exceeded a limit.
    TooSlow,
    /// Events are missing that cannot be delivered completely and in order. The client must reconnect and
    /// resume.
    ResyncRequired,
    /// The peer was silent for too long.
    TimedOut,
    /// The client exceeded its request limit.
    TooMuch,
    /// A fault of the server: an event could not be delivered.
    Fault,
}

impl Close {
    /// Whether queued frames are still written.
    pub fn is_graceful(self) -> bool {
        self == Self::Restarting
    }
}

/// The result of [`Socket::take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeOutcome {
    /// At least one frame to write. More may follow.
    Frames,
    /// Like `Frames`, but the first one is the remainder of a partly written frame.
    Rest,
    /// Nothing at the moment.
    Empty,
    /// Nothing more will follow. Close the connection.
    Close(Close),
}

/// A socket's output. Frames that it accepts immediately do not wake the socket's task.
pub trait Sink: Send + Sync + 'static {
    /// Writes as much as possible without waiting, in order, and returns the number of bytes. Returns 0 if
    /// the peer has closed the connection, which the socket's task then notices itself.
    fn write(&self, frames: &[IoSlice<'_>]) -> usize;
}

/// A connected socket. Its own task waits, takes and writes; anyone may queue frames.
pub struct Socket {
    id: SocketId,
    user: Arc<User>,
    pub(crate) token: Option<TokenHash>,
    pub(crate) expires: Option<Date>,
    /// For a bot's key, the groups whose events the socket receives. None for a socket that receives all of
    /// its user's events.
    scope: Option<Box<[GroupId]>>,
    /// Seconds since the peer's last frame, counted by the timer.
    unheard: AtomicU32,
    queue: Mutex<SocketQueue>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("id", &self.id).field("user", &self.user.id).finish_non_exhaustive()
    }
}

impl Socket {
    pub(crate) fn new(id: SocketId, user: Arc<User>, identity: &Identity) -> Self {
        let queue = Mutex::new(SocketQueue::new(user.budget.clone()));
        let Identity { token, expires, ref scope, .. } = *identity;
        let scope = scope.as_ref().map(|groups| groups.clone().into_boxed_slice());
        Self { id, user, token, expires, scope, unheard: AtomicU32::new(0), queue }
    }

    /// Whether the socket receives only the events of some groups.
    pub(crate) fn is_scoped(&self) -> bool {
        self.scope.is_some()
    }

    /// Whether the socket receives events of this group, or with `None`, events that belong to no group.
    pub(crate) fn admits(&self, group: Option<GroupId>) -> bool {
        self.scope.as_ref().is_none_or(|scope| group.is_some_and(|group| scope.contains(&group)))
    }

    pub fn id(&self) -> SocketId {
        self.id
    }

    pub fn user(&self) -> UserId {
        self.user.id
    }

    /// The user's current name.
    pub fn name(&self) -> Name {
        self.user.lock().name.clone()
    }

    /// Must be called for every frame from the peer, including pongs.
    pub fn mark_alive(&self) {
        self.unheard.store(0, Ordering::Relaxed);
    }

    /// Waits until there is something to [take](Self::take). Cancel safe. Only one task at a time may wait
    /// for a socket, here or in [`cut`](Self::cut).
    pub async fn wait(&self) {
        std::future::poll_fn(|context| {
            let mut queue = self.queue.lock();
            if queue.is_ready() {
                return Poll::Ready(());
            }
            queue.sleep(context.waker(), false);
            Poll::Pending
        })
        .await;
    }

    /// Waits until the socket must be closed immediately, regardless of what is being written. For use while
    /// a write makes no progress. Cancel safe.
    pub async fn cut(&self) {
        std::future::poll_fn(|context| {
            let mut queue = self.queue.lock();
            if queue.is_cut() {
                return Poll::Ready(());
            }
            queue.sleep(context.waker(), true);
            Poll::Pending
        })
        .await;
    }

    /// Allows others to write to `sink` on behalf of the socket's task while that task [waits](Self::wait).
    /// From the task's next [`take`](Self::take) until it waits again, only the task writes.
    pub fn attach(&self, sink: Arc<dyn Sink>) {
        self.queue.lock().set_sink(Some(sink));
    }

    /// Ends the writes to the sink.
    pub fn detach(&self) {
        self.queue.lock().set_sink(None);
    }

    /// Appends queued frames to `into`, in order, up to 64 frames or about 256 KiB at a time. A graceful
    /// close returns the frames that were queued before it first. Any other close drops them, except the
    /// remainder of a partly written frame.
    pub fn take(&self, into: &mut Vec<Bytes>) -> TakeOutcome {
        self.queue.lock().take(into)
    }

    pub(crate) fn owner(&self) -> &Arc<User> {
        &self.user
    }

    /// Queues the frame of an event. If the socket must be [flushed](Self::flush), adds it to `due`.
    pub(crate) fn push(
        self: &Arc<Self>,
        frame: Bytes,
        tag: EventTag,
        bounds: QueueBounds,
        due: &mut Vec<Arc<Self>>,
    ) -> PushOutcome {
        if self.admits(tag.group) { self.push_own(frame, tag, bounds, due) } else { PushOutcome::Skipped }
    }

    /// Queues a frame for this socket alone, such as an answer.
    pub(crate) fn push_own(
        self: &Arc<Self>,
        frame: Bytes,
        tag: EventTag,
        bounds: QueueBounds,
        due: &mut Vec<Arc<Self>>,
    ) -> PushOutcome {
        let (pushed, wake) = self.queue.lock().push(frame, tag, bounds);
        self.pushed(pushed, wake, due)
    }

    /// Queues a batch of a group's entries as one piece, given with their count. Returns `None` and queues
    /// nothing if they must be queued one by one.
    pub(crate) fn push_batch(
        self: &Arc<Self>,
        run: (&Bytes, usize),
        group: GroupId,
        bounds: QueueBounds,
        due: &mut Vec<Arc<Self>>,
    ) -> Option<PushOutcome> {
        if !self.admits(Some(group)) {
            return Some(PushOutcome::Skipped);
        }
        let (pushed, wake) = self.queue.lock().push_batch(run, group, bounds)?;
        Some(self.pushed(pushed, wake, due))
    }

    fn pushed(self: &Arc<Self>, pushed: PushOutcome, wake: Wake, due: &mut Vec<Arc<Self>>) -> PushOutcome {
        match wake {
            Wake::Nobody => {}
            Wake::Task(waker) => waker.wake(),
            Wake::Flush => due.push(self.clone()),
        }
        if pushed == PushOutcome::Crowded {
            // The flush enforces the limits later, while no lock is held.
            due.push(self.clone());
        }
        if pushed == PushOutcome::Overflow {
            tracing::info!(socket = self.id.0, user = self.user.id.0, "a socket reads too slowly");
        }
        pushed
    }

    /// Writes queued frames, or wakes the socket's task to do so.
    pub(crate) fn flush(&self) {
        let waker = self.queue.lock().flush();
        if let Some(waker) = waker {
            waker.wake();
        }
        self.user.relieve();
    }

    pub(crate) fn close(&self, close: Close) {
        let mut queue = self.queue.lock();
        if close == Close::ResyncRequired && !queue.is_cut() {
            self.user.budget.total().count_resync();
        }
        let waker = queue.close(close);
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// See [`SocketQueue::go_live`]. Then calls `cursors` for the initial cursors, with the groups that held
    /// events joined and the groups of the snapshot. Returns the latter with their heads, or `None` if the
    /// socket does not go live.
    pub(crate) fn go_live(
        &self,
        first: Vec<Bytes>,
        snapshot: &SnapshotHeads<'_>,
        cursors: impl FnOnce(&[(GroupId, Seq)], &SnapshotHeads<'_>) -> Vec<(GroupId, Cursor)>,
    ) -> Option<Vec<(GroupId, Seq)>> {
        let mut queue = self.queue.lock();
        if queue.lacks() || queue.lacks_between(snapshot) {
            // The snapshot was read too early.
            drop(queue);
            self.close(Close::ResyncRequired);
            return None;
        }
        if queue.is_closing() {
            return None;
        }
        let (joined, pages) = queue.go_live(first, snapshot)?;
        let shown = pages.as_ref().map_or(snapshot.heads, |pages| pages.snapshot().heads);
        for (group, cursor) in cursors(&joined, &SnapshotHeads { heads: shown }) {
            queue.set_cursor(group, cursor);
        }
        let waker = queue.wake_if_ready();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        Some(shown.to_vec())
    }

    /// See [`SocketQueue::begin_pages`]. Closes a socket whose held events had to be dropped.
    pub(crate) fn begin_pages(&self, heads: Vec<(GroupId, Seq)>, later: &[GroupId]) {
        let begun = self.queue.lock().begin_pages(heads, later);
        if !begun {
            self.close(Close::ResyncRequired);
        }
    }

    /// See [`SocketQueue::begin_page`].
    pub(crate) fn begin_page(&self, groups: &[GroupId]) {
        self.queue.lock().begin_page(groups);
    }

    /// See [`SocketQueue::end_page`].
    pub(crate) fn end_page(&self, heads: &[(GroupId, Seq)]) {
        self.queue.lock().end_page(heads);
    }

    /// See [`SocketQueue::show`].
    pub(crate) fn show(self: &Arc<Self>, frames: Vec<Bytes>, due: &mut Vec<Arc<Self>>) -> PushOutcome {
        let (pushed, wake) = self.queue.lock().show(frames);
        self.pushed(pushed, wake, due)
    }

    /// See [`SocketQueue::ping`].
    pub(crate) fn ping(
        self: &Arc<Self>,
        ping: Bytes,
        bounds: QueueBounds,
        due: &mut Vec<Arc<Self>>,
    ) -> PushOutcome {
        let (pushed, wake) = self.queue.lock().ping(ping, bounds);
        self.pushed(pushed, wake, due)
    }

    /// Waits until all frames of [`send_first`](crate::Hub::send_first) are written, or never will be.
    /// Returns whether the socket stays open. Cancel safe. Only one task at a time may wait.
    pub async fn drained(&self) -> bool {
        std::future::poll_fn(|context| {
            let mut queue = self.queue.lock();
            if queue.is_drained(context.waker()) { Poll::Ready(!queue.is_closing()) } else { Poll::Pending }
        })
        .await
    }

    /// The bytes that count towards the user's limit, or 0 if the socket is being closed.
    pub(crate) fn counted(&self) -> usize {
        let queue = self.queue.lock();
        if queue.is_closing() { 0 } else { queue.counted() }
    }

    /// See [`SocketQueue::drop_shown`].
    pub(crate) fn drop_shown(&self, pending: &[(GroupId, Seq)]) {
        self.queue.lock().drop_shown(pending);
    }

    /// See [`SocketQueue::start_over`].
    pub(crate) fn start_over(&self) {
        self.queue.lock().start_over();
    }

    /// See [`SocketQueue::lacks`].
    pub(crate) fn lacks(&self) -> bool {
        self.queue.lock().lacks()
    }

    /// See [`SocketQueue::pause`].
    pub(crate) fn pause(&self) -> bool {
        self.queue.lock().pause()
    }

    /// See [`SocketQueue::resume`]. Closes a socket whose held events do not continue the answer.
    pub(crate) fn resume(&self, missed: Vec<Bytes>, snapshot: &SnapshotHeads<'_>, ahead: &[(GroupId, Seq)]) {
        let mut queue = self.queue.lock();
        if queue.lacks_between(snapshot) {
            drop(queue);
            return self.close(Close::ResyncRequired);
        }
        let waker = queue.resume(missed, snapshot, ahead);
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn set_cursor(&self, group: GroupId, cursor: Cursor) {
        self.queue.lock().set_cursor(group, cursor);
    }

    pub(crate) fn cursor(&self, group: GroupId) -> Option<Cursor> {
        self.queue.lock().cursor(group)
    }

    pub(crate) fn waiting(&self) -> (usize, usize) {
        self.queue.lock().waiting()
    }

    /// Counts one more second, and returns the seconds since the peer's last frame.
    pub(crate) fn age(&self) -> u32 {
        self.unheard.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Total;

    #[test]
    fn an_idle_socket_and_its_user_are_small() {
        // In addition, each membership takes 8 bytes in the user and 8 in the group.
        let (socket, user) = (size_of::<Socket>(), size_of::<User>());
        assert!(socket <= 384 && user <= 232, "{socket} and {user} bytes");
    }

    #[test]
    fn a_returning_member_gets_what_follows_its_missed_events() {
        let total = Total::new(usize::MAX, usize::MAX);
        let user = Arc::new(User::new(UserId(1), Name::parse("ann").expect("a name"), total));
        let name = Name::parse("ann").expect("a name");
        let identity = Identity { user: UserId(1), name, token: None, expires: None, scope: None };
        let socket = Arc::new(Socket::new(SocketId(1), user, &identity));
        let (group, bounds) = (GroupId(uuid::Uuid::nil()), QueueBounds { frames: 9, bytes: 99 });
        let push = |seq, tag| {
            let tag = EventTag { group: Some(group), seq: Some(Seq(seq)), ..tag };
            socket.push(Bytes::from_static(b"x"), tag, bounds, &mut Vec::new())
        };
        assert!(socket.go_live(Vec::new(), &SnapshotHeads { heads: &[] }, |_, _| Vec::new()).is_some());
        socket.pause();
        assert_eq!(
            push(4, EventTag { quits: true, upto: Some(Seq(6)), ..EventTag::default() }),
            PushOutcome::Queued
        );
        assert_eq!(push(5, EventTag { joins: true, ..EventTag::default() }), PushOutcome::Skipped);
        socket.resume(Vec::new(), &SnapshotHeads { heads: &[(group, Seq(7))] }, &[(group, Seq(7))]);
        assert_eq!(push(7, EventTag { joins: true, ..EventTag::default() }), PushOutcome::Skipped);
        assert_eq!(push(8, EventTag::default()), PushOutcome::Queued);
    }
}

//! One socket: its queue, its name, and the time of its last sign of life.

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

/// Why a socket is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Close {
    /// The process drains. Queued frames go out first.
    Restarting,
    /// The credential was revoked or has expired, or the user is no more.
    CredentialEnded,
    /// The user is suspended.
    Suspended,
    /// The client reads too slowly: more frames wait than the queue's bound allows.
    TooSlow,
    /// The missing events cannot be delivered completely and in order. The client reconnects and
    /// resumes.
    ResyncRequired,
    /// The peer was silent for too long.
    TimedOut,
    /// It asked for more than one client may.
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
    /// Frames to write, at least one; there may be more.
    Frames,
    /// The same, and the first is the rest of a frame that was written in part.
    Rest,
    /// Nothing for now.
    Empty,
    /// Nothing more, ever: close.
    Close(Close),
}

/// A socket's output. Frames that it accepts at once do not wake the socket's task.
pub trait Sink: Send + Sync + 'static {
    /// Writes as much as is possible without waiting, in order, and returns the number of bytes: 0 if
    /// the other end is closed, which the socket's task finds.
    fn write(&self, frames: &[IoSlice<'_>]) -> usize;
}

/// One connected socket. Its own task waits, takes and writes; anybody may queue.
pub struct Socket {
    id: SocketId,
    user: Arc<User>,
    pub(crate) token: Option<TokenHash>,
    pub(crate) expires: Option<Date>,
    /// The groups whose events it receives, of a key of a bot; otherwise all of its user's.
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

    /// Whether it receives the events of some groups alone.
    pub(crate) fn is_scoped(&self) -> bool {
        self.scope.is_some()
    }

    /// Whether it receives events of this group, or without one those of no group.
    pub(crate) fn admits(&self, group: Option<GroupId>) -> bool {
        self.scope.as_ref().is_none_or(|scope| group.is_some_and(|group| scope.contains(&group)))
    }

    pub fn id(&self) -> SocketId {
        self.id
    }

    pub fn user(&self) -> UserId {
        self.user.id
    }

    /// The user's name now.
    pub fn name(&self) -> Name {
        self.user.lock().name.clone()
    }

    /// To be called for any frame from the peer, pongs too.
    pub fn mark_alive(&self) {
        self.unheard.store(0, Ordering::Relaxed);
    }

    /// Waits until there is something to [take](Self::take). Cancel safe. One task may wait for
    /// a socket at a time, here or in [`cut`](Self::cut).
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

    /// Waits until the socket is to be closed at once, whatever is being written: for the time
    /// in which a write makes no progress. Cancel safe.
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

    /// Allows writes to `sink` in the place of the socket's task, as long as that [waits](Self::wait).
    /// From the task's next [`take`](Self::take) on, until it waits again, it alone writes.
    pub fn attach(&self, sink: Arc<dyn Sink>) {
        self.queue.lock().set_sink(Some(sink));
    }

    /// Ends the writes to the sink.
    pub fn detach(&self) {
        self.queue.lock().set_sink(None);
    }

    /// Appends queued frames to `into`, in order: up to 64 frames or about 256 KiB at a time. Frames
    /// that were queued before a graceful close are returned before the close; any other close has
    /// dropped them, except the rest of a frame that was begun.
    pub fn take(&self, into: &mut Vec<Bytes>) -> TakeOutcome {
        self.queue.lock().take(into)
    }

    pub(crate) fn owner(&self) -> &Arc<User> {
        &self.user
    }

    /// Queues the frame of an event. Sockets that are [due](Self::flush) then are added to `due`.
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

    /// Queues a batch of a group's entries as one piece, with their number. None, and nothing is
    /// queued, if they must be queued one by one.
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
            // The flush looks at it while no lock is held.
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

    /// See [`SocketQueue::go_live`]; then `cursors` returns the first cursors, given the groups that
    /// held events joined and the groups of the snapshot. Returns the latter with their heads; none if
    /// the socket does not go live.
    pub(crate) fn go_live(
        &self,
        first: Vec<Bytes>,
        snapshot: &SnapshotHeads<'_>,
        cursors: impl FnOnce(&[(GroupId, Seq)], &SnapshotHeads<'_>) -> Vec<(GroupId, Cursor)>,
    ) -> Option<Vec<(GroupId, Seq)>> {
        let mut queue = self.queue.lock();
        if queue.lacks() || queue.lacks_between(snapshot) {
            // Its snapshot was read too early.
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

    /// See [`SocketQueue::begin_pages`]. A socket whose held events had to be dropped is closed.
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

    /// Waits until all frames of [`send_first`](crate::Hub::send_first) were written, or never will be.
    /// Whether the socket continues. Cancel safe. One task may wait.
    pub async fn drained(&self) -> bool {
        std::future::poll_fn(|context| {
            let mut queue = self.queue.lock();
            if queue.is_drained(context.waker()) { Poll::Ready(!queue.is_closing()) } else { Poll::Pending }
        })
        .await
    }

    /// Bytes that count for its user; none once it is to be closed.
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

    /// See [`SocketQueue::resume`]. A socket whose held events do not continue the answer is closed.
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
        // Beside this there are 8 bytes for each group at the user and 8 at the group.
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

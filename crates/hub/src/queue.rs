//! A socket's queue, which ensures that no numbered event reaches the socket twice.

mod out;
mod pages;

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use chinwag_core::{GroupId, Seq};

use self::pages::Pages;
use crate::budget::{Budget, Share};
use crate::replication::cursor::{Cursor, Cursors};
use crate::replication::snapshot::{
    EventTag, GroupNumbers, SnapshotHeads, is_after, is_shown, lacks_between, release,
};
use crate::socket::{Close, Sink};

/// Limits on what one socket's queue may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueBounds {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

/// The outcome of queueing one frame or one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushOutcome {
    Queued,
    /// Queued, but the user's limit or the process's limit on queued bytes is now exceeded.
    Crowded,
    /// The socket already has the frame from its snapshot, or is being closed.
    Skipped,
    /// The queue was full. The socket is closed as too slow, and its frames are dropped.
    Overflow,
}

/// The task that the caller must wake after queueing a frame.
#[derive(Debug)]
pub(crate) enum Wake {
    /// Nobody: the frame is held, or a writer will find it.
    Nobody,
    /// The socket's task.
    Task(Waker),
    /// Nobody: the caller [flushes](SocketQueue::flush) the queue on behalf of the task.
    Flush,
}

/// A socket's queue. An idle queue has no buffer: the first frame is stored inline, and the buffer of a burst
/// is freed with its last frame.
pub(crate) struct SocketQueue {
    phase: Phase,
    next: Option<Piece>,
    rest: VecDeque<Piece>,
    /// Frames in `next` and `rest`.
    frames: usize,
    bytes: usize,
    /// Further bytes: pages, and frames that were taken but may not be written yet.
    beside: usize,
    /// The part of `beside` for taken frames.
    taken: usize,
    share: Share,
    cursors: Cursors,
    close: Option<Close>,
    sleeper: Sleeper,
    /// The task that waits until all pages are written.
    reader: Option<Waker>,
    /// The sink for writes on behalf of the waiting task.
    sink: Option<Arc<dyn Sink>>,
    /// Whether a flush is due.
    due: bool,
    /// Whether `next` is the remainder of a partly written frame.
    begun: bool,
    /// See [`lacks`](Self::lacks).
    lacks: bool,
}

/// One frame, or several consecutive frames, in one piece of memory.
#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    frames: usize,
}

#[derive(Debug)]
enum Phase {
    /// Not live yet. Everything except pages is held.
    Held {
        held: Vec<HeldFrame>,
        pages: Option<Box<Pages>>,
    },
    /// Live. The remaining snapshot frames go first; they do not count towards the limits.
    First(VecDeque<Bytes>),
    Live,
    /// Events are held until the missed ones are read. Earlier frames are still sent.
    Paused {
        first: VecDeque<Bytes>,
        held: Vec<HeldFrame>,
        /// The number of overlapping pauses.
        pauses: u32,
    },
}

#[derive(Debug)]
struct HeldFrame {
    frame: Bytes,
    tag: EventTag,
}

/// The waiting task, and what it waits for.
#[derive(Debug)]
enum Sleeper {
    None,
    /// Waits for anything.
    Any(Waker),
    /// Waits for a close that drops the queue.
    Cut(Waker),
}

impl SocketQueue {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            phase: Phase::Held { held: Vec::new(), pages: None },
            next: None,
            rest: VecDeque::new(),
            frames: 0,
            bytes: 0,
            beside: 0,
            taken: 0,
            share: Share::new(budget),
            cursors: Cursors::default(),
            close: None,
            sleeper: Sleeper::None,
            reader: None,
            sink: None,
            due: false,
            begun: false,
            lacks: false,
        }
    }

    /// Queues a frame, or holds it until the socket is live. The caller wakes the task after releasing the
    /// queue's lock.
    pub(crate) fn push(&mut self, frame: Bytes, tag: EventTag, bounds: QueueBounds) -> (PushOutcome, Wake) {
        if self.close.is_some() || self.cursors.cover(tag) || self.pages().is_some_and(|it| it.cover(tag)) {
            return (PushOutcome::Skipped, Wake::Nobody);
        }
        if self.is_full(&frame, bounds) {
            self.forget();
        }
        if self.is_full(&frame, bounds) {
            return (PushOutcome::Overflow, self.close(Close::TooSlow).map_or(Wake::Nobody, Wake::Task));
        }
        self.bytes += frame.len();
        let pushed = self.count();
        if !matches!(self.phase, Phase::Held { .. }) {
            self.cursors.raise(tag);
        }
        if let Phase::Held { held, .. } | Phase::Paused { held, .. } = &mut self.phase {
            held.push(HeldFrame { frame, tag });
            return (pushed, Wake::Nobody);
        }
        self.append(frame, 1);
        (pushed, self.wake())
    }

    /// Queues a batch of one group as one piece. Returns `None` and queues nothing if the socket holds
    /// events, or may have some of the entries from its snapshot.
    pub(crate) fn push_batch(
        &mut self,
        (all, frames): (&Bytes, usize),
        group: GroupId,
        bounds: QueueBounds,
    ) -> Option<(PushOutcome, Wake)> {
        if self.close.is_some() {
            return Some((PushOutcome::Skipped, Wake::Nobody));
        }
        let apart = self.cursors.get(group).is_some()
            || matches!(self.phase, Phase::Held { .. } | Phase::Paused { .. })
            || self.frames + frames > bounds.frames
            || self.bytes + all.len() > bounds.bytes;
        if apart {
            return None;
        }
        self.bytes += all.len();
        let pushed = self.count();
        self.append(all.clone(), frames);
        Some((pushed, self.wake()))
    }

    fn wake(&mut self) -> Wake {
        match self.sleeper {
            Sleeper::Any(_) if self.due => Wake::Nobody,
            Sleeper::Any(_) if self.sink.is_some() => {
                self.due = true;
                Wake::Flush
            }
            _ => self.wake_any().map_or(Wake::Nobody, Wake::Task),
        }
    }

    /// Sets or removes the sink for writes on behalf of the waiting task.
    pub(crate) fn set_sink(&mut self, sink: Option<Arc<dyn Sink>>) {
        self.sink = sink;
    }

    /// Drops the held numbered events, unless pages have begun. The snapshot must be read after this, so that
    /// it contains them.
    fn forget(&mut self) {
        if let Phase::Held { held, pages: None } = &mut self.phase {
            held.retain(|held| held.tag.seq.is_none());
            self.bytes = held.iter().map(|held| held.frame.len()).sum();
            self.lacks = true;
        }
    }

    /// Drops the held events of groups that the snapshot shows as pending, up to these numbers.
    pub(crate) fn drop_shown(&mut self, pending: &[(GroupId, Seq)]) {
        if let Phase::Held { held, .. } = &mut self.phase {
            held.retain(|HeldFrame { tag, .. }| !is_shown(*tag, pending));
            self.bytes = held.iter().map(|held| held.frame.len()).sum();
        }
    }

    /// Starts over: the snapshot is read after this call, and contains all numbered events that are held now.
    pub(crate) fn start_over(&mut self) {
        self.forget();
        self.lacks = false;
    }

    /// Whether held events were dropped since [`start_over`](Self::start_over). A snapshot that was read
    /// before the drop may lack them, so the socket may not go live with it.
    pub(crate) fn lacks(&self) -> bool {
        self.lacks
    }

    /// Whether events are missing between the snapshot, or the pages if there are any, and the held events.
    /// The socket may then neither go live nor resume with it.
    pub(crate) fn lacks_between(&self, snapshot: &SnapshotHeads<'_>) -> bool {
        let snapshot = self.pages().map_or(SnapshotHeads { heads: snapshot.heads }, Pages::snapshot);
        match &self.phase {
            Phase::Held { held, .. } | Phase::Paused { held, .. } => {
                lacks_between(held.iter().map(|held| held.tag), &snapshot)
            }
            Phase::First(_) | Phase::Live => false,
        }
    }

    /// Goes live: sends `first`, then the held events that are not in the snapshot, or in the pages if there
    /// are any. Returns the groups that held events added the user to and did not remove it from, and the
    /// pages. None if the queue was already live.
    pub(crate) fn go_live(
        &mut self,
        first: Vec<Bytes>,
        snapshot: &SnapshotHeads<'_>,
    ) -> Option<(GroupNumbers, Option<Box<Pages>>)> {
        let Phase::Held { held, pages } = &mut self.phase else { return None };
        let (held, mut pages) = (mem::take(held), pages.take());
        let mut before = pages.as_mut().map(|pages| mem::take(&mut pages.first)).unwrap_or_default();
        self.beside = self.taken + before.iter().chain(&first).map(Bytes::len).sum::<usize>();
        before.extend(first);
        self.phase = if before.is_empty() { Phase::Live } else { Phase::First(before) };
        let snapshot =
            pages.as_ref().map_or(SnapshotHeads { heads: snapshot.heads }, |pages| pages.snapshot());
        self.bytes = 0;
        let held = held.into_iter().map(|HeldFrame { frame, tag }| (tag, frame)).collect();
        let mut cursors = mem::take(&mut self.cursors);
        let joined = release(held, &snapshot, &mut cursors, |frame| {
            self.bytes += frame.len();
            self.append(frame, 1);
        });
        self.cursors = cursors;
        self.count();
        Some((joined, pages))
    }

    /// The waker of the waiting task, if there is something to take.
    pub(crate) fn wake_if_ready(&mut self) -> Option<Waker> {
        if self.is_ready() { self.wake_any() } else { None }
    }

    /// Starts to hold events. Returns false and does nothing if the queue is not live. Pauses may overlap;
    /// delivery continues when the last one ends.
    pub(crate) fn pause(&mut self) -> bool {
        let mut first = match mem::replace(&mut self.phase, Phase::Live) {
            Phase::Live => VecDeque::new(),
            Phase::First(first) => first,
            Phase::Paused { first, held, pauses } => {
                self.phase = Phase::Paused { first, held, pauses: pauses + 1 };
                return true;
            }
            held @ Phase::Held { .. } => {
                self.phase = held;
                return false;
            }
        };
        first.extend(self.next.take().map(|piece| piece.bytes));
        first.extend(mem::take(&mut self.rest).into_iter().map(|piece| piece.bytes));
        self.beside += self.bytes;
        (self.frames, self.bytes) = (0, 0);
        self.phase = Phase::Paused { first, held: Vec::new(), pauses: 1 };
        true
    }

    /// Ends a pause: sends `missed`, which contains everything up to the heads of `snapshot`, then the held
    /// events after those. `ahead` lists the groups of the snapshot that this node has not delivered up to
    /// their heads.
    pub(crate) fn resume(
        &mut self,
        missed: Vec<Bytes>,
        snapshot: &SnapshotHeads<'_>,
        ahead: &[(GroupId, Seq)],
    ) -> Option<Waker> {
        let (mut first, mut held, pauses) = match mem::replace(&mut self.phase, Phase::Live) {
            Phase::Paused { first, held, pauses } => (first, held, pauses),
            other => {
                self.phase = other;
                return None;
            }
        };
        self.beside += missed.iter().map(Bytes::len).sum::<usize>();
        first.extend(missed);
        held.retain(|held| is_after(held.tag, snapshot));
        self.cursors.resume(snapshot, ahead, held.iter().map(|held| held.tag));
        self.bytes = held.iter().map(|held| held.frame.len()).sum();
        if pauses > 1 {
            self.phase = Phase::Paused { first, held, pauses: pauses - 1 };
        } else {
            self.phase = if first.is_empty() { Phase::Live } else { Phase::First(first) };
            for HeldFrame { frame, .. } in held {
                self.append(frame, 1);
            }
        }
        self.count();
        self.wake_if_ready()
    }

    /// Skips events at or below `cursor` from now on.
    pub(crate) fn set_cursor(&mut self, group: GroupId, cursor: Cursor) {
        if matches!(self.phase, Phase::Held { .. }) || self.close.is_some() {
            return;
        }
        self.cursors.set(group, cursor);
    }

    /// A group's cursor. Before the queue is live, the position at which held events will show the group.
    pub(crate) fn cursor(&self, group: GroupId) -> Option<Cursor> {
        if let Phase::Held { held, .. } = &self.phase {
            let shown = held.iter().filter(|held| held.tag.joins && held.tag.group == Some(group));
            return shown.filter_map(|held| held.tag.seq).max().map(Cursor::At);
        }
        self.cursors.get(group)
    }

    /// Starts a close. Only a graceful close keeps the queued frames, and only a graceful close can be
    /// replaced by another.
    pub(crate) fn close(&mut self, close: Close) -> Option<Waker> {
        if self.close.is_some_and(|was| !was.is_graceful() || close.is_graceful()) {
            return None;
        }
        self.close = Some(close);
        self.cursors = Cursors::default();
        if matches!(self.phase, Phase::Held { .. } | Phase::Paused { .. }) || !close.is_graceful() {
            // A partly written frame must be completed before the close.
            let begun = if self.begun { self.pop() } else { None };
            self.phase = Phase::Live;
            (self.next, self.rest, self.frames, self.bytes) = (None, VecDeque::new(), 0, 0);
            // Of the taken frames, too, only a partly written one is completed.
            (self.beside, self.taken) = (0, 0);
            if let Some(begun) = begun {
                self.bytes = begun.len();
                self.append(begun, 1);
            }
            self.count();
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        match mem::replace(&mut self.sleeper, Sleeper::None) {
            Sleeper::Cut(waker) if close.is_graceful() => {
                self.sleeper = Sleeper::Cut(waker);
                None
            }
            Sleeper::Any(waker) | Sleeper::Cut(waker) => Some(waker),
            Sleeper::None => None,
        }
    }

    /// Whether the socket is being closed, gracefully or not.
    pub(crate) fn is_closing(&self) -> bool {
        self.close.is_some()
    }

    /// Whether the socket is being closed without writing the queued frames.
    pub(crate) fn is_cut(&self) -> bool {
        self.close.is_some_and(|close| !close.is_graceful())
    }

    /// Whether `take` would return anything other than [`TakeOutcome::Empty`](crate::TakeOutcome::Empty).
    pub(crate) fn is_ready(&self) -> bool {
        let first = match &self.phase {
            Phase::First(first) | Phase::Paused { first, .. } => !first.is_empty(),
            Phase::Held { pages, .. } => pages.as_ref().is_some_and(|pages| !pages.first.is_empty()),
            Phase::Live => false,
        };
        self.close.is_some() || self.next.is_some() || first
    }

    /// Queued frames and bytes, without those of the snapshot.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.len(), self.bytes)
    }

    fn len(&self) -> usize {
        match &self.phase {
            Phase::Held { held, .. } | Phase::Paused { held, .. } => held.len(),
            _ => self.frames,
        }
    }

    fn is_full(&self, frame: &Bytes, bounds: QueueBounds) -> bool {
        let waiting = self.len();
        waiting >= bounds.frames || (waiting > 0 && self.bytes + frame.len() > bounds.bytes)
    }

    /// The pages, if the queue is not live yet.
    fn pages(&self) -> Option<&Pages> {
        match &self.phase {
            Phase::Held { pages, .. } => pages.as_deref(),
            _ => None,
        }
    }

    /// Updates the bytes that count towards the user's limit.
    fn count(&mut self) -> PushOutcome {
        let overhead = self.pages().map_or(0, Pages::overhead);
        if self.share.set(self.bytes + self.beside + overhead) && self.share.is_over() {
            PushOutcome::Crowded
        } else {
            PushOutcome::Queued
        }
    }

    /// The bytes that count towards the user's limit.
    pub(crate) fn counted(&self) -> usize {
        self.share.bytes()
    }

    fn append(&mut self, bytes: Bytes, frames: usize) {
        self.frames += frames;
        let piece = Piece { bytes, frames };
        if self.next.is_none() {
            self.next = Some(piece);
        } else {
            self.rest.push_back(piece);
        }
    }

    fn wake_any(&mut self) -> Option<Waker> {
        match mem::replace(&mut self.sleeper, Sleeper::None) {
            Sleeper::Any(waker) => Some(waker),
            other => {
                self.sleeper = other;
                None
            }
        }
    }
}

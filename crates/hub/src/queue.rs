//! A socket's queue, and the rule by which no numbered event reaches it twice.

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

/// How much may wait for one socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueBounds {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

/// The outcome for one frame, or one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushOutcome {
    Queued,
    /// The same, and more waits now than may for its user, or in all.
    Crowded,
    /// The socket has it from its snapshot, or is being closed.
    Skipped,
    /// The queue was full: the socket is closed as too slow, and its frames are dropped.
    Overflow,
}

/// The task to wake after a frame was queued.
#[derive(Debug)]
pub(crate) enum Wake {
    /// None: the frame is held, or a writer finds it.
    Nobody,
    /// The socket's task.
    Task(Waker),
    /// None: the caller [flushes](SocketQueue::flush) the queue in the task's place.
    Flush,
}

/// A socket's queue. An idle one holds no buffer: the first frame is stored inline, and a burst's
/// buffer is freed with its last frame.
pub(crate) struct SocketQueue {
    phase: Phase,
    next: Option<Piece>,
    rest: VecDeque<Piece>,
    /// Frames in `next` and `rest`.
    frames: usize,
    bytes: usize,
    /// Bytes beside those: pages, and frames that were taken and may not be written yet.
    beside: usize,
    /// Of those, the frames that were taken.
    taken: usize,
    share: Share,
    cursors: Cursors,
    close: Option<Close>,
    sleeper: Sleeper,
    /// The task that waits until all pages were written.
    reader: Option<Waker>,
    /// The output while the task waits.
    sink: Option<Arc<dyn Sink>>,
    /// Whether a flush is due.
    due: bool,
    /// Whether `next` is the rest of a frame that was written in part.
    begun: bool,
    /// See [`lacks`](Self::lacks).
    lacks: bool,
}

/// One frame, or several that follow each other, as one piece of memory.
#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    frames: usize,
}

#[derive(Debug)]
enum Phase {
    /// Not live yet: everything is held, except pages.
    Held {
        held: Vec<HeldFrame>,
        pages: Option<Box<Pages>>,
    },
    /// Live, with the rest of the snapshot's frames, which go first and are not counted.
    First(VecDeque<Bytes>),
    Live,
    /// Events are held until the missed ones were read; earlier frames still go out.
    Paused {
        first: VecDeque<Bytes>,
        held: Vec<HeldFrame>,
        /// Pauses that have not ended.
        pauses: u32,
    },
}

#[derive(Debug)]
struct HeldFrame {
    frame: Bytes,
    tag: EventTag,
}

/// The waiting task, and its condition.
#[derive(Debug)]
enum Sleeper {
    None,
    /// For anything.
    Any(Waker),
    /// For a close that drops the queue.
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

    /// Queues a frame, or holds it until the socket is live. The caller wakes the task after releasing
    /// the queue's lock.
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

    /// The same for a batch of one group, as one piece. None, and nothing was queued, if the socket may
    /// have some of its entries from its snapshot, or holds events.
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

    /// Sets, or takes away, where frames go while the task waits for them.
    pub(crate) fn set_sink(&mut self, sink: Option<Arc<dyn Sink>>) {
        self.sink = sink;
    }

    /// Drops the held numbered events, as long as nothing of the snapshot was sent: the snapshot has to
    /// be read after this, and contains them.
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

    /// The snapshot is read from here on: it contains all events that are held now.
    pub(crate) fn start_over(&mut self) {
        self.forget();
        self.lacks = false;
    }

    /// Whether held events were dropped since the last start: the socket may not go live with a
    /// snapshot that was read since then.
    pub(crate) fn lacks(&self) -> bool {
        self.lacks
    }

    /// Whether the held events do not continue the snapshot, or the pages if there are any: the socket may
    /// neither go live nor resume with it.
    pub(crate) fn lacks_between(&self, snapshot: &SnapshotHeads<'_>) -> bool {
        let snapshot = self.pages().map_or(SnapshotHeads { heads: snapshot.heads }, Pages::snapshot);
        match &self.phase {
            Phase::Held { held, .. } | Phase::Paused { held, .. } => {
                lacks_between(held.iter().map(|held| held.tag), &snapshot)
            }
            Phase::First(_) | Phase::Live => false,
        }
    }

    /// Goes live: `first` goes out first, then the held events that are not in the snapshot, or in the
    /// pages if there are any. Returns the groups that held events have brought the user into and not
    /// out of again, and the pages; none if the queue was live already.
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

    /// The waker, if there is something to take.
    pub(crate) fn wake_if_ready(&mut self) -> Option<Waker> {
        if self.is_ready() { self.wake_any() } else { None }
    }

    /// Holds events from here on. Returns false, and does nothing, if the queue is not live. Pauses may
    /// overlap: delivery continues with the end of the last.
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

    /// Continues after a pause: `missed` goes out, which contains everything up to the snapshot's
    /// heads, then the held events after those. `ahead` are the groups of the snapshot that were not
    /// delivered up to there.
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

    /// Skips events at or below `cursor` from here on.
    pub(crate) fn set_cursor(&mut self, group: GroupId, cursor: Cursor) {
        if matches!(self.phase, Phase::Held { .. }) || self.close.is_some() {
            return;
        }
        self.cursors.set(group, cursor);
    }

    /// A group's cursor. Before the queue is live, that of the group that held events will show.
    pub(crate) fn cursor(&self, group: GroupId) -> Option<Cursor> {
        if let Phase::Held { held, .. } = &self.phase {
            let shown = held.iter().filter(|held| held.tag.joins && held.tag.group == Some(group));
            return shown.filter_map(|held| held.tag.seq).max().map(Cursor::At);
        }
        self.cursors.get(group)
    }

    /// Starts a close. Only a graceful one leaves queued frames, and only it gives way to another.
    pub(crate) fn close(&mut self, close: Close) -> Option<Waker> {
        if self.close.is_some_and(|was| !was.is_graceful() || close.is_graceful()) {
            return None;
        }
        self.close = Some(close);
        self.cursors = Cursors::default();
        if matches!(self.phase, Phase::Held { .. } | Phase::Paused { .. }) || !close.is_graceful() {
            // A frame that was begun must be ended before the close.
            let begun = if self.begun { self.pop() } else { None };
            self.phase = Phase::Live;
            (self.next, self.rest, self.frames, self.bytes) = (None, VecDeque::new(), 0, 0);
            // Of taken frames, too, only one that was begun is still written.
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

    /// Whether it is to be closed, gracefully or not.
    pub(crate) fn is_closing(&self) -> bool {
        self.close.is_some()
    }

    /// Whether it is to be closed with nothing more to write before.
    pub(crate) fn is_cut(&self) -> bool {
        self.close.is_some_and(|close| !close.is_graceful())
    }

    /// Whether `take` would hand out anything.
    pub(crate) fn is_ready(&self) -> bool {
        let first = match &self.phase {
            Phase::First(first) | Phase::Paused { first, .. } => !first.is_empty(),
            Phase::Held { pages, .. } => pages.as_ref().is_some_and(|pages| !pages.first.is_empty()),
            Phase::Live => false,
        };
        self.close.is_some() || self.next.is_some() || first
    }

    /// Frames and bytes that wait, the snapshot's own aside.
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

    /// The pages, before the queue is live.
    fn pages(&self) -> Option<&Pages> {
        match &self.phase {
            Phase::Held { pages, .. } => pages.as_deref(),
            _ => None,
        }
    }

    /// Counts waiting bytes towards the user's bound.
    fn count(&mut self) -> PushOutcome {
        let overhead = self.pages().map_or(0, Pages::overhead);
        if self.share.set(self.bytes + self.beside + overhead) && self.share.is_over() {
            PushOutcome::Crowded
        } else {
            PushOutcome::Queued
        }
    }

    /// How many bytes count for the user.
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

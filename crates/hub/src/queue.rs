//! What waits for one socket, and the rule by which no numbered event reaches it twice.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use bytes::{Buf, Bytes};
use chinwag_core::GroupId;

use crate::floors::{Floor, Floors};
use crate::snapshot::{Snapshot, Tag, is_after, news};
use crate::socket::{Close, Sink, Taken};

/// How many frames, and about how many bytes, one `take` hands out.
const TAKE_FRAMES: usize = 64;
const TAKE_BYTES: usize = 256 * 1024;

/// How much may wait for one socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// The socket has it from its snapshot, or is being closed.
    Skipped,
    /// There was no room: the socket is closed as too slow, and its queue is gone.
    Overflow,
}

/// Who is to be told of a frame that was queued.
#[derive(Debug)]
pub(crate) enum Told {
    /// Nobody: it is held, or whoever writes will find it.
    Nobody,
    /// The socket's task.
    Task(Waker),
    /// Whoever queued it, who may [flush](Queue::flush) the queue in the task's place.
    Flush,
}

/// A socket's queue. An idle one holds no buffer: the first frame has its place inside, and a
/// burst's buffer is freed with its last frame.
pub(crate) struct Queue {
    phase: Phase,
    next: Option<Piece>,
    rest: VecDeque<Piece>,
    /// Frames in `next` and `rest`.
    frames: usize,
    bytes: usize,
    floors: Floors,
    close: Option<Close>,
    sleeper: Sleeper,
    /// Where frames go while the task waits for them.
    sink: Option<Arc<dyn Sink>>,
    /// Whether somebody is about to flush.
    due: bool,
    /// Whether `next` is what is left of a frame that was written in part.
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
    /// Not live yet: everything is held.
    Held(Vec<Held>),
    /// Live, with what is left of the snapshot's frames, which go first and are not counted.
    First(VecDeque<Bytes>),
    Live,
    /// What comes is held until what was missed has been read; what waited before still goes out.
    Paused {
        first: VecDeque<Bytes>,
        held: Vec<Held>,
        /// How many pauses are to end before it goes on.
        pauses: u32,
    },
}

#[derive(Debug)]
struct Held {
    frame: Bytes,
    tag: Tag,
}

/// The one task that waits for this queue, and for what.
#[derive(Debug)]
enum Sleeper {
    None,
    /// For anything.
    Any(Waker),
    /// For a close that drops the queue.
    Cut(Waker),
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Held(Vec::new()),
            next: None,
            rest: VecDeque::new(),
            frames: 0,
            bytes: 0,
            floors: Floors::default(),
            close: None,
            sleeper: Sleeper::None,
            sink: None,
            due: false,
            begun: false,
            lacks: false,
        }
    }

    /// Queues a frame, or holds it until the socket is live. Who is to be told is told when the
    /// queue's lock has been let go.
    pub(crate) fn push(&mut self, frame: Bytes, tag: Tag, bounds: Bounds) -> (Pushed, Told) {
        if self.close.is_some() || self.floors.cover(tag) {
            return (Pushed::Skipped, Told::Nobody);
        }
        if self.is_full(&frame, bounds) {
            self.forget();
        }
        if self.is_full(&frame, bounds) {
            return (Pushed::Overflow, self.close(Close::TooSlow).map_or(Told::Nobody, Told::Task));
        }
        self.bytes += frame.len();
        if !matches!(self.phase, Phase::Held(_)) {
            self.floors.raise(tag);
        }
        if let Phase::Held(held) | Phase::Paused { held, .. } = &mut self.phase {
            held.push(Held { frame, tag });
            return (Pushed::Queued, Told::Nobody);
        }
        self.append(frame, 1);
        (Pushed::Queued, self.tell())
    }

    /// The same for a run of one group's messages, as one piece. `None`, and nothing was queued, if
    /// the socket may have some of them from its snapshot, or holds what comes.
    pub(crate) fn push_run(
        &mut self,
        (all, frames): (&Bytes, usize),
        group: GroupId,
        bounds: Bounds,
    ) -> Option<(Pushed, Told)> {
        if self.close.is_some() {
            return Some((Pushed::Skipped, Told::Nobody));
        }
        let apart = self.floors.get(group).is_some()
            || matches!(self.phase, Phase::Held(_) | Phase::Paused { .. })
            || self.frames + frames > bounds.frames
            || self.bytes + all.len() > bounds.bytes;
        if apart {
            return None;
        }
        self.bytes += all.len();
        self.append(all.clone(), frames);
        Some((Pushed::Queued, self.tell()))
    }

    /// Who is to be told of what was queued.
    fn tell(&mut self) -> Told {
        match self.sleeper {
            Sleeper::Any(_) if self.due => Told::Nobody,
            Sleeper::Any(_) if self.sink.is_some() => {
                self.due = true;
                Told::Flush
            }
            _ => self.wake_any().map_or(Told::Nobody, Told::Task),
        }
    }

    /// Writes what waits into the sink, in the place of a task that waits for nothing else and so
    /// need not be woken. What the sink does not take is left to the task: its waker.
    pub(crate) fn flush(&mut self) -> Option<Waker> {
        self.due = false;
        if !matches!(self.sleeper, Sleeper::Any(_)) {
            return None;
        }
        while let (Phase::Live, Some(next), Some(sink), None) =
            (&self.phase, &self.next, &self.sink, self.close)
        {
            let (written, offered) = if self.rest.is_empty() {
                (sink.write(&[IoSlice::new(&next.bytes)]), next.bytes.len())
            } else {
                let pieces = std::iter::once(next).chain(&self.rest).take(TAKE_FRAMES);
                let slices: Vec<_> = pieces.map(|piece| IoSlice::new(&piece.bytes)).collect();
                (sink.write(&slices), slices.iter().map(|slice| slice.len()).sum())
            };
            self.written(written);
            if written < offered {
                return self.wake_any();
            }
        }
        if self.is_ready() { self.wake_any() } else { None }
    }

    /// Sets, or takes away, where frames go while the task waits for them.
    pub(crate) fn set_sink(&mut self, sink: Option<Arc<dyn Sink>>) {
        self.sink = sink;
    }

    /// Drops the numbered events that it holds, while it is not live: what it will be shown has to be
    /// read after this, and has them.
    fn forget(&mut self) {
        if let Phase::Held(held) = &mut self.phase {
            held.retain(|held| held.tag.seq.is_none());
            self.bytes = held.iter().map(|held| held.frame.len()).sum();
            self.lacks = true;
        }
    }

    /// What it will be shown is read from here on: what it holds was before.
    pub(crate) fn start_over(&mut self) {
        self.forget();
        self.lacks = false;
    }

    /// Whether it has dropped what it held since it started over: it may not live with what was read
    /// since then.
    pub(crate) fn lacks(&self) -> bool {
        self.lacks
    }

    /// Lets the socket live: `first` goes out first, then what was held and the snapshot does
    /// not cover. Answers the groups that held events have brought the user into and not out of
    /// again; nothing if it was live already.
    pub(crate) fn go_live(
        &mut self,
        first: Vec<Bytes>,
        snapshot: &Snapshot<'_>,
    ) -> Option<(Vec<GroupId>, Option<Waker>)> {
        let Phase::Held(held) = &mut self.phase else { return None };
        let held = mem::take(held);
        let first = VecDeque::from(first);
        self.phase = if first.is_empty() { Phase::Live } else { Phase::First(first) };
        self.bytes = 0;
        let mut joined = Vec::new();
        for Held { frame, tag } in held {
            if self.floors.cover(tag) {
                continue;
            }
            if tag.joins {
                joined.extend(tag.group);
            }
            if news(tag, snapshot, &joined) {
                self.bytes += frame.len();
                self.append(frame, 1);
                self.floors.raise(Tag { upto: tag.upto.or(tag.seq.filter(|_| tag.quits)), ..tag });
            }
            if tag.quits {
                joined.retain(|id| Some(*id) != tag.group);
            }
        }
        let waker = if self.is_ready() { self.wake_any() } else { None };
        Some((joined, waker))
    }

    /// Holds what comes from here on. Nothing happens to a queue that is not live, which is
    /// answered. Pauses may overlap: it goes on with the end of the last.
    pub(crate) fn pause(&mut self) -> bool {
        let mut first = match mem::replace(&mut self.phase, Phase::Live) {
            Phase::Live => VecDeque::new(),
            Phase::First(first) => first,
            Phase::Paused { first, held, pauses } => {
                self.phase = Phase::Paused { first, held, pauses: pauses + 1 };
                return true;
            }
            held @ Phase::Held(_) => {
                self.phase = held;
                return false;
            }
        };
        first.extend(self.next.take().map(|piece| piece.bytes));
        first.extend(mem::take(&mut self.rest).into_iter().map(|piece| piece.bytes));
        (self.frames, self.bytes) = (0, 0);
        self.phase = Phase::Paused { first, held: Vec::new(), pauses: 1 };
        true
    }

    /// Goes on after a pause: `missed` goes out, which has everything up to the snapshot's heads,
    /// then what was held and is after those. Whether it was paused, and the waker.
    pub(crate) fn resume(&mut self, missed: Vec<Bytes>, snapshot: &Snapshot<'_>) -> (bool, Option<Waker>) {
        let (mut first, mut held, pauses) = match mem::replace(&mut self.phase, Phase::Live) {
            Phase::Paused { first, held, pauses } => (first, held, pauses),
            other => {
                self.phase = other;
                return (false, None);
            }
        };
        first.extend(missed);
        // What was missed has shown a group that the user has come into again.
        self.floors.come_back(snapshot);
        if pauses > 1 {
            held.retain(|held| is_after(held.tag, snapshot));
            self.bytes = held.iter().map(|held| held.frame.len()).sum();
            self.phase = Phase::Paused { first, held, pauses: pauses - 1 };
            return (true, if self.is_ready() { self.wake_any() } else { None });
        }
        self.phase = if first.is_empty() { Phase::Live } else { Phase::First(first) };
        self.bytes = 0;
        for Held { frame, tag } in held {
            if is_after(tag, snapshot) {
                self.bytes += frame.len();
                self.append(frame, 1);
            }
        }
        (true, if self.is_ready() { self.wake_any() } else { None })
    }

    /// Skips what is below `floor` from here on, since the socket knows it.
    pub(crate) fn set_floor(&mut self, group: GroupId, floor: Floor) {
        if matches!(self.phase, Phase::Held(_)) || self.close.is_some() {
            return;
        }
        self.floors.set(group, floor);
    }

    /// What it skips of the group; while it is held, what it will be shown of it.
    pub(crate) fn floor(&self, group: GroupId) -> Option<Floor> {
        if let Phase::Held(held) = &self.phase {
            let shown = held.iter().filter(|held| held.tag.joins && held.tag.group == Some(group));
            return shown.filter_map(|held| held.tag.seq).max().map(Floor::Shown);
        }
        self.floors.get(group)
    }

    /// Hands out what waits, in order. See [`Socket::take`](crate::Socket::take).
    pub(crate) fn take(&mut self, into: &mut Vec<Bytes>) -> Taken {
        // Whoever takes writes: nobody else may until the taker waits again.
        if let Sleeper::Any(_) = self.sleeper {
            self.sleeper = Sleeper::None;
        }
        let begun = mem::take(&mut self.begun);
        let (mut frames, mut bytes) = (0, 0);
        while frames < TAKE_FRAMES && bytes < TAKE_BYTES {
            let Some(frame) = self.pop() else { break };
            frames += 1;
            bytes += frame.len();
            into.push(frame);
        }
        if frames > 0 {
            return if begun { Taken::Rest } else { Taken::Frames };
        }
        self.close.map_or(Taken::Empty, Taken::Close)
    }

    /// Marks the socket as to be closed. Only a graceful close leaves what was queued, and only
    /// it gives way to another.
    pub(crate) fn close(&mut self, close: Close) -> Option<Waker> {
        if self.close.is_some_and(|was| !was.is_graceful() || close.is_graceful()) {
            return None;
        }
        self.close = Some(close);
        self.floors = Floors::default();
        if matches!(self.phase, Phase::Held(_) | Phase::Paused { .. }) || !close.is_graceful() {
            // A frame that was begun must be ended before the close.
            let begun = if self.begun { self.pop() } else { None };
            self.phase = Phase::Live;
            (self.next, self.rest, self.frames, self.bytes) = (None, VecDeque::new(), 0, 0);
            if let Some(begun) = begun {
                self.bytes = begun.len();
                self.append(begun, 1);
            }
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
            Phase::Held(_) | Phase::Live => false,
        };
        self.close.is_some() || self.next.is_some() || first
    }

    /// Remembers who waits: one task at a time, the latest.
    pub(crate) fn sleep(&mut self, waker: &Waker, until_cut: bool) {
        self.sleeper = if until_cut { Sleeper::Cut(waker.clone()) } else { Sleeper::Any(waker.clone()) };
    }

    /// Frames and bytes that wait, the snapshot's own aside.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.len(), self.bytes)
    }

    fn len(&self) -> usize {
        match &self.phase {
            Phase::Held(held) | Phase::Paused { held, .. } => held.len(),
            _ => self.frames,
        }
    }

    fn is_full(&self, frame: &Bytes, bounds: Bounds) -> bool {
        let waiting = self.len();
        waiting >= bounds.frames || (waiting > 0 && self.bytes + frame.len() > bounds.bytes)
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

    fn pop(&mut self) -> Option<Bytes> {
        if let Phase::Paused { first, .. } = &mut self.phase {
            return first.pop_front();
        }
        if let Phase::First(first) = &mut self.phase {
            if let Some(frame) = first.pop_front() {
                return Some(frame);
            }
            self.phase = Phase::Live;
        }
        let Piece { bytes, frames } = self.next.take()?;
        self.bytes -= bytes.len();
        self.frames -= frames;
        self.next = self.rest.pop_front();
        if self.rest.is_empty() && self.rest.capacity() > 0 {
            self.rest = VecDeque::new();
        }
        Some(bytes)
    }

    /// So many bytes of what waits have been written.
    fn written(&mut self, mut count: usize) {
        while let Some(next) = self.next.as_mut().filter(|_| count > 0) {
            if count < next.bytes.len() {
                next.bytes.advance(count);
                self.bytes -= count;
                self.begun = true;
                return;
            }
            count -= next.bytes.len();
            self.begun = false;
            self.pop();
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

//! The output of a queue: taken by the socket's task, or written on its behalf.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem;
use std::task::Waker;

use bytes::{Buf, Bytes};

use super::{Phase, Piece, Sleeper, SocketQueue};
use crate::socket::TakeOutcome;

/// The most frames, and approximately the most bytes, that one `take` returns.
const TAKE_FRAMES: usize = 64;
const TAKE_BYTES: usize = 256 * 1024;

impl SocketQueue {
    /// Writes queued frames to the sink on behalf of a task that waits for nothing else, so that the task
    /// need not be woken. Returns the task's waker if the sink does not accept everything.
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

    /// Returns queued frames, in order. See [`Socket::take`](crate::Socket::take).
    pub(crate) fn take(&mut self, into: &mut Vec<Bytes>) -> TakeOutcome {
        // The task that takes also writes. Nobody else may write until it waits again.
        if let Sleeper::Any(_) = self.sleeper {
            self.sleeper = Sleeper::None;
        }
        // Previously taken frames are now written.
        self.beside -= mem::take(&mut self.taken);
        let begun = mem::take(&mut self.begun);
        let (mut frames, mut bytes) = (0, 0);
        while frames < TAKE_FRAMES && bytes < TAKE_BYTES {
            let Some(frame) = self.pop() else { break };
            frames += 1;
            bytes += frame.len();
            into.push(frame);
        }
        (self.taken, self.beside) = (bytes, self.beside + bytes);
        self.count();
        if frames > 0 {
            return if begun { TakeOutcome::Rest } else { TakeOutcome::Frames };
        }
        self.close.map_or(TakeOutcome::Empty, TakeOutcome::Close)
    }

    /// Stores the waker of the waiting task. Only the latest one is kept.
    pub(crate) fn sleep(&mut self, waker: &Waker, until_cut: bool) {
        if until_cut {
            self.sleeper = Sleeper::Cut(waker.clone());
            return;
        }
        self.sleeper = Sleeper::Any(waker.clone());
        // A task that waits for more has written everything that it took.
        self.beside -= mem::take(&mut self.taken);
        self.count();
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let first = match &mut self.phase {
            Phase::Paused { first, .. } | Phase::First(first) => first.pop_front(),
            Phase::Held { pages, .. } => pages.as_mut().and_then(|pages| pages.first.pop_front()),
            Phase::Live => None,
        };
        if let Some(frame) = first {
            self.beside -= frame.len();
            return Some(frame);
        }
        if matches!(self.phase, Phase::Paused { .. } | Phase::Held { .. }) {
            return None;
        }
        self.phase = Phase::Live;
        let Piece { bytes, frames } = self.next.take()?;
        self.bytes -= bytes.len();
        self.frames -= frames;
        self.next = self.rest.pop_front();
        if self.rest.is_empty() && self.rest.capacity() > 0 {
            self.rest = VecDeque::new();
        }
        Some(bytes)
    }

    /// Removes `count` written bytes from the queue.
    pub(super) fn written(&mut self, mut count: usize) {
        while let Some(next) = self.next.as_mut().filter(|_| count > 0) {
            if count < next.bytes.len() {
                next.bytes.advance(count);
                self.bytes -= count;
                self.begun = true;
                break;
            }
            count -= next.bytes.len();
            self.begun = false;
            self.pop();
        }
        self.count();
    }
}

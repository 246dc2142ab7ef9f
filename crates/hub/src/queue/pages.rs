//! Pages: a long snapshot in parts. Each part is read from the store after the previous one was written.
//!
//! A group's mark is the number up to which the pages show it. Events up to the mark are not held. Neither
//! are events of a group whose page is still to be read, since that page will contain them.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use chinwag_core::{GroupId, Seq};

use super::{Phase, PushOutcome, QueueBounds, SocketQueue, Wake};
use crate::replication::snapshot::{EventTag, SnapshotHeads};

/// The mark of a group whose page is still to be read.
const UNREAD: Seq = Seq(i64::MAX);
/// The mark of a group whose page is being read.
const READING: Seq = Seq(-1);

/// A socket's pages.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Frames that are not written yet.
    pub(crate) first: VecDeque<Bytes>,
    /// All groups of the pages, in ascending order of id.
    marks: Vec<(GroupId, Seq)>,
}

impl Pages {
    /// Takes groups with the numbers up to which they were sent. The pages of the groups in `later` must
    /// still be read.
    pub(crate) fn new(mut heads: Vec<(GroupId, Seq)>, later: &[GroupId]) -> Self {
        heads.sort_unstable();
        let mut pages = Self { first: VecDeque::new(), marks: heads };
        pages.mark(later.iter().map(|id| (*id, UNREAD)));
        pages
    }

    /// Marks the start of the read of a page with these groups. Later events may not be in the page.
    pub(crate) fn begin(&mut self, groups: &[GroupId]) {
        self.mark(groups.iter().map(|id| (*id, READING)));
    }

    /// Applies the heads of a page that was read. Other groups of the same page are dropped, since the user
    /// is not a member of them.
    pub(crate) fn end(&mut self, heads: &[(GroupId, Seq)]) {
        self.mark(heads.iter().copied());
        self.marks.retain(|(_, mark)| *mark != READING);
    }

    /// Whether the pages contain an event, or will.
    pub(crate) fn cover(&self, tag: EventTag) -> bool {
        let Some((group, seq)) = tag.group.zip(tag.seq) else { return false };
        let at = self.marks.binary_search_by_key(&group, |(id, _)| *id);
        at.is_ok_and(|at| seq <= self.marks[at].1)
    }

    pub(crate) fn snapshot(&self) -> SnapshotHeads<'_> {
        SnapshotHeads { heads: &self.marks }
    }

    /// Bytes that the pages occupy in addition to the frames.
    pub(crate) fn overhead(&self) -> usize {
        self.marks.len() * size_of::<(GroupId, Seq)>()
    }

    fn mark(&mut self, marks: impl Iterator<Item = (GroupId, Seq)>) {
        for (group, mark) in marks {
            if let Ok(at) = self.marks.binary_search_by_key(&group, |(id, _)| *id) {
                self.marks[at].1 = mark;
            }
        }
    }
}

impl SocketQueue {
    /// Starts the pages of a queue that is not live. `heads` are all groups; the pages of those in `later`
    /// must still be read. Returns false if the queue is live, is being closed, or lacks events.
    pub(crate) fn begin_pages(&mut self, heads: Vec<(GroupId, Seq)>, later: &[GroupId]) -> bool {
        let Phase::Held { held, pages: pages @ None } = &mut self.phase else { return false };
        if self.close.is_some() || self.lacks {
            return false;
        }
        let begun = Pages::new(heads, later);
        held.retain(|held| !begun.cover(held.tag));
        self.bytes = held.iter().map(|held| held.frame.len()).sum();
        *pages = Some(Box::new(begun));
        true
    }

    /// Marks the start of the read of a page with these groups.
    pub(crate) fn begin_page(&mut self, groups: &[GroupId]) {
        if let Phase::Held { pages: Some(pages), .. } = &mut self.phase {
            pages.begin(groups);
        }
    }

    /// Marks the end of the read. Held events that the page contains are dropped when the queue goes live.
    pub(crate) fn end_page(&mut self, heads: &[(GroupId, Seq)]) {
        if let Phase::Held { pages: Some(pages), .. } = &mut self.phase {
            pages.end(heads);
        }
    }

    /// Queues frames before everything that is held. Does nothing unless there are pages or a pause.
    pub(crate) fn show(&mut self, frames: Vec<Bytes>) -> (PushOutcome, Wake) {
        let first = match &mut self.phase {
            Phase::Held { pages: Some(pages), .. } if self.close.is_none() => &mut pages.first,
            Phase::Paused { first, .. } if self.close.is_none() => first,
            _ => return (PushOutcome::Skipped, Wake::Nobody),
        };
        self.beside += frames.iter().map(Bytes::len).sum::<usize>();
        first.extend(frames);
        (self.count(), self.wake_if_ready().map_or(Wake::Nobody, Wake::Task))
    }

    /// Queues a ping. It goes between the pages, so that a client that reads them slowly can answer in time.
    pub(crate) fn ping(&mut self, ping: Bytes, bounds: QueueBounds) -> (PushOutcome, Wake) {
        match self.phase {
            Phase::Held { pages: Some(_), .. } | Phase::Paused { .. } => self.show(vec![ping]),
            _ => self.push(ping, EventTag::default(), bounds),
        }
    }

    /// Whether all pages are written, or never will be. Otherwise, wakes `reader` at that time.
    pub(crate) fn is_drained(&mut self, reader: &Waker) -> bool {
        let is_empty = match &self.phase {
            Phase::Held { pages: Some(pages), .. } => pages.first.is_empty(),
            Phase::Paused { first, .. } => first.is_empty(),
            _ => true,
        };
        if self.close.is_some() || is_empty && self.taken == 0 {
            return true;
        }
        self.reader = Some(reader.clone());
        false
    }
}

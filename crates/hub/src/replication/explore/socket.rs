//! A socket of the explored system: its held events, its cursors, and the frames that it received.

use chinwag_core::Seq;

use super::world::GROUP;
use crate::replication::cursor::{Cursor, Cursors};
use crate::replication::snapshot::{
    EventTag, SnapshotHeads, ahead, is_after, is_shown, lacks_between, release, start_cursors, unknown,
};

/// A frame as a client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Frame {
    Text(Seq),
    Update(Seq),
    /// The whole group, for a user to whom it is new.
    Whole(Seq),
    Quit(Seq),
    Invited(Seq),
    /// The end of an invitation.
    Declined(Seq),
    /// The end of the group, for its members or those who were invited.
    Deleted,
    /// The number of changes so far of the member's own settings of the group.
    Settings(u8),
    /// The answer to a resume, which contains everything up to this number.
    Resumed(Seq),
}

type HeldFrames = Vec<(EventTag, Frame)>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Absent,
    Registered(HeldFrames),
    /// The snapshot was read. It is stale if this node has since dropped an event of the group because the
    /// group had no members here.
    Read {
        held: HeldFrames,
        snapshot: Option<Seq>,
        /// The head, if the user's membership was pending there.
        pending: Option<Seq>,
        /// The user's own settings in the snapshot.
        settings: u8,
        is_stale: bool,
        /// Whether the node had read the user's groups before.
        is_known: bool,
    },
    /// The user is subscribed to the group.
    Subscribed {
        held: HeldFrames,
        snapshot: Option<Seq>,
        settings: u8,
    },
    Live,
    /// Resuming: events are held until the store answers.
    Paused {
        held: HeldFrames,
        answer: ResumeAnswer,
    },
    /// The socket must resume on a new connection.
    Closed,
    /// The socket never connects again.
    Gone,
}

/// The answer to a resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ResumeAnswer {
    /// The store has not been read yet.
    None,
    /// The node knows that the socket already has everything up to this number.
    Current(Seq),
    /// The head of the store's answer, if the user was a member.
    Read(Option<Seq>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ModelSocket {
    pub(super) user: usize,
    pub(super) stage: Stage,
    cursors: Cursors,
    /// The head of the snapshot from which it started, if the user was a member there.
    pub(super) head: Option<Seq>,
    /// The head of that snapshot, if the user's membership was pending there.
    pub(super) pending: Option<Seq>,
    /// The user's own settings in its snapshot.
    pub(super) settings: u8,
    pub(super) received: Vec<Frame>,
    /// The numbers of the entries that it requested and has not received yet.
    asked: Vec<Seq>,
}

impl ModelSocket {
    pub(super) fn absent(user: usize) -> Self {
        let (stage, cursors) = (Stage::Absent, Cursors::default());
        let (received, asked) = (Vec::new(), Vec::new());
        Self { user, stage, cursors, head: None, pending: None, settings: 0, received, asked }
    }

    /// Records a request whose entry has this number.
    pub(super) fn ask(&mut self, seq: Seq) {
        self.asked.push(seq);
    }

    pub(super) fn answer(&mut self, seq: Seq) {
        self.asked.retain(|asked| *asked != seq);
    }

    pub(super) fn is_asking(&self, seq: Seq) -> bool {
        self.asked.contains(&seq)
    }

    /// Whether the socket has received every entry that it requested.
    pub(super) fn is_answered(&self) -> bool {
        self.asked.is_empty()
    }

    pub(super) fn mark_stale(&mut self) {
        if let Stage::Read { is_stale, .. } = &mut self.stage {
            *is_stale = true;
        }
    }

    /// Whether the socket has finished connecting.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Live | Stage::Paused { .. } | Stage::Closed)
    }

    /// Whether the socket takes no further step by itself.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.stage, Stage::Live | Stage::Closed | Stage::Gone)
    }

    pub(super) fn is_connected(&self) -> bool {
        !matches!(self.stage, Stage::Absent | Stage::Gone)
    }

    /// Whether events reach the socket now, or after its resume is answered.
    pub(super) fn receives(&self) -> bool {
        matches!(self.stage, Stage::Live | Stage::Paused { .. })
    }

    pub(super) fn push(&mut self, tag: EventTag, frame: Frame) {
        if !self.is_connected() || self.stage == Stage::Closed || self.cursors.cover(tag) {
            return;
        }
        if tag.quits {
            self.asked.clear();
        }
        match &mut self.stage {
            Stage::Registered(held) | Stage::Read { held, .. } | Stage::Subscribed { held, .. } => {
                held.push((tag, frame));
            }
            Stage::Paused { held, .. } => {
                self.cursors.raise(tag);
                held.push((tag, frame));
            }
            _ => {
                self.cursors.raise(tag);
                self.received.push(frame);
            }
        }
    }

    /// Takes the pending memberships of the socket's snapshot.
    pub(super) fn show_pending(&mut self, pending: Option<Seq>) {
        self.pending = pending;
        let shown: Vec<_> = pending.map(|head| (GROUP, head)).into_iter().collect();
        if let Stage::Read { held, .. } | Stage::Subscribed { held, .. } = &mut self.stage {
            held.retain(|(tag, _)| !is_shown(*tag, &shown));
        }
    }

    /// Goes live and delivers the held events that are not in the snapshot. Returns whether the user must be
    /// looked up.
    pub(super) fn go_live(&mut self, position: Option<Seq>) -> bool {
        let Stage::Subscribed { held, snapshot, settings } = std::mem::replace(&mut self.stage, Stage::Live)
        else {
            return false;
        };
        (self.head, self.settings) = (snapshot, settings);
        let heads: Vec<_> = snapshot.map(|head| (GROUP, head)).into_iter().collect();
        let snapshot = SnapshotHeads { heads: &heads };
        if lacks_between(held.iter().map(|(tag, _)| *tag), &snapshot) {
            self.close();
            return false;
        }
        let received = &mut self.received;
        let joined = release(held, &snapshot, &mut self.cursors, |frame| received.push(frame));
        let positions = position.map(|position| (GROUP, position)).into_iter();
        for (group, cursor) in start_cursors(positions, &snapshot, &joined) {
            self.cursors.set(group, cursor);
        }
        let is_detached = matches!(self.cursor(), Some(Cursor::Detached(_)));
        let is_unknown = unknown(&snapshot, |_| position.is_some()).next().is_some();
        is_unknown || position.is_some() && is_detached
    }

    /// Holds further events until the resume is answered. `position` is the last number delivered here, if
    /// the user is a member.
    pub(super) fn pause(&mut self, position: Option<Seq>) {
        let last = self.received.iter().rev().find_map(|frame| match frame {
            Frame::Text(seq) | Frame::Update(seq) | Frame::Whole(seq) | Frame::Resumed(seq) => Some(*seq),
            _ => None,
        });
        let held = last.or(self.head).filter(|_| self.cursor().is_none());
        let answer =
            held.filter(|held| position == Some(*held)).map_or(ResumeAnswer::None, ResumeAnswer::Current);
        self.stage = Stage::Paused { held: Vec::new(), answer };
        // The answer may contain the requested entries, without a reference.
        self.asked.clear();
    }

    /// Delivers the answer and the held events that follow it. `position` is the last number delivered here,
    /// if the user is a member. Returns whether the user must be looked up.
    pub(super) fn resume(&mut self, position: Option<Seq>) -> bool {
        let Stage::Paused { mut held, answer } = std::mem::replace(&mut self.stage, Stage::Live) else {
            return false;
        };
        let head = match answer {
            ResumeAnswer::None => None,
            ResumeAnswer::Current(head) => Some(head),
            ResumeAnswer::Read(head) => head,
        };
        let heads: Vec<_> = head.map(|head| (GROUP, head)).into_iter().collect();
        let snapshot = SnapshotHeads { heads: &heads };
        if lacks_between(held.iter().map(|(tag, _)| *tag), &snapshot) {
            self.close();
            return false;
        }
        if let ResumeAnswer::Read(Some(head)) = answer {
            self.received.push(Frame::Resumed(head));
        }
        held.retain(|(tag, _)| is_after(*tag, &snapshot));
        let ahead: Vec<_> = ahead(|_| position, &snapshot).collect();
        self.cursors.resume(&snapshot, &ahead, held.iter().map(|(tag, _)| *tag));
        self.received.extend(held.into_iter().map(|(_, frame)| frame));
        unknown(&snapshot, |_| position.is_some()).next().is_some()
    }

    /// The cursor of a live socket. Before that, the position of the group that held events will show.
    pub(super) fn cursor(&self) -> Option<Cursor> {
        match &self.stage {
            Stage::Registered(held) | Stage::Read { held, .. } | Stage::Subscribed { held, .. } => {
                let shown = held.iter().filter(|(tag, _)| tag.joins);
                shown.filter_map(|(tag, _)| tag.seq).max().map(Cursor::At)
            }
            _ => self.cursors.get(GROUP),
        }
    }

    pub(super) fn close(&mut self) {
        if self.is_connected() {
            self.stage = Stage::Closed;
        }
    }

    /// Delivers the end of a group that the socket was shown, and of which the user is not a member as of
    /// `head`.
    pub(super) fn end_group(&mut self, frame: impl FnOnce(Seq) -> Frame, head: Seq) {
        let (true, Some(cursor @ Cursor::At(known))) = (self.receives(), self.cursor()) else { return };
        let frame = frame(known);
        if !(matches!(frame, Frame::Quit(_)) && cursor.is_later(head)) {
            self.push(EventTag::default(), frame);
            self.cursors.set(GROUP, Cursor::Detached(head));
        }
    }
}

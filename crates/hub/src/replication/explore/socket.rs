//! A socket of the explored system: the events that it holds, its cursors, and what it received.

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
    /// The member's own settings of the group, after so many changes.
    Settings(u8),
    /// Everything up to this number, as a resume answers it.
    Resumed(Seq),
}

type Held = Vec<(EventTag, Frame)>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Absent,
    Registered(Held),
    /// With the head of its snapshot if its user was a member there. The snapshot is stale
    /// once something happened in the group that nobody here could be told.
    Read {
        held: Held,
        snapshot: Option<Seq>,
        /// The head, if its user's membership was pending there.
        pending: Option<Seq>,
        /// The user's own settings there.
        settings: u8,
        is_stale: bool,
        /// Its user was subscribed to its group before.
        is_known: bool,
    },
    /// Its user's group is subscribed to.
    Subscribed {
        held: Held,
        snapshot: Option<Seq>,
        settings: u8,
    },
    Live,
    /// It resumes: events are held until the store has answered.
    Paused {
        held: Held,
        answer: ResumeAnswer,
    },
    /// It has to resume on a new connection.
    Closed,
    /// It does not connect again.
    Gone,
}

/// The answer to a resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ResumeAnswer {
    /// The store is still to be read.
    None,
    /// The socket has everything up to this number already, as the node knows.
    Current(Seq),
    /// The head of the store's answer, if the user was a member.
    Read(Option<Seq>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ModelSocket {
    pub(super) user: usize,
    pub(super) stage: Stage,
    cursors: Cursors,
    /// The head of the snapshot that it started from, if its user was a member there.
    pub(super) head: Option<Seq>,
    /// The same, if its user's membership was pending.
    pub(super) pending: Option<Seq>,
    /// The user's own settings in its snapshot.
    pub(super) settings: u8,
    pub(super) received: Vec<Frame>,
    /// The numbers of the entries that it has asked for and not received.
    asked: Vec<Seq>,
}

impl ModelSocket {
    pub(super) fn absent(user: usize) -> Self {
        let (stage, cursors) = (Stage::Absent, Cursors::default());
        let (received, asked) = (Vec::new(), Vec::new());
        Self { user, stage, cursors, head: None, pending: None, settings: 0, received, asked }
    }

    /// Asks for an entry with this number.
    pub(super) fn ask(&mut self, seq: Seq) {
        self.asked.push(seq);
    }

    pub(super) fn answer(&mut self, seq: Seq) {
        self.asked.retain(|asked| *asked != seq);
    }

    pub(super) fn is_asking(&self, seq: Seq) -> bool {
        self.asked.contains(&seq)
    }

    /// Whether it has received every entry that it has asked for.
    pub(super) fn is_answered(&self) -> bool {
        self.asked.is_empty()
    }

    pub(super) fn mark_stale(&mut self) {
        if let Stage::Read { is_stale, .. } = &mut self.stage {
            *is_stale = true;
        }
    }

    /// Whether it receives, or is closed.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Live | Stage::Paused { .. } | Stage::Closed)
    }

    /// Whether nothing follows by itself.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.stage, Stage::Live | Stage::Closed | Stage::Gone)
    }

    pub(super) fn is_connected(&self) -> bool {
        !matches!(self.stage, Stage::Absent | Stage::Gone)
    }

    /// Whether events reach it now, or when its resume has been answered.
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

    /// Takes the pending memberships of its snapshot.
    pub(super) fn show_pending(&mut self, pending: Option<Seq>) {
        self.pending = pending;
        let shown: Vec<_> = pending.map(|head| (GROUP, head)).into_iter().collect();
        if let Stage::Read { held, .. } | Stage::Subscribed { held, .. } = &mut self.stage {
            held.retain(|(tag, _)| !is_shown(*tag, &shown));
        }
    }

    /// Goes live: what was held and is not in the snapshot follows. Whether its user is to be looked up.
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

    /// Holds what follows until its resume is answered. `position` is the last number delivered here, if its
    /// user is a member.
    pub(super) fn pause(&mut self, position: Option<Seq>) {
        let last = self.received.iter().rev().find_map(|frame| match frame {
            Frame::Text(seq) | Frame::Update(seq) | Frame::Whole(seq) | Frame::Resumed(seq) => Some(*seq),
            _ => None,
        });
        let held = last.or(self.head).filter(|_| self.cursor().is_none());
        let answer =
            held.filter(|held| position == Some(*held)).map_or(ResumeAnswer::None, ResumeAnswer::Current);
        self.stage = Stage::Paused { held: Vec::new(), answer };
        // The answer may have what it asked for, without a reference.
        self.asked.clear();
    }

    /// Continues with the answer and what was held after it. `position` is the last number delivered here, if
    /// its user is a member. Whether its user is to be looked up.
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

    /// Its cursor; while it is held, that of the group that it will be shown.
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

    /// Tells it how a group has ended that it was shown, and that its user is no member of as of `head`.
    pub(super) fn end_group(&mut self, frame: impl FnOnce(Seq) -> Frame, head: Seq) {
        let (true, Some(cursor @ Cursor::At(known))) = (self.receives(), self.cursor()) else { return };
        let frame = frame(known);
        if !(matches!(frame, Frame::Quit(_)) && cursor.is_later(head)) {
            self.push(EventTag::default(), frame);
            self.cursors.set(GROUP, Cursor::Detached(head));
        }
    }
}

//! A socket of the explored system: the events that it holds, its cursors, and what it received.

use chinwag_core::Seq;

use super::world::GROUP;
use crate::replication::cursor::{Cursor, Cursors};
use crate::replication::invitations::Invitations;
use crate::replication::snapshot::{EventTag, SnapshotHeads, is_shown, release, start_cursors};

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
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Absent,
    Registered(Vec<(EventTag, Frame)>),
    /// With the head of its snapshot if its user was a member there. The snapshot is stale
    /// once something happened in the group that nobody here could be told.
    Read {
        held: Vec<(EventTag, Frame)>,
        snapshot: Option<Seq>,
        /// The head, if its user's membership was pending there.
        pending: Option<Seq>,
        is_stale: bool,
    },
    /// Its user's group is subscribed to.
    Subscribed {
        held: Vec<(EventTag, Frame)>,
        snapshot: Option<Seq>,
    },
    Live,
    /// It has to resume.
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Socket {
    pub(super) stage: Stage,
    cursors: Cursors,
    /// The head of the snapshot that it started from, if its user was a member there.
    pub(super) head: Option<Seq>,
    /// The same, if its user's membership was pending.
    pub(super) pending: Option<Seq>,
    pub(super) received: Vec<Frame>,
    /// Whether its user was removed while its groups were read.
    pub(super) left: bool,
    /// Of its user, who has no other socket.
    pub(super) invitations: Invitations,
}

impl Socket {
    pub(super) fn absent() -> Self {
        let (cursors, received) = (Cursors::default(), Vec::new());
        let invitations = Invitations::default();
        Self { stage: Stage::Absent, cursors, head: None, pending: None, received, left: false, invitations }
    }

    pub(super) fn mark_stale(&mut self) {
        if let Stage::Read { is_stale, .. } = &mut self.stage {
            *is_stale = true;
        }
    }

    /// Its user is no member, which its snapshot may not show.
    pub(super) fn mark_left(&mut self) {
        self.left |= matches!(self.stage, Stage::Read { .. });
    }

    /// Whether it receives, or is closed.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Live | Stage::Closed)
    }

    pub(super) fn is_connected(&self) -> bool {
        self.stage != Stage::Absent
    }

    pub(super) fn push(&mut self, tag: EventTag, frame: Frame) {
        if self.stage == Stage::Closed || self.cursors.cover(tag) {
            return;
        }
        match &mut self.stage {
            Stage::Registered(held) | Stage::Read { held, .. } | Stage::Subscribed { held, .. } => {
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

    /// Goes live: what was held and is not in the snapshot follows.
    pub(super) fn go_live(&mut self, position: Option<Seq>) {
        let Stage::Subscribed { held, snapshot } = std::mem::replace(&mut self.stage, Stage::Live) else {
            return;
        };
        let heads: Vec<_> = snapshot.map(|head| (GROUP, head)).into_iter().collect();
        let snapshot = SnapshotHeads { heads: &heads };
        let received = &mut self.received;
        let joined = release(held, &snapshot, &mut self.cursors, |frame| received.push(frame));
        let groups = position.map(|_| GROUP).into_iter();
        for (group, cursor) in start_cursors(groups, |_| position, &snapshot, &joined) {
            self.cursors.set(group, cursor);
        }
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

    pub(super) fn set_cursor(&mut self, cursor: Cursor) {
        if self.stage == Stage::Live {
            self.cursors.set(GROUP, cursor);
        }
    }
}

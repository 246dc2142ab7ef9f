//! Per-socket cursors. A cursor exists for a group while the socket has received more of it than the
//! dispatcher has delivered: events at or below the cursor are skipped.

use chinwag_core::{GroupId, Seq};

use super::fault::{Fault, is_injected};
use super::snapshot::{EventTag, SnapshotHeads};

/// One socket's position in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cursor {
    /// The socket has everything up to this number. Events at or below it are skipped.
    At(Seq),
    /// As far as the socket knows, the user is not a member. Every event is skipped until one after this
    /// number adds the user to the group.
    Detached(Seq),
}

impl Cursor {
    /// Whether the socket saw its user as a member in a snapshot that is later than a store answer as of
    /// `head`, according to which the user is not a member. With equal numbers the snapshot is the later one:
    /// a removal takes a number of its own, so the user can only have accepted its membership in between.
    pub(crate) fn is_later(self, head: Seq) -> bool {
        matches!(self, Self::At(shown) if shown >= head) && !is_injected(Fault::TrustOldAnswer)
    }
}

/// One socket's cursors. Most sockets have none: a cursor is dropped once delivery in its group has passed
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Cursors(Vec<(GroupId, Cursor)>);

impl Cursors {
    pub(crate) fn get(&self, group: GroupId) -> Option<Cursor> {
        self.0.iter().find(|(id, _)| *id == group).map(|(_, cursor)| *cursor)
    }

    /// Moves a group's cursor forward. A detached cursor stays detached.
    pub(crate) fn set(&mut self, group: GroupId, cursor: Cursor) {
        match self.0.iter_mut().find(|(id, _)| *id == group) {
            Some((_, at)) => *at = cursor.max(*at),
            None => self.0.push((group, cursor)),
        }
    }

    /// Moves the cursor of the group of a delivered event, if the event also covers later numbers.
    pub(crate) fn raise(&mut self, tag: EventTag) {
        if let (Some(group), Some(upto)) = (tag.group, tag.upto)
            && !is_injected(Fault::NoRaise)
        {
            self.set(group, if tag.quits { Cursor::Detached(upto) } else { Cursor::At(upto) });
        }
    }

    /// Whether to skip an event. Drops the cursor that the event passes, unless the event sets a cursor
    /// itself.
    pub(crate) fn cover(&mut self, tag: EventTag) -> bool {
        let Some(group) = tag.group else { return false };
        let Some(at) = self.0.iter().position(|(id, _)| *id == group) else { return false };
        match self.0[at].1 {
            // An invitation is not part of the log, and the user stays detached from the log.
            Cursor::Detached(after) if tag.pending => {
                is_injected(Fault::SkipInvitation) && tag.seq <= Some(after)
            }
            Cursor::Detached(after) => {
                // An acceptance carries the number of the preceding entry.
                let is_later =
                    tag.seq > Some(after) || tag.seq == Some(after) && !is_injected(Fault::SkipAcceptance);
                let attaches = tag.joins && is_later;
                if attaches {
                    self.drop(at);
                }
                !attaches && !is_injected(Fault::IgnoreDetached)
            }
            Cursor::At(cursor) => {
                let Some(seq) = tag.seq else { return false };
                // The entry that shares its number with the invitation may still arrive.
                let passes = !tag.pending || is_injected(Fault::InvitationLiftsCursor);
                if seq >= cursor && tag.upto.is_none() && passes {
                    self.drop(at);
                }
                seq < cursor || seq == cursor && !is_injected(Fault::CursorBelow)
            }
        }
    }

    /// Updates the cursors for the answer to a resume. `ahead` lists the groups of `answer` that this node
    /// has not delivered up to their heads. `held` are the events that follow the answer.
    pub(crate) fn resume(
        &mut self,
        answer: &SnapshotHeads<'_>,
        ahead: &[(GroupId, Seq)],
        held: impl Iterator<Item = EventTag>,
    ) {
        let mut passed: Vec<_> =
            held.filter(|tag| tag.seq.is_some() || tag.quits).filter_map(|tag| tag.group).collect();
        passed.sort_unstable();
        // A held event that follows the answer has already moved its group's cursor past the answer.
        let is_last =
            |id: GroupId| passed.binary_search(&id).is_err() || is_injected(Fault::ForgetHeldRemoval);
        // The answer may be older than the removal and still show the group. The removal is then delivered
        // after the answer.
        let is_shown = |id, after| match answer.head(id) {
            Some(head) => is_last(id) && (head >= after || !is_injected(Fault::KeepDetached)),
            None => false,
        };
        self.0.retain(|(id, cursor)| !matches!(cursor, Cursor::Detached(after) if is_shown(*id, *after)));
        for (id, head) in ahead.iter().filter(|(id, _)| is_last(*id)) {
            self.set(*id, Cursor::At(*head));
        }
    }

    fn drop(&mut self, at: usize) {
        self.0.swap_remove(at);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }
}

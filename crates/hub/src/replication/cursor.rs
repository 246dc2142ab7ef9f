//! Cursors: of each group that a socket knows better than the events that are still to be delivered,
//! the number up to which it does.

use chinwag_core::{GroupId, Seq};

use super::fault::{Fault, is_injected};
use super::snapshot::{EventTag, SnapshotHeads};

/// One socket's position in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cursor {
    /// The socket has everything up to this number. Events at or below it are skipped.
    At(Seq),
    /// The user is not a member, as far as the socket knows. Everything is skipped until an event after
    /// this number brings the user in.
    Detached(Seq),
}

impl Cursor {
    /// Whether a socket with this cursor was shown its user as a member by a later snapshot than an answer of
    /// the store as of `head` in which the user is no member. A removal takes a number: the two cannot be of
    /// the same one, unless the user has accepted its membership between them.
    pub(crate) fn is_later(self, head: Seq) -> bool {
        matches!(self, Self::At(shown) if shown >= head) && !is_injected(Fault::TrustOldAnswer)
    }
}

/// One socket's cursors. A cursor is dropped when its group passes it; most sockets have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Cursors(Vec<(GroupId, Cursor)>);

impl Cursors {
    pub(crate) fn get(&self, group: GroupId) -> Option<Cursor> {
        self.0.iter().find(|(id, _)| *id == group).map(|(_, cursor)| *cursor)
    }

    /// Moves a group's cursor forward. A detached one stays so.
    pub(crate) fn set(&mut self, group: GroupId, cursor: Cursor) {
        match self.0.iter_mut().find(|(id, _)| *id == group) {
            Some((_, at)) => *at = cursor.max(*at),
            None => self.0.push((group, cursor)),
        }
    }

    /// Moves the cursor of a delivered event's group, if the event stands for later ones.
    pub(crate) fn raise(&mut self, tag: EventTag) {
        if let (Some(group), Some(upto)) = (tag.group, tag.upto)
            && !is_injected(Fault::NoRaise)
        {
            self.set(group, if tag.quits { Cursor::Detached(upto) } else { Cursor::At(upto) });
        }
    }

    /// Whether an event is to be skipped. Drops the cursor that the event passes, unless the event
    /// brings its own.
    pub(crate) fn cover(&mut self, tag: EventTag) -> bool {
        let Some(group) = tag.group else { return false };
        let Some(at) = self.0.iter().position(|(id, _)| *id == group) else { return false };
        match self.0[at].1 {
            // An invitation is no part of the log, and the user stays out of that.
            Cursor::Detached(after) if tag.pending => {
                is_injected(Fault::SkipInvitation) && tag.seq <= Some(after)
            }
            Cursor::Detached(after) => {
                // An acceptance has the number of the entry before it.
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
                // The entry that has the number of an invitation may still come.
                let passes = !tag.pending || is_injected(Fault::InvitationLiftsCursor);
                if seq >= cursor && tag.upto.is_none() && passes {
                    self.drop(at);
                }
                seq < cursor || seq == cursor && !is_injected(Fault::CursorBelow)
            }
        }
    }

    /// Moves on to the answer of a resume. `ahead` are the groups, of those that `answer` shows, that were
    /// not delivered up to there; `held` are the events that follow the answer.
    pub(crate) fn resume(
        &mut self,
        answer: &SnapshotHeads<'_>,
        ahead: &[(GroupId, Seq)],
        held: impl Iterator<Item = EventTag>,
    ) {
        let mut passed: Vec<_> =
            held.filter(|tag| tag.seq.is_some() || tag.quits).filter_map(|tag| tag.group).collect();
        passed.sort_unstable();
        // An event that follows the answer has moved its group's cursor already, beyond the answer.
        let is_last =
            |id: GroupId| passed.binary_search(&id).is_err() || is_injected(Fault::ForgetHeldRemoval);
        // The answer shows the group even where it is older than the removal: that is told after it.
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

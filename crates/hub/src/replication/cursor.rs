//! Cursors: of each group that a socket knows better than the events that are still to be delivered,
//! the number up to which it does.

use chinwag_core::{GroupId, Seq};

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
        if let (Some(group), Some(upto)) = (tag.group, tag.upto) {
            self.set(group, if tag.quits { Cursor::Detached(upto) } else { Cursor::At(upto) });
        }
    }

    /// Whether an event is to be skipped. Drops the cursor that the event passes, unless the event
    /// brings its own.
    pub(crate) fn cover(&mut self, tag: EventTag) -> bool {
        let Some(group) = tag.group else { return false };
        let Some(at) = self.0.iter().position(|(id, _)| *id == group) else { return false };
        match self.0[at].1 {
            // A user with a pending membership receives the event, and stays out of the log.
            Cursor::Detached(after) if tag.pending => tag.seq <= Some(after),
            Cursor::Detached(after) => {
                let attaches = tag.joins && tag.seq > Some(after);
                if attaches {
                    self.drop(at);
                }
                !attaches
            }
            Cursor::At(cursor) => {
                let Some(seq) = tag.seq else { return false };
                if seq >= cursor && tag.upto.is_none() {
                    self.drop(at);
                }
                seq <= cursor
            }
        }
    }

    /// Drops the detached cursors of groups that a later snapshot has.
    pub(crate) fn attach(&mut self, snapshot: &SnapshotHeads<'_>) {
        let is_shown = |id, after| snapshot.head(id) > Some(after);
        self.0.retain(|(id, cursor)| !matches!(cursor, Cursor::Detached(after) if is_shown(*id, *after)));
    }

    fn drop(&mut self, at: usize) {
        self.0.swap_remove(at);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }
}

//! What of its groups a socket is not told, since it knows better than by events that are still to
//! be delivered.

use chinwag_core::{GroupId, Seq};

use crate::snapshot::{Snapshot, Tag};

/// What of one group a socket is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Floor {
    /// It was shown the group as of this number.
    Shown(Seq),
    /// It was not shown the group, or told that the user is out of it: nothing is told until an
    /// event after this number brings the user in.
    Absent(Seq),
}

/// One socket's floors. One goes when its group passes it; most sockets have none.
#[derive(Debug, Default)]
pub(crate) struct Floors(Vec<(GroupId, Floor)>);

impl Floors {
    pub(crate) fn get(&self, group: GroupId) -> Option<Floor> {
        self.0.iter().find(|(id, _)| *id == group).map(|(_, floor)| *floor)
    }

    /// Raises a group's floor. Who is absent stays so.
    pub(crate) fn set(&mut self, group: GroupId, floor: Floor) {
        match self.0.iter_mut().find(|(id, _)| *id == group) {
            Some((_, at)) => *at = floor.max(*at),
            None => self.0.push((group, floor)),
        }
    }

    /// Raises what a frame that is told says of others that may come.
    pub(crate) fn raise(&mut self, tag: Tag) {
        if let (Some(group), Some(upto)) = (tag.group, tag.upto) {
            self.set(group, if tag.quits { Floor::Absent(upto) } else { Floor::Shown(upto) });
        }
    }

    /// Whether an event is known already. Drops the floor that the event passes, unless it brings
    /// its own.
    pub(crate) fn cover(&mut self, tag: Tag) -> bool {
        let Some(group) = tag.group else { return false };
        let Some(at) = self.0.iter().position(|(id, _)| *id == group) else { return false };
        match self.0[at].1 {
            // The user stays out of the log, and is told that it was added.
            Floor::Absent(after) if tag.pending => tag.seq <= Some(after),
            Floor::Absent(after) => {
                let comes = tag.joins && tag.seq > Some(after);
                if comes {
                    self.drop(at);
                }
                !comes
            }
            Floor::Shown(floor) => {
                let Some(seq) = tag.seq else { return false };
                if seq >= floor && tag.upto.is_none() {
                    self.drop(at);
                }
                seq <= floor
            }
        }
    }

    /// Drops what says that the user is absent where a later snapshot has it in the group.
    pub(crate) fn come_back(&mut self, snapshot: &Snapshot<'_>) {
        let is_back = |id, after| snapshot.head(id) > Some(after);
        self.0.retain(|(id, floor)| !matches!(floor, Floor::Absent(after) if is_back(*id, *after)));
    }

    fn drop(&mut self, at: usize) {
        self.0.swap_remove(at);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }
}

//! The handover from a snapshot to live events: which held events follow the snapshot, and where the socket's
//! cursors start.

use std::collections::BTreeMap;

use chinwag_core::{GroupId, Seq};

use super::cursor::{Cursor, Cursors};
use super::fault::{Fault, is_injected};

/// The part of an event that decides whether a socket receives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct EventTag {
    pub(crate) group: Option<GroupId>,
    pub(crate) seq: Option<Seq>,
    /// Whether it makes the socket's user a member of the group.
    pub(crate) joins: bool,
    /// Whether it notifies the socket's user that it is no longer a member.
    pub(crate) quits: bool,
    /// Whether the user's membership is pending: the user receives no entries of the log, and snapshots do
    /// not contain the group.
    pub(crate) pending: bool,
    /// Set if the event shows the group as of this number, which is beyond the delivered position. Later
    /// events up to this number are skipped.
    pub(crate) upto: Option<Seq>,
}

/// Groups with a number of each, in ascending order of id.
pub(crate) type GroupNumbers = Vec<(GroupId, Seq)>;

/// The groups of the snapshot that a socket starts from.
pub(crate) struct SnapshotHeads<'a> {
    /// Each group's head in the snapshot, in ascending order of id.
    pub(crate) heads: &'a [(GroupId, Seq)],
}

impl SnapshotHeads<'_> {
    pub(crate) fn head(&self, group: GroupId) -> Option<Seq> {
        let at = self.heads.binary_search_by_key(&group, |(id, _)| *id).ok()?;
        Some(self.heads[at].1)
    }
}

/// Whether an event is already in a snapshot with these pending memberships.
pub(crate) fn is_shown(tag: EventTag, pending: &[(GroupId, Seq)]) -> bool {
    let (Some(group), Some(seq)) = (tag.group, tag.seq) else { return false };
    // An acceptance carries the number of the preceding entry.
    let is_before = |head| seq < head || seq == head && !tag.joins;
    pending.iter().any(|(id, head)| *id == group && is_before(*head))
}

/// Whether a held event follows the snapshot.
pub(crate) fn is_after(tag: EventTag, snapshot: &SnapshotHeads<'_>) -> bool {
    tag.seq.is_none() || tag.seq > tag.group.and_then(|group| snapshot.head(group))
}

/// Whether a held event shows the whole group again although `shown` has it at an earlier number, without a
/// removal in between. The socket would lack the messages between the two.
pub(crate) fn lacks_between(held: impl Iterator<Item = EventTag>, shown: &SnapshotHeads<'_>) -> bool {
    let mut left = Vec::new();
    for tag in held.filter(|tag| is_after(*tag, shown)) {
        let Some(group) = tag.group.filter(|id| shown.head(*id).is_some()) else { continue };
        if tag.quits || tag.pending {
            left.push(group);
        } else if tag.joins {
            let before = left.len();
            left.retain(|id| *id != group);
            if left.len() == before && !is_injected(Fault::ShowAnew) {
                return true;
            }
        }
    }
    false
}

/// Passes to `deliver` the held events that a socket which starts from `snapshot` must still receive. Returns
/// the groups that held events added the user to and did not remove it from, each with the number at which
/// the socket saw it.
pub(crate) fn release<F>(
    held: Vec<(EventTag, F)>,
    snapshot: &SnapshotHeads<'_>,
    cursors: &mut Cursors,
    mut deliver: impl FnMut(F),
) -> GroupNumbers {
    let mut joined = BTreeMap::new();
    for (tag, frame) in held {
        if cursors.cover(tag) {
            continue;
        }
        if tag.joins {
            joined.extend(tag.group.zip(tag.seq));
        }
        if is_news(tag, snapshot, &joined) {
            deliver(frame);
            cursors.raise(EventTag { upto: tag.upto.or(tag.seq.filter(|_| tag.quits)), ..tag });
        }
        if tag.quits {
            tag.group.and_then(|id| joined.remove(&id));
        }
    }
    joined.into_iter().collect()
}

/// Whether a held event is not in the snapshot, given the groups that earlier held events have joined.
fn is_news(tag: EventTag, snapshot: &SnapshotHeads<'_>, joined: &BTreeMap<GroupId, Seq>) -> bool {
    let Some(group) = tag.group.filter(|_| !is_injected(Fault::ReleaseAll)) else { return true };
    match (snapshot.head(group), tag.seq) {
        (Some(head), Some(seq)) => seq > head,
        (Some(_), None) => true,
        (None, _) => tag.pending || joined.contains_key(&group),
    }
}

/// The cursors of a socket that starts from `snapshot`: at the head of each group that this node has not
/// delivered up to that head, and detached from those of the user's groups that the snapshot does not
/// contain. A group in `joined` was shown again at a later number. `positions` are the user's groups with the
/// last delivered numbers, in ascending order of id. Both lists are walked once, since a user may be in
/// thousands of groups.
pub(crate) fn start_cursors(
    positions: impl Iterator<Item = (GroupId, Seq)>,
    snapshot: &SnapshotHeads<'_>,
    joined: &[(GroupId, Seq)],
) -> Vec<(GroupId, Cursor)> {
    let mut cursors = Vec::new();
    if is_injected(Fault::NoStartCursors) {
        return cursors;
    }
    let shown_again = |id| {
        let at = joined.binary_search_by_key(&id, |(joined, _)| *joined).ok()?;
        Some(joined[at].1)
    };
    let shown = |id, head: Seq| {
        let again = shown_again(id).filter(|_| !is_injected(Fault::StartBehind));
        Cursor::At(head.max(again.unwrap_or(head)))
    };
    let mut heads = snapshot.heads.iter().copied().peekable();
    for (id, position) in positions {
        while let Some((group, head)) = heads.next_if(|(group, _)| *group < id) {
            cursors.push((group, shown(group, head)));
        }
        match heads.next_if(|(group, _)| *group == id) {
            Some((_, head)) if position < head => cursors.push((id, Cursor::At(head))),
            Some(_) => {}
            None if shown_again(id).is_some() => {}
            None => cursors.push((id, Cursor::Detached(Seq(0)))),
        }
    }
    cursors.extend(heads.map(|(group, head)| (group, shown(group, head))));
    cursors
}

/// The groups of a snapshot of which this node does not know the user as a member. They must be looked up:
/// the user may have been removed since, and the event of the removal may be lost.
pub(crate) fn unknown(
    snapshot: &SnapshotHeads<'_>,
    is_member: impl Fn(GroupId) -> bool,
) -> impl Iterator<Item = GroupId> {
    let groups = snapshot.heads.iter().map(|(id, _)| *id).filter(move |id| !is_member(*id));
    groups.filter(|_| !is_injected(Fault::TrustSnapshot))
}

/// The groups of the snapshot that are not delivered up to their heads, with those heads.
pub(crate) fn ahead(
    position: impl Fn(GroupId) -> Option<Seq>,
    snapshot: &SnapshotHeads<'_>,
) -> impl Iterator<Item = (GroupId, Seq)> {
    snapshot
        .heads
        .iter()
        .copied()
        .filter(move |(id, head)| position(*id).is_none_or(|position| position < *head))
        .filter(|_| !is_injected(Fault::NoStartCursors))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn cursors_start_wherever_the_snapshot_differs() {
        let group = |id| GroupId(Uuid::from_u128(id));
        let heads = [(group(1), Seq(4)), (group(3), Seq(9)), (group(5), Seq(2)), (group(7), Seq(1))];
        let positions = [(2, 5), (3, 9), (4, 6), (5, 1), (6, 3)].map(|(id, seq)| (group(id), Seq(seq)));
        let joined = [(group(4), Seq(2)), (group(7), Seq(3))];
        let found = start_cursors(positions.into_iter(), &SnapshotHeads { heads: &heads }, &joined);
        let wanted = [
            (group(1), Cursor::At(Seq(4))),
            (group(2), Cursor::Detached(Seq(0))),
            (group(5), Cursor::At(Seq(2))),
            (group(6), Cursor::Detached(Seq(0))),
            (group(7), Cursor::At(Seq(3))),
        ];
        assert_eq!(found, wanted);
    }
}

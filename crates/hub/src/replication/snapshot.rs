//! The handover from a snapshot to live events: which of the events that were held meanwhile follow the
//! snapshot, and where the socket's cursors start.

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
    /// Whether it tells the socket's user that it is no longer a member.
    pub(crate) quits: bool,
    /// Whether the user's membership is pending: the user receives nothing of the log, and snapshots
    /// do not show the group.
    pub(crate) pending: bool,
    /// The event shows the group as of this number, which was not delivered yet: later events up to it
    /// are skipped.
    pub(crate) upto: Option<Seq>,
}

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

/// Whether an event is in a snapshot that shows these pending memberships.
pub(crate) fn is_shown(tag: EventTag, pending: &[(GroupId, Seq)]) -> bool {
    let (Some(group), Some(seq)) = (tag.group, tag.seq) else { return false };
    // An acceptance has the number of the entry before it.
    let is_before = |head| seq < head || seq == head && !tag.joins;
    pending.iter().any(|(id, head)| *id == group && is_before(*head))
}

/// Whether a held event follows the snapshot.
pub(crate) fn is_after(tag: EventTag, snapshot: &SnapshotHeads<'_>) -> bool {
    tag.seq.is_none() || tag.seq > tag.group.and_then(|group| snapshot.head(group))
}

/// Gives `deliver` the held events that a socket which starts from `snapshot` still has to receive.
/// Returns the groups that they have brought the user into and not out of again.
pub(crate) fn release<F>(
    held: Vec<(EventTag, F)>,
    snapshot: &SnapshotHeads<'_>,
    cursors: &mut Cursors,
    mut deliver: impl FnMut(F),
) -> Vec<GroupId> {
    let mut joined = Vec::new();
    for (tag, frame) in held {
        if cursors.cover(tag) {
            continue;
        }
        if tag.joins {
            joined.extend(tag.group);
        }
        if is_news(tag, snapshot, &joined) {
            deliver(frame);
            cursors.raise(EventTag { upto: tag.upto.or(tag.seq.filter(|_| tag.quits)), ..tag });
        }
        if tag.quits {
            joined.retain(|id| Some(*id) != tag.group);
        }
    }
    joined
}

/// Whether a held event is not in the snapshot, given the groups that held events have joined so far.
fn is_news(tag: EventTag, snapshot: &SnapshotHeads<'_>, joined: &[GroupId]) -> bool {
    let Some(group) = tag.group.filter(|_| !is_injected(Fault::ReleaseAll)) else { return true };
    match (snapshot.head(group), tag.seq) {
        (Some(head), Some(seq)) => seq > head,
        (Some(_), None) => true,
        (None, _) => tag.pending || joined.contains(&group),
    }
}

/// The cursors of a socket that starts from `snapshot`: at the head of each group that was not
/// delivered up to there, and detached from the user's groups that the snapshot does not show.
pub(crate) fn start_cursors(
    groups: impl Iterator<Item = GroupId>,
    position: impl Fn(GroupId) -> Option<Seq>,
    snapshot: &SnapshotHeads<'_>,
    joined: &[GroupId],
) -> Vec<(GroupId, Cursor)> {
    let groups = groups.filter(|_| !is_injected(Fault::NoStartCursors));
    let absent = groups.filter(|id| snapshot.head(*id).is_none() && !joined.contains(id));
    let ahead = ahead(position, snapshot).map(|(id, head)| (id, Cursor::At(head)));
    ahead.chain(absent.map(|id| (id, Cursor::Detached(Seq(0))))).collect()
}

/// The groups, with their heads, that were not delivered up to there.
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

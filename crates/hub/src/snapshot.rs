//! What a socket has from its snapshot, and so is not told once more.

use chinwag_core::{GroupId, Seq};

/// What a frame is about, as far as the queue must know.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tag {
    pub(crate) group: Option<GroupId>,
    pub(crate) seq: Option<Seq>,
    /// Whether this event brings the socket's user into the group.
    pub(crate) joins: bool,
    /// Whether it tells the socket's user that it is out of the group.
    pub(crate) quits: bool,
    /// Whether it is of a group that the socket's user has yet to accept: the user is not sent the
    /// group's log, and snapshots say nothing of it.
    pub(crate) pending: bool,
    /// With it the socket knows all of the group up to this number, as the store says it, though
    /// not all of that was delivered: what comes of it later is skipped.
    pub(crate) upto: Option<Seq>,
}

/// What the snapshot that a socket starts from says of the groups.
pub(crate) struct Snapshot<'a> {
    /// Each group's head in the snapshot, in ascending order of id.
    pub(crate) heads: &'a [(GroupId, Seq)],
}

impl Snapshot<'_> {
    pub(crate) fn head(&self, group: GroupId) -> Option<Seq> {
        let at = self.heads.binary_search_by_key(&group, |(id, _)| *id).ok()?;
        Some(self.heads[at].1)
    }
}

/// Whether a held event is after what `snapshot` has.
pub(crate) fn is_after(tag: Tag, snapshot: &Snapshot<'_>) -> bool {
    tag.seq.is_none() || tag.seq > tag.group.and_then(|group| snapshot.head(group))
}

/// Whether a held event is news to a socket that starts from `snapshot`, given the groups that
/// held events up to this one have joined.
pub(crate) fn news(tag: Tag, snapshot: &Snapshot<'_>, joined: &[GroupId]) -> bool {
    let Some(group) = tag.group else { return true };
    match (snapshot.head(group), tag.seq) {
        (Some(head), Some(seq)) => seq > head,
        (Some(_), None) => true,
        (None, _) => tag.pending || joined.contains(&group),
    }
}

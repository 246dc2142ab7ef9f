//! A log entry as it reached this node: as a local commit, a fetched entry or a hint.

use bytes::Bytes;
use chinwag_core::UserId;
use chinwag_core::event::{Audience, Event, Kind};

use crate::bus::link::{Hint, HintKind};
use crate::deliver::EventFrames;
use crate::replication::group::{Entry, EntryKind};

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most entries are local, and a box would be an allocation for each"
)]
pub(crate) enum ReceivedEntry {
    /// With the frames that were already encoded for the other nodes, if any.
    Local(Event, EventFrames),
    Remote(Hint),
}

impl ReceivedEntry {
    /// Users who stop being members with this entry.
    pub(crate) fn left(&self) -> &[UserId] {
        match self {
            Self::Local(Event { kind: Kind::GroupUpdate { left, .. }, .. }, _) => left,
            Self::Local(Event { kind: Kind::MemberChanged { left, .. }, .. }, _) => left.as_slice(),
            Self::Remote(Hint {
                kind: HintKind::Changed { left, .. } | HintKind::Passed { left }, ..
            }) => left,
            _ => &[],
        }
    }

    /// The same entry, without the users who join or leave with it.
    pub(crate) fn without_turns(mut self) -> Self {
        match &mut self {
            Self::Local(Event { kind: Kind::GroupUpdate { joined, left, .. }, .. }, _)
            | Self::Remote(Hint { kind: HintKind::Changed { joined, left }, .. }) => {
                joined.clear();
                left.clear();
            }
            Self::Local(Event { kind: Kind::MemberChanged { left, .. }, .. }, _) => *left = None,
            Self::Remote(Hint { kind: HintKind::Passed { left }, .. }) => left.clear(),
            _ => {}
        }
        self
    }
}

impl Entry for ReceivedEntry {
    fn kind(&self) -> EntryKind {
        match self {
            Self::Local(event, _) => match (&event.kind, &event.to) {
                (Kind::GroupQuit { .. }, Audience::Users(users)) if users.len() == 1 => {
                    EntryKind::Removal(users[0])
                }
                (Kind::Pending(_), _) => EntryKind::Pending,
                (Kind::GroupDelete(_), _) => EntryKind::Deletion,
                (Kind::GroupUpdate { .. } | Kind::MemberChanged { left: Some(_), .. }, _) => {
                    EntryKind::Membership
                }
                _ => EntryKind::Content,
            },
            Self::Remote(hint) => match &hint.kind {
                HintKind::User(_) | HintKind::Invited(_) if hint.group.is_some() => EntryKind::Pending,
                HintKind::Deleted => EntryKind::Deletion,
                HintKind::Changed { .. } => EntryKind::Membership,
                HintKind::Passed { left } if !left.is_empty() => EntryKind::Membership,
                _ => EntryKind::Content,
            },
        }
    }

    fn joined(&self) -> &[UserId] {
        match self {
            Self::Local(Event { kind: Kind::GroupUpdate { joined, .. }, .. }, _) => joined,
            Self::Remote(Hint { kind: HintKind::Changed { joined, .. }, .. }) => joined,
            _ => &[],
        }
    }

    fn author(&self) -> Option<UserId> {
        match self {
            Self::Local(Event { kind: Kind::MessageText(message), .. }, _) => Some(message.author),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Local(_, EventFrames { all, whole }) => all.iter().chain(whole).map(Bytes::len).sum(),
            Self::Remote(hint) => hint.frame.len() + hint.whole.len(),
        }
    }
}

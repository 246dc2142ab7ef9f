//! The count of imported objects.

use uuid::Uuid;

use super::SourceGroup;
use super::relation::pair_key;
use crate::store::{FileState, ImportKind, Tx};
use crate::{FileId, MessageId, Result};

/// Objects of the source to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Users, by their ids in the source.
    Users(Vec<Uuid>),
    /// Relations of two users, the lower id first.
    Relations(Vec<(Uuid, Uuid)>),
    /// Groups, by their ids in the source.
    Groups(Vec<Uuid>),
    /// Memberships: group and user.
    Memberships(Vec<(Uuid, Uuid)>),
    /// Messages, by their ids.
    Messages(Vec<Uuid>),
    /// Reactions, by the ids under which they are recorded.
    Reactions(Vec<Uuid>),
    /// Files that a message carries.
    Files(Vec<FileId>),
}

impl Check {
    /// All memberships of these groups.
    pub fn members_of(groups: &[SourceGroup]) -> Self {
        let pairs = |group: &SourceGroup| {
            let id = group.id;
            group.members.iter().map(move |(user, _)| (id, *user)).collect::<Vec<_>>()
        };
        Self::Memberships(groups.iter().flat_map(pairs).collect())
    }
}

pub(super) fn count(tx: &dyn Tx, check: &Check) -> Result<u64> {
    let recorded = |kind, ids: &[Uuid]| Ok(tx.imported(kind, ids)?.into_iter().flatten().count() as u64);
    let keys =
        |pairs: &[(Uuid, Uuid)]| pairs.iter().map(|(one, other)| pair_key(*one, *other)).collect::<Vec<_>>();
    match check {
        Check::Users(ids) => recorded(ImportKind::User, ids),
        Check::Relations(pairs) => recorded(ImportKind::Relation, &keys(pairs)),
        Check::Groups(ids) => recorded(ImportKind::Group, ids),
        Check::Memberships(pairs) => recorded(ImportKind::Membership, &keys(pairs)),
        Check::Messages(ids) => {
            let ids: Vec<_> = ids.iter().copied().map(MessageId).collect();
            Ok(tx.messages_located(&ids)?.len() as u64)
        }
        Check::Reactions(ids) => recorded(ImportKind::Reaction, ids),
        Check::Files(ids) => {
            let mut found = 0;
            for id in ids {
                found += u64::from(tx.file(*id)?.is_some_and(|row| row.state == FileState::Attached));
            }
            Ok(found)
        }
    }
}

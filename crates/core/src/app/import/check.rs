//! Counts imported objects.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::message::groups;
use super::relation::pair_key;
use super::{People, SourceGroup};
use crate::store::{FileState, ImportKind, Tx};
use crate::{FileId, MessageId, Result};

/// The objects of the source to count. Objects that were deleted here are not counted, nor are objects in
/// deleted groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Users, by their ids in the source.
    Users(Vec<Uuid>),
    /// Relations between two users, with the lower id first.
    Relations(Vec<(Uuid, Uuid)>),
    /// Groups, by their ids in the source.
    Groups(Vec<Uuid>),
    /// Memberships, as pairs of group and user.
    Memberships(Vec<(Uuid, Uuid)>),
    Messages(Vec<Uuid>),
    /// Reactions, by the ids under which the import records them.
    Reactions(Vec<Uuid>),
    /// Files that messages carry.
    Files(Vec<FileId>),
}

impl Check {
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
        Check::Users(ids) => {
            let people = People::find(tx, ids.iter().copied())?;
            Ok(ids.iter().filter(|id| people.existing(**id).is_some()).count() as u64)
        }
        Check::Relations(pairs) => recorded(ImportKind::Relation, &keys(pairs)),
        Check::Groups(ids) => Ok(groups(tx, ids.iter().copied())?.into_values().flatten().count() as u64),
        Check::Memberships(pairs) => {
            let groups = groups(tx, pairs.iter().map(|(group, _)| *group))?;
            let stands = |(group, _): &(Uuid, Uuid)| groups.get(group).copied().flatten().is_some();
            let pairs: Vec<_> = pairs.iter().copied().filter(stands).collect();
            recorded(ImportKind::Membership, &keys(&pairs))
        }
        Check::Messages(ids) => {
            let ids: Vec<_> = ids.iter().copied().map(MessageId).collect();
            let mut by_group = BTreeMap::new();
            for place in tx.messages_located(&ids)? {
                *by_group.entry(place.group).or_default() += 1;
            }
            let mut found = 0;
            for (group, count) in by_group {
                found += if tx.group(group)?.is_some() { count } else { 0 };
            }
            Ok(found)
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

//! What a socket is shown of the world when it comes.

use crate::group::Summary;
use crate::relation::Relations;
use crate::store::Tx;
use crate::{GroupId, Name, Result, Seq, UserId};

/// A user's own world, of one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Every group the user is in, in order of id.
    pub groups: Vec<Summary>,
    /// The user's relations.
    pub relations: Relations,
    /// The user's contacts, for their presence.
    pub contacts: Vec<(UserId, Name)>,
}

/// A user's own world, all of one snapshot of the store.
pub fn snapshot(tx: &dyn Tx, user: UserId) -> Result<Snapshot> {
    Ok(Snapshot { groups: tx.summaries(user)?, relations: tx.relations(user)?, contacts: tx.contacts(user)? })
}

impl Snapshot {
    /// The last number of each group's log.
    pub fn heads(&self) -> Vec<(GroupId, Seq)> {
        self.groups.iter().map(|summary| (summary.view.group.id, summary.view.group.head)).collect()
    }
}

//! What a socket is shown of the world when it comes.

use super::{App, Context};
use crate::group::Summary;
use crate::relation::Relations;
use crate::user::User;
use crate::{Error, Name, Result, UserId};

/// A user's own world, of one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The user.
    pub user: User,
    /// Every group the user is in, in order of id.
    pub groups: Vec<Summary>,
    /// The user's relations.
    pub relations: Relations,
    /// The user's contacts, for their presence.
    pub contacts: Vec<(UserId, Name)>,
}

impl App {
    /// The calling user's own world, all of one snapshot of the store.
    pub async fn snapshot(&self, context: &Context) -> Result<Snapshot> {
        self.read(context, (), |tx, caller, ()| {
            let id = caller.user().ok_or(Error::Unauthenticated("a user's credential is needed"))?;
            let user = tx.user(id)?.ok_or(Error::Unauthenticated("this account is no more"))?;
            Ok(Snapshot {
                groups: tx.summaries(id)?,
                relations: tx.relations(id)?,
                contacts: tx.contacts(id)?,
                user,
            })
        })
        .await
    }
}

//! Invites in the store.
//!
//! **Atomicity.** An invite is used in the transaction that adds the member. **Order.** The invites of a
//! group are listed newest first. **Loss.** An invite is no longer read when it has expired or when its group
//! or maker is gone. **Bound.** At most [`INVITES`](crate::invite::INVITES) valid ones per group, ensured by
//! the caller.

use crate::invite::{Invite, InviteCode};
use crate::{Date, GroupId, Result};

/// Invites, in a transaction.
pub trait Invites {
    /// Stores a new invite.
    fn invite_insert(&mut self, invite: &Invite) -> Result<()>;

    /// The invite with this code, if it is valid at `now`.
    fn invite(&self, code: &InviteCode, now: Date) -> Result<Option<Invite>>;

    /// The invites of a group that are valid at `now`.
    fn invites(&self, group: GroupId, now: Date) -> Result<Vec<Invite>>;

    /// Uses an invite once. It ends with its last use.
    fn invite_use(&mut self, code: &InviteCode) -> Result<()>;

    /// Ends an invite.
    fn invite_delete(&mut self, code: &InviteCode) -> Result<()>;

    /// Removes at most 1000 invites that expired before `now`. Returns their number.
    fn invites_purge(&mut self, now: Date) -> Result<usize>;
}

//! Bans in the store: users who can neither join a group nor be added to it.
//!
//! **Atomicity.** A ban is set in the transaction that removes the member. **Order.** Bans have no order of
//! their own; they are listed in the order of the users' names. **Loss.** Bans of deleted users are not read.
//! **Bound.** At most [`BANS`](crate::app::ban::BANS) per group, ensured by the caller.

use crate::{GroupId, Name, Result, UserId};

/// Bans, in a transaction.
pub trait Bans {
    /// The banned users of a group, in order of name.
    fn banned(&self, group: GroupId) -> Result<Vec<Name>>;

    /// The number of banned users of a group.
    fn bans_count(&self, group: GroupId) -> Result<usize>;

    /// The users among `users` who are banned from a group, in any order. The caller must bound their number.
    fn banned_among(&self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>>;

    /// Bans these users from a group, or lifts their bans. No change for users for whom it is already so. The
    /// caller must bound their number.
    fn ban_set(&mut self, group: GroupId, users: &[UserId], banned: bool) -> Result<()>;

    /// Removes at most `limit` bans of a deleted user. Returns their number.
    fn bans_delete(&mut self, user: UserId, limit: usize) -> Result<usize>;
}

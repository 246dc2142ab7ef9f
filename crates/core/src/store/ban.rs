//! Bans, as a store keeps them: the users who may not join a group, nor be added to it.
//!
//! **Atomicity.** A ban is set in the transaction that removes the member. **Order.** Bans have none, and are read in the
//! order of the users' names. **Loss.** Bans of users who are no more are not read. **Bound.** A group has at most
//! [`BANS`](crate::app::ban::BANS) of them, by the rule of the caller.

use crate::{GroupId, Name, Result, UserId};

/// Bans, in a transaction.
pub trait Bans {
    /// The banned users of a group, in order of name.
    fn banned(&self, group: GroupId) -> Result<Vec<Name>>;

    /// The number of banned users of a group.
    fn bans_count(&self, group: GroupId) -> Result<usize>;

    /// Those of these users who are banned from a group, in any order. Bounded by the caller.
    fn banned_among(&self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>>;

    /// Bans these users from a group, or lifts their bans. Those for whom it is so already stay as they are. Bounded by
    /// the caller.
    fn ban_set(&mut self, group: GroupId, users: &[UserId], banned: bool) -> Result<()>;

    /// Removes the bans of a user who is no more, at most `limit`; answers how many.
    fn bans_delete(&mut self, user: UserId, limit: usize) -> Result<usize>;
}

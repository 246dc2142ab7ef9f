//! Invites, as a store keeps them.
//!
//! **Atomicity.** A use is taken in the transaction that makes the member. **Order.** The invites of a group are in order
//! of creation, the newest first. **Loss.** An invite that has expired, or whose group or maker is no more, is not read.
//! **Bound.** At most [`INVITES`](crate::invite::INVITES) of a group stand, by the rule of the caller.

use crate::invite::{Invite, InviteCode};
use crate::{Date, GroupId, Result};

/// Invites, in a transaction.
pub trait Invites {
    /// Keeps a new invite.
    fn invite_insert(&mut self, invite: &Invite) -> Result<()>;

    /// The invite with this code that stands at `now`.
    fn invite(&self, code: &InviteCode, now: Date) -> Result<Option<Invite>>;

    /// The invites of a group that stand at `now`.
    fn invites(&self, group: GroupId, now: Date) -> Result<Vec<Invite>>;

    /// Takes one use of an invite, which ends with its last one.
    fn invite_use(&mut self, code: &InviteCode) -> Result<()>;

    /// Ends an invite.
    fn invite_delete(&mut self, code: &InviteCode) -> Result<()>;

    /// Removes invites that expired before `now`, at most a thousand; answers how many.
    fn invites_purge(&mut self, now: Date) -> Result<usize>;
}

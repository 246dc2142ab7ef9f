//! Relations in the store.

use crate::relation::{self, Pair};
use crate::user::User;
use crate::{Date, Name, Result, UserId};

/// Relations, in a transaction.
pub trait Relations {
    /// The rows of both directions between two users.
    fn pair(&self, author: UserId, target: UserId) -> Result<Pair>;

    /// Sets the rows of both directions between two users. `None` removes a row. A row that changes gets the
    /// date `now`.
    fn pair_set(&mut self, author: UserId, target: UserId, pair: Pair, now: Date) -> Result<()>;

    /// All of a user's relations, as lists of names in ascending order.
    fn relations(&self, user: UserId) -> Result<relation::Relations>;

    /// The number of contacts, sent invitations and blocks of a user.
    fn relations_count(&self, user: UserId) -> Result<usize>;

    /// Drops the oldest received invitations of a user, so that `keep` remain. Returns the users who sent the
    /// dropped ones.
    fn invitations_trim(&mut self, user: UserId, keep: usize) -> Result<Vec<(UserId, Name)>>;

    /// The users who block a user or are blocked by it, in ascending order.
    fn blocks(&self, user: UserId) -> Result<Vec<UserId>>;

    /// The users who block a user, in ascending order.
    fn blockers(&self, user: UserId) -> Result<Vec<UserId>>;

    /// The users who are blocked by a user, do not block it, and share no group with it except for the
    /// private one. They do not learn of its new name.
    fn blocked_strangers(&self, user: UserId) -> Result<Vec<UserId>>;

    /// A user's contacts with their current names, in order of id.
    fn contacts(&self, user: UserId) -> Result<Vec<(UserId, Name)>>;

    /// The users who share a group or a relation with a user, without duplicates and without the user itself.
    /// A group that the user has not accepted counts; a group that only the other user has not accepted does
    /// not.
    fn acquaintances(&self, user: UserId) -> Result<Vec<UserId>>;

    /// Those of `others` who share a group or a relation with a user, whether or not the group is accepted.
    fn acquainted(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>>;

    /// Those of `others` who share a group with a user that both have accepted.
    fn companions(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>>;

    /// Up to `limit` users after `after`, in order of id, without duplicates: the user itself, its contacts,
    /// and users who share a group with it.
    fn circle_page(&self, user: UserId, after: Option<UserId>, limit: usize) -> Result<Vec<User>>;
}

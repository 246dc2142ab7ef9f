//! Relations, as a store keeps them.

use crate::relation::{self, Pair};
use crate::user::User;
use crate::{Date, Name, Result, UserId};

/// Relations, in a transaction.
pub trait Relations {
    /// Both rows between two users.
    fn pair(&self, author: UserId, target: UserId) -> Result<Pair>;

    /// Sets both rows between two users; `None` removes one. A row that says something new is `now`'s.
    fn pair_set(&mut self, author: UserId, target: UserId, pair: Pair, now: Date) -> Result<()>;

    /// All of a user's relations, as names in ascending order.
    fn relations(&self, user: UserId) -> Result<relation::Relations>;

    /// The number of contacts, sent invitations and blocks of a user.
    fn relations_count(&self, user: UserId) -> Result<usize>;

    /// Drops the oldest invitations that a user has received, so that `keep` are left; answers who
    /// had sent them.
    fn invitations_trim(&mut self, user: UserId, keep: usize) -> Result<Vec<(UserId, Name)>>;

    /// Those who have blocked a user, or whom it has blocked, in ascending order.
    fn blocks(&self, user: UserId) -> Result<Vec<UserId>>;

    /// Users whom a user has blocked, who have not blocked it in turn and share no group with it but a
    /// private one: they do not learn of its new name.
    fn estranged(&self, user: UserId) -> Result<Vec<UserId>>;

    /// A user's contacts with their names now, in order of their numbers.
    fn contacts(&self, user: UserId) -> Result<Vec<(UserId, Name)>>;

    /// Those who share a group or a relation with a user, each once, without the user. Who has yet to
    /// accept a group does not share it with its members; they share it with that user.
    fn acquaintances(&self, user: UserId) -> Result<Vec<UserId>>;

    /// Those of `others` who share a group or a relation with a user, whether or not either has accepted the group.
    fn acquainted(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>>;

    /// Those of `others` who share a group with a user that both have accepted.
    fn companions(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>>;

    /// Up to `limit` of a user itself, its contacts and those who share a group with it, each once, in order of
    /// their numbers, those after `after`.
    fn circle_page(&self, user: UserId, after: Option<UserId>, limit: usize) -> Result<Vec<User>>;
}

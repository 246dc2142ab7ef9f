//! Relations, as a store keeps them.

use crate::relation::{self, Pair};
use crate::{Name, Result, UserId};

/// Relations, in a transaction.
pub trait Relations {
    /// Both rows between two users.
    fn pair(&self, author: UserId, target: UserId) -> Result<Pair>;

    /// Sets both rows between two users; `None` removes one.
    fn pair_set(&mut self, author: UserId, target: UserId, pair: Pair) -> Result<()>;

    /// All of a user's relations, as names in ascending order.
    fn relations(&self, user: UserId) -> Result<relation::Relations>;

    /// How many relations a user has in either direction.
    fn relations_count(&self, user: UserId) -> Result<usize>;

    /// A user's contacts with their names now, in order of their numbers.
    fn contacts(&self, user: UserId) -> Result<Vec<(UserId, Name)>>;

    /// Those who share a group or a relation with a user, each once, without the user.
    fn acquaintances(&self, user: UserId) -> Result<Vec<UserId>>;

    /// Which of `others` have blocked `user`.
    fn blockers_among(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>>;
}

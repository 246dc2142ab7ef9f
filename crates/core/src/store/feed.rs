//! The feed of events.

use crate::Result;
use crate::feed::{FeedBounds, FeedRow};

/// The feed, in a transaction.
///
/// **Atomicity.** A change and its row in the feed commit together. **Order.** A row gets its position after its commit,
/// by [`feed_number`](Self::feed_number), which only one transaction at a time does. Rows of one group get theirs in the
/// order of its log. So a reader that has seen a position has seen, or will never miss, every lower one. **Loss.** None
/// until a row is removed; a reader learns that by [`FeedBounds::removed`]. **Bound.** Each call reads or changes at most
/// as many rows as it is asked for.
pub trait Feed {
    /// Whether changes are noted.
    fn feed_is_on(&self) -> Result<bool>;

    /// Sets whether changes are noted. What was noted before it was switched on counts as removed.
    fn feed_switch(&mut self, on: bool) -> Result<()>;

    /// Notes a change of this transaction. Its group's log is held by the transaction if it has a number there.
    fn feed_insert(&mut self, row: &FeedRow) -> Result<()>;

    /// Whether committed rows have no position yet.
    fn feed_is_behind(&self) -> Result<bool>;

    /// Gives positions to up to `limit` committed rows that have none, and answers how many got one.
    fn feed_number(&mut self, limit: usize) -> Result<usize>;

    /// The ends of the feed.
    fn feed_bounds(&self) -> Result<FeedBounds>;

    /// Up to `limit` rows after a position, in order. A row of a kind that this version does not know has none.
    fn feed_page(&self, after: i64, limit: usize) -> Result<Vec<(i64, Option<FeedRow>)>>;

    /// Removes the rows up to a position.
    fn feed_remove(&mut self, upto: i64) -> Result<()>;
}

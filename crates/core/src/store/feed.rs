//! The feed of events.

use crate::feed::{FeedBounds, FeedRow};
use crate::{Date, Result};

/// The feed, in a transaction.
///
/// **Atomicity.** A change and its feed row commit together. **Order.** Rows get their positions after their
/// commit, from [`feed_number`](Self::feed_number), which only one transaction at a time runs. Rows of one
/// group get them in the order of its log. Once a reader has read up to a position, no row can therefore
/// appear at a lower one. **Loss.** None until a row is removed, which a reader detects by
/// [`FeedBounds::removed`]. **Bound.** Each call reads or changes at most `limit` rows.
pub trait Feed {
    /// Whether changes are recorded.
    fn feed_is_on(&self) -> Result<bool>;

    /// Sets whether changes are recorded. Rows from before the feed is switched on count as removed.
    fn feed_switch(&mut self, on: bool) -> Result<()>;

    /// Records a change of this transaction. If the row has a number, the transaction must hold the log of
    /// its group.
    fn feed_insert(&mut self, row: &FeedRow) -> Result<()>;

    /// Whether there are committed rows without a position.
    fn feed_is_behind(&self) -> Result<bool>;

    /// Assigns positions to up to `limit` committed rows without one. Returns their number.
    fn feed_number(&mut self, limit: usize) -> Result<usize>;

    /// The ends of the feed.
    fn feed_bounds(&self) -> Result<FeedBounds>;

    /// Up to `limit` rows after a position, in order. `None` stands for a row of a kind that this version
    /// does not know.
    fn feed_page(&self, after: i64, limit: usize) -> Result<Vec<(i64, Option<FeedRow>)>>;

    /// The position of the last row, of any kind, that is dated before `date`, among the first `limit` rows.
    fn feed_last_before(&self, date: Date, limit: usize) -> Result<Option<i64>>;

    /// Removes the rows up to and including a position. Returns their number.
    fn feed_remove(&mut self, upto: i64) -> Result<usize>;
}

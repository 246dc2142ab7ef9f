//! Threads, as a store keeps them: a reply has the number of its root in its row, and a root a mark that it has had
//! replies. Everything else is computed by the index of replies, so that it cannot drift.
//!
//! **Atomicity.** A reply is kept together with the mark of its root. **Order.** Replies are in order of their
//! numbers. **Loss.** A reply to a root that does not stand any more is outside of threads. **Bound.** Messages
//! outside of threads cost no statement and no entry of an index. A page of messages whose roots have replies costs
//! one statement for all of them, which reads at most [`REPLIES_COUNTED`](crate::thread::REPLIES_COUNTED) entries of
//! the index for each. Messages outside of threads are looked for in parts of bounded length, as replies among them are
//! read and left out.

use super::{Edge, Page};
use crate::message::Message;
use crate::thread::RootState;
use crate::{GroupId, Result, Seq};

/// A part of a group's messages outside of threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsidePart {
    pub messages: Vec<Message>,
    /// The edge of the rest, if the part ended before the log did and has fewer messages than the page's limit.
    pub next: Option<Edge>,
}

/// Threads, in a transaction.
pub trait Threads {
    /// Up to `page.limit` replies to a root.
    fn thread_messages(&self, group: GroupId, root: Seq, page: &Page) -> Result<Vec<Message>>;

    /// Up to `page.limit` messages outside of threads, among the next `within` numbers from the page's edge.
    fn messages_outside(&self, group: GroupId, page: &Page, within: usize) -> Result<OutsidePart>;

    /// Those of these messages that stand, in any order, with their replies.
    fn roots(&self, group: GroupId, roots: &[Seq]) -> Result<Vec<RootState>>;
}

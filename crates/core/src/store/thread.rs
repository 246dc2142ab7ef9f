//! Threads in the store. The row of a reply contains the number of its root, and a root has a mark that it
//! has had replies. Everything else is computed from the index of replies, so that it cannot become
//! inconsistent.
//!
//! **Atomicity.** A reply is stored together with the mark of its root. **Order.** Replies are in order of
//! their numbers. **Loss.** A reply whose root no longer exists is outside threads. **Bound.** Messages
//! outside threads cost no statement and no index entry. A page of messages with roots that have replies
//! costs one statement in total, which reads at most [`REPLIES_COUNTED`](crate::thread::REPLIES_COUNTED)
//! index entries per root. Pages of messages outside threads are read in bounded parts, because replies in
//! between have to be read and skipped.

use super::{Edge, Page};
use crate::message::Message;
use crate::thread::RootState;
use crate::{GroupId, Result, Seq};

/// A part of a page of a group's messages outside threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsidePart {
    pub messages: Vec<Message>,
    /// The edge to continue from. None if the page is full or the log ended.
    pub next: Option<Edge>,
}

/// Threads, in a transaction.
pub trait Threads {
    /// Up to `page.limit` replies to a root.
    fn thread_messages(&self, group: GroupId, root: Seq, page: &Page) -> Result<Vec<Message>>;

    /// Up to `page.limit` messages outside threads, among the next `within` numbers from the page's edge.
    fn messages_outside(&self, group: GroupId, page: &Page, within: usize) -> Result<OutsidePart>;

    /// Those of these messages that exist, in any order, with their replies.
    fn roots(&self, group: GroupId, roots: &[Seq]) -> Result<Vec<RootState>>;
}

//! Threads: the replies to a message, which is called their root.

use crate::{Date, MessageId, Name, Seq};

/// Replies are counted up to this number, which means "this or more".
pub const REPLIES_COUNTED: u32 = 1000;
/// The most authors that a root lists for its replies.
pub const SHOWN_REPLIERS: usize = 3;

/// The root of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadRoot {
    pub id: MessageId,
    /// The root's number in the group's log.
    pub seq: Seq,
}

/// A summary of the replies to a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replies {
    /// Counted up to [`REPLIES_COUNTED`].
    pub count: u32,
    /// The date of the newest reply.
    pub last: Date,
    /// The most recent distinct authors, newest first, at most [`SHOWN_REPLIERS`].
    pub names: Vec<Name>,
}

impl Replies {
    /// The approximate size on the wire, in bytes.
    pub fn size(&self) -> usize {
        80 + self.names.iter().map(|name| name.as_str().len() + 3).sum::<usize>()
    }
}

/// The current state of a root, for the event of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootState {
    pub root: ThreadRoot,
    /// None if all replies are deleted.
    pub replies: Option<Replies>,
}

impl RootState {
    /// The approximate size on the wire, in bytes.
    pub fn size(&self) -> usize {
        64 + self.replies.as_ref().map_or(0, Replies::size)
    }
}

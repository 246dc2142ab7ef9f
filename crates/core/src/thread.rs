//! Threads: the replies to a message, which is their root.

use crate::{Date, MessageId, Name, Seq};

/// The replies to a message are counted up to this, which means "this or more".
pub const REPLIES_COUNTED: u32 = 1000;
/// The number of users whom a message names for the replies to it.
pub const SHOWN_REPLIERS: usize = 3;

/// The root of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadRoot {
    pub id: MessageId,
    /// Its number in the group's log.
    pub seq: Seq,
}

/// The replies to a root, as the root shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replies {
    /// Their number, counted up to [`REPLIES_COUNTED`].
    pub count: u32,
    /// The date of the newest.
    pub last: Date,
    /// The newest different authors, newest first, at most [`SHOWN_REPLIERS`].
    pub names: Vec<Name>,
}

impl Replies {
    /// Its approximate size on the wire.
    pub fn size(&self) -> usize {
        80 + self.names.iter().map(|name| name.as_str().len() + 3).sum::<usize>()
    }
}

/// A root as it stands, for the event of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootState {
    pub root: ThreadRoot,
    /// None if no reply stands.
    pub replies: Option<Replies>,
}

impl RootState {
    /// Its approximate size on the wire.
    pub fn size(&self) -> usize {
        64 + self.replies.as_ref().map_or(0, Replies::size)
    }
}

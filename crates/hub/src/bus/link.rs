//! The port to the other nodes.
//!
//! **Loss.** A link may lose, repeat, delay and reorder anything. It never invents: every delivered
//! hint was published by a node of this cluster. None of its functions waits: while it is down or full,
//! hints are dropped and counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use chinwag_core::presence::Appearance;
use chinwag_core::token::TokenHash;
use chinwag_core::{GroupId, Name, Seq, UserId};

/// A node, by a number drawn at its start: one that is started again is another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u128);

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The channel of a hint. A node subscribes where its sockets need it, to [`Channel::Nodes`], and to
/// its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// To the nodes that have a member of this group.
    Group(GroupId),
    /// To the nodes that have this user.
    User(UserId),
    /// To all nodes.
    Nodes,
    /// To one.
    Node(NodeId),
}

/// A message from one node to another: never the truth, but enough to continue from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    pub kind: HintKind,
    pub group: Option<GroupId>,
    /// Its number in that group's log.
    pub seq: Option<Seq>,
    /// The ready frame for those whom it concerns.
    pub frame: Bytes,
    /// The ready frame for those to whom the group is new.
    pub whole: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintKind {
    /// The frame is for a group's members, but for these.
    Group(Vec<UserId>),
    /// A group's name or members have changed.
    Changed { joined: Vec<UserId>, left: Vec<UserId> },
    /// A number of a group's log that is sent to nobody has passed.
    Passed { left: Vec<UserId> },
    /// A group is no more.
    Deleted,
    /// This user has come into a group.
    Joined(UserId),
    /// The frame is for this user. With a group it ends a membership that the user had yet to accept.
    User(UserId),
    /// The frame shows this user a group that it has yet to accept.
    Invited(UserId),
    /// The same; a user has another name.
    Renamed {
        /// The recipient of the frame.
        to: UserId,
        user: UserId,
        name: Name,
    },
    /// The same; these two are contacts from now on.
    Contact {
        /// The recipient of the frame.
        to: UserId,
        contact: (UserId, Name),
    },
    /// One token has ended.
    TokenEnded(TokenHash),
    /// Everything of one user has ended.
    UserEnded(UserId),
    /// One user is suspended.
    UserSuspended(UserId),
    /// The sending node's share of a user's presence.
    Presence {
        /// The number of the announcement.
        count: u64,
        user: UserId,
        name: Name,
        /// On that node.
        appearance: Appearance,
        /// The user's contacts, and the user itself.
        told: Vec<UserId>,
    },
    /// A sign of life of the sending node.
    Beat {
        /// How many announcements of presence it has made.
        count: u64,
        /// Whether it ends with this.
        last: bool,
    },
    /// The sending node requests a [`HintKind::Roster`].
    Ask,
    /// A part of the sending node's users.
    Roster {
        /// How many announcements of presence it has made before.
        count: u64,
        part: u32,
        /// Of how many.
        parts: u32,
        /// Users and what they are.
        users: Vec<(UserId, Appearance)>,
    },
    /// A kind that only a newer node knows.
    Unknown,
}

impl Hint {
    /// A hint that is about no group.
    pub fn new(kind: HintKind) -> Self {
        Self { kind, group: None, seq: None, frame: Bytes::new(), whole: Bytes::new() }
    }

    /// The same, with a frame.
    #[must_use]
    pub fn with(self, frame: Bytes) -> Self {
        Self { frame, ..self }
    }
}

/// A report of the link.
#[derive(Debug)]
pub enum LinkEvent {
    /// A hint of another node.
    Hint(NodeId, Hint, QueuedBytes),
    /// The subscription to these channels is active.
    Subscribed(Vec<Channel>),
    /// The link is up. Everything published before may have been lost.
    Up,
    Down,
}

/// A share in a count of bytes, held by something that waits.
#[derive(Debug, Default)]
pub struct QueuedBytes(Option<(Arc<AtomicUsize>, usize)>);

impl QueuedBytes {
    /// Adds `bytes` to `sum` until this is dropped.
    pub fn of(sum: &Arc<AtomicUsize>, bytes: usize) -> Self {
        sum.fetch_add(bytes, Ordering::Relaxed);
        Self(Some((sum.clone(), bytes)))
    }
}

impl Drop for QueuedBytes {
    fn drop(&mut self) {
        if let Some((sum, bytes)) = &self.0 {
            sum.fetch_sub(*bytes, Ordering::Relaxed);
        }
    }
}

/// Figures of a link, each since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkFigures {
    /// Hints given to the other nodes.
    pub published: u64,
    /// Hints not given, since the link was away or did not keep up.
    pub dropped: u64,
    /// Hints of other nodes that came.
    pub received: u64,
    /// Hints that came faster than they were taken, and were dropped.
    pub overrun: u64,
    /// Hints that no node of this cluster has made, or of a form not known here.
    pub forged: u64,
    /// Hints that had come before, were sent before this node listened, or long ago.
    pub repeated: u64,
}

/// Whether a channel is needed here now.
pub type ChannelFilter = Box<dyn Fn(Channel) -> bool + Send + Sync>;

/// A link to the other nodes. None of its functions waits.
pub trait Link: fmt::Debug + Send + Sync + 'static {
    /// Whether there are no other nodes, and never will be.
    fn is_alone(&self) -> bool {
        false
    }

    /// This node.
    fn node(&self) -> NodeId;

    /// Publishes a hint, or drops it and counts that.
    fn publish(&self, to: Channel, hint: Hint);

    /// Sets the filter of wanted channels. Called once, before anything else.
    fn set_filter(&self, wanted: ChannelFilter);

    /// A channel may have become wanted or unwanted: the link asks the filter, soon.
    fn recheck(&self, channel: Channel);

    fn is_up(&self) -> bool;

    /// Figures for metrics.
    fn figures(&self) -> LinkFigures;
}

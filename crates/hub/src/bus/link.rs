//! The port to the other nodes.
//!
//! **Loss.** A link may lose, repeat, delay and reorder hints. It never invents any: every delivered hint was
//! published by a node of this cluster. No function blocks: while the link is down or its queue is full,
//! hints are dropped and counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use chinwag_core::presence::Appearance;
use chinwag_core::token::TokenHash;
use chinwag_core::{GroupId, Name, Seq, UserId};

/// A node, identified by a random number that it draws at its start. A restarted node is another node.
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

/// The channel of a hint. A node subscribes to [`Channel::Nodes`], to its own channel, and to those that its
/// sockets need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Received by the nodes that have a member of this group.
    Group(GroupId),
    /// Received by the nodes on which this user is connected.
    User(UserId),
    /// Received by all nodes.
    Nodes,
    /// Received by one node.
    Node(NodeId),
}

/// A message from one node to others. It is never the truth, but enough to continue from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    pub kind: HintKind,
    pub group: Option<GroupId>,
    /// Its number in the group's log.
    pub seq: Option<Seq>,
    /// The encoded frame for the recipients.
    pub frame: Bytes,
    /// The encoded frame for recipients to whom the group is new.
    pub whole: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintKind {
    /// An event for the group's members, except these users.
    Group(Vec<UserId>),
    /// The group's properties or members have changed.
    Changed { joined: Vec<UserId>, left: Vec<UserId> },
    /// A number of the group's log was assigned to an entry that has no frame.
    Passed { left: Vec<UserId> },
    /// The group was deleted.
    Deleted,
    /// This user has joined the group.
    Joined(UserId),
    /// An event for this user. With a group, it ends the user's pending membership.
    User(UserId),
    /// An event that shows this user a group in which its membership is pending.
    Invited(UserId),
    /// An event for one user, about another user's new name.
    Renamed {
        /// The recipient of the frame.
        to: UserId,
        user: UserId,
        name: Name,
    },
    /// An event for one user, about a new contact.
    Contact {
        /// The recipient of the frame.
        to: UserId,
        contact: (UserId, Name),
    },
    /// A token or key was deleted.
    TokenEnded(TokenHash),
    /// All credentials of a user were deleted.
    UserEnded(UserId),
    /// A user was suspended.
    UserSuspended(UserId),
    /// A user's appearance on the sending node.
    Presence {
        /// The running number of the announcement.
        count: u64,
        user: UserId,
        name: Name,
        /// On the sending node.
        appearance: Appearance,
        /// The user's contacts, and the user itself.
        receivers: Vec<UserId>,
    },
    /// A heartbeat of the sending node.
    Beat {
        /// The number of presence announcements that the node has made.
        count: u64,
        /// Whether the node is ending.
        last: bool,
    },
    /// The sending node requests a [`HintKind::Roster`].
    Ask,
    /// A part of the users of the sending node.
    Roster {
        /// The number of presence announcements that the node had made before.
        count: u64,
        part: u32,
        /// The number of parts.
        parts: u32,
        /// The users with their appearances.
        users: Vec<(UserId, Appearance)>,
    },
    /// A kind that only newer versions know.
    Unknown,
}

impl Hint {
    /// A hint without a group.
    pub fn new(kind: HintKind) -> Self {
        Self { kind, group: None, seq: None, frame: Bytes::new(), whole: Bytes::new() }
    }

    /// Adds the frame.
    #[must_use]
    pub fn with(self, frame: Bytes) -> Self {
        Self { frame, ..self }
    }
}

/// An event that the link reports.
#[derive(Debug)]
pub enum LinkEvent {
    /// A hint of another node.
    Hint(NodeId, Hint, QueuedBytes),
    /// The subscription to these channels is active.
    Subscribed(Vec<Channel>),
    /// The link is up. Everything published before may have been lost.
    Up,
    Down,
    /// The task that maintains the link has panicked.
    Broken,
}

/// A share of a byte counter, held for as long as the bytes are queued.
#[derive(Debug, Default)]
pub struct QueuedBytes(Option<(Arc<AtomicUsize>, usize)>);

impl QueuedBytes {
    /// Adds `bytes` to `sum` until the value is dropped.
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

/// Counters of a link since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkFigures {
    /// Hints sent to the other nodes.
    pub published: u64,
    /// Hints not sent, because the link was down or could not keep up.
    pub dropped: u64,
    /// Hints received from other nodes.
    pub received: u64,
    /// Received hints that were dropped because a queue was full.
    pub overrun: u64,
    /// Received hints that no node of this cluster has made, or whose form is unknown here.
    pub forged: u64,
    /// Received hints that were dropped as repeated or too old.
    pub repeated: u64,
}

/// Whether this node needs a channel now.
pub type ChannelFilter = Box<dyn Fn(Channel) -> bool + Send + Sync>;

/// A link to the other nodes. None of its functions blocks.
pub trait Link: fmt::Debug + Send + Sync + 'static {
    /// Whether there are no other nodes and never will be.
    fn is_alone(&self) -> bool {
        false
    }

    /// The id of this node.
    fn node(&self) -> NodeId;

    /// Publishes a hint, or drops and counts it.
    fn publish(&self, to: Channel, hint: Hint);

    /// Sets the filter of needed channels. Called once, before any other function.
    fn set_filter(&self, wanted: ChannelFilter);

    /// Reports that a channel may be needed or not needed any more. The link soon asks the filter.
    fn recheck(&self, channel: Channel);

    fn is_up(&self) -> bool;

    /// Figures for metrics.
    fn figures(&self) -> LinkFigures;
}

//! Events for users: committed changes, and changes that are never stored.

use std::sync::Arc;

use crate::entry::Entry;
use crate::group::View;
use crate::group_settings::GroupSettings;
use crate::message::Message;
use crate::pin::Pinned;
use crate::presence::Status;
use crate::profile::Details;
use crate::reaction::Reacted;
use crate::relation::Outcome;
use crate::thread::RootState;
use crate::token::TokenHash;
use crate::{Date, GroupId, MessageId, Name, Seq, SocketId, UserId};

/// A change with its audience.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub kind: Kind,
    pub to: Audience,
    /// The number in the group's log, if there is one.
    pub seq: Option<Seq>,
    /// The socket that requested the change. Its copy of the event carries the `ref`.
    pub origin: Option<Origin>,
}

/// The socket that made a request, and the `ref` that the answer repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub socket: SocketId,
    /// The client's `ref`, at most 64 characters.
    pub reference: Option<Arc<str>>,
}

/// The receivers of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Every socket of every member.
    Group(GroupId),
    /// Every socket of every member, except for these users.
    Others(GroupId, Vec<UserId>),
    /// Every socket of these users.
    Users(Vec<UserId>),
}

/// The kind of an event, with its content. A *numbered* event takes a number of the group's log.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A message was sent. Numbered.
    MessageText(Message),
    /// A message was edited. Numbered.
    MessageUpdate(Message),
    /// A message was deleted. Numbered.
    MessageDelete {
        id: MessageId,
        group: GroupId,
        /// The number of the message.
        seq: Seq,
        /// The current state of the thread's root, if the message was a reply.
        root: Option<RootState>,
    },
    /// Several messages were deleted together. Numbered.
    MessagesDelete {
        group: GroupId,
        /// At most [`crate::limits::MAX_DELETED_PER_ENTRY`].
        ids: Vec<MessageId>,
        /// The current state of the roots of threads that lost replies.
        roots: Vec<RootState>,
    },
    /// A user added a reaction to a message, or removed it. Numbered.
    MessageReact(Reacted),
    /// A message was pinned or unpinned. Numbered.
    MessagePin(Pinned),
    /// A member's read mark moved.
    MessageRead {
        author: Name,
        group: GroupId,
        /// Number and date of the last message read. None if no message is read.
        at: Option<(Seq, Date)>,
    },
    /// A group was created, or its name or members changed. Numbered.
    GroupUpdate {
        /// The group after the change. The view is complete if users have joined, because the group is new to
        /// them. Otherwise it contains at least a [`brief`](crate::store::Groups::brief) view.
        view: Arc<View>,
        /// Users who joined with this change. They receive the group's events from here on.
        joined: Vec<UserId>,
        /// Users who left or were removed with this change. They receive no later events.
        left: Vec<UserId>,
        /// The log entry of the change. None in the one event that summarizes all changes on resume.
        entry: Option<Arc<Entry>>,
    },
    /// A member was renamed or deleted. Numbered, but delivered to nobody: members learn of the change from
    /// an event of the user, which has no number.
    MemberChanged {
        group: GroupId,
        /// The user who was deleted.
        left: Option<UserId>,
    },
    /// The receiver is no longer in the group. Carries the number of the change.
    GroupQuit {
        group: GroupId,
        /// The receiver.
        name: Name,
    },
    /// A group was deleted. Numbered, the last number of its log.
    GroupDelete(GroupId),
    /// A change for a user who has not accepted the group yet. Carries the number of the change.
    Pending(Pending),
    /// A user has accepted a group. The view is the current group, and the event's number is the head of its
    /// log; the user receives the events after it.
    GroupAccepted {
        view: Arc<View>,
        /// The number of unread messages that mention the user.
        mentioned: u32,
    },
    /// The user's own settings of a group changed. Delivered only to this user.
    GroupMe {
        group: GroupId,
        settings: GroupSettings,
        /// Whether the user has not accepted the group yet.
        pending: bool,
    },
    /// A relation changed.
    ContactUpdate {
        /// The user who changed it.
        author: (UserId, Name),
        /// The other user.
        name: (UserId, Name),
        outcome: Outcome,
    },
    /// A user's presence changed.
    StatusUpdate { author: Name, status: Status },
    /// A user was renamed, or its profile changed.
    UserUpdate {
        user: UserId,
        name: Name,
        /// The new name, if the user was renamed.
        new_name: Option<Name>,
        /// The current profile, if the user still exists.
        profile: Option<Arc<Details>>,
    },
    /// A user was deleted.
    UserDelete { name: Name },
    /// A member started or stopped typing. Never stored.
    Typing {
        author: Name,
        group: GroupId,
        /// Whether typing started or stopped.
        started: bool,
    },
    /// Credentials ended. Delivered to nobody; the hub closes the sockets of these credentials with 4001.
    Ended(Ended),
}

/// A change of a group for a user who has not accepted it yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Pending {
    /// The user was added.
    Added(Arc<View>),
    /// The user is no longer in the group.
    Ended { group: GroupId, name: Name },
    /// The group was deleted.
    Deleted(GroupId),
}

impl Pending {
    pub fn group(&self) -> GroupId {
        match self {
            Self::Added(view) => view.group.id,
            Self::Ended { group, .. } | Self::Deleted(group) => *group,
        }
    }
}

/// The credentials that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// One token.
    Token(TokenHash),
    /// All credentials of a user who was deleted or signed out everywhere.
    User(UserId),
    /// All credentials of a suspended user, for as long as the suspension lasts. Sockets are closed with
    /// 4003.
    Suspended(UserId),
}

impl Event {
    /// An event without a number for these users.
    pub fn to_users(kind: Kind, users: Vec<UserId>) -> Self {
        Self { kind, to: Audience::Users(users), seq: None, origin: None }
    }

    /// A numbered event of a group for its members.
    pub fn in_group(kind: Kind, group: GroupId, seq: Seq) -> Self {
        Self { kind, to: Audience::Group(group), seq: Some(seq), origin: None }
    }

    /// The event of a new message, for the members of its group.
    pub fn sent(message: &Message) -> Self {
        Self::in_group(Kind::MessageText(message.clone()), message.group, message.seq)
    }

    /// The users of the audience. Empty if the audience is a group.
    pub fn users(&self) -> &[UserId] {
        match &self.to {
            Audience::Users(users) => users,
            Audience::Group(_) | Audience::Others(..) => &[],
        }
    }

    /// The group that the event is about, if any.
    pub fn group(&self) -> Option<GroupId> {
        match &self.kind {
            Kind::MessageText(message) | Kind::MessageUpdate(message) => Some(message.group),
            Kind::MessageDelete { group, .. }
            | Kind::MessagesDelete { group, .. }
            | Kind::MessageReact(Reacted { group, .. })
            | Kind::MessagePin(Pinned { group, .. })
            | Kind::MessageRead { group, .. }
            | Kind::GroupQuit { group, .. }
            | Kind::GroupDelete(group)
            | Kind::Typing { group, .. } => Some(*group),
            Kind::MemberChanged { group, .. } => Some(*group),
            Kind::GroupUpdate { view, .. } | Kind::GroupAccepted { view, .. } => Some(view.group.id),
            Kind::Pending(pending) => Some(pending.group()),
            Kind::ContactUpdate { .. }
            | Kind::StatusUpdate { .. }
            | Kind::UserUpdate { .. }
            | Kind::UserDelete { .. }
            | Kind::GroupMe { .. }
            | Kind::Ended(_) => None,
        }
    }

    /// Sets the socket that requested the change.
    #[must_use]
    pub fn from(mut self, origin: Option<&Origin>) -> Self {
        self.origin = origin.cloned();
        self
    }
}

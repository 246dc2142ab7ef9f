//! Committed changes, and changes that are never stored, as they are delivered to users.

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
    /// The socket that requested the change. Its own event carries the `ref`.
    pub origin: Option<Origin>,
}

/// A requesting socket, and the `ref` that its answer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub socket: SocketId,
    /// The client's text for the request, at most 64 characters.
    pub reference: Option<Arc<str>>,
}

/// The receivers of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Every socket of every member.
    Group(GroupId),
    /// Every socket of every member, except of these users.
    Others(GroupId, Vec<UserId>),
    /// Every socket of these users.
    Users(Vec<UserId>),
}

/// The kind of an event with its content.
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
        /// The root of its thread as it stands, if it was a reply.
        root: Option<RootState>,
    },
    /// Several messages were deleted together. Numbered.
    MessagesDelete {
        group: GroupId,
        /// At most [`crate::limits::DELETED_TOGETHER`].
        ids: Vec<MessageId>,
        /// The roots of the replies among them, as they stand.
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
        /// Number and date of the last message read, if there is one.
        at: Option<(Seq, Date)>,
    },
    /// A group was made, or its name or members changed. Numbered.
    GroupUpdate {
        /// The group after the change: complete if somebody has joined, to whom the group is new; else at
        /// least the content of a [`brief`](crate::store::Groups::brief) view.
        view: Arc<View>,
        /// Users who joined with this change, and receive the group's events from here on.
        joined: Vec<UserId>,
        /// Users who left or were removed with this change, and receive no later events.
        left: Vec<UserId>,
        /// The entry of the change, which says what it was. None in the one event of a resume for all changes.
        entry: Option<Arc<Entry>>,
    },
    /// A member was renamed or deleted, which the members learn from an event without a number. Numbered, and
    /// delivered to nobody.
    MemberChanged {
        group: GroupId,
        /// The user who was deleted.
        left: Option<UserId>,
    },
    /// The receiver is no longer in the group. Has the number of the change.
    GroupQuit {
        group: GroupId,
        /// The receiver.
        name: Name,
    },
    /// A group was deleted. Numbered, the last number of its log.
    GroupDelete(GroupId),
    /// A change for a user who has yet to accept a group. Has the number of the change.
    Pending(Pending),
    /// A user has accepted a group: the current group. Its number is the last one of the log; the user
    /// receives the events after it.
    GroupAccepted {
        view: Arc<View>,
        /// The number of unread messages that mention the user.
        mentioned: u32,
    },
    /// The user's own settings of a group changed. Delivered only to that user.
    GroupMe {
        group: GroupId,
        settings: GroupSettings,
        /// Whether the user has yet to accept.
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
        /// The new name of a renamed user.
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
    /// Credentials ended. Delivered to nobody; the sockets of the credentials are closed with 4001.
    Ended(Ended),
}

/// A change of a group for a user who has yet to accept it.
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
    /// All credentials of a user who was deleted or has signed out everywhere.
    User(UserId),
    /// The use of all credentials of a user, who is suspended. The sockets are closed with 4003.
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

    /// A message that was sent, for the members of its group.
    pub fn sent(message: &Message) -> Self {
        Self::in_group(Kind::MessageText(message.clone()), message.group, message.seq)
    }

    /// The users of the audience, if they are listed.
    pub fn users(&self) -> &[UserId] {
        match &self.to {
            Audience::Users(users) => users,
            Audience::Group(_) | Audience::Others(..) => &[],
        }
    }

    /// The group that the event concerns, if it is one.
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

    /// Sets the requesting socket.
    #[must_use]
    pub fn from(mut self, origin: Option<&Origin>) -> Self {
        self.origin = origin.cloned();
        self
    }
}

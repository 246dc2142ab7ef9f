//! What happened, as it is told to those whom it concerns, after its commit.

use std::sync::Arc;

use crate::group::View;
use crate::message::Message;
use crate::presence::Status;
use crate::relation::Outcome;
use crate::token::TokenHash;
use crate::{Date, GroupId, MessageId, Name, Seq, SocketId, UserId};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// Who is told.
    pub to: Audience,
    /// The number it has in its group's log, if it has one.
    pub seq: Option<Seq>,
    /// The socket that asked for it: its copy carries the `ref`.
    pub origin: Option<Origin>,
}

/// The socket that asked, and the `ref` that its copy of the answer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The socket.
    pub socket: SocketId,
    /// Its own word for the request, at most 64 characters.
    pub reference: Option<Arc<str>>,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Every socket of every member.
    Group(GroupId),
    /// Every socket of every member but these.
    Others(GroupId, Vec<UserId>),
    /// Every socket of these users.
    Users(Vec<UserId>),
}

/// What happened, with what the wire says of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A message was sent. Numbered.
    MessageText(Message),
    /// A message was edited. Numbered.
    MessageUpdate(Message),
    /// A message was deleted. Numbered; `seq` here is the message's own.
    MessageDelete {
        /// The message that was.
        id: MessageId,
        /// Its group.
        group: GroupId,
        /// Its own number.
        seq: Seq,
    },
    /// Messages were deleted together. Numbered.
    MessagesDelete {
        /// Their group.
        group: GroupId,
        /// The messages that were, at most [`crate::limits::DELETED_TOGETHER`].
        ids: Vec<MessageId>,
    },
    /// A member's read mark moved.
    MessageRead {
        /// Whose mark.
        author: Name,
        /// The group.
        group: GroupId,
        /// The last read message's date and number, or none if there is none.
        at: Option<(Seq, Date)>,
    },
    /// A group was made, or its name or members changed. Numbered.
    GroupUpdate {
        /// The group as it stands after the change: whole where somebody has joined, for whom it
        /// is new, and else at least what [`brief`](crate::store::Groups::brief) says.
        view: Arc<View>,
        /// Who has come with this change: told of the group from here on.
        joined: Vec<UserId>,
        /// Who has gone with this change: told nothing of the group from here on.
        left: Vec<UserId>,
    },
    /// A member has another name, or is no more, of which the members are told by an event without
    /// a number. Numbered, and sent to nobody.
    MemberChanged {
        /// The group.
        group: GroupId,
        /// Who has gone with this change.
        left: Option<UserId>,
    },
    /// Told to one who is no longer in a group. Has the number of the change.
    GroupQuit {
        /// The group.
        group: GroupId,
        /// Who has gone.
        name: Name,
    },
    /// A group is no more. Numbered, the last number of its log.
    GroupDelete(GroupId),
    /// Delivered to a user who has yet to accept a group. Has the number of the change.
    Pending(Pending),
    /// Delivered to a user who has accepted a group: the group as it stands. Its number is the last of
    /// the group's log; the user is sent what comes after it.
    GroupAccepted(Arc<View>),
    /// A user's own settings of a group changed: delivered to that user alone.
    GroupMe {
        /// The group.
        group: GroupId,
        /// Whether the user has yet to accept.
        pending: bool,
    },
    /// A relation changed.
    ContactUpdate {
        /// Who changed it.
        author: (UserId, Name),
        /// The other.
        name: (UserId, Name),
        /// How.
        outcome: Outcome,
    },
    /// A user's presence changed.
    StatusUpdate {
        /// Whose.
        author: Name,
        /// To what.
        status: Status,
    },
    /// A user has another name.
    UserUpdate {
        /// Who.
        user: UserId,
        /// The old name.
        name: Name,
        /// The new name.
        new_name: Name,
    },
    /// A user is no more.
    UserDelete {
        /// Who it was.
        name: Name,
    },
    /// A member began or ceased to type. Never stored.
    Typing {
        /// Who.
        author: Name,
        /// Where.
        group: GroupId,
        /// Began, or ceased.
        started: bool,
    },
    /// Credentials ended: told to nobody; their sockets are closed with 4001.
    Ended(Ended),
}

/// What a user is told of a group that it has yet to accept.
#[derive(Debug, Clone, PartialEq)]
pub enum Pending {
    /// It was added.
    Added(Arc<View>),
    /// It is no longer in the group.
    Ended {
        /// The group.
        group: GroupId,
        /// The user.
        name: Name,
    },
    /// The group is no more.
    Deleted(GroupId),
}

impl Pending {
    /// The group.
    pub fn group(&self) -> GroupId {
        match self {
            Self::Added(view) => view.group.id,
            Self::Ended { group, .. } | Self::Deleted(group) => *group,
        }
    }
}

/// Which credentials have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// One token.
    Token(TokenHash),
    /// Everything of one user, who is no more or has signed out everywhere.
    User(UserId),
}

impl Event {
    /// An event without a number, told to these users.
    pub fn to_users(kind: Kind, users: Vec<UserId>) -> Self {
        Self { kind, to: Audience::Users(users), seq: None, origin: None }
    }

    /// A numbered event of a group, told to its members.
    pub fn in_group(kind: Kind, group: GroupId, seq: Seq) -> Self {
        Self { kind, to: Audience::Group(group), seq: Some(seq), origin: None }
    }

    /// The users whom it is delivered to, where they are named.
    pub fn users(&self) -> &[UserId] {
        match &self.to {
            Audience::Users(users) => users,
            Audience::Group(_) | Audience::Others(..) => &[],
        }
    }

    /// The same, with the socket that asked for it.
    #[must_use]
    pub fn from(mut self, origin: Option<&Origin>) -> Self {
        self.origin = origin.cloned();
        self
    }
}

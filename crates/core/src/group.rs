//! Groups: their rows, their members, and their views.

use std::sync::Arc;

use crate::group_details::GroupDetails;
use crate::group_settings::GroupSettings;
use crate::limits::LISTED;
use crate::message::Message;
use crate::permission::Role;
use crate::profile::ProfileCard;
use crate::{Date, GroupId, MessageId, Name, Seq, UserId};

/// A stored group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    /// Its name; `@` if it is private.
    pub name: Arc<str>,
    /// Whether it is a private conversation of two users.
    pub private: bool,
    /// The last number in its log.
    pub head: Seq,
    /// Its pinned messages, the most recently pinned first.
    pub pins: Vec<MessageId>,
    pub details: GroupDetails,
}

/// A user's membership in a group, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub user: UserId,
    /// The user's current name.
    pub name: Name,
    pub role: Role,
    /// The date of joining.
    pub since: Date,
    /// Whether the user was added by somebody who is not a contact, and has not accepted.
    pub pending: bool,
    /// The number of the last message read, if there is one.
    pub read: Option<Seq>,
    /// Whether the user hides its read marks, and sees nobody's.
    pub hides_reads: bool,
}

/// The facts that decide a user's rights in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    pub role: Role,
    /// Whether the user was added by somebody who is not a contact, and has not accepted.
    pub pending: bool,
    /// Whether the group is private and one of its two users has blocked the other.
    pub blocked: bool,
    /// Seconds between two messages of a member below admin; 0 where there is no limit.
    pub slow: u32,
}

impl Membership {
    /// The role that decides rights: while there is a block, both users only read.
    pub fn effective_role(self) -> Role {
        if self.blocked { Role::Restrict } else { self.role }
    }

    /// The seconds between two of the member's messages; 0 where there is no limit.
    pub fn slow_seconds(self) -> u32 {
        if self.role < Role::Admin { self.slow } else { 0 }
    }
}

/// A group with its members and newest messages, the same for every member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub group: Group,
    /// Its members, in order of joining; only the owner in a [brief](crate::store::Groups::brief) view of a
    /// large group.
    pub members: Vec<Member>,
    pub members_count: usize,
    /// Its newest messages that are not deleted, newest first, at most [`crate::limits::LATEST`]; none in a
    /// brief view.
    pub messages: Vec<Message>,
    /// The profiles of the authors of its messages and of the users of a private group, for users to whom the group
    /// is new. Else none.
    pub people: Vec<ProfileCard>,
    /// The read marks that the receivers of this view may see; see [`show_reads`](Self::show_reads). At first none.
    pub reads: Vec<(Name, Seq)>,
    /// The unread mentions of receivers to whom the view goes as a new group; those who have none are left out.
    pub mentioned: Vec<(UserId, u32)>,
}

impl View {
    /// The users whose profiles stand beside this view: authors, and the users of a private group.
    pub fn shown_users(&self) -> impl Iterator<Item = UserId> {
        let users = if self.group.private { &self.members[..] } else { &[] };
        self.messages.iter().map(|message| message.author).chain(users.iter().map(|member| member.user))
    }

    /// The names of the members with `role`, in order of joining. The owner of a private group is `admin` on
    /// the wire, which is nobody's role.
    pub fn names(&self, role: Role) -> impl Iterator<Item = &Name> {
        self.members.iter().filter(move |m| m.role == role).map(|m| &m.name)
    }

    /// Whether an event may carry the lists of members.
    pub fn is_listed(&self) -> bool {
        self.members_count <= LISTED
    }

    /// Whether members in a list say how far each has read: in small groups of which all members are here.
    pub fn has_reads(&self) -> bool {
        self.is_listed() && self.members.len() == self.members_count
    }

    /// Shows these users the read marks that each of them may see; a service, which is no user, all marks.
    /// `blocks` are the users between whom and a receiver there is a block. A user who hides its marks sees its
    /// own alone.
    pub fn show_reads(&mut self, receivers: &[UserId], blocks: &[UserId]) {
        self.reads.clear();
        if !self.has_reads() {
            return;
        }
        let hiding = |member: &Member| member.hides_reads && receivers.contains(&member.user);
        let is_hidden = self.members.iter().any(hiding);
        let is_shown = |member: &&Member| {
            let Member { user, pending, hides_reads, .. } = member;
            let is_open = !is_hidden && !pending && !hides_reads && !blocks.contains(user);
            receivers.is_empty() || receivers == [*user] || is_open
        };
        let shown = self.members.iter().filter(is_shown);
        self.reads = shown.filter_map(|member| Some((member.name.clone(), member.read?))).collect();
    }

    /// The number of unread messages that mention a receiver.
    pub fn mentioned_of(&self, receiver: UserId) -> u32 {
        self.mentioned.iter().find(|(user, _)| *user == receiver).map_or(0, |(_, count)| *count)
    }

    /// Shows both users of a private group as restricted. The block itself is stored elsewhere.
    pub fn restrict_all(&mut self) {
        self.members.iter_mut().for_each(|member| member.role = Role::Restrict);
    }
}

/// A group as one user sees it, with the user's own marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub view: View,
    pub mark: Mark,
    /// The user's own settings.
    pub settings: GroupSettings,
    /// Whether the user was added by somebody who is not a contact, and has not accepted.
    pub pending: bool,
}

impl Summary {
    /// Removes the parts that a user who has not accepted does not receive.
    pub fn hide_if_pending(&mut self) {
        if self.pending {
            self.view.messages.clear();
            self.view.group.pins.clear();
            self.view.reads.clear();
            // Nobody is told of a mark that it moves.
            self.mark = Mark::default();
        }
    }
}

/// The position up to which a user has read a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Number and date of the last message read.
    pub last_read: Option<(Seq, Date)>,
    /// Later messages of others that are not deleted, up to [`crate::limits::UNREAD`].
    pub unread: u32,
    /// Those of them that mention the user, up to as many.
    pub mentioned: u32,
}

impl Mark {
    /// Shows no counts, as to a user who has yet to accept.
    pub fn hide_counts(&mut self) {
        (self.unread, self.mentioned) = (0, 0);
    }
}

/// The successor of the owner among the members who have accepted: the longest-standing admin, else member,
/// else restrict. `members` are in order of joining.
pub fn heir(members: &[Member]) -> Option<&Member> {
    [Role::Admin, Role::Member, Role::Restrict]
        .into_iter()
        .find_map(|role| members.iter().find(|m| m.role == role && !m.pending))
}

//! Groups: rows, members, and views.

use std::sync::Arc;

use crate::group_details::GroupDetails;
use crate::group_settings::GroupSettings;
use crate::limits::MAX_LISTED_MEMBERS;
use crate::message::Message;
use crate::permission::Role;
use crate::profile::ProfileCard;
use crate::{Date, GroupId, MessageId, Name, Seq, UserId};

/// A stored group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    /// `@` if the group is private.
    pub name: Arc<str>,
    /// Whether it is a private conversation of two users.
    pub private: bool,
    /// The last number in the group's log.
    pub head: Seq,
    /// The pinned messages, most recently pinned first.
    pub pins: Vec<MessageId>,
    pub details: GroupDetails,
}

/// A user's membership in a group, including the user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub user: UserId,
    /// The user's current name.
    pub name: Name,
    pub role: Role,
    /// The date on which the user joined.
    pub since: Date,
    /// Whether the user, who was added by a non-contact, has yet to accept the group.
    pub pending: bool,
    /// The number of the last message read, if any.
    pub read: Option<Seq>,
    /// Whether the user hides its read marks, and therefore sees no others.
    pub hides_reads: bool,
}

/// The facts that decide a user's rights in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    pub role: Role,
    /// Whether the user, who was added by a non-contact, has yet to accept the group.
    pub pending: bool,
    /// Whether the group is private and one of its two users blocks the other.
    pub blocked: bool,
    /// Slow mode: the seconds between two messages of a member below admin. 0: no limit.
    pub slow: u32,
}

impl Membership {
    /// The role that decides rights. While one user blocks the other, both can only read.
    pub(crate) fn effective_role(self) -> Role {
        if self.blocked { Role::Restrict } else { self.role }
    }

    /// The slow-mode delay that applies to this member, in seconds. 0: no limit.
    pub(crate) fn slow_seconds(self) -> u32 {
        if self.role < Role::Admin { self.slow } else { 0 }
    }
}

/// A group with its members and newest messages. It is the same for every member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub group: Group,
    /// The members, in order of joining. A [brief](crate::store::Groups::brief) view of a large group has
    /// only the owner.
    pub members: Vec<Member>,
    pub members_count: usize,
    /// The newest messages that are not deleted, newest first, at most [`crate::limits::LATEST`]. Empty in a
    /// brief view.
    pub messages: Vec<Message>,
    /// The profiles of the messages' authors, and of both users of a private group. Set only for users to
    /// whom the group is new.
    pub people: Vec<ProfileCard>,
    /// The read marks that the receivers of this view may see. Empty until [`show_reads`](Self::show_reads)
    /// sets them.
    pub reads: Vec<(Name, Seq)>,
    /// The unread mentions per receiver to whom the group is new. Receivers without mentions are omitted.
    pub mentioned: Vec<(UserId, u32)>,
}

impl View {
    /// The users whose profiles the view needs: authors, and both users of a private group.
    pub fn shown_users(&self) -> impl Iterator<Item = UserId> {
        let users = if self.group.private { &self.members[..] } else { &[] };
        self.messages.iter().map(|message| message.author).chain(users.iter().map(|member| member.user))
    }

    /// The names of the members with `role`, in order of joining. On the wire, the owner of a private group
    /// is called `admin`; no member has that role.
    pub fn names(&self, role: Role) -> impl Iterator<Item = &Name> {
        self.members.iter().filter(move |m| m.role == role).map(|m| &m.name)
    }

    /// Whether the group is small enough that events carry the lists of members.
    pub fn is_listed(&self) -> bool {
        self.members_count <= MAX_LISTED_MEMBERS
    }

    /// Whether the view can contain read marks: the group is small, and all of its members are loaded.
    pub fn has_reads(&self) -> bool {
        self.is_listed() && self.members.len() == self.members_count
    }

    /// Sets the read marks that the receivers may see. A service passes no receivers and sees all marks.
    /// `blocks` lists the users who block a receiver or are blocked by one. A user who hides its marks sees
    /// only its own.
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

    /// The number of unread messages that mention `receiver`.
    pub fn mentioned_of(&self, receiver: UserId) -> u32 {
        self.mentioned.iter().find(|(user, _)| *user == receiver).map_or(0, |(_, count)| *count)
    }

    /// Shows both users of a private group as restricted because of a block, which is stored elsewhere.
    pub(crate) fn restrict_all(&mut self) {
        self.members.iter_mut().for_each(|member| member.role = Role::Restrict);
    }
}

/// A group as one user sees it, with the user's own state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub view: View,
    pub mark: Mark,
    pub settings: GroupSettings,
    /// Whether the user, who was added by a non-contact, has yet to accept the group.
    pub pending: bool,
}

impl Summary {
    /// Removes the content that a user who has not accepted the group does not receive.
    pub(crate) fn hide_if_pending(&mut self) {
        if self.pending {
            self.view.messages.clear();
            self.view.group.pins.clear();
            self.view.reads.clear();
            // The mark would become stale, since no event reports its changes to this user.
            self.mark = Mark::default();
        }
    }
}

/// A user's read mark in a group, with the counts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Number and date of the last message read.
    pub last_read: Option<(Seq, Date)>,
    /// The number of later messages by others that are not deleted, up to [`crate::limits::UNREAD`].
    pub unread: u32,
    /// How many of the unread messages mention the user, with the same upper limit.
    pub mentioned: u32,
}

impl Mark {
    /// Clears the counts, which a user who has not accepted the group does not see.
    pub(crate) fn hide_counts(&mut self) {
        (self.unread, self.mentioned) = (0, 0);
    }
}

/// The next owner among the members who have accepted: the longest-standing admin, else member, else
/// restricted member. `members` must be in order of joining.
pub fn heir(members: &[Member]) -> Option<&Member> {
    [Role::Admin, Role::Member, Role::Restrict]
        .into_iter()
        .find_map(|role| members.iter().find(|m| m.role == role && !m.pending))
}

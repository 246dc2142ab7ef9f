//! Groups: their rows, their members, and what is shown of them.

use std::sync::Arc;

use crate::limits::LISTED;
use crate::message::Message;
use crate::permission::Role;
use crate::{Date, GroupId, Name, Seq, UserId};

/// A group as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name; `@` if it is private.
    pub name: Arc<str>,
    /// Whether it is the conversation of one pair.
    pub private: bool,
    /// The last number its log has given.
    pub head: Seq,
}

/// One user in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// The user's name now.
    pub name: Name,
    /// The role now.
    pub role: Role,
    /// When the user came.
    pub since: Date,
    /// Whether the user was added by a stranger and has not accepted.
    pub pending: bool,
}

/// What one user may do in one group now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The stored role.
    pub role: Role,
    /// Whether the user was added by a stranger and has not accepted.
    pub pending: bool,
    /// Whether the group is private and one of its two users has blocked the other.
    pub blocked: bool,
}

impl Membership {
    /// The role that rights are decided by: while a block stands, both only read.
    pub fn effective_role(self) -> Role {
        if self.blocked { Role::Restrict } else { self.role }
    }
}

/// A group with its members and newest messages, as everybody in it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The group.
    pub group: Group,
    /// Its members, in order of coming; the owner alone in a [brief](crate::store::Groups::brief)
    /// view of a large group.
    pub members: Vec<Member>,
    /// How many members it has.
    pub members_count: usize,
    /// Its newest messages that stand, newest first, at most [`crate::limits::LATEST`]; none in a
    /// brief view.
    pub messages: Vec<Message>,
}

impl View {
    /// The names of those with `role`, in order of coming. A private group's owner is `admin`
    /// on the wire, and nobody's role.
    pub fn names(&self, role: Role) -> impl Iterator<Item = &Name> {
        self.members.iter().filter(move |m| m.role == role).map(|m| &m.name)
    }

    /// Whether an event may carry the lists of members.
    pub fn is_listed(&self) -> bool {
        self.members_count <= LISTED
    }

    /// Shows both users of a private group as restricted. The block itself is not stored here.
    pub fn restrict_all(&mut self) {
        self.members.iter_mut().for_each(|member| member.role = Role::Restrict);
    }
}

/// A group as one user sees it: with that user's own marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What everybody sees.
    pub view: View,
    /// The user's own marks.
    pub mark: Mark,
    /// Whether the user was added by a stranger and has not accepted.
    pub pending: bool,
}

impl Summary {
    /// Leaves out what a user who has not accepted is not sent.
    pub fn hide_if_pending(&mut self) {
        if self.pending {
            self.view.messages.clear();
            self.mark.unread = 0;
        }
    }
}

/// How far one user has read in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// The last read message: its number and date.
    pub last_read: Option<(Seq, Date)>,
    /// Others' messages after it that stand, up to [`crate::limits::UNREAD`].
    pub unread: u32,
}

/// Who follows the owner: the longest-standing admin, else member, else restrict, among those who
/// have accepted. `members` are in order of coming.
pub fn heir(members: &[Member]) -> Option<&Member> {
    [Role::Admin, Role::Member, Role::Restrict]
        .into_iter()
        .find_map(|role| members.iter().find(|m| m.role == role && !m.pending))
}

//! Groups: their rows, their members, and their views.

use std::sync::Arc;

use crate::limits::LISTED;
use crate::message::Message;
use crate::permission::Role;
use crate::{Date, GroupId, Name, Seq, UserId};

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
}

/// The facts that decide a user's rights in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    pub role: Role,
    /// Whether the user was added by somebody who is not a contact, and has not accepted.
    pub pending: bool,
    /// Whether the group is private and one of its two users has blocked the other.
    pub blocked: bool,
}

impl Membership {
    /// The role that decides rights: while there is a block, both users only read.
    pub fn effective_role(self) -> Role {
        if self.blocked { Role::Restrict } else { self.role }
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
}

impl View {
    /// The names of the members with `role`, in order of joining. The owner of a private group is `admin` on
    /// the wire, which is nobody's role.
    pub fn names(&self, role: Role) -> impl Iterator<Item = &Name> {
        self.members.iter().filter(move |m| m.role == role).map(|m| &m.name)
    }

    /// Whether an event may carry the lists of members.
    pub fn is_listed(&self) -> bool {
        self.members_count <= LISTED
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
    /// Whether the user was added by somebody who is not a contact, and has not accepted.
    pub pending: bool,
}

impl Summary {
    /// Removes the parts that a user who has not accepted does not receive.
    pub fn hide_if_pending(&mut self) {
        if self.pending {
            self.view.messages.clear();
            self.mark.unread = 0;
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
}

/// The successor of the owner among the members who have accepted: the longest-standing admin, else member,
/// else restrict. `members` are in order of joining.
pub fn heir(members: &[Member]) -> Option<&Member> {
    [Role::Admin, Role::Member, Role::Restrict]
        .into_iter()
        .find_map(|role| members.iter().find(|m| m.role == role && !m.pending))
}

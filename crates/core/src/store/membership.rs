//! The rights of members, consent, and the settings of users in the store.

use crate::group::Membership;
use crate::group_settings::GroupSettings;
use crate::permission::Role;
use crate::relation::Pair;
use crate::user::{Allowed, Settings};
use crate::{Date, GroupId, Name, Result, Seq, UserId};

/// Memberships and consent, in a transaction.
pub trait Memberships {
    /// The facts that decide a user's rights in a group, with one query. None if the user is not a member.
    fn membership(&self, group: GroupId, user: UserId) -> Result<Option<Membership>>;

    /// Up to `limit` members with this role after a position, in order of joining, then of id. With a
    /// `prefix`, only those whose name or display name begins with it; it is compared as a
    /// [`search_key`](crate::text::search_key). **Bound.** With a prefix, all members with the role are read.
    fn members_listed(
        &self,
        group: GroupId,
        role: Role,
        after: Option<MemberPlace>,
        prefix: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ListedMember>>;

    /// Like [`members_listed`](Self::members_listed), for members whose name or display name has this
    /// [`confusable_key`](crate::confusable::confusable_key). **Bound.** All members with the role are read, a thousand at a
    /// time.
    fn members_alike(
        &self,
        group: GroupId,
        role: Role,
        after: Option<MemberPlace>,
        key: &str,
        limit: usize,
    ) -> Result<Vec<ListedMember>>;

    /// The date from which slow mode counts: that of the member's newest message, including a deleted one
    /// that was recorded.
    fn slow_since(&self, group: GroupId, user: UserId) -> Result<Option<Date>>;

    /// Records the date of a member's message that is about to be deleted.
    fn slow_note(&mut self, group: GroupId, user: UserId, date: Date) -> Result<()>;

    /// Sets whether a membership is pending.
    fn pending_set(&mut self, group: GroupId, user: UserId, pending: bool) -> Result<()>;

    /// The groups that a user has not accepted, oldest first, except for `keep` of them. The kept ones are
    /// the newest per owner, with equal shares for all owners, so that a single owner cannot displace the
    /// groups of others.
    fn pending_beyond(&self, user: UserId, keep: usize) -> Result<Vec<GroupId>>;

    /// Records that a former member left by itself, or deletes this record.
    fn declined_set(&mut self, group: GroupId, user: UserId, declined: bool) -> Result<()>;

    /// The facts that decide whether `actor` may add each of these users to `group`, in the order of `users`.
    /// Unknown users are omitted.
    fn newcomers(&self, group: GroupId, actor: UserId, users: &[UserId]) -> Result<Vec<Newcomer>>;

    /// A member's own settings of a group. The defaults for a user who is not a member. A hidden group is
    /// shown again once a message is sent after hiding it, even if that message is erased later.
    fn group_settings(&self, group: GroupId, user: UserId) -> Result<GroupSettings>;

    /// Stores a member's own settings of a group. A group that becomes hidden stays hidden until its next
    /// message.
    fn group_settings_set(&mut self, group: GroupId, user: UserId, settings: &GroupSettings) -> Result<()>;

    /// Locks the group's log until this transaction has ended and its events are published: until then,
    /// nobody else can take a number. Returns the head.
    fn log_hold(&mut self, group: GroupId) -> Result<Seq>;

    /// A user's settings. The defaults if none are stored.
    fn settings(&self, user: UserId) -> Result<Settings>;

    fn settings_set(&mut self, user: UserId, settings: &Settings) -> Result<()>;

    /// The members of a group who must not see this user typing, because one of the two blocks the other.
    /// With `reads`, the members who must not see its read marks, which includes those who hide their own.
    fn hidden_from(&self, group: GroupId, user: UserId, reads: bool) -> Result<Vec<UserId>>;
}

/// A user whom another one wants to add to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newcomer {
    pub user: UserId,
    /// The number of groups of which the user is a member, not counting private ones and those that it has not
    /// accepted.
    pub groups: usize,
    /// The relations between the actor and the user.
    pub pair: Pair,
    /// The users who may add this user to groups.
    pub added_by: Allowed,
    /// Whether the user once left this group by itself.
    pub declined: bool,
    /// Whether the user is banned from this group.
    pub banned: bool,
}

/// A position in the list of a group's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberPlace {
    pub role: Role,
    /// The date of joining.
    pub since: Date,
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMember {
    pub name: Name,
    pub place: MemberPlace,
    /// The number of the last message read, if any.
    pub read: Option<Seq>,
    /// Whether the user has not accepted the group yet.
    pub pending: bool,
}

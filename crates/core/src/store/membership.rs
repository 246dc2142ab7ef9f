//! The rights of members, consent, and the settings of users, as a store keeps them.

use crate::group::Membership;
use crate::group_settings::GroupSettings;
use crate::permission::Role;
use crate::relation::Pair;
use crate::user::{Allowed, Settings};
use crate::{Date, GroupId, Name, Result, Seq, UserId};

/// Memberships and consent, in a transaction.
pub trait Memberships {
    /// The rights of a user in a group now, in one query; none for one who is not in it.
    fn membership(&self, group: GroupId, user: UserId) -> Result<Option<Membership>>;

    /// Up to `limit` members of one role, in order of joining (then of number), those after a place. With a `prefix`
    /// those whose name or display name begins with it, as [`search_key`](crate::text::search_key) spells them.
    /// **Bound.** With a prefix all members of the role are read.
    fn members_listed(
        &self,
        group: GroupId,
        role: Role,
        after: Option<MemberPlace>,
        prefix: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ListedMember>>;

    /// The same for those whose name or display name has a [`look_key`](crate::look::look_key). **Bound.** All members of
    /// the role are read, a thousand at a time.
    fn members_alike(
        &self,
        group: GroupId,
        role: Role,
        after: Option<MemberPlace>,
        look: &str,
        limit: usize,
    ) -> Result<Vec<ListedMember>>;

    /// The date of a member's newest message, which slow mode counts from; also of a noted one that was deleted.
    fn slow_since(&self, group: GroupId, user: UserId) -> Result<Option<Date>>;

    /// Notes the date of a member's message that is deleted.
    fn slow_note(&mut self, group: GroupId, user: UserId, date: Date) -> Result<()>;

    /// Sets whether a member has yet to accept.
    fn pending_set(&mut self, group: GroupId, user: UserId, pending: bool) -> Result<()>;

    /// The groups in which a user has yet to accept, oldest first, without `keep` of them. Each owner keeps its newest
    /// ones, and as many as any other that has so many.
    fn pending_beyond(&self, user: UserId, keep: usize) -> Result<Vec<GroupId>>;

    /// Notes that a former member left by itself, or forgets it.
    fn declined_set(&mut self, group: GroupId, user: UserId, declined: bool) -> Result<()>;

    /// The facts that decide whether `actor` may bring each of these users into `group`, in their order.
    /// Unknown users are left out.
    fn newcomers(&self, group: GroupId, actor: UserId, users: &[UserId]) -> Result<Vec<Newcomer>>;

    /// A member's own settings of a group; the default ones for a user who is not in it. A hidden group with a
    /// message that was sent after hiding is no longer hidden, also once that message is erased.
    fn group_settings(&self, group: GroupId, user: UserId) -> Result<GroupSettings>;

    /// Stores a member's own settings of a group. A group that is hidden by this stays hidden until its next
    /// message.
    fn group_settings_set(&mut self, group: GroupId, user: UserId, settings: &GroupSettings) -> Result<()>;

    /// Lets nobody take a number of the group's log until this transaction has ended and its events
    /// are told; answers the last one that was given.
    fn log_hold(&mut self, group: GroupId) -> Result<Seq>;

    /// A user's settings; those of a new user where there is none.
    fn settings(&self, user: UserId) -> Result<Settings>;

    /// Keeps a user's settings.
    fn settings_set(&mut self, user: UserId, settings: &Settings) -> Result<()>;

    /// The members of a group who are not told that this user types: one has blocked the other.
    /// With `reads`, those who are not told how far it has read: also those who hide their own marks.
    fn unaware(&self, group: GroupId, user: UserId, reads: bool) -> Result<Vec<UserId>>;
}

/// One user whom another would bring into a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newcomer {
    /// The user.
    pub user: UserId,
    /// The number of groups it is in, except those that it has yet to accept.
    pub groups: usize,
    /// The relations between the actor and the user.
    pub pair: Pair,
    /// The user's setting for being added.
    pub added_by: Allowed,
    /// Whether it left this group by itself.
    pub declined: bool,
    /// Whether it is banned from this group.
    pub banned: bool,
}

/// A place in the list of a group's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberPlace {
    pub role: Role,
    /// The date of joining.
    pub since: Date,
    pub user: UserId,
}

/// A member in the list of a group's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMember {
    pub name: Name,
    pub place: MemberPlace,
    /// The last number read.
    pub read: Option<Seq>,
    /// Whether the user has yet to accept.
    pub pending: bool,
}

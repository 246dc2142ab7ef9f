//! Groups, their members, marks and logs, as a store keeps them.

use std::ops::AddAssign;
use std::sync::Arc;

use super::{Edge, Messages, Relations};
use crate::entry::GroupEntry;
use crate::group::{Group, Mark, Member, Summary, View};
use crate::group_details::GroupDetails;
use crate::limits::{LATEST, LISTED};
use crate::log::{LogEntry, LogRow};
use crate::permission::Role;
use crate::{Date, GroupId, Result, Seq, TaskId, UserId};

/// Groups, in a transaction.
pub trait Groups: Messages + Relations {
    /// The group with this id.
    fn group(&self, id: GroupId) -> Result<Option<Group>>;

    /// The private group of two users, in either order.
    fn group_of_pair(&self, a: UserId, b: UserId) -> Result<Option<GroupId>>;

    /// Up to `limit` groups in ascending order of id, those after `after`.
    fn groups_page(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<Group>>;

    /// The same, of those that `user` is in.
    fn groups_of(&self, user: UserId, after: Option<GroupId>, limit: usize) -> Result<Vec<Group>>;

    /// The number of groups a user is in, except those that it has yet to accept.
    fn groups_count(&self, user: UserId) -> Result<usize>;

    /// The last numbers of these groups' logs, of those that there are, in any order. Bounded by
    /// the caller.
    fn heads(&self, groups: &[GroupId]) -> Result<Vec<(GroupId, Seq)>>;

    /// The groups that these users are in, each with whether the user has yet to accept it, in any order.
    /// Bounded by the caller.
    fn memberships(&self, users: &[UserId]) -> Result<Vec<(UserId, GroupId, bool)>>;

    /// Makes a group with no members and an empty log. With a `pair`, in either order, it is
    /// their private one, and there must be none yet. An id of which [`Groups::group_erase`] has left
    /// something is a conflict.
    fn group_insert(&mut self, id: GroupId, name: &str, pair: Option<(UserId, UserId)>) -> Result<()>;

    /// Gives a group another name.
    fn group_rename(&mut self, id: GroupId, name: &str) -> Result<()>;

    /// Gives a group other details.
    fn group_details_set(&mut self, id: GroupId, details: &GroupDetails) -> Result<()>;

    /// Removes a group, and keeps `task` to erase the rest: its memberships, messages and log, none of which is
    /// found from here on.
    fn group_delete(&mut self, id: GroupId, task: TaskId) -> Result<()>;

    /// Erases what a group that is no more has left, at most `limit` rows; answers how many.
    fn group_erase(&mut self, id: GroupId, limit: usize) -> Result<usize>;

    /// Takes the next `count` numbers (1 or more) of the group's log; answers the first of them.
    fn seq_take(&mut self, group: GroupId, count: usize) -> Result<Seq>;

    /// The same for messages, the last of which has this date: from here on it is the group's newest, until it is
    /// erased.
    fn seq_take_for_messages(&mut self, group: GroupId, count: usize, newest: Date) -> Result<Seq>;

    /// Keeps an entry under the number that was taken for it. A message is its own entry, and is not
    /// kept by this.
    fn log_insert(&mut self, group: GroupId, seq: Seq, entry: &LogEntry) -> Result<()>;

    /// Keeps an entry that changes the group, with its changes.
    fn entry_insert(&mut self, group: GroupId, seq: Seq, log: &LogEntry, entry: &GroupEntry) -> Result<()>;

    /// Up to `limit` entries that change the group or its pins, with their changes, from an edge by number, in its order, and no
    /// further than `upto`. Left out are those that an older version made, and renames of users who were deleted. An edge by date
    /// has none.
    fn entries(
        &self,
        group: GroupId,
        edge: Edge,
        upto: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<(Seq, GroupEntry)>>;

    /// The entries after the number `after`, ascending and without a gap, at most `limit` of them.
    fn log(&self, group: GroupId, after: Seq, limit: usize) -> Result<Vec<LogRow>>;

    /// The last number after `after`, up to `upto`, of an entry that [changes the
    /// group](LogEntry::changes_group). Bounded by the caller.
    fn last_change(&self, group: GroupId, after: Seq, upto: Seq) -> Result<Option<Seq>>;

    /// A group's members in order of coming (then of number).
    fn members(&self, group: GroupId) -> Result<Vec<Member>>;

    /// One member.
    fn member(&self, group: GroupId, user: UserId) -> Result<Option<Member>>;

    /// The number of members of a group, counted up to `most`.
    fn members_count(&self, group: GroupId, most: usize) -> Result<usize>;

    /// The owner, if the group has one. The bound is the group's members.
    fn owner(&self, group: GroupId) -> Result<Option<Member>>;

    /// A group's members and how many they are; of a group of more than `most` the owner alone.
    fn members_up_to(&self, group: GroupId, most: usize) -> Result<(Vec<Member>, usize)> {
        if most < usize::MAX && self.members_count(group, most + 1)? > most {
            return Ok((self.owner(group)?.into_iter().collect(), self.members_count(group, usize::MAX)?));
        }
        let members = self.members(group)?;
        let count = members.len();
        Ok((members, count))
    }

    /// Brings a user in, or changes its role; one who is in keeps its date of coming. One who comes back
    /// has the mark that it had, and nothing unread of what was written before.
    fn member_set(&mut self, group: GroupId, user: UserId, role: Role, now: Date) -> Result<()>;

    /// Puts a user out, and ends the invites that it made. Its mark is kept for the day that it comes back.
    fn member_remove(&mut self, group: GroupId, user: UserId) -> Result<()>;

    /// The read mark of a user and the numbers of unread messages and of mentions: none and 0 for one who is not in.
    /// Found by indices, whatever the length of the log and whoever wrote it.
    fn mark(&self, group: GroupId, user: UserId) -> Result<Mark>;

    /// The sums of a user's [marks](Self::mark) in these groups, and the number of groups that have any unread
    /// messages. Groups that it has yet to accept, has muted at `now`, or wants no notifications of do not count.
    /// Bounded by the caller.
    fn unread(&self, user: UserId, groups: &[GroupId], now: Date) -> Result<Unread>;

    /// Sets how far a member has read. The member's own mark that the group is unread ends.
    fn mark_set(&mut self, group: GroupId, user: UserId, seq: Seq, date: Date) -> Result<()>;

    /// Every group that a user is in, in ascending order of id. One row of each group is read, and no message.
    fn group_positions(&self, user: UserId) -> Result<Vec<GroupPosition>>;

    /// Those of these groups that a user is in, in the order given, as that user sees them. Bounded
    /// by the caller.
    fn summaries(&self, user: UserId, groups: &[GroupId], shown: Shown) -> Result<Vec<Summary>>;

    /// A group as everybody in it sees it. While one of a private group's users has blocked the
    /// other, both are shown as restricted.
    fn view(&self, id: GroupId) -> Result<Option<Arc<View>>> {
        let Some(group) = self.group(id)? else { return Ok(None) };
        let members = self.members(id)?;
        let messages = self.messages(id, &super::Page { edge: super::Edge::Newest, limit: LATEST })?;
        let members_count = members.len();
        let (people, reads) = (Vec::new(), Vec::new());
        let mut view = View { group, members, members_count, messages, people, reads, mentioned: Vec::new() };
        self.show_block(&mut view)?;
        Ok(Some(Arc::new(view)))
    }

    /// The view that members receive with a change of a group: no messages, and of a group of more than
    /// [`LISTED`] members the owner alone.
    fn brief(&self, id: GroupId) -> Result<Option<Arc<View>>> {
        let Some(group) = self.group(id)? else { return Ok(None) };
        let (members, members_count) = self.members_up_to(id, LISTED)?;
        let (messages, people, reads) = (Vec::new(), Vec::new(), Vec::new());
        let mut view = View { group, members, members_count, messages, people, reads, mentioned: Vec::new() };
        self.show_block(&mut view)?;
        Ok(Some(Arc::new(view)))
    }

    /// Shows both users of a private group as restricted while one has blocked the other.
    fn show_block(&self, view: &mut View) -> Result<()> {
        if let (true, [a, b]) = (view.group.private, &view.members[..])
            && self.pair(a.user, b.user)?.blocked()
        {
            view.restrict_all();
        }
        Ok(())
    }
}

/// The unread messages of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// The sum over the groups, each counted up to [`UNREAD`](crate::limits::UNREAD).
    pub unread: u64,
    /// The sum of those that mention the user, likewise.
    pub mentioned: u64,
    /// The number of groups that have any.
    pub groups: u64,
}

impl From<Mark> for Unread {
    fn from(mark: Mark) -> Self {
        Self {
            unread: mark.unread.into(),
            mentioned: mark.mentioned.into(),
            groups: u64::from(mark.unread > 0),
        }
    }
}

impl AddAssign for Unread {
    fn add_assign(&mut self, other: Self) {
        self.unread += other.unread;
        self.mentioned += other.mentioned;
        self.groups += other.groups;
    }
}

/// The position of a user's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupPosition {
    /// The group.
    pub group: GroupId,
    /// The last number of its log.
    pub head: Seq,
    /// The date of its newest message that is not erased, by number; of the user's joining if there is none. See
    /// [`Messages::message_erase`] for what remains after very many erasures.
    pub active: Date,
    /// Whether the user has yet to accept.
    pub pending: bool,
    /// Whether the user has pinned it above the others.
    pub pinned: bool,
}

/// The part of each group that a summary shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// So many of its newest messages.
    pub messages: usize,
    /// All members of groups that have at most so many; of larger ones the owner alone.
    pub members: usize,
}

impl Shown {
    /// All members, and as many messages as a group shows of itself.
    pub const WHOLE: Self = Self { messages: LATEST, members: usize::MAX };
}

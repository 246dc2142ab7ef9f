//! Groups, members, read marks and logs in the store.

use std::ops::AddAssign;
use std::sync::Arc;

use super::{Edge, Messages, Relations};
use crate::entry::GroupEntry;
use crate::group::{Group, Mark, Member, Summary, View};
use crate::group_details::GroupDetails;
use crate::limits::{LATEST, MAX_LISTED_MEMBERS};
use crate::log::{LogEntry, LogRow};
use crate::permission::Role;
use crate::{Date, GroupId, Result, Seq, TaskId, UserId};

/// Groups, in a transaction.
pub trait Groups: Messages + Relations {
    /// The group with this id.
    fn group(&self, id: GroupId) -> Result<Option<Group>>;

    /// The private group of two users, in either order.
    fn group_of_pair(&self, a: UserId, b: UserId) -> Result<Option<GroupId>>;

    /// Up to `limit` groups after `after`, in ascending order of id.
    fn groups_page(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<Group>>;

    /// Like [`groups_page`](Self::groups_page), only the groups of which `user` is a member.
    fn groups_of(&self, user: UserId, after: Option<GroupId>, limit: usize) -> Result<Vec<Group>>;

    /// The number of groups of which a user is a member, not counting private ones and those that it has not
    /// accepted.
    fn groups_count(&self, user: UserId) -> Result<usize>;

    /// The heads of the logs of those of these groups that exist, in any order. The caller must bound their
    /// number.
    fn heads(&self, groups: &[GroupId]) -> Result<Vec<(GroupId, Seq)>>;

    /// The groups of each of these users, with whether the membership is pending, in any order. The caller
    /// must bound the number of users.
    fn memberships(&self, users: &[UserId]) -> Result<Vec<(UserId, GroupId, bool)>>;

    /// Creates a group without members and with an empty log. With a `pair`, in either order, it becomes the
    /// private group of these users, who must not have one yet. Conflicts with an id of which
    /// [`Groups::group_erase`] has not erased everything yet.
    fn group_insert(&mut self, id: GroupId, name: &str, pair: Option<(UserId, UserId)>) -> Result<()>;

    fn group_rename(&mut self, id: GroupId, name: &str) -> Result<()>;

    /// Replaces the details of a group.
    fn group_details_set(&mut self, id: GroupId, details: &GroupDetails) -> Result<()>;

    /// Removes a group, and stores `task` to erase its memberships, messages and log. From here on, none of
    /// these can be read.
    fn group_delete(&mut self, id: GroupId, task: TaskId) -> Result<()>;

    /// Erases at most `limit` remaining rows of a deleted group. Returns their number.
    fn group_erase(&mut self, id: GroupId, limit: usize) -> Result<usize>;

    /// Takes the next `count` numbers (at least 1) of the group's log. Returns the first one.
    fn seq_take(&mut self, group: GroupId, count: usize) -> Result<Seq>;

    /// Like [`seq_take`](Self::seq_take), for messages. `newest` is the date of the last one, which is the
    /// group's newest message until it is erased.
    fn seq_take_for_messages(&mut self, group: GroupId, count: usize, newest: Date) -> Result<Seq>;

    /// Stores an entry under a number taken for it. Not used for messages, whose rows are their entries.
    fn log_insert(&mut self, group: GroupId, seq: Seq, entry: &LogEntry) -> Result<()>;

    /// Stores an entry together with the changes of the group.
    fn entry_insert(&mut self, group: GroupId, seq: Seq, log: &LogEntry, entry: &GroupEntry) -> Result<()>;

    /// Up to `limit` entries that change the group or its pins, with their changes, in the order of the edge,
    /// and no further than `upto`. The edge must be a number; an edge by date has no entries. Omits entries
    /// that an older version wrote, and renames of users who were deleted.
    fn entries(
        &self,
        group: GroupId,
        edge: Edge,
        upto: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<(Seq, GroupEntry)>>;

    /// At most `limit` entries after the number `after`, in ascending order and without a gap.
    fn log(&self, group: GroupId, after: Seq, limit: usize) -> Result<Vec<LogRow>>;

    /// The last number in the range from `after` (exclusive) to `upto` whose entry [changes the
    /// group](LogEntry::changes_group). The caller must bound the range.
    fn last_change(&self, group: GroupId, after: Seq, upto: Seq) -> Result<Option<Seq>>;

    /// The members of a group in order of joining, then of id.
    fn members(&self, group: GroupId) -> Result<Vec<Member>>;

    fn member(&self, group: GroupId, user: UserId) -> Result<Option<Member>>;

    /// The number of members of a group, counted up to `most`.
    fn members_count(&self, group: GroupId, most: usize) -> Result<usize>;

    /// The owner, if the group has one. Reads as many rows as the group has members.
    fn owner(&self, group: GroupId) -> Result<Option<Member>>;

    /// The members of a group, and their number. Of a group with more than `most` members, only the owner.
    fn members_up_to(&self, group: GroupId, most: usize) -> Result<(Vec<Member>, usize)> {
        if most < usize::MAX && self.members_count(group, most + 1)? > most {
            return Ok((self.owner(group)?.into_iter().collect(), self.members_count(group, usize::MAX)?));
        }
        let members = self.members(group)?;
        let count = members.len();
        Ok((members, count))
    }

    /// Adds a user to a group, or changes its role. A member keeps its date of joining. A user who returns
    /// has its former read mark; messages from before its return do not count as unread.
    fn member_set(&mut self, group: GroupId, user: UserId, role: Role, now: Date) -> Result<()>;

    /// Removes a user from a group, and ends the invites that it created. Keeps its read mark in case it
    /// returns.
    fn member_remove(&mut self, group: GroupId, user: UserId) -> Result<()>;

    /// A user's read mark, with the numbers of unread messages and mentions. Empty for a user who is not a
    /// member. Uses indices only, so the cost does not depend on the length or the authors of the log.
    fn mark(&self, group: GroupId, user: UserId) -> Result<Mark>;

    /// The sums of a user's [marks](Self::mark) in these groups, and the number of groups with unread
    /// messages. Skips groups that are pending, are muted at `now`, or do not notify the user. The caller
    /// must bound the number of groups.
    fn unread(&self, user: UserId, groups: &[GroupId], now: Date) -> Result<Unread>;

    /// Sets a member's read mark. Clears the member's own mark that the group is unread.
    fn mark_set(&mut self, group: GroupId, user: UserId, seq: Seq, date: Date) -> Result<()>;

    /// All groups of a user, in ascending order of id. Reads one row per group, and no messages.
    fn group_positions(&self, user: UserId) -> Result<Vec<GroupPosition>>;

    /// Those of these groups of which a user is a member, in the given order, as this user sees them. The
    /// caller must bound their number.
    fn summaries(&self, user: UserId, groups: &[GroupId], shown: Shown) -> Result<Vec<Summary>>;

    /// A group as all of its members see it. In a private group, both users are shown as restricted while one
    /// blocks the other.
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

    /// The view that members receive with a change of a group: without messages, and for groups of more than
    /// [`MAX_LISTED_MEMBERS`] members only with the owner.
    fn brief(&self, id: GroupId) -> Result<Option<Arc<View>>> {
        let Some(group) = self.group(id)? else { return Ok(None) };
        let (members, members_count) = self.members_up_to(id, MAX_LISTED_MEMBERS)?;
        let (messages, people, reads) = (Vec::new(), Vec::new(), Vec::new());
        let mut view = View { group, members, members_count, messages, people, reads, mentioned: Vec::new() };
        self.show_block(&mut view)?;
        Ok(Some(Arc::new(view)))
    }

    /// Shows both users of a private group as restricted while one blocks the other.
    fn show_block(&self, view: &mut View) -> Result<()> {
        if let (true, [a, b]) = (view.group.private, &view.members[..])
            && self.pair(a.user, b.user)?.blocked()
        {
            view.restrict_all();
        }
        Ok(())
    }
}

/// The counts of what a user has not read, over several groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// The sum over the groups, each one counted up to [`UNREAD`](crate::limits::UNREAD).
    pub unread: u64,
    /// The sum of unread mentions, with the same upper limit per group.
    pub mentioned: u64,
    /// The number of groups with unread messages.
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

/// A group of a user, with its position in the log and in the order of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupPosition {
    pub group: GroupId,
    /// The head of the group's log.
    pub head: Seq,
    /// The date of the newest message, by number, that is not erased. If there is none, the date on which the
    /// user joined. For the effect of very many erasures, see [`Messages::message_erase`].
    pub active: Date,
    /// Whether the user has not accepted the group yet.
    pub pending: bool,
    /// Whether the user has pinned the group above the others.
    pub pinned: bool,
}

/// How much of each group a summary shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The most messages per group, newest first.
    pub messages: usize,
    /// The largest group whose members are all shown. Larger groups only show their owner.
    pub members: usize,
}

impl Shown {
    /// All members, and the default number of messages.
    pub const WHOLE: Self = Self { messages: LATEST, members: usize::MAX };
}

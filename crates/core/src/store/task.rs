//! Tasks: work that continues in steps after the request that started it was answered. Each step is a job of
//! its own, does a bounded amount of work, and may run on any node.

use uuid::Uuid;

use super::detail::{find, put};
use super::encoding::{Stored, TaskKind};
use crate::webhook::WebhookQueue;
use crate::{Error, GroupId, Name, Result, Seq, TaskId, UserId};

/// Work that remains to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Remove a deleted user from its groups, and erase its messages.
    EraseUser(UserId),
    /// Erase a deleted group with everything in it.
    EraseGroup(GroupId),
    /// Log a user's new name in its groups.
    LogRename {
        user: UserId,
        /// The old name.
        name: Name,
        /// The new name.
        new_name: Name,
        /// Whether the user renamed itself.
        by_self: bool,
        /// The last group that is done, in order of id.
        after: Option<GroupId>,
    },
    /// Erase the reactions to erased messages.
    EraseReactions {
        group: GroupId,
        /// The numbers of the messages, at most [`MAX_DELETED_PER_ENTRY`](crate::limits::MAX_DELETED_PER_ENTRY).
        messages: Vec<Seq>,
    },
    /// Erase a webhook's former queue. The webhook has another queue now, or is deleted.
    EraseWebhookQueue(WebhookQueue),
    /// Erase messages that are too old in these groups, in order.
    EraseOld { groups: Vec<GroupId> },
}

/// A task in the form in which a row stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTask<'a> {
    /// The number of its [`TaskKind`].
    pub kind: i64,
    /// The user that the task is about.
    pub user: Option<UserId>,
    /// The group that the task is about, or the last one that is done.
    pub group: Option<GroupId>,
    /// The encoded fields, if any.
    pub detail: Option<&'a [u8]>,
}

/// The tags of the fields of a `detail`. A tag never changes its meaning.
mod tag {
    pub(super) const NAME: u8 = 1;
    pub(super) const NEW_NAME: u8 = 2;
    pub(super) const BY_SELF: u8 = 3;
    pub(super) const MESSAGES: u8 = 4;
    pub(super) const QUEUE: u8 = 5;
    pub(super) const GROUPS: u8 = 6;
}

impl Task {
    /// Encodes the task and passes it to `store`.
    pub fn with_stored<T>(&self, store: impl FnOnce(StoredTask<'_>) -> T) -> T {
        let mut detail = Vec::new();
        let (kind, user, group) = match self {
            Self::EraseUser(user) => (TaskKind::EraseUser, Some(*user), None),
            Self::EraseGroup(group) => (TaskKind::EraseGroup, None, Some(*group)),
            Self::LogRename { user, name, new_name, by_self, after } => {
                put(&mut detail, tag::NAME, name.as_str().as_bytes());
                put(&mut detail, tag::NEW_NAME, new_name.as_str().as_bytes());
                if *by_self {
                    put(&mut detail, tag::BY_SELF, &[]);
                }
                (TaskKind::LogRename, Some(*user), *after)
            }
            Self::EraseReactions { group, messages } => {
                let numbers: Vec<u8> = messages.iter().flat_map(|seq| seq.0.to_le_bytes()).collect();
                put(&mut detail, tag::MESSAGES, &numbers);
                (TaskKind::EraseReactions, None, Some(*group))
            }
            Self::EraseWebhookQueue(queue) => {
                put(&mut detail, tag::QUEUE, queue.0.as_bytes());
                (TaskKind::EraseWebhookQueue, None, None)
            }
            Self::EraseOld { groups } => {
                let ids: Vec<u8> = groups.iter().flat_map(|group| group.0.into_bytes()).collect();
                put(&mut detail, tag::GROUPS, &ids);
                (TaskKind::EraseOld, None, None)
            }
        };
        let detail = Some(detail.as_slice()).filter(|detail| !detail.is_empty());
        store(StoredTask { kind: kind.number().into(), user, group, detail })
    }

    /// Decodes a task from its row.
    pub fn from_stored(stored: &StoredTask<'_>) -> Result<Self> {
        let broken = || Error::internal(format_args!("a task of kind {} lacks a value", stored.kind));
        let name = |tag| {
            let text = std::str::from_utf8(find(stored.detail?, tag)?).ok()?;
            Some(Name::stored(text))
        };
        let user = || stored.user.ok_or_else(broken);
        Ok(match TaskKind::from_number(stored.kind)? {
            TaskKind::EraseUser => Self::EraseUser(user()?),
            TaskKind::EraseGroup => Self::EraseGroup(stored.group.ok_or_else(broken)?),
            TaskKind::LogRename => Self::LogRename {
                user: user()?,
                name: name(tag::NAME).ok_or_else(broken)?,
                new_name: name(tag::NEW_NAME).ok_or_else(broken)?,
                by_self: stored.detail.and_then(|detail| find(detail, tag::BY_SELF)).is_some(),
                after: stored.group,
            },
            TaskKind::EraseReactions => {
                let numbers =
                    stored.detail.and_then(|detail| find(detail, tag::MESSAGES)).ok_or_else(broken)?;
                let (numbers, _) = numbers.as_chunks();
                let messages = numbers.iter().map(|bytes| Seq(i64::from_le_bytes(*bytes))).collect();
                Self::EraseReactions { group: stored.group.ok_or_else(broken)?, messages }
            }
            TaskKind::EraseWebhookQueue => {
                let queue = stored.detail.and_then(|detail| find(detail, tag::QUEUE)).ok_or_else(broken)?;
                Self::EraseWebhookQueue(WebhookQueue(Uuid::from_slice(queue).map_err(|_| broken())?))
            }
            TaskKind::EraseOld => {
                let ids = stored.detail.and_then(|detail| find(detail, tag::GROUPS)).ok_or_else(broken)?;
                let (ids, _) = ids.as_chunks();
                Self::EraseOld { groups: ids.iter().map(|id| GroupId(Uuid::from_bytes(*id))).collect() }
            }
        })
    }
}

/// Tasks, in a transaction.
pub trait Tasks {
    /// Stores a task. Ids ascend in the order in which tasks are started. Users and groups are erased by a
    /// single task, which deleting them stores ([`Users::user_delete`](super::Users::user_delete),
    /// [`Groups::group_delete`](super::Groups::group_delete)).
    fn task_insert(&mut self, id: TaskId, task: &Task) -> Result<()>;

    /// The oldest task of a kind that this version knows, without the excluded ones; [`Task::EraseOld`] comes last. Tasks of
    /// other kinds are left to nodes of the version that created them.
    fn task_next(&self, except: &[TaskId]) -> Result<Option<TaskId>>;

    /// A pending task.
    fn task(&self, id: TaskId) -> Result<Option<Task>>;

    /// A pending task for its next step, which no other transaction does until the end of this one. None if
    /// another transaction does it now.
    fn task_hold(&mut self, id: TaskId) -> Result<Option<Task>>;

    /// Records how far a [`Task::LogRename`] has come.
    fn task_advance(&mut self, id: TaskId, after: GroupId) -> Result<()>;

    /// Records which groups remain of a [`Task::EraseOld`], in their order.
    fn task_shorten(&mut self, id: TaskId, left: &Task) -> Result<()>;

    /// Removes a completed task.
    fn task_delete(&mut self, id: TaskId) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_as_it_was_stored() {
        let (user, group) = (UserId(3), GroupId(Uuid::from_u128(9)));
        let renamed = |by_self| {
            let (name, new_name) = (Name::stored("ann"), Name::stored("éva"));
            Task::LogRename { user, name, new_name, by_self, after: Some(group) }
        };
        for (task, detail) in [
            (Task::EraseUser(user), None),
            (Task::EraseGroup(group), None),
            (renamed(false), Some("\u{1}\u{3}\0\0\0ann\u{2}\u{4}\0\0\0éva".as_bytes())),
            (renamed(true), Some("\u{1}\u{3}\0\0\0ann\u{2}\u{4}\0\0\0éva\u{3}\0\0\0\0".as_bytes())),
            (
                Task::EraseReactions { group, messages: vec![Seq(7), Seq(9)] },
                Some(b"\x04\x10\0\0\0\x07\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0".as_slice()),
            ),
            (
                Task::EraseWebhookQueue(WebhookQueue(Uuid::from_u128(7))),
                Some(b"\x05\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07".as_slice()),
            ),
            (
                Task::EraseOld { groups: vec![group] },
                Some(b"\x06\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09".as_slice()),
            ),
        ] {
            task.with_stored(|stored| {
                assert_eq!(stored.detail, detail, "the stored form never changes");
                assert_eq!(Task::from_stored(&stored).expect("a task"), task);
                let bare = StoredTask { user: None, group: None, detail: None, ..stored };
                assert!(Task::from_stored(&bare).is_err());
            });
        }
    }
}

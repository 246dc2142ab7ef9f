//! Work that a request has begun and that goes on after its answer, in steps: each step is a job of its own,
//! does a bounded part, and may be run by any node.

use uuid::Uuid;

use super::detail::{find, put};
use super::encoding::{Stored, TaskKind};
use crate::webhook::WebhookQueue;
use crate::{Error, GroupId, Name, Result, Seq, TaskId, UserId};

/// Work that remains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Erase the messages of a deleted user, and take it out of its groups.
    EraseUser(UserId),
    /// Erase a deleted group with everything in it.
    EraseGroup(GroupId),
    /// Write a user's new name into the logs of its groups.
    LogRename {
        /// The user.
        user: UserId,
        /// The old name.
        name: Name,
        /// The new name.
        new_name: Name,
        /// Whether the user renamed itself.
        by_self: bool,
        /// The last group that has it, in the order of their ids.
        after: Option<GroupId>,
    },
    /// Erase the reactions to erased messages.
    EraseReactions {
        /// The group of the messages.
        group: GroupId,
        /// The numbers of the messages, at most [`DELETED_TOGETHER`](crate::limits::DELETED_TOGETHER).
        messages: Vec<Seq>,
    },
    /// Erase the events that wait in a queue of a webhook, which has another queue now, or is deleted.
    EraseWebhookQueue(WebhookQueue),
    /// Erase the messages that are too old, of these groups in their order.
    EraseOld { groups: Vec<GroupId> },
}

/// A task as its row holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTask<'a> {
    /// The number of its [`TaskKind`].
    pub kind: i64,
    /// The user that it concerns.
    pub user: Option<UserId>,
    /// The group that it concerns, or that it has come to.
    pub group: Option<GroupId>,
    /// The rest, if there is any.
    pub detail: Option<&'a [u8]>,
}

/// The tags of the fields of a `detail`. A tag is never given another meaning.
mod tag {
    pub(super) const NAME: u8 = 1;
    pub(super) const NEW_NAME: u8 = 2;
    pub(super) const BY_SELF: u8 = 3;
    pub(super) const MESSAGES: u8 = 4;
    pub(super) const QUEUE: u8 = 5;
    pub(super) const GROUPS: u8 = 6;
}

impl Task {
    /// Gives `store` the task as its row holds it.
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

    /// Reads a task from its row.
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
    /// Keeps a task. Ids ascend in the order in which tasks are begun. A user or a group is erased by the one
    /// task that deleting it has kept ([`Users::user_delete`](super::Users::user_delete),
    /// [`Groups::group_delete`](super::Groups::group_delete)).
    fn task_insert(&mut self, id: TaskId, task: &Task) -> Result<()>;

    /// The oldest task of a kind that this version knows; one of [`Task::EraseOld`] after all others. Tasks of other kinds are left to the nodes of the
    /// version that has begun them.
    fn task_next(&self) -> Result<Option<(TaskId, Task)>>;

    /// Keeps how far the logs of a user's groups have its new name.
    fn task_advance(&mut self, id: TaskId, after: GroupId) -> Result<()>;

    /// Keeps which groups are left of a [`Task::EraseOld`].
    fn task_shorten(&mut self, id: TaskId, left: &Task) -> Result<()>;

    /// Drops a task that is done.
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

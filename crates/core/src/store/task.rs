//! Work that a request has begun and that goes on after its answer, in steps: each step is a job of its own,
//! does a bounded part, and may be run by any node.

use super::detail::{find, put};
use super::encoding::{Stored, TaskKind};
use crate::{Error, GroupId, Name, Result, TaskId, UserId};

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
        /// The last group that has it, in the order of their ids.
        after: Option<GroupId>,
    },
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
}

impl Task {
    /// Gives `store` the task as its row holds it.
    pub fn with_stored<T>(&self, store: impl FnOnce(StoredTask<'_>) -> T) -> T {
        let mut detail = Vec::new();
        let (kind, user, group) = match self {
            Self::EraseUser(user) => (TaskKind::EraseUser, Some(*user), None),
            Self::EraseGroup(group) => (TaskKind::EraseGroup, None, Some(*group)),
            Self::LogRename { user, name, new_name, after } => {
                put(&mut detail, tag::NAME, name.as_str().as_bytes());
                put(&mut detail, tag::NEW_NAME, new_name.as_str().as_bytes());
                (TaskKind::LogRename, Some(*user), *after)
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
                after: stored.group,
            },
        })
    }
}

/// Tasks, in a transaction.
pub trait Tasks {
    /// Keeps a task. Ids ascend in the order in which tasks are begun. A user or a group is erased by the one
    /// task that deleting it has kept ([`Users::user_delete`](super::Users::user_delete),
    /// [`Groups::group_delete`](super::Groups::group_delete)).
    fn task_insert(&mut self, id: TaskId, task: &Task) -> Result<()>;

    /// The oldest task of a kind that this version knows. Tasks of other kinds are left to the nodes of the
    /// version that has begun them.
    fn task_next(&self) -> Result<Option<(TaskId, Task)>>;

    /// Keeps how far the logs of a user's groups have its new name.
    fn task_advance(&mut self, id: TaskId, after: GroupId) -> Result<()>;

    /// Drops a task that is done.
    fn task_delete(&mut self, id: TaskId) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_task_is_read_as_it_was_stored() {
        let (user, group) = (UserId(3), GroupId(Uuid::from_u128(9)));
        let (name, new_name) = (Name::stored("ann"), Name::stored("éva"));
        for (task, detail) in [
            (Task::EraseUser(user), None),
            (Task::EraseGroup(group), None),
            (
                Task::LogRename { user, name, new_name, after: Some(group) },
                Some("\u{1}\u{3}\0\0\0ann\u{2}\u{4}\0\0\0éva".as_bytes()),
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

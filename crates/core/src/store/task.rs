//! Work that a request has begun and that goes on after its answer, in steps: each step is a job of its own,
//! does a bounded part, and may be run by any node.

use crate::{GroupId, Name, Result, TaskId, UserId};

/// What remains to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Erase the messages of a user who is no more, and take it out of its groups.
    EraseUser(UserId),
    /// Erase a group that is no more, with everything in it.
    EraseGroup(GroupId),
    /// Write a user's other name into the logs of its groups.
    LogRename {
        /// Who.
        user: UserId,
        /// The old name.
        name: Name,
        /// The new name.
        new_name: Name,
        /// The last group that has it, in the order of their ids.
        after: Option<GroupId>,
    },
}

/// Tasks, in a transaction.
pub trait Tasks {
    /// Keeps a task. Ids ascend in the order in which tasks are begun. A user or a group is erased by the one
    /// task that deleting it has kept ([`Users::user_delete`](super::Users::user_delete),
    /// [`Groups::group_delete`](super::Groups::group_delete)).
    fn task_insert(&mut self, id: TaskId, task: &Task) -> Result<()>;

    /// The oldest task.
    fn task_next(&self) -> Result<Option<(TaskId, Task)>>;

    /// Keeps how far the logs of a user's groups have its other name.
    fn task_advance(&mut self, id: TaskId, after: GroupId) -> Result<()>;

    /// Drops a task that is done.
    fn task_delete(&mut self, id: TaskId) -> Result<()>;
}

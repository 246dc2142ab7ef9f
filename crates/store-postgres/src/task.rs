//! What remains to be done in steps.

use chinwag_core::store::{Task, Tasks};
use chinwag_core::{GroupId, Result, TaskId, UserId};
use tokio_postgres::Row;

use crate::group::group_id;
use crate::message::uuid;
use crate::transaction::Transaction;
use crate::user::name;

impl Tasks for Transaction<'_, '_> {
    fn task_insert(&mut self, id: TaskId, task: &Task) -> Result<()> {
        let (kind, user, group, names): (i16, _, _, _) = match task {
            Task::EraseUser(user) => (0, Some(user.0), None, None),
            Task::EraseGroup(group) => (1, None, Some(group.0), None),
            Task::LogRename { user, name, new_name, after } => {
                (2, Some(user.0), after.map(|group| group.0), Some((name.as_str(), new_name.as_str())))
            }
        };
        let (name, new_name) = names.unzip();
        self.change(
            "INSERT INTO tasks (id, kind, user_id, group_id, name, new_name) VALUES ($1, $2, $3, $4, $5, $6)",
            &[&id.0, &kind, &user, &group, &name, &new_name],
        )
        .map(drop)
    }

    fn task_next(&self) -> Result<Option<(TaskId, Task)>> {
        self.one(
            "SELECT id, kind, user_id, group_id, name, new_name FROM tasks
            WHERE id >= '00000000-0000-0000-0000-000000000000' ORDER BY id LIMIT 1",
            &[],
            task,
        )
    }

    fn task_advance(&mut self, id: TaskId, after: GroupId) -> Result<()> {
        let sql = "UPDATE tasks SET group_id = $2 WHERE id = $1 AND kind = 2";
        self.change(sql, &[&id.0, &after.0]).map(drop)
    }

    fn task_delete(&mut self, id: TaskId) -> Result<()> {
        self.change("DELETE FROM tasks WHERE id = $1", &[&id.0]).map(drop)
    }
}

fn task(row: &Row) -> Result<(TaskId, Task), tokio_postgres::Error> {
    let user = || row.try_get(2).map(UserId);
    let task = match row.try_get::<_, i16>(1)? {
        0 => Task::EraseUser(user()?),
        1 => Task::EraseGroup(group_id(row, 3)?),
        _ => {
            let after = row.try_get::<_, Option<_>>(3)?.map(GroupId);
            Task::LogRename { user: user()?, name: name(row, 4)?, new_name: name(row, 5)?, after }
        }
    };
    Ok((TaskId(uuid(row, 0)?), task))
}

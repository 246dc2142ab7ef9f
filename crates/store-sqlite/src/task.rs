//! What remains to be done in steps.

use chinwag_core::store::{Task, Tasks};
use chinwag_core::{GroupId, Result, TaskId, UserId};
use rusqlite::{Row, params};

use crate::group::group_id;
use crate::message::uuid;
use crate::transaction::Transaction;
use crate::user::name;

impl Tasks for Transaction<'_> {
    fn task_insert(&mut self, id: TaskId, task: &Task) -> Result<()> {
        let (kind, user, group, names) = match task {
            Task::EraseUser(user) => (0, Some(user.0), None, None),
            Task::EraseGroup(group) => (1, None, Some(*group), None),
            Task::LogRename { user, name, new_name, after } => {
                (2, Some(user.0), *after, Some((name.as_str(), new_name.as_str())))
            }
        };
        let (group, (name, new_name)) = (group.map(|group| group.0.into_bytes()), names.unzip());
        self.change(
            "INSERT INTO tasks (id, kind, user_id, group_id, name, new_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![id.0.into_bytes(), kind, user, group, name, new_name],
        )
        .map(drop)
    }

    fn task_next(&self) -> Result<Option<(TaskId, Task)>> {
        self.one(
            "SELECT id, kind, user_id, group_id, name, new_name FROM tasks WHERE id > x'' ORDER BY id LIMIT 1",
            [],
            task,
        )
    }

    fn task_advance(&mut self, id: TaskId, after: GroupId) -> Result<()> {
        self.change(
            "UPDATE tasks SET group_id = ?2 WHERE id = ?1 AND kind = 2",
            params![id.0.into_bytes(), after.0.into_bytes()],
        )
        .map(drop)
    }

    fn task_delete(&mut self, id: TaskId) -> Result<()> {
        self.change("DELETE FROM tasks WHERE id = ?1", [id.0.into_bytes()]).map(drop)
    }
}

fn task(row: &Row<'_>) -> rusqlite::Result<(TaskId, Task)> {
    let user = || row.get(2).map(UserId);
    let task = match row.get::<_, i64>(1)? {
        0 => Task::EraseUser(user()?),
        1 => Task::EraseGroup(group_id(row, 3)?),
        _ => {
            let after =
                if row.get_ref(3)?.as_blob_or_null()?.is_some() { Some(group_id(row, 3)?) } else { None };
            Task::LogRename { user: user()?, name: name(row, 4)?, new_name: name(row, 5)?, after }
        }
    };
    Ok((TaskId(uuid(row, 0)?), task))
}

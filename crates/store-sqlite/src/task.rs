//! Work that remains, in steps.

use chinwag_core::store::{StoredTask, Task, Tasks};
use chinwag_core::{GroupId, Result, TaskId, UserId, stored_number};
use rusqlite::{Row, params};

use crate::group::group_id;
use crate::message::uuid;
use crate::transaction::Transaction;

/// The kinds that this version knows.
macro_rules! known_kinds {
    () => {
        concat!(
            stored_number!(TaskKind::EraseUser),
            ", ",
            stored_number!(TaskKind::EraseGroup),
            ", ",
            stored_number!(TaskKind::LogRename)
        )
    };
}

impl Tasks for Transaction<'_> {
    fn task_insert(&mut self, id: TaskId, task: &Task) -> Result<()> {
        const SQL: &str =
            "INSERT INTO tasks (id, kind, user_id, group_id, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
        task.with_stored(|task| {
            let (user, group) = (task.user.map(|user| user.0), task.group.map(|group| group.0.into_bytes()));
            self.change(SQL, params![id.0.into_bytes(), task.kind, user, group, task.detail]).map(drop)
        })
    }

    fn task_next(&self) -> Result<Option<(TaskId, Task)>> {
        const SQL: &str = concat!(
            "SELECT id, kind, user_id, group_id, detail FROM tasks WHERE id > x'' AND +kind IN (",
            known_kinds!(),
            ") ORDER BY id LIMIT 1"
        );
        self.one(SQL, [], |row| Ok((TaskId(uuid(row, 0)?), task(row)?)))?
            .map(|(id, task)| Ok((id, task?)))
            .transpose()
    }

    fn task_advance(&mut self, id: TaskId, after: GroupId) -> Result<()> {
        let sql = "UPDATE tasks SET group_id = ?2 WHERE id = ?1";
        self.change(sql, params![id.0.into_bytes(), after.0.into_bytes()]).map(drop)
    }

    fn task_delete(&mut self, id: TaskId) -> Result<()> {
        self.change("DELETE FROM tasks WHERE id = ?1", [id.0.into_bytes()]).map(drop)
    }
}

fn task(row: &Row<'_>) -> rusqlite::Result<Result<Task>> {
    let has_group = row.get_ref(3)?.as_blob_or_null()?.is_some();
    let stored = StoredTask {
        kind: row.get(1)?,
        user: row.get::<_, Option<_>>(2)?.map(UserId),
        group: if has_group { Some(group_id(row, 3)?) } else { None },
        detail: row.get_ref(4)?.as_blob_or_null()?,
    };
    Ok(Task::from_stored(&stored))
}

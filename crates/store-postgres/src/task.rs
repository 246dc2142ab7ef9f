//! Work that remains, in steps.

use chinwag_core::store::{StoredTask, Task, Tasks};
use chinwag_core::{Error, GroupId, Result, TaskId, UserId, stored_number};
use tokio_postgres::Row;

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

impl Tasks for Transaction<'_, '_> {
    fn task_insert(&mut self, id: TaskId, task: &Task) -> Result<()> {
        const SQL: &str =
            "INSERT INTO tasks (id, kind, user_id, group_id, detail) VALUES ($1, $2, $3, $4, $5)";
        task.with_stored(|task| {
            let (user, group) = (task.user.map(|user| user.0), task.group.map(|group| group.0));
            let kind = i16::try_from(task.kind).map_err(Error::internal)?;
            self.change(SQL, &[&id.0, &kind, &user, &group, &task.detail]).map(drop)
        })
    }

    fn task_next(&self) -> Result<Option<(TaskId, Task)>> {
        const SQL: &str = concat!(
            "SELECT id, kind, user_id, group_id, detail FROM tasks
            WHERE id >= '00000000-0000-0000-0000-000000000000' AND kind IN (",
            known_kinds!(),
            ") ORDER BY id LIMIT 1"
        );
        self.one(SQL, &[], |row| Ok((TaskId(uuid(row, 0)?), task(row)?)))?
            .map(|(id, task)| Ok((id, task?)))
            .transpose()
    }

    fn task_advance(&mut self, id: TaskId, after: GroupId) -> Result<()> {
        self.change("UPDATE tasks SET group_id = $2 WHERE id = $1", &[&id.0, &after.0]).map(drop)
    }

    fn task_delete(&mut self, id: TaskId) -> Result<()> {
        self.change("DELETE FROM tasks WHERE id = $1", &[&id.0]).map(drop)
    }
}

fn task(row: &Row) -> Result<Result<Task>, tokio_postgres::Error> {
    let stored = StoredTask {
        kind: row.try_get::<_, i16>(1)?.into(),
        user: row.try_get::<_, Option<_>>(2)?.map(UserId),
        group: row.try_get::<_, Option<_>>(3)?.map(GroupId),
        detail: row.try_get(4)?,
    };
    Ok(Task::from_stored(&stored))
}

//! Remaining work that is done in steps.

use chinwag_core::store::{StoredTask, Task};
use chinwag_core::{GroupId, Result, TaskId, stored_number};

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Param, Sql, Text};

table! {
    TASKS: "tasks" by (id: Id)
    kind: Short, user_id: Number, group_id: Id, detail: Bytes,
}

crate::implement! {
    ($) impl_tasks: Tasks by task
    read {
        task_next() -> Option<(TaskId, Task)>;
    }
    write {
        task_insert(id: TaskId, task: &Task) -> ();
        task_advance(id: TaskId, after: GroupId) -> ();
        task_shorten(id: TaskId, left: &Task) -> ();
        task_delete(id: TaskId) -> ();
    }
}

/// The oldest task of the kinds that this version knows. The condition on ids is always true; it makes the
/// planner use the index.
macro_rules! next {
    ($condition:literal) => {
        next!(
            $condition;
            stored_number!(TaskKind::EraseUser),
            ", ",
            stored_number!(TaskKind::EraseGroup),
            ", ",
            stored_number!(TaskKind::LogRename),
            ", ",
            stored_number!(TaskKind::EraseReactions),
            ", ",
            stored_number!(TaskKind::EraseWebhookQueue)
        )
    };
    ($condition:literal; $($kinds:tt)*) => {
        concat!(
            "SELECT id, kind, user_id, group_id, detail FROM tasks WHERE ",
            $condition,
            " AND kind IN (",
            $($kinds)*,
            ") ORDER BY id LIMIT 1"
        )
    };
}

pub fn task_next(sql: &impl Sql) -> Result<Option<(TaskId, Task)>> {
    const NEXT: Text = Text::two(next!("id > x''"), next!("id >= '00000000-0000-0000-0000-000000000000'"));
    // The erasure of old messages has the lowest priority.
    const OLD: Text = Text::two(
        next!("id > x''"; stored_number!(TaskKind::EraseOld)),
        next!("id >= '00000000-0000-0000-0000-000000000000'"; stored_number!(TaskKind::EraseOld)),
    );
    let read = |row: &dyn Columns| -> Result<(TaskId, Task)> {
        let detail = row.bytes(4)?;
        let stored = StoredTask { kind: row.get(1)?, user: row.maybe(2)?, group: row.maybe(3)?, detail };
        Ok((row.get(0)?, Task::from_stored(&stored)?))
    };
    match sql.one(NEXT, params![], read)? {
        None => sql.one(OLD, params![], read),
        next => Ok(next),
    }
}

pub fn task_insert(sql: &mut impl Sql, id: TaskId, task: &Task) -> Result<()> {
    const INSERT: Text =
        Text::same("INSERT INTO tasks (id, kind, user_id, group_id, detail) VALUES ($1, $2, $3, $4, $5)");
    task.with_stored(|task| {
        let detail = task.detail.map_or(Param::Null, Param::Bytes);
        sql.change(INSERT, params![id, task.kind, task.user, task.group, detail]).map(drop)
    })
}

pub fn task_advance(sql: &mut impl Sql, id: TaskId, after: GroupId) -> Result<()> {
    const ADVANCE: Text = Text::same("UPDATE tasks SET group_id = $1 WHERE id = $2");
    sql.change(ADVANCE, params![after, id]).map(drop)
}

pub fn task_shorten(sql: &mut impl Sql, id: TaskId, left: &Task) -> Result<()> {
    const SHORTEN: Text = Text::same("UPDATE tasks SET detail = $1 WHERE id = $2");
    left.with_stored(|left| sql.change(SHORTEN, params![left.detail, id]).map(drop))
}

pub fn task_delete(sql: &mut impl Sql, id: TaskId) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM tasks WHERE id = $1");
    sql.change(DELETE, params![id]).map(drop)
}

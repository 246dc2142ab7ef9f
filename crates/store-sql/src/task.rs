//! Remaining work that is done in steps.

use chinwag_core::store::{StoredTask, Task};
use chinwag_core::{GroupId, Result, TaskId, stored_number};

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Param, Sql, Text, limit};

table! {
    TASKS: "tasks" by (id: Id)
    kind: Short, user_id: Number, group_id: Id, detail: Bytes,
}

crate::implement! {
    ($) impl_tasks: Tasks by task
    read {
        task_next(except: &[TaskId]) -> Option<TaskId>;
        task(id: TaskId) -> Option<Task>;
    }
    write {
        task_hold(id: TaskId) -> Option<Task>;
        task_insert(id: TaskId, task: &Task) -> ();
        task_advance(id: TaskId, after: GroupId) -> ();
        task_shorten(id: TaskId, left: &Task) -> ();
        task_delete(id: TaskId) -> ();
    }
}

/// The oldest tasks of the kinds that this version knows. The condition on the id holds for every row; it makes
/// the planner use the index.
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
            "SELECT id FROM tasks WHERE ",
            $condition,
            " AND kind IN (",
            $($kinds)*,
            ") ORDER BY id LIMIT $1"
        )
    };
}

pub fn task_next(sql: &impl Sql, except: &[TaskId]) -> Result<Option<TaskId>> {
    const NEXT: Text = Text::two(next!("id > x''"), next!("id >= '00000000-0000-0000-0000-000000000000'"));
    // The erasure of old messages has the lowest priority.
    const OLD: Text = Text::two(
        next!("id > x''"; stored_number!(TaskKind::EraseOld)),
        next!("id >= '00000000-0000-0000-0000-000000000000'"; stored_number!(TaskKind::EraseOld)),
    );
    let next = |text| -> Result<Option<TaskId>> {
        let oldest = sql.all(text, params![limit(except.len() + 1)], |row| row.get(0))?;
        Ok(oldest.into_iter().find(|id| !except.contains(id)))
    };
    match next(NEXT)? {
        None => next(OLD),
        next => Ok(next),
    }
}

pub fn task(sql: &impl Sql, id: TaskId) -> Result<Option<Task>> {
    const FIND: Text = Text::same("SELECT kind, user_id, group_id, detail FROM tasks WHERE id = $1");
    sql.one(FIND, params![id], read)
}

pub fn task_hold(sql: &mut impl Sql, id: TaskId) -> Result<Option<Task>> {
    const HOLD: Text = Text::two(
        "SELECT kind, user_id, group_id, detail FROM tasks WHERE id = $1",
        "SELECT kind, user_id, group_id, detail FROM tasks WHERE id = $1 FOR UPDATE SKIP LOCKED",
    );
    sql.change_one(HOLD, params![id], read)
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

fn read(row: &dyn Columns) -> Result<Task> {
    let detail = row.bytes(3)?;
    Task::from_stored(&StoredTask { kind: row.get(0)?, user: row.maybe(1)?, group: row.maybe(2)?, detail })
}

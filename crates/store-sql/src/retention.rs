//! Messages that exceed their retention, found by date.

use chinwag_core::store::{MessageToErase, RetentionPage, StoredTask, Task};
use chinwag_core::{Date, GroupId, Result, stored_number};

use crate::group::id_after;
use crate::message::read_written;
use crate::message_date::by_date;
use crate::sql::params;
use crate::{Columns, Sql, Text, limit};

crate::implement! {
    ($) impl_retention: Retention by retention
    read {
        retention_is_set() -> bool;
        retention_waiting() -> Vec<GroupId>;
        retention_page(after: Option<GroupId>, oldest: Option<Date>, now: Date, limit: usize) -> RetentionPage;
        messages_before(group: GroupId, date: Date, limit: usize) -> Vec<MessageToErase>;
    }
    write {}
}

pub fn retention_is_set(sql: &impl Sql) -> Result<bool> {
    const FIND: Text = Text::two(
        "SELECT 1 FROM groups WHERE keep IS NOT NULL AND id > x'' LIMIT 1",
        "SELECT 1 FROM groups WHERE keep IS NOT NULL AND id >= '00000000-0000-0000-0000-000000000000' LIMIT 1",
    );
    Ok(sql.one(FIND, params![], |_| Ok(()))?.is_some())
}

pub fn retention_waiting(sql: &impl Sql) -> Result<Vec<GroupId>> {
    macro_rules! all {
        ($condition:literal) => {
            concat!(
                "SELECT kind, detail FROM tasks WHERE ",
                $condition,
                " AND kind = ",
                stored_number!(TaskKind::EraseOld),
                " ORDER BY id"
            )
        };
    }
    const ALL: Text = Text::two(all!("id > x''"), all!("id >= '00000000-0000-0000-0000-000000000000'"));
    let tasks = sql.all(ALL, params![], |row| {
        Task::from_stored(&StoredTask { kind: row.get(0)?, user: None, group: None, detail: row.bytes(1)? })
    })?;
    let groups = tasks.into_iter().filter_map(|task| match task {
        Task::EraseOld { groups } => Some(groups),
        _ => None,
    });
    Ok(groups.flatten().collect())
}

/// Whether a group `g` has a message before a date. On PostgreSQL, `OFFSET 0` keeps the planner from reading
/// all old messages.
macro_rules! has_before {
    (sqlite $date:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM message_dates d WHERE d.group_id = g.id AND d.date < ",
            $date,
            ") OR EXISTS (SELECT 1 FROM messages m
                WHERE m.group_id = g.id AND m.seq > g.dated_seq AND m.body IS NOT NULL AND m.date < ",
            $date,
            "))"
        )
    };
    (postgres $date:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM messages m WHERE m.group_id = g.id AND m.body IS NOT NULL AND m.date < ",
            $date,
            " OFFSET 0)"
        )
    };
}

pub fn retention_page(
    sql: &impl Sql,
    after: Option<GroupId>,
    oldest: Option<Date>,
    now: Date,
    most: usize,
) -> Result<RetentionPage> {
    macro_rules! all {
        ($db:ident) => {
            concat!(
                "SELECT g.id, ",
                has_before!($db "$1"),
                " OR (g.keep IS NOT NULL AND ",
                has_before!($db "$2 - g.keep * 86400000000"),
                ") FROM groups g WHERE g.id >= $3 ORDER BY g.id LIMIT $4"
            )
        };
    }
    macro_rules! own {
        ($db:ident) => {
            concat!(
                "SELECT g.id, ",
                has_before!($db "$1 - g.keep * 86400000000"),
                " FROM groups g WHERE g.keep IS NOT NULL AND g.id >= $2 ORDER BY g.id LIMIT $3"
            )
        };
    }
    const ALL: Text = Text::two(all!(sqlite), all!(postgres));
    const OWN: Text = Text::two(own!(sqlite), own!(postgres));
    let Some(from) = id_after(after) else { return Ok(RetentionPage { due: Vec::new(), last: None }) };
    let read = |row: &dyn Columns| -> Result<(GroupId, bool)> { Ok((row.get(0)?, row.get(1)?)) };
    let found = match oldest {
        Some(oldest) => sql.all(ALL, params![oldest, now, from, limit(most)], read)?,
        None => sql.all(OWN, params![now, from, limit(most)], read)?,
    };
    let last = found.last().filter(|_| found.len() == most).map(|(group, _)| *group);
    let due = found.into_iter().filter_map(|(group, is_due)| is_due.then_some(group)).collect();
    Ok(RetentionPage { due, last })
}

pub fn messages_before(
    sql: &impl Sql,
    group: GroupId,
    date: Date,
    most: usize,
) -> Result<Vec<MessageToErase>> {
    const FIND: Text = Text::two(
        by_date!("x.seq, x.id, nullif(x.thread, 0), x.date", "$1", date "< $2", "", "ASC", "$3"),
        "SELECT seq, id, nullif(thread, 0) FROM messages
        WHERE group_id = $1 AND date < $2 AND body IS NOT NULL ORDER BY date, seq LIMIT $3",
    );
    sql.all(FIND, params![group, date, limit(most)], read_written)
}

//! Messages of a group by date, and the edges of pages. On SQLite a table indexes the messages up to the group's
//! `dated_seq`, and the few after it are scanned. PostgreSQL has an index.

use chinwag_core::store::Edge;
use chinwag_core::{Date, GroupId, Result, Seq};

use crate::sql::params;
use crate::{Sql, Text, gone};

/// A condition on the date, for the table or alias that is named first.
macro_rules! in_range {
    ($of:literal, date $condition:literal) => {
        concat!($of, ".date ", $condition)
    };
    ($of:literal, place $condition:literal) => {
        concat!("(", $of, ".date, ", $of, ".seq) ", $condition)
    };
}

/// A query for SQLite: columns of up to `$limit` messages `x` that are not erased, ordered by date. It takes
/// a condition on the date, or on the date and number, and a further condition. The columns must include the
/// number and the date.
macro_rules! by_date {
    ($columns:literal, $group:literal, $kind:ident $range:literal, $further:expr, $order:literal, $limit:literal) => {
        concat!(
            "SELECT * FROM (SELECT * FROM (SELECT ",
            $columns,
            " FROM message_dates d CROSS JOIN messages x ON x.group_id = d.group_id AND x.seq = d.seq
                WHERE d.group_id = ",
            $group,
            " AND ",
            $crate::message_date::in_range!("d", $kind $range),
            $further,
            " ORDER BY d.date ",
            $order,
            ", d.seq ",
            $order,
            " LIMIT ",
            $limit,
            ") UNION ALL SELECT * FROM (SELECT ",
            $columns,
            " FROM messages x WHERE x.group_id = ",
            $group,
            " AND x.seq > (SELECT dated_seq FROM groups WHERE id = ",
            $group,
            ") AND x.body IS NOT NULL AND ",
            $crate::message_date::in_range!("x", $kind $range),
            $further,
            " ORDER BY x.date ",
            $order,
            ", x.seq ",
            $order,
            " LIMIT ",
            $limit,
            ")) ORDER BY date ",
            $order,
            ", seq ",
            $order,
            " LIMIT ",
            $limit
        )
    };
}

pub(crate) use {by_date, in_range};

/// The number and date of one message that is not erased, found by date.
macro_rules! dated {
    ($range:literal, $order:literal) => {
        Text::two(
            by_date!(
                "x.seq, x.date",
                "$1",
                date $range,
                concat!(" AND NOT ", gone!(sqlite "x.author_id")),
                $order,
                "1"
            ),
            concat!(
                "SELECT x.seq, x.date FROM messages x WHERE x.body IS NOT NULL AND NOT ",
                gone!(postgres "x.author_id"),
                " AND x.group_id = $1 AND x.date ",
                $range,
                " ORDER BY x.date ",
                $order,
                ", x.seq ",
                $order,
                " LIMIT 1"
            ),
        )
    };
}

/// The last message of a group before a date.
pub(crate) fn last_before(sql: &impl Sql, group: GroupId, micros: i64) -> Result<Option<(Seq, Date)>> {
    const FIND: Text = dated!("< $2", "DESC");
    sql.one(FIND, params![group, micros], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The number of the first message of a group after a date.
fn first_after(sql: &impl Sql, group: GroupId, date: Date) -> Result<Option<i64>> {
    const FIND: Text = dated!("> $2", "ASC");
    sql.one(FIND, params![group, date], |row| row.get(0))
}

/// Converts the edge of a page to an inclusive number. Returns whether the page goes backwards, and the
/// number, if there is one.
pub(crate) fn begin(sql: &impl Sql, group: GroupId, edge: Edge) -> Result<(bool, Option<i64>)> {
    Ok(match edge {
        Edge::Newest => (true, Some(i64::MAX)),
        Edge::BeforeSeq(Seq(seq)) => (true, seq.checked_sub(1)),
        Edge::AfterSeq(Seq(seq)) => (false, seq.checked_add(1)),
        Edge::BeforeDate(date) => (true, last_before(sql, group, date.micros())?.map(|(Seq(seq), _)| seq)),
        Edge::AfterDate(date) => (false, first_after(sql, group, date)?),
    })
}

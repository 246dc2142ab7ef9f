//! Reports of messages.

use chinwag_core::report::{MessageReport, NewReport, ReportState};
use chinwag_core::store::encoding::Stored;
use chinwag_core::{Date, MessageId, ReportId, Result, UserId, stored_number};
use uuid::Uuid;

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Sql, Text, limit};

table! {
    REPORTS: "reports" by (id: Id)
    message_id: Id, group_id: Id, author_id: Number, reporter_id: Number, body: Text, reason: Text, state: Short,
    note: Text, date: Number,
}

crate::implement! {
    ($) impl_reports: Reports by report
    read {
        report(id: ReportId) -> Option<MessageReport>;
        report_by(message: MessageId, reporter: UserId) -> Option<ReportId>;
        is_reported(message: MessageId) -> bool;
        reports_page(state: Option<ReportState>, before: Option<ReportId>, limit: usize) -> Vec<MessageReport>;
        reports_written(reporter: UserId, after: Option<ReportId>, limit: usize) -> Vec<MessageReport>;
    }
    write {
        report_insert(report: &NewReport) -> ();
        report_reason_set(id: ReportId, reason: &str) -> ();
        report_state_set(id: ReportId, state: ReportState, note: Option<&str>) -> ();
        reports_forget(user: UserId, limit: usize) -> usize;
        reports_expire(before: Date, limit: usize) -> usize;
        reports_purge(before: Date, limit: usize) -> usize;
    }
}

/// A query of reports, with the names of their users who are not deleted.
macro_rules! find {
    ($rest:literal) => {
        Text::same(concat!(
            "SELECT r.id, r.message_id, r.group_id, a.name, u.name, CASE WHEN a.id IS NOT NULL THEN r.body END,
                CASE WHEN u.id IS NOT NULL THEN r.reason END, r.state, r.note, r.date
            FROM reports r LEFT JOIN users a ON a.id = r.author_id LEFT JOIN users u ON u.id = r.reporter_id WHERE ",
            $rest
        ))
    };
}

pub fn report(sql: &impl Sql, id: ReportId) -> Result<Option<MessageReport>> {
    const FIND: Text = find!("r.id = $1");
    sql.one(FIND, params![id.0], read)
}

pub fn report_by(sql: &impl Sql, message: MessageId, reporter: UserId) -> Result<Option<ReportId>> {
    const FIND: Text = Text::same("SELECT id FROM reports WHERE message_id = $1 AND reporter_id = $2");
    sql.one(FIND, params![message, reporter], |row| row.get(0).map(ReportId))
}

pub fn is_reported(sql: &impl Sql, message: MessageId) -> Result<bool> {
    const FIND: Text = Text::same("SELECT 1 FROM reports WHERE message_id = $1 LIMIT 1");
    Ok(sql.one(FIND, params![message], |_| Ok(()))?.is_some())
}

pub fn reports_page(
    sql: &impl Sql,
    state: Option<ReportState>,
    before: Option<ReportId>,
    most: usize,
) -> Result<Vec<MessageReport>> {
    const ALL: Text = find!("r.id < $1 ORDER BY r.id DESC LIMIT $2");
    const OF_STATE: Text = find!("r.state = $1 AND r.id < $2 ORDER BY r.id DESC LIMIT $3");
    // No report has the greatest possible id.
    let before = before.map_or(Uuid::max(), |id| id.0);
    match state {
        None => sql.all(ALL, params![before, limit(most)], read),
        Some(state) => sql.all(OF_STATE, params![state.number(), before, limit(most)], read),
    }
}

pub fn reports_written(
    sql: &impl Sql,
    reporter: UserId,
    after: Option<ReportId>,
    most: usize,
) -> Result<Vec<MessageReport>> {
    // The index contains reports with a reason, which all reports of an existing reporter have.
    const FIND: Text =
        find!("r.reporter_id = $1 AND r.reason IS NOT NULL AND r.id > $2 ORDER BY r.id LIMIT $3");
    // No report has the smallest possible id.
    let after = after.map_or(Uuid::nil(), |id| id.0);
    sql.all(FIND, params![reporter, after, limit(most)], read)
}

pub fn report_insert(sql: &mut impl Sql, report: &NewReport) -> Result<()> {
    const INSERT: Text = Text::same(concat!(
        "INSERT INTO reports (id, message_id, group_id, author_id, reporter_id, body, reason, state, date)
        VALUES ($1, $2, $3, $4, $5, $6, $7, ",
        stored_number!(ReportState::Open),
        ", $8)"
    ));
    let NewReport { id, message, group, author, reporter, body, reason, date } = report;
    let row = params![id.0, *message, *group, *author, *reporter, &**body, &**reason, *date];
    sql.change(INSERT, row).map(drop)
}

pub fn report_reason_set(sql: &mut impl Sql, id: ReportId, reason: &str) -> Result<()> {
    const SET: Text = Text::same("UPDATE reports SET reason = $1 WHERE id = $2");
    sql.note_erasure();
    sql.change(SET, params![reason, id.0]).map(drop)
}

pub fn report_state_set(
    sql: &mut impl Sql,
    id: ReportId,
    state: ReportState,
    note: Option<&str>,
) -> Result<()> {
    const SET: Text = Text::same("UPDATE reports SET state = $1, note = $2 WHERE id = $3");
    const CLOSE: Text = Text::same("UPDATE reports SET state = $1, note = $2, body = NULL WHERE id = $3");
    let text = if state == ReportState::Open { SET } else { CLOSE };
    sql.note_erasure();
    sql.change(text, params![state.number(), note, id.0]).map(drop)
}

pub fn reports_forget(sql: &mut impl Sql, user: UserId, most: usize) -> Result<usize> {
    const BODIES: Text = Text::same(
        "UPDATE reports SET body = NULL WHERE id IN (
            SELECT id FROM reports WHERE author_id = $1 AND body IS NOT NULL LIMIT $2)",
    );
    const REASONS: Text = Text::same(
        "UPDATE reports SET reason = NULL WHERE id IN (
            SELECT id FROM reports WHERE reporter_id = $1 AND reason IS NOT NULL LIMIT $2)",
    );
    let bodies = sql.change(BODIES, params![user, limit(most)])?;
    let reasons = sql.change(REASONS, params![user, limit(most)])?;
    if bodies + reasons > 0 {
        sql.note_erasure();
    }
    Ok(bodies.max(reasons))
}

pub fn reports_expire(sql: &mut impl Sql, before: Date, most: usize) -> Result<usize> {
    const EXPIRE: Text = Text::same(
        "UPDATE reports SET body = NULL WHERE id IN (
            SELECT id FROM reports WHERE date < $1 AND body IS NOT NULL ORDER BY date LIMIT $2)",
    );
    let expired = sql.change(EXPIRE, params![before, limit(most)])?;
    if expired > 0 {
        sql.note_erasure();
    }
    Ok(expired)
}

pub fn reports_purge(sql: &mut impl Sql, before: Date, most: usize) -> Result<usize> {
    // The index is in order of creation, so only the oldest reports are read.
    const PURGE: Text = Text::same(
        "DELETE FROM reports WHERE id IN (
            SELECT id FROM (SELECT id, date FROM reports WHERE state = $1 ORDER BY id LIMIT $2) part WHERE date < $3)",
    );
    let mut purged = 0;
    for state in [ReportState::Resolved, ReportState::Dismissed] {
        purged += sql.change(PURGE, params![state.number(), limit(most), before])?;
    }
    if purged > 0 {
        sql.note_erasure();
    }
    Ok(purged)
}

fn read(row: &dyn Columns) -> Result<MessageReport> {
    Ok(MessageReport {
        id: row.get(0).map(ReportId)?,
        message: row.get(1)?,
        group: row.get(2)?,
        author: row.maybe(3)?,
        reporter: row.maybe(4)?,
        body: row.maybe(5)?,
        reason: row.maybe(6)?,
        state: row.stored(7)?,
        note: row.maybe(8)?,
        date: row.get(9)?,
    })
}

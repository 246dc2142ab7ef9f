//! The feed of events.

use chinwag_core::feed::{FeedBounds, FeedKind, FeedRow};
use chinwag_core::store::encoding::Stored;
use chinwag_core::{Date, Result};

use crate::sql::params;
use crate::transfer::table;
use crate::{Sql, Text, limit};

table! {
    EVENTS: "events" by (id: Number)
    position: Number, kind: Short, date: Number, group_id: Id, seq: Number, message_id: Id, message_seq: Number,
    message_date: Number, user_id: Number, detail: Bytes,
}

table! {
    FEED: "feed" by (one: Short)
    enabled: Flag,
}

table! {
    FEED_BOUNDS: "feed_bounds" by (one: Short)
    last: Number, removed: Number,
}

crate::implement! {
    ($) impl_feed: Feed by feed
    read {
        feed_is_on() -> bool;
        feed_is_behind() -> bool;
        feed_bounds() -> FeedBounds;
        feed_page(after: i64, limit: usize) -> Vec<(i64, Option<FeedRow>)>;
        feed_last_before(date: Date, limit: usize) -> Option<i64>;
    }
    write {
        feed_switch(on: bool) -> ();
        feed_insert(row: &FeedRow) -> ();
        feed_number(limit: usize) -> usize;
        feed_remove(upto: i64) -> usize;
    }
}

pub fn feed_is_on(sql: &impl Sql) -> Result<bool> {
    const FIND: Text = Text::same("SELECT enabled FROM feed WHERE one = 1");
    Ok(sql.one(FIND, params![], |row| row.get(0))?.unwrap_or(false))
}

pub fn feed_switch(sql: &mut impl Sql, on: bool) -> Result<()> {
    const SWITCH: Text = Text::same(
        "INSERT INTO feed (one, enabled) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET enabled = $1",
    );
    const SKIP: Text = Text::same(
        "INSERT INTO feed_bounds (one, last, removed) VALUES (1, 1, 1)
        ON CONFLICT (one) DO UPDATE SET last = feed_bounds.last + 1, removed = feed_bounds.last + 1",
    );
    if feed_is_on(sql)? == on {
        return Ok(());
    }
    sql.outwait_messages();
    sql.change(SWITCH, params![on])?;
    if on {
        // Moves readers at the end forward, since events were not recorded while the feed was off.
        sql.change(SKIP, params![])?;
    }
    Ok(())
}

pub fn feed_insert(sql: &mut impl Sql, row: &FeedRow) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO events (kind, date, group_id, seq, message_id, message_seq, message_date, user_id, detail)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    );
    let detail = Some(row.detail.as_slice()).filter(|detail| !detail.is_empty());
    let params = params![
        row.kind.number(),
        row.date,
        row.group,
        row.seq,
        row.message,
        row.message_seq,
        row.message_date,
        row.user,
        detail
    ];
    sql.change(INSERT, params)?;
    Ok(())
}

pub fn feed_is_behind(sql: &impl Sql) -> Result<bool> {
    const FIND: Text = Text::same("SELECT id FROM events WHERE position IS NULL LIMIT 1");
    Ok(sql.one(FIND, params![], |row| row.get::<i64>(0))?.is_some())
}

pub fn feed_number(sql: &mut impl Sql, most: usize) -> Result<usize> {
    // Locks the row until the end of the transaction, so that concurrent calls assign later positions.
    const HOLD: Text = Text::same("UPDATE feed_bounds SET last = last WHERE one = 1 RETURNING last");
    const NUMBER: Text = Text::same(
        "UPDATE events SET position = $1 + part.place FROM (
            SELECT id, row_number() OVER (ORDER BY id) AS place FROM (
                SELECT id FROM events WHERE position IS NULL ORDER BY id LIMIT $2
            ) asked
        ) part WHERE events.id = part.id",
    );
    const MOVE: Text = Text::same("UPDATE feed_bounds SET last = $1 WHERE one = 1");
    let last: Option<i64> = sql.change_one(HOLD, params![], |row| row.get(0))?;
    let Some(last) = last else { return Ok(0) };
    let count = sql.change(NUMBER, params![last, limit(most)])?;
    if count > 0 {
        sql.change(MOVE, params![last + limit(count)])?;
    }
    Ok(count)
}

pub fn feed_bounds(sql: &impl Sql) -> Result<FeedBounds> {
    const FIND: Text = Text::same("SELECT last, removed FROM feed_bounds WHERE one = 1");
    let bounds =
        sql.one(FIND, params![], |row| Ok(FeedBounds { last: row.get(0)?, removed: row.get(1)? }))?;
    Ok(bounds.unwrap_or_default())
}

pub fn feed_page(sql: &impl Sql, after: i64, most: usize) -> Result<Vec<(i64, Option<FeedRow>)>> {
    const PAGE: Text = Text::same(
        "SELECT position, kind, date, group_id, seq, message_id, message_seq, message_date, user_id, detail
        FROM events WHERE position > $1 ORDER BY position LIMIT $2",
    );
    sql.all(PAGE, params![after, limit(most)], |row| {
        let Some(kind) = FeedKind::known(row.get(1)?) else { return Ok((row.get(0)?, None)) };
        let found = FeedRow {
            kind,
            date: row.get(2)?,
            group: row.maybe(3)?,
            seq: row.maybe(4)?,
            message: row.maybe(5)?,
            message_seq: row.maybe(6)?,
            message_date: row.maybe(7)?,
            user: row.maybe(8)?,
            detail: row.bytes(9)?.unwrap_or_default().to_vec(),
        };
        Ok((row.get(0)?, Some(found)))
    })
}

pub fn feed_last_before(sql: &impl Sql, date: Date, most: usize) -> Result<Option<i64>> {
    const FIND: Text = Text::same(
        "SELECT max(position) FROM (
            SELECT position, date FROM events WHERE position > 0 ORDER BY position LIMIT $1
        ) oldest WHERE date < $2",
    );
    Ok(sql.one(FIND, params![limit(most), date], |row| row.maybe(0))?.flatten())
}

pub fn feed_remove(sql: &mut impl Sql, upto: i64) -> Result<usize> {
    const REMOVE: Text = Text::same("DELETE FROM events WHERE position <= $1");
    const MOVE: Text = Text::same("UPDATE feed_bounds SET removed = $1 WHERE one = 1 AND removed < $1");
    let removed = sql.change(REMOVE, params![upto])?;
    sql.change(MOVE, params![upto])?;
    Ok(removed)
}

//! Webhooks, and the events that are queued for another attempt.

use chinwag_core::webhook::{
    LONGEST_PAUSE, WaitingEvent, Webhook, WebhookAttempt, WebhookKinds, WebhookLane, WebhookQueue,
    WebhookSecret,
};
use chinwag_core::{Date, Result, WebhookId};

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Sql, Text, limit};

table! {
    WEBHOOKS: "webhooks" by (id: Id)
    url: Text, kinds: Number, secret: Bytes, previous: Bytes, previous_until: Number, created: Number, queue: Id,
    position: Number, replayed: Number, replayed_upto: Number, attempts: Bytes,
}

table! {
    WEBHOOK_EVENTS: "webhook_events" by (queue: Id, lane: Id, position: Number)
    expires: Number, attempts: Number, due: Number,
}

crate::implement! {
    ($) impl_webhooks: Webhooks by webhook
    read {
        webhooks_exist() -> bool;
        webhooks() -> Vec<Webhook>;
        webhook(id: WebhookId) -> Option<Webhook>;
        webhook_attempts(id: WebhookId) -> Vec<WebhookAttempt>;
        webhook_due(queue: WebhookQueue, now: Date, limit: usize) -> Vec<WaitingEvent>;
        webhook_next_due(queue: WebhookQueue, now: Date) -> Option<Date>;
        webhook_first_waiting(queue: WebhookQueue) -> Option<i64>;
        webhook_lane(queue: WebhookQueue, lane: WebhookLane, limit: usize) -> Vec<WaitingEvent>;
    }
    write {
        webhook_insert(webhook: &Webhook) -> ();
        webhook_update(webhook: &Webhook) -> ();
        webhook_replay(webhook: &Webhook) -> ();
        webhook_move(id: WebhookId, queue: WebhookQueue, position: i64) -> bool;
        webhook_delete(id: WebhookId) -> ();
        webhook_attempts_set(id: WebhookId, attempts: &[WebhookAttempt]) -> ();
        webhook_wait(queue: WebhookQueue, event: &WaitingEvent) -> ();
        webhook_wait_end(queue: WebhookQueue, lane: WebhookLane, position: i64) -> ();
        webhook_wake(queue: WebhookQueue, lane: WebhookLane, now: Date) -> ();
        webhook_queue_erase(queue: WebhookQueue, limit: usize) -> usize;
    }
}

/// A query of webhooks. The condition makes the planner use the index.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, url, kinds, secret, previous, previous_until, created, queue, position, replayed, replayed_upto
            FROM webhooks WHERE ",
            $condition
        )
    };
}

pub fn webhooks_exist(sql: &impl Sql) -> Result<bool> {
    const FIND: Text = Text::two(
        "SELECT 1 FROM webhooks WHERE id > x'' LIMIT 1",
        "SELECT 1::bigint FROM webhooks WHERE id >= '00000000-0000-0000-0000-000000000000' LIMIT 1",
    );
    Ok(sql.one(FIND, params![], |row| row.get::<i64>(0))?.is_some())
}

pub fn webhooks(sql: &impl Sql) -> Result<Vec<Webhook>> {
    const ALL: Text = Text::two(select!("id > x''"), select!("id >= '00000000-0000-0000-0000-000000000000'"));
    let mut found = sql.all(ALL, params![], read)?;
    found.sort_by_key(|webhook| (webhook.created, webhook.id));
    Ok(found)
}

pub fn webhook(sql: &impl Sql, id: WebhookId) -> Result<Option<Webhook>> {
    const FIND: Text = Text::same(select!("id = $1"));
    sql.one(FIND, params![id], read)
}

pub fn webhook_insert(sql: &mut impl Sql, webhook: &Webhook) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO webhooks (id, url, kinds, secret, created, queue, position) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    );
    let Webhook { id, url, secret, created, queue, position, .. } = webhook;
    let row = params![*id, url.as_str(), bits(webhook), secret.expose(), *created, *queue, *position];
    sql.change(INSERT, row)?;
    webhook_update(sql, webhook)?;
    webhook_replay(sql, webhook)
}

pub fn webhook_update(sql: &mut impl Sql, webhook: &Webhook) -> Result<()> {
    const UPDATE: Text = Text::same(
        "UPDATE webhooks SET url = $1, kinds = $2, secret = $3, previous = $4, previous_until = $5 WHERE id = $6",
    );
    let Webhook { id, url, secret, previous, .. } = webhook;
    let (previous, until) = previous.as_ref().map(|(secret, until)| (secret.expose(), *until)).unzip();
    sql.change(UPDATE, params![url.as_str(), bits(webhook), secret.expose(), previous, until, *id]).map(drop)
}

pub fn webhook_replay(sql: &mut impl Sql, webhook: &Webhook) -> Result<()> {
    const REPLAY: Text = Text::same(
        "UPDATE webhooks SET queue = $1, position = $2, replayed = $3, replayed_upto = $4 WHERE id = $5",
    );
    let (date, upto) = webhook.replayed.unzip();
    sql.change(REPLAY, params![webhook.queue, webhook.position, date, upto, webhook.id]).map(drop)
}

pub fn webhook_move(sql: &mut impl Sql, id: WebhookId, queue: WebhookQueue, position: i64) -> Result<bool> {
    const MOVE: Text = Text::same("UPDATE webhooks SET position = $1 WHERE id = $2 AND queue = $3");
    Ok(sql.change(MOVE, params![position, id, queue])? > 0)
}

pub fn webhook_delete(sql: &mut impl Sql, id: WebhookId) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM webhooks WHERE id = $1");
    sql.change(DELETE, params![id]).map(drop)
}

pub fn webhook_attempts(sql: &impl Sql, id: WebhookId) -> Result<Vec<WebhookAttempt>> {
    const FIND: Text = Text::same("SELECT attempts FROM webhooks WHERE id = $1");
    let found =
        sql.one(FIND, params![id], |row| Ok(WebhookAttempt::decode(row.bytes(0)?.unwrap_or_default())))?;
    Ok(found.unwrap_or_default())
}

pub fn webhook_attempts_set(sql: &mut impl Sql, id: WebhookId, attempts: &[WebhookAttempt]) -> Result<()> {
    const SET: Text = Text::same("UPDATE webhooks SET attempts = $1 WHERE id = $2");
    let bytes = WebhookAttempt::encode(attempts);
    sql.change(SET, params![bytes.as_slice(), id]).map(drop)
}

pub fn webhook_due(sql: &impl Sql, queue: WebhookQueue, now: Date, most: usize) -> Result<Vec<WaitingEvent>> {
    const DUE: Text = Text::same(
        "SELECT lane, position, expires, attempts, due FROM webhook_events
        WHERE queue = $1 AND due <= $2 ORDER BY due, position LIMIT $3",
    );
    const FAR: Text = Text::same(
        "SELECT lane, position, expires, attempts, due FROM webhook_events
        WHERE queue = $1 AND due > $2 ORDER BY due, position LIMIT $3",
    );
    let mut due = sql.all(DUE, params![queue, now, limit(most)], waiting)?;
    if due.len() < most {
        let far = params![queue, now.plus(LONGEST_PAUSE), limit(most - due.len())];
        due.extend(sql.all(FAR, far, waiting)?);
    }
    Ok(due)
}

pub fn webhook_next_due(sql: &impl Sql, queue: WebhookQueue, now: Date) -> Result<Option<Date>> {
    const NEXT: Text = Text::same(
        "SELECT due FROM webhook_events WHERE queue = $1 AND due IS NOT NULL ORDER BY due, position LIMIT 1",
    );
    const FAR: Text = Text::same("SELECT 1 FROM webhook_events WHERE queue = $1 AND due > $2 LIMIT 1");
    let next: Option<Date> = sql.one(NEXT, params![queue], |row| row.get(0))?;
    let far = params![queue, now.plus(LONGEST_PAUSE)];
    if next.is_some_and(|due| due > now) && sql.one(FAR, far, |_| Ok(()))?.is_some() {
        return Ok(Some(now));
    }
    Ok(next)
}

pub fn webhook_first_waiting(sql: &impl Sql, queue: WebhookQueue) -> Result<Option<i64>> {
    const FIRST: Text =
        Text::same("SELECT min(position) FROM webhook_events WHERE queue = $1 AND due IS NOT NULL");
    Ok(sql.one(FIRST, params![queue], |row| row.maybe(0))?.flatten())
}

pub fn webhook_lane(
    sql: &impl Sql,
    queue: WebhookQueue,
    lane: WebhookLane,
    most: usize,
) -> Result<Vec<WaitingEvent>> {
    const LANE: Text = Text::same(
        "SELECT lane, position, expires, attempts, due FROM webhook_events
        WHERE queue = $1 AND lane = $2 ORDER BY position LIMIT $3",
    );
    sql.all(LANE, params![queue, lane, limit(most)], waiting)
}

pub fn webhook_wait(sql: &mut impl Sql, queue: WebhookQueue, event: &WaitingEvent) -> Result<()> {
    const WAIT: Text = Text::same(
        "INSERT INTO webhook_events (queue, lane, position, expires, attempts, due) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (queue, lane, position) DO UPDATE SET expires = $4, attempts = $5, due = $6",
    );
    let WaitingEvent { lane, position, expires, attempts, due } = *event;
    sql.change(WAIT, params![queue, lane, position, expires, i64::from(attempts), due]).map(drop)
}

pub fn webhook_wait_end(
    sql: &mut impl Sql,
    queue: WebhookQueue,
    lane: WebhookLane,
    position: i64,
) -> Result<()> {
    const END: Text =
        Text::same("DELETE FROM webhook_events WHERE queue = $1 AND lane = $2 AND position = $3");
    sql.change(END, params![queue, lane, position]).map(drop)
}

pub fn webhook_wake(sql: &mut impl Sql, queue: WebhookQueue, lane: WebhookLane, now: Date) -> Result<()> {
    const WAKE: Text = Text::same(
        "UPDATE webhook_events SET due = $1 WHERE queue = $2 AND lane = $3 AND position =
        (SELECT position FROM webhook_events WHERE queue = $2 AND lane = $3 ORDER BY position LIMIT 1)",
    );
    sql.change(WAKE, params![now, queue, lane]).map(drop)
}

pub fn webhook_queue_erase(sql: &mut impl Sql, queue: WebhookQueue, most: usize) -> Result<usize> {
    const ERASE: Text = Text::same(
        "DELETE FROM webhook_events WHERE queue = $1 AND (lane, position) IN
        (SELECT lane, position FROM webhook_events WHERE queue = $1 ORDER BY lane, position LIMIT $2)",
    );
    sql.change(ERASE, params![queue, limit(most)])
}

/// The event types as they are stored.
fn bits(webhook: &Webhook) -> Option<i64> {
    match webhook.kinds {
        WebhookKinds::All => None,
        WebhookKinds::Only(bits) => Some(bits),
    }
}

fn read(row: &dyn Columns) -> Result<Webhook> {
    let previous = row.bytes(4)?.map(WebhookSecret::stored);
    Ok(Webhook {
        id: row.get(0)?,
        url: row.get(1)?,
        kinds: row.maybe(2)?.map_or(WebhookKinds::All, WebhookKinds::Only),
        secret: WebhookSecret::stored(row.bytes(3)?.unwrap_or_default()),
        previous: previous.zip(row.maybe(5)?),
        created: row.get(6)?,
        queue: row.get(7)?,
        position: row.get(8)?,
        replayed: row.maybe(9)?.zip(row.maybe(10)?),
    })
}

fn waiting(row: &dyn Columns) -> Result<WaitingEvent> {
    Ok(WaitingEvent {
        lane: row.get(0)?,
        position: row.get(1)?,
        expires: row.get(2)?,
        attempts: u32::try_from(row.get::<i64>(3)?).unwrap_or(u32::MAX),
        due: row.maybe(4)?,
    })
}

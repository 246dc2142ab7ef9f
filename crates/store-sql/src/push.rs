//! Subscriptions to notifications, and queued notifications.

use chinwag_core::push::{
    DeviceKeys, LONGEST_PAUSE, NotifyFacts, PUSH_WAITING, ServerKeys, Subscription, WaitingPush,
};
use chinwag_core::{Date, GroupId, PushId, Result, UserId, stored_number};

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Sql, Text, limit};

table! {
    PUSH: "push" by (one: Short)
    private_key: Bytes, public_key: Bytes, begin_after: Number, asked: Number,
}

table! {
    PUSH_SUBSCRIPTIONS: "push_subscriptions" by (id: Id)
    user_id: Number, endpoint: Text, endpoint_hash: Bytes, public_key: Bytes, secret: Bytes, token: Bytes,
    created: Number, sent: Number, expires: Number,
}

table! {
    PUSH_QUEUE: "push_queue" by (subscription: Id, group_id: Id)
    message_id: Id, seq: Number, rank: Short, due: Number, expires: Number, attempts: Number,
}

crate::implement! {
    ($) impl_pushes: Pushes by push
    read {
        push_keys() -> Option<ServerKeys>;
        push_begin() -> i64;
        notify_asked() -> Option<Date>;
        subscriptions_exist() -> bool;
        subscriptions(user: UserId, now: Date) -> Vec<Subscription>;
        subscription(id: PushId) -> Option<Subscription>;
        subscription_of(endpoint: &str) -> Option<Subscription>;
        notify_facts(group: GroupId, after: UserId, all: bool, now: Date, limit: usize) -> Vec<NotifyFacts>;
        push_waiting(subscription: PushId, group: GroupId) -> Option<WaitingPush>;
        pushes_due(urgent: bool, now: Date, limit: usize) -> Vec<WaitingPush>;
    }
    write {
        push_keys_set(keys: &ServerKeys) -> ();
        push_begin_set(position: i64) -> ();
        notify_asked_set(date: Date) -> ();
        subscription_set(subscription: &Subscription) -> ();
        subscription_delete(id: PushId) -> ();
        subscriptions_purge(now: Date) -> usize;
        push_set(waiting: &WaitingPush) -> ();
        push_delete(subscription: PushId, group: GroupId) -> ();
    }
}

/// A query of subscriptions.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, user_id, endpoint, public_key, secret, token, created, sent, expires
            FROM push_subscriptions WHERE ",
            $condition
        )
    };
}

/// A query of queued notifications.
macro_rules! waiting {
    ($condition:literal) => {
        concat!(
            "SELECT subscription, group_id, message_id, seq, rank, due, expires, attempts FROM push_queue WHERE ",
            $condition
        )
    };
}

pub fn push_keys(sql: &impl Sql) -> Result<Option<ServerKeys>> {
    const KEYS: Text = Text::same("SELECT private_key, public_key FROM push WHERE one = 1");
    sql.one(KEYS, params![], |row| Ok(ServerKeys { private: bytes(row, 0)?, public: bytes(row, 1)? }))
}

pub fn push_keys_set(sql: &mut impl Sql, keys: &ServerKeys) -> Result<()> {
    const SET: Text = Text::same(
        "INSERT INTO push (one, private_key, public_key, begin_after) VALUES (1, $1, $2, 0) ON CONFLICT (one) DO NOTHING",
    );
    sql.change(SET, params![keys.private.as_slice(), keys.public.as_slice()]).map(drop)
}

pub fn push_begin(sql: &impl Sql) -> Result<i64> {
    const BEGIN: Text = Text::same("SELECT begin_after FROM push WHERE one = 1");
    Ok(sql.one(BEGIN, params![], |row| row.get(0))?.unwrap_or(0))
}

pub fn push_begin_set(sql: &mut impl Sql, position: i64) -> Result<()> {
    const SET: Text = Text::same("UPDATE push SET begin_after = $1 WHERE one = 1");
    sql.change(SET, params![position]).map(drop)
}

pub fn notify_asked(sql: &impl Sql) -> Result<Option<Date>> {
    const ASKED: Text = Text::same("SELECT asked FROM push WHERE one = 1");
    Ok(sql.one(ASKED, params![], |row| row.maybe(0))?.flatten())
}

pub fn notify_asked_set(sql: &mut impl Sql, date: Date) -> Result<()> {
    const SET: Text = Text::same("UPDATE push SET asked = $1 WHERE one = 1");
    sql.change(SET, params![date]).map(drop)
}

pub fn subscriptions_exist(sql: &impl Sql) -> Result<bool> {
    const FIND: Text = Text::two(
        "SELECT 1 FROM push_subscriptions WHERE id > x'' LIMIT 1",
        "SELECT 1::bigint FROM push_subscriptions WHERE id >= '00000000-0000-0000-0000-000000000000' LIMIT 1",
    );
    Ok(sql.one(FIND, params![], |row| row.get::<i64>(0))?.is_some())
}

pub fn subscriptions(sql: &impl Sql, user: UserId, now: Date) -> Result<Vec<Subscription>> {
    const ALL: Text = Text::same(select!("user_id = $1 AND expires > $2 ORDER BY sent, id"));
    sql.all(ALL, params![user, now], read)
}

pub fn subscription(sql: &impl Sql, id: PushId) -> Result<Option<Subscription>> {
    const FIND: Text = Text::same(select!("id = $1"));
    sql.one(FIND, params![id], read)
}

pub fn subscription_of(sql: &impl Sql, endpoint: &str) -> Result<Option<Subscription>> {
    const FIND: Text = Text::same(select!("endpoint_hash = $1"));
    let hash = Subscription::endpoint_hash(endpoint);
    sql.one(FIND, params![hash.as_slice()], read)
}

pub fn subscription_set(sql: &mut impl Sql, subscription: &Subscription) -> Result<()> {
    const SET: Text = Text::same(
        "INSERT INTO push_subscriptions (id, user_id, endpoint, endpoint_hash, public_key, secret, token, created, sent,
            expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (id) DO UPDATE SET user_id = $2, public_key = $5, secret = $6, token = $7, created = $8, sent = $9,
            expires = $10",
    );
    let Subscription { id, user, endpoint, keys, token, created, sent, expires } = subscription;
    let hash = Subscription::endpoint_hash(endpoint);
    let row = params![
        *id,
        *user,
        endpoint.as_str(),
        hash.as_slice(),
        keys.public.as_slice(),
        keys.secret.as_slice(),
        token.as_ref(),
        *created,
        *sent,
        *expires
    ];
    sql.change(SET, row).map(drop)
}

pub fn subscription_delete(sql: &mut impl Sql, id: PushId) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM push_subscriptions WHERE id = $1");
    sql.change(DELETE, params![id]).map(drop)
}

pub fn subscriptions_purge(sql: &mut impl Sql, now: Date) -> Result<usize> {
    const PURGE: Text = Text::two(
        "DELETE FROM push_subscriptions WHERE id IN (SELECT id FROM push_subscriptions WHERE expires < $1 LIMIT 1000)",
        "DELETE FROM push_subscriptions WHERE id = ANY(ARRAY(SELECT id FROM push_subscriptions WHERE expires < $1
            LIMIT 1000))",
    );
    sql.change(PURGE, params![now])
}

pub fn notify_facts(
    sql: &impl Sql,
    group: GroupId,
    after: UserId,
    all: bool,
    now: Date,
    most: usize,
) -> Result<Vec<NotifyFacts>> {
    macro_rules! facts {
        ($users:literal, $condition:literal) => {
            concat!(
                "SELECT m.user_id, m.notify, m.muted_until, coalesce(m.last_read_seq, 0), m.joined_seq, m.pending,
                    u.kind = ",
                stored_number!(UserKind::Bot),
                ", EXISTS (SELECT 1 FROM push_subscriptions s WHERE s.user_id = m.user_id AND s.expires > $1)
                FROM memberships m CROSS JOIN ",
                $users,
                " WHERE m.group_id = $2 AND m.user_id > $3 AND coalesce(u.suspended_until <= $1, true)",
                $condition,
                " ORDER BY m.user_id LIMIT $4"
            )
        };
        ($condition:literal) => {
            Text::two(
                facts!("users u ON u.id = m.user_id", $condition),
                facts!("LATERAL (SELECT kind, suspended_until FROM users WHERE id = m.user_id OFFSET 0) u", $condition),
            )
        };
    }
    const ALL: Text = facts!("");
    const SUBSCRIBED: Text = facts!(
        " AND EXISTS (SELECT 1 FROM push_subscriptions s WHERE s.user_id = m.user_id AND s.expires > $1)"
    );
    let text = if all { ALL } else { SUBSCRIBED };
    sql.all(text, params![now, group, after, limit(most)], |row| {
        Ok(NotifyFacts {
            user: row.get(0)?,
            notify: row.stored(1)?,
            muted_until: row.maybe(2)?,
            read: row.get(3).and_then(|read| Ok(std::cmp::max(read, row.get(4)?)))?,
            pending: row.get(5)?,
            is_bot: row.get(6)?,
            subscribed: row.get(7)?,
        })
    })
}

pub fn push_waiting(sql: &impl Sql, subscription: PushId, group: GroupId) -> Result<Option<WaitingPush>> {
    const FIND: Text = Text::same(waiting!("subscription = $1 AND group_id = $2"));
    sql.one(FIND, params![subscription, group], read_waiting)
}

pub fn pushes_due(sql: &impl Sql, urgent: bool, now: Date, most: usize) -> Result<Vec<WaitingPush>> {
    const DUE: Text = Text::same(waiting!("rank = $1 AND due <= $2 ORDER BY due LIMIT $3"));
    const FAR: Text = Text::same(waiting!("rank = $1 AND due > $2 ORDER BY due LIMIT $3"));
    let mut due = sql.all(DUE, params![rank(urgent), now, limit(most)], read_waiting)?;
    if due.len() < most {
        let far = params![rank(urgent), now.plus(LONGEST_PAUSE), limit(most - due.len())];
        due.extend(sql.all(FAR, far, read_waiting)?);
    }
    Ok(due)
}

pub fn push_set(sql: &mut impl Sql, waiting: &WaitingPush) -> Result<()> {
    const OTHERS: Text =
        Text::same("SELECT count(*) FROM push_queue WHERE subscription = $1 AND group_id <> $2");
    const OLDEST: Text = Text::same(
        "DELETE FROM push_queue WHERE subscription = $1 AND group_id = (SELECT group_id FROM push_queue
            WHERE subscription = $1 AND group_id <> $2 ORDER BY expires LIMIT 1)",
    );
    const SET: Text = Text::same(
        "INSERT INTO push_queue (subscription, group_id, message_id, seq, rank, due, expires, attempts)
        SELECT id, $1, $2, $3, $4, $5, $6, $7 FROM push_subscriptions WHERE id = $8
        ON CONFLICT (subscription, group_id) DO UPDATE SET message_id = $2, seq = $3, rank = $4, due = $5, expires = $6,
            attempts = $7",
    );
    let WaitingPush { subscription, group, message, seq, urgent, due, expires, attempts } = *waiting;
    if sql.count(OTHERS, params![subscription, group])? >= PUSH_WAITING {
        sql.change(OLDEST, params![subscription, group])?;
    }
    let row = params![group, message, seq, rank(urgent), due, expires, i64::from(attempts), subscription];
    sql.change(SET, row).map(drop)
}

pub fn push_delete(sql: &mut impl Sql, subscription: PushId, group: GroupId) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM push_queue WHERE subscription = $1 AND group_id = $2");
    sql.change(DELETE, params![subscription, group]).map(drop)
}

/// The stored rank: urgent notifications come first.
fn rank(urgent: bool) -> i64 {
    i64::from(!urgent)
}

fn bytes(row: &dyn Columns, column: usize) -> Result<Vec<u8>> {
    Ok(row.bytes(column)?.unwrap_or_default().to_vec())
}

fn read(row: &dyn Columns) -> Result<Subscription> {
    Ok(Subscription {
        id: row.get(0)?,
        user: row.get(1)?,
        endpoint: row.get(2)?,
        keys: DeviceKeys { public: bytes(row, 3)?, secret: bytes(row, 4)? },
        token: row.maybe(5)?,
        created: row.get(6)?,
        sent: row.get(7)?,
        expires: row.get(8)?,
    })
}

fn read_waiting(row: &dyn Columns) -> Result<WaitingPush> {
    Ok(WaitingPush {
        subscription: row.get(0)?,
        group: row.get(1)?,
        message: row.get(2)?,
        seq: row.get(3)?,
        urgent: row.get::<i64>(4)? == 0,
        due: row.get(5)?,
        expires: row.get(6)?,
        attempts: u32::try_from(row.get::<i64>(7)?).unwrap_or(u32::MAX),
    })
}

//! The secrets of bots, stored as hashes: keys and incoming hooks.

use chinwag_core::bot::{BotKey, BotRights, IncomingHook};
use chinwag_core::token::TokenHash;
use chinwag_core::{BotKeyId, GroupId, HookId, Result, UserId};
use uuid::Uuid;

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Sql, Text};

table! {
    BOT_KEYS: "bot_keys" by (hash: Bytes)
    id: Id, user_id: Number, group_ids: Bytes, may: Number, created: Number,
}

table! {
    INCOMING_HOOKS: "incoming_hooks" by (hash: Bytes)
    id: Id, user_id: Number, group_id: Id, created: Number,
}

/// Erases the first rows of a group.
pub(crate) const ERASE_INCOMING_HOOKS: Text = Text::same(
    "DELETE FROM incoming_hooks WHERE hash IN (SELECT hash FROM incoming_hooks WHERE group_id = $1 LIMIT $2)",
);

crate::implement! {
    ($) impl_bots: Bots by bot
    read {
        bot_key(hash: &TokenHash) -> Option<BotKey>;
        bot_keys(user: UserId) -> Vec<BotKey>;
        incoming_hook(hash: &TokenHash) -> Option<IncomingHook>;
        incoming_hooks(user: UserId) -> Vec<IncomingHook>;
    }
    write {
        bot_key_insert(hash: &TokenHash, key: &BotKey) -> ();
        bot_key_delete(user: UserId, id: BotKeyId) -> Option<TokenHash>;
        incoming_hook_insert(hash: &TokenHash, hook: &IncomingHook) -> ();
        incoming_hook_delete(user: UserId, id: HookId) -> bool;
        bot_secrets_delete(user: UserId) -> ();
    }
}

/// A query of hooks whose groups exist.
macro_rules! standing {
    ($condition:literal) => {
        Text::same(concat!(
            "SELECT h.id, h.user_id, h.group_id, h.created FROM incoming_hooks h WHERE ",
            $condition,
            " AND (SELECT 1 FROM groups WHERE id = h.group_id) = 1"
        ))
    };
}

pub fn bot_key(sql: &impl Sql, hash: &TokenHash) -> Result<Option<BotKey>> {
    const FIND: Text =
        Text::same("SELECT id, user_id, group_ids, may, created FROM bot_keys WHERE hash = $1");
    sql.one(FIND, params![hash], key)
}

pub fn bot_keys(sql: &impl Sql, user: UserId) -> Result<Vec<BotKey>> {
    const LIST: Text =
        Text::same("SELECT id, user_id, group_ids, may, created FROM bot_keys WHERE user_id = $1");
    let mut keys = sql.all(LIST, params![user], key)?;
    keys.sort_by_key(|key| (key.created, key.id));
    Ok(keys)
}

pub fn bot_key_insert(sql: &mut impl Sql, hash: &TokenHash, key: &BotKey) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO bot_keys (hash, id, user_id, group_ids, may, created) VALUES ($1, $2, $3, $4, $5, $6)",
    );
    let BotKey { id, user, groups, may, created } = key;
    let groups: Vec<u8> = groups.iter().flat_map(|group| *group.0.as_bytes()).collect();
    sql.change(INSERT, params![hash, *id, *user, groups.as_slice(), may.number(), *created]).map(drop)
}

pub fn bot_key_delete(sql: &mut impl Sql, user: UserId, id: BotKeyId) -> Result<Option<TokenHash>> {
    const DELETE: Text = Text::same("DELETE FROM bot_keys WHERE user_id = $1 AND id = $2 RETURNING hash");
    sql.change_one(DELETE, params![user, id], |row| row.get(0))
}

pub fn incoming_hook(sql: &impl Sql, hash: &TokenHash) -> Result<Option<IncomingHook>> {
    const FIND: Text = standing!("h.hash = $1");
    sql.one(FIND, params![hash], hook)
}

pub fn incoming_hooks(sql: &impl Sql, user: UserId) -> Result<Vec<IncomingHook>> {
    const LIST: Text = standing!("h.user_id = $1");
    let mut hooks = sql.all(LIST, params![user], hook)?;
    hooks.sort_by_key(|hook| (hook.created, hook.id));
    Ok(hooks)
}

pub fn incoming_hook_insert(sql: &mut impl Sql, hash: &TokenHash, hook: &IncomingHook) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO incoming_hooks (hash, id, user_id, group_id, created) VALUES ($1, $2, $3, $4, $5)",
    );
    let IncomingHook { id, user, group, created } = *hook;
    sql.change(INSERT, params![hash, id, user, group, created]).map(drop)
}

pub fn incoming_hook_delete(sql: &mut impl Sql, user: UserId, id: HookId) -> Result<bool> {
    const DELETE: Text = Text::same("DELETE FROM incoming_hooks WHERE user_id = $1 AND id = $2");
    Ok(sql.change(DELETE, params![user, id])? > 0)
}

pub fn bot_secrets_delete(sql: &mut impl Sql, user: UserId) -> Result<()> {
    const KEYS: Text = Text::same("DELETE FROM bot_keys WHERE user_id = $1");
    const HOOKS: Text = Text::same("DELETE FROM incoming_hooks WHERE user_id = $1");
    sql.change(KEYS, params![user])?;
    sql.change(HOOKS, params![user]).map(drop)
}

fn key(row: &dyn Columns) -> Result<BotKey> {
    let (groups, _) = row.bytes(2)?.unwrap_or_default().as_chunks();
    Ok(BotKey {
        id: row.get(0)?,
        user: row.get(1)?,
        groups: groups.iter().map(|id| GroupId(Uuid::from_bytes(*id))).collect(),
        may: BotRights::stored(row.get(3)?),
        created: row.get(4)?,
    })
}

fn hook(row: &dyn Columns) -> Result<IncomingHook> {
    Ok(IncomingHook { id: row.get(0)?, user: row.get(1)?, group: row.get(2)?, created: row.get(3)? })
}

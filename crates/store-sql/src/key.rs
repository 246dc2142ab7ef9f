//! Service keys, stored as hashes.

use chinwag_core::scope::{ScopedKey, Scopes};
use chinwag_core::token::TokenHash;
use chinwag_core::{Date, KeyId, Result};

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Sql, Text};

table! {
    SCOPED_KEYS: "scoped_keys" by (hash: Bytes)
    id: Id, scopes: Number, created: Number, expires: Number,
}

crate::implement! {
    ($) impl_scoped_keys: ScopedKeys by key
    read {
        scoped_key(hash: &TokenHash) -> Option<ScopedKey>;
        scoped_keys() -> Vec<ScopedKey>;
    }
    write {
        scoped_key_insert(hash: &TokenHash, key: &ScopedKey) -> ();
        scoped_key_delete(id: KeyId) -> bool;
        scoped_keys_purge(now: Date) -> usize;
    }
}

pub fn scoped_key(sql: &impl Sql, hash: &TokenHash) -> Result<Option<ScopedKey>> {
    const FIND: Text = Text::same("SELECT id, scopes, created, expires FROM scoped_keys WHERE hash = $1");
    sql.one(FIND, params![hash], read)
}

pub fn scoped_keys(sql: &impl Sql) -> Result<Vec<ScopedKey>> {
    const LIST: Text = Text::two(
        "SELECT id, scopes, created, expires FROM scoped_keys WHERE id > x''",
        "SELECT id, scopes, created, expires FROM scoped_keys
        WHERE id >= '00000000-0000-0000-0000-000000000000'",
    );
    let mut keys = sql.all(LIST, params![], read)?;
    keys.sort_by_key(|key| (key.created, key.id));
    Ok(keys)
}

pub fn scoped_key_insert(sql: &mut impl Sql, hash: &TokenHash, key: &ScopedKey) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO scoped_keys (hash, id, scopes, created, expires) VALUES ($1, $2, $3, $4, $5)",
    );
    let ScopedKey { id, scopes, created, expires } = *key;
    sql.change(INSERT, params![hash, id, scopes.number(), created, expires]).map(drop)
}

pub fn scoped_key_delete(sql: &mut impl Sql, id: KeyId) -> Result<bool> {
    const DELETE: Text = Text::same("DELETE FROM scoped_keys WHERE id = $1");
    Ok(sql.change(DELETE, params![id])? > 0)
}

pub fn scoped_keys_purge(sql: &mut impl Sql, now: Date) -> Result<usize> {
    const PURGE: Text = Text::same("DELETE FROM scoped_keys WHERE expires < $1");
    sql.change(PURGE, params![now])
}

fn read(row: &dyn Columns) -> Result<ScopedKey> {
    Ok(ScopedKey {
        id: row.get(0)?,
        scopes: Scopes::stored(row.get(1)?),
        created: row.get(2)?,
        expires: row.maybe(3)?,
    })
}

//! Tokens, stored as hashes.

use chinwag_core::store::encoding::{Stored, TokenKind};
use chinwag_core::token::{Kind, Token, TokenHash};
use chinwag_core::{Date, Result, UserId};

use crate::sql::params;
use crate::transfer::table;
use crate::user::read_suspension;
use crate::{Columns, Keys, Sql, Text, limit};

table! {
    TOKENS: "tokens" by (hash: Bytes)
    user_id: Number, kind: Short, expires: Number, of_token: Bytes, number: Number, created: Number,
    last_used: Number, agent: Text, address: Text,
}

crate::implement! {
    ($) impl_tokens: Tokens by token
    read {
        token(hash: &TokenHash) -> Option<Token>;
        tokens_kept(hashes: &[TokenHash]) -> Vec<TokenHash>;
    }
    write {
        token_insert(hash: &TokenHash, user: UserId, kind: token::Kind, expires: Date) -> ();
        token_delete(hash: &TokenHash) -> bool;
        tokens_delete(user: UserId) -> ();
        tokens_delete_others(user: UserId, kept: &TokenHash) -> Vec<TokenHash>;
        tokens_trim(user: UserId, keep: usize) -> Vec<TokenHash>;
        tokens_purge(now: Date) -> usize;
    }
}

pub fn token(sql: &impl Sql, hash: &TokenHash) -> Result<Option<Token>> {
    const FIND: Text = Text::same(
        "SELECT t.user_id, u.name, t.kind, t.expires, t.of_token, u.suspended_until, u.suspended_reason
        FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1",
    );
    sql.one(FIND, params![hash], |row| read(*hash, row))
}

pub fn tokens_kept(sql: &impl Sql, hashes: &[TokenHash]) -> Result<Vec<TokenHash>> {
    const KEPT: Text = Text::two(
        "SELECT hash FROM tokens WHERE hash = $1 UNION ALL SELECT hash FROM bot_keys WHERE hash = $1",
        "SELECT hash FROM tokens WHERE hash = ANY($1) UNION ALL SELECT hash FROM bot_keys WHERE hash = ANY($1)",
    );
    let keys = Keys::Bytes(hashes.iter().map(|hash| hash.0.as_slice()).collect());
    sql.each(KEPT, &keys, params![], |row| row.get(0))
}

pub fn token_insert(
    sql: &mut impl Sql,
    hash: &TokenHash,
    user: UserId,
    kind: Kind,
    expires: Date,
) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO tokens (hash, user_id, kind, expires, of_token, number) VALUES ($1, $2, $3, $4, $5,
            (SELECT coalesce(max(number), 0) + 1 FROM tokens WHERE user_id = $2))",
    );
    let (kind, of) = match &kind {
        Kind::Token => (TokenKind::Token, None),
        Kind::Ticket { of } => (TokenKind::Ticket, of.as_ref()),
    };
    sql.change(INSERT, params![hash, user, kind.number(), expires, of]).map(drop)
}

pub fn token_delete(sql: &mut impl Sql, hash: &TokenHash) -> Result<bool> {
    const DELETE: Text = Text::same("DELETE FROM tokens WHERE hash = $1 RETURNING kind");
    let deleted: Option<TokenKind> = sql.change_one(DELETE, params![hash], |row| row.stored(0))?;
    if deleted == Some(TokenKind::Token) {
        sql.outwait_messages();
    }
    Ok(deleted.is_some())
}

pub fn tokens_delete(sql: &mut impl Sql, user: UserId) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM tokens WHERE user_id = $1");
    sql.outwait_messages();
    sql.change(DELETE, params![user]).map(drop)
}

pub fn tokens_delete_others(sql: &mut impl Sql, user: UserId, kept: &TokenHash) -> Result<Vec<TokenHash>> {
    const OTHERS: Text = Text::same("SELECT hash FROM tokens WHERE user_id = $1 AND hash <> $2");
    let others: Vec<TokenHash> = sql.all(OTHERS, params![user, kept], |row| row.get(0))?;
    for hash in &others {
        token_delete(sql, hash)?;
    }
    Ok(others)
}

pub fn tokens_trim(sql: &mut impl Sql, user: UserId, keep: usize) -> Result<Vec<TokenHash>> {
    const OLD: Text = Text::same(
        "SELECT hash FROM tokens WHERE user_id = $1 AND kind = $2
        ORDER BY number DESC LIMIT 1000 OFFSET $3",
    );
    let old: Vec<TokenHash> =
        sql.all(OLD, params![user, TokenKind::Token.number(), limit(keep)], |row| row.get(0))?;
    for hash in &old {
        token_delete(sql, hash)?;
    }
    Ok(old)
}

pub fn tokens_purge(sql: &mut impl Sql, now: Date) -> Result<usize> {
    const PURGE: Text = Text::two(
        "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE expires < $1 LIMIT 1000)",
        "DELETE FROM tokens WHERE hash = ANY(ARRAY(SELECT hash FROM tokens WHERE expires < $1 LIMIT 1000))",
    );
    sql.change(PURGE, params![now])
}

fn read(hash: TokenHash, row: &dyn Columns) -> Result<Token> {
    Ok(Token {
        hash,
        user: row.get(0)?,
        name: row.get(1)?,
        kind: match row.stored(2)? {
            TokenKind::Token => Kind::Token,
            TokenKind::Ticket => Kind::Ticket { of: row.maybe(4)? },
        },
        expires: row.get(3)?,
        suspension: read_suspension(row, 5)?,
    })
}

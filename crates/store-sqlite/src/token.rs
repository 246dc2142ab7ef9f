//! Tokens, by the hashes of their secrets.

use chinwag_core::store::Tokens;
use chinwag_core::store::encoding::{Stored, TokenKind};
use chinwag_core::token::{Kind, Token, TokenHash};
use chinwag_core::{Date, Result, UserId};
use rusqlite::{Row, params};

use crate::column::stored;
use crate::transaction::Transaction;
use crate::user::name;

impl Tokens for Transaction<'_> {
    fn token(&self, hash: &TokenHash) -> Result<Option<Token>> {
        self.one(
            "SELECT t.user_id, u.name, t.kind, t.expires, t.of_token
            FROM tokens t CROSS JOIN users u ON u.id = t.user_id WHERE t.hash = ?1",
            [hash.0],
            |row| token(*hash, row),
        )
    }

    fn tokens_kept(&self, hashes: &[TokenHash]) -> Result<Vec<TokenHash>> {
        let kept =
            |hash: &TokenHash| self.one("SELECT 1 FROM tokens WHERE hash = ?1", [hash.0], |_| Ok(*hash));
        hashes.iter().filter_map(|hash| kept(hash).transpose()).collect()
    }

    fn token_insert(&mut self, hash: &TokenHash, user: UserId, kind: Kind, expires: Date) -> Result<()> {
        let (kind, of) = match kind {
            Kind::Token => (TokenKind::Token, None),
            Kind::Ticket { of } => (TokenKind::Ticket, of.map(|token| token.0)),
        };
        self.change(
            "INSERT INTO tokens (hash, user_id, kind, expires, of_token, number) VALUES (?1, ?2, ?3, ?4, ?5,
                (SELECT coalesce(max(number), 0) + 1 FROM tokens WHERE user_id = ?2))",
            params![hash.0, user.0, kind.number(), expires.micros(), of],
        )
        .map(drop)
    }

    fn token_delete(&mut self, hash: &TokenHash) -> Result<bool> {
        Ok(self.change("DELETE FROM tokens WHERE hash = ?1", [hash.0])? > 0)
    }

    fn tokens_delete(&mut self, user: UserId) -> Result<()> {
        self.change("DELETE FROM tokens WHERE user_id = ?1", [user.0]).map(drop)
    }

    fn tokens_trim(&mut self, user: UserId, keep: usize) -> Result<Vec<TokenHash>> {
        let old = self.all(
            "SELECT hash FROM tokens WHERE user_id = ?1 AND kind = ?2
            ORDER BY number DESC LIMIT 1000 OFFSET ?3",
            params![user.0, TokenKind::Token.number(), i64::try_from(keep).unwrap_or(i64::MAX)],
            |row| row.get(0).map(TokenHash),
        )?;
        for hash in &old {
            self.token_delete(hash)?;
        }
        Ok(old)
    }

    fn tokens_purge(&mut self, now: Date) -> Result<usize> {
        self.change(
            "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE expires < ?1 LIMIT 1000)",
            [now.micros()],
        )
    }
}

fn token(hash: TokenHash, row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        hash,
        user: UserId(row.get(0)?),
        name: name(row, 1)?,
        kind: match stored(row, 2)? {
            TokenKind::Token => Kind::Token,
            TokenKind::Ticket => Kind::Ticket { of: row.get::<_, Option<_>>(4)?.map(TokenHash) },
        },
        expires: Date::from_micros(row.get(3)?),
    })
}

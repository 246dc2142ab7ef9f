//! Tokens, by the hashes of their secrets.

use chinwag_core::store::Tokens;
use chinwag_core::store::encoding::{Stored as _, TokenKind};
use chinwag_core::token::{Kind, Token, TokenHash};
use chinwag_core::{Date, Result, UserId};
use tokio_postgres::Row;

use crate::column::{Hash, Stored};
use crate::transaction::Transaction;
use crate::user::name;

impl Tokens for Transaction<'_, '_> {
    fn token(&self, hash: &TokenHash) -> Result<Option<Token>> {
        self.one(
            "SELECT t.user_id, u.name, t.kind, t.expires, t.of_token
            FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1",
            &[&hash.0.as_slice()],
            |row| token(*hash, row),
        )
    }

    fn tokens_kept(&self, hashes: &[TokenHash]) -> Result<Vec<TokenHash>> {
        let hashes: Vec<_> = hashes.iter().map(|hash| hash.0.as_slice()).collect();
        self.all("SELECT hash FROM tokens WHERE hash = ANY($1)", &[&hashes], |row| {
            row.try_get(0).map(|Hash(hash)| TokenHash(hash))
        })
    }

    fn token_insert(&mut self, hash: &TokenHash, user: UserId, kind: Kind, expires: Date) -> Result<()> {
        let (kind, of) = match kind {
            Kind::Token => (TokenKind::Token, None),
            Kind::Ticket { of } => (TokenKind::Ticket, of.map(|token| token.0.to_vec())),
        };
        self.change(
            "INSERT INTO tokens (hash, user_id, kind, expires, of_token, number) VALUES ($1, $2, $3, $4, $5,
                (SELECT coalesce(max(number), 0) + 1 FROM tokens WHERE user_id = $2))",
            &[&hash.0.as_slice(), &user.0, &kind.number(), &expires.micros(), &of],
        )
        .map(drop)
    }

    fn token_delete(&mut self, hash: &TokenHash) -> Result<bool> {
        Ok(self.change("DELETE FROM tokens WHERE hash = $1", &[&hash.0.as_slice()])? > 0)
    }

    fn tokens_delete(&mut self, user: UserId) -> Result<()> {
        self.change("DELETE FROM tokens WHERE user_id = $1", &[&user.0]).map(drop)
    }

    fn tokens_trim(&mut self, user: UserId, keep: usize) -> Result<Vec<TokenHash>> {
        let keep = i64::try_from(keep).unwrap_or(i64::MAX);
        let old = self.all(
            "SELECT hash FROM tokens WHERE user_id = $1 AND kind = $2
            ORDER BY number DESC LIMIT 1000 OFFSET $3",
            &[&user.0, &TokenKind::Token.number(), &keep],
            |row| row.try_get(0).map(|Hash(hash)| TokenHash(hash)),
        )?;
        for hash in &old {
            self.token_delete(hash)?;
        }
        Ok(old)
    }

    fn tokens_purge(&mut self, now: Date) -> Result<usize> {
        self.change(
            "DELETE FROM tokens WHERE hash = ANY(ARRAY(SELECT hash FROM tokens WHERE expires < $1 LIMIT 1000))",
            &[&now.micros()],
        )
    }
}

fn token(hash: TokenHash, row: &Row) -> Result<Token, tokio_postgres::Error> {
    let (Stored(kind), of): (_, Option<Hash>) = (row.try_get(2)?, row.try_get(4)?);
    Ok(Token {
        hash,
        user: UserId(row.try_get(0)?),
        name: name(row, 1)?,
        kind: match kind {
            TokenKind::Token => Kind::Token,
            TokenKind::Ticket => Kind::Ticket { of: of.map(|Hash(token)| TokenHash(token)) },
        },
        expires: Date::from_micros(row.try_get(3)?),
    })
}

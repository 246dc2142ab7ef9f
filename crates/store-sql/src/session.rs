//! Sessions, which are further columns of the rows of tokens.

use chinwag_core::session::{SessionClient, TokenUse, UserSession};
use chinwag_core::store::encoding::{Stored, TokenKind};
use chinwag_core::token::TokenHash;
use chinwag_core::{Date, Result, UserId};

use crate::sql::params;
use crate::{Columns, Sql, Text};

crate::implement! {
    ($) impl_sessions: Sessions by session
    read {
        sessions(user: UserId, now: Date) -> Vec<UserSession>;
    }
    write {
        session_begin(token: &TokenHash, created: Date, client: Option<&SessionClient>) -> ();
        tokens_use(uses: &[TokenUse], now: Date) -> ();
    }
}

pub fn sessions(sql: &impl Sql, user: UserId, now: Date) -> Result<Vec<UserSession>> {
    const LIST: Text = Text::same(
        "SELECT hash, created, last_used, expires, agent, address FROM tokens
        WHERE user_id = $1 AND kind = $2 AND expires > $3 ORDER BY number DESC",
    );
    sql.all(LIST, params![user, TokenKind::Token.number(), now], read)
}

pub fn session_begin(
    sql: &mut impl Sql,
    token: &TokenHash,
    created: Date,
    client: Option<&SessionClient>,
) -> Result<()> {
    const BEGIN: Text = Text::same(
        "UPDATE tokens SET created = $1, last_used = $2, agent = $3, address = $4 WHERE hash = $5",
    );
    let used = client.map(|_| created);
    let agent = client.and_then(SessionClient::agent);
    let address = client.and_then(|client| client.address.as_deref());
    sql.change(BEGIN, params![created, used, agent, address, token]).map(drop)
}

pub fn tokens_use(sql: &mut impl Sql, uses: &[TokenUse], now: Date) -> Result<()> {
    const USE: Text = Text::same(
        "UPDATE tokens SET last_used = $1, agent = coalesce(agent, $2), address = coalesce(address, $3) WHERE hash = $4",
    );
    for TokenUse { token, client } in uses {
        let client = client.as_ref();
        let agent = client.and_then(SessionClient::agent);
        let address = client.and_then(|client| client.address.as_deref());
        sql.change(USE, params![now, agent, address, token])?;
    }
    Ok(())
}

fn read(row: &dyn Columns) -> Result<UserSession> {
    Ok(UserSession {
        token: row.get(0)?,
        created: row.maybe(1)?,
        last_used: row.maybe(2)?,
        expires: row.get(3)?,
        client: SessionClient::stored(row.maybe(4)?, row.maybe(5)?),
    })
}

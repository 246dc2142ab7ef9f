//! Tickets for files, since an `<img>` on another origin sends no headers. A ticket is sealed, not stored. It
//! contains the hash of the token that requested it, which is looked up at each use, so the ticket ends with the
//! token.

use axum::http::Uri;
use chinwag_core::token::{REFUSED, TokenHash};
use chinwag_core::{Date, Result, UserId};

use crate::auth::{Credential, Identified, SignedIn};
use crate::cursor::CursorSeal;
use crate::hex;
use crate::state::ServerState;

/// The list name of the sealed cursor.
const SEAL: &str = "file ticket";
const PREFIX: &str = "cw_files_";
/// The lifetime of a ticket, in microseconds: ten minutes.
const TTL: i64 = 600 * 1_000_000;

/// The user of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bearer {
    Token(TokenHash, UserId),
    /// The user of an external credential. The ticket expires with it.
    User(UserId),
}

/// The latest expiry of a ticket that is issued now.
pub(crate) fn latest(now: Date) -> Date {
    Date::from_micros(now.micros() + TTL)
}

/// Issues a ticket for the files that a user may read.
pub(crate) fn create(seal: &CursorSeal, user: &SignedIn, expires: Date) -> String {
    let bearer = match user.token {
        Some(token) => Bearer::Token(token, user.user.id),
        None => Bearer::User(user.user.id),
    };
    format!("{PREFIX}{}", hex::encode(&seal.seal_bytes(SEAL, &written(bearer, expires))))
}

/// The caller named by the ticket in a query, or `None` without a ticket.
pub(crate) async fn identified(state: &ServerState, uri: &Uri) -> Result<Option<Identified>> {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let Some((_, ticket)) = pairs.into_iter().find(|(key, _)| key == "ticket") else { return Ok(None) };
    let sealed = ticket.strip_prefix(PREFIX).ok_or(REFUSED)?;
    let opened = hex::decode(sealed).and_then(|bytes| state.cursors.open_bytes(SEAL, &bytes));
    // Tickets of earlier versions, which a node of a mixed cluster may still issue, are in base64.
    let opened = opened.or_else(|| state.cursors.open(SEAL, sealed));
    let (bearer, expires) = opened.and_then(|bytes| read(&bytes)).ok_or(REFUSED)?;
    if expires <= state.app.clock().now() {
        return Err(REFUSED);
    }
    Ok(Some(match bearer {
        Bearer::Token(hash, user) => Identified::Token(hash, user),
        Bearer::User(id) => {
            let user = state.app.user_by_id(id).await?.ok_or(REFUSED)?;
            let expires = Some(expires);
            Identified::Known(Credential::User(SignedIn { user, token: None, expires, by_validator: false }))
        }
    }))
}

fn written(bearer: Bearer, expires: Date) -> Vec<u8> {
    let (user, token) = match &bearer {
        Bearer::Token(token, user) => (user, &token.0[..]),
        Bearer::User(user) => (user, &[][..]),
    };
    [&expires.micros().to_be_bytes()[..], &user.0.to_be_bytes(), token].concat()
}

fn read(bytes: &[u8]) -> Option<(Bearer, Date)> {
    let (expires, rest) = bytes.split_first_chunk::<8>()?;
    let (user, token) = rest.split_first_chunk::<8>()?;
    let user = UserId(i64::from_be_bytes(*user));
    let bearer = match token {
        [] => Bearer::User(user),
        token => Bearer::Token(TokenHash(token.try_into().ok()?), user),
    };
    Some((bearer, Date::from_micros(i64::from_be_bytes(*expires))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_is_read_as_it_was_written() {
        let expires = Date::parse("2030-01-01T00:00:00Z").expect("a date");
        for bearer in [Bearer::User(UserId(7)), Bearer::Token(TokenHash([9; 32]), UserId(7))] {
            assert_eq!(read(&written(bearer, expires)), Some((bearer, expires)));
        }
        for bytes in [&b""[..], b"12345678", b"1234567812345678x"] {
            assert_eq!(read(bytes), None);
        }
    }
}

//! Tickets for files: an `<img>` on another origin sends no header. A ticket is sealed and not stored: it names the
//! token that asked for it, which is looked up at each use, so that it ends with the token.

use axum::http::Uri;
use chinwag_core::token::{REFUSED, TokenHash};
use chinwag_core::{Date, Result, UserId};

use crate::auth::{Credential, Identified, SignedIn};
use crate::cursor::CursorSeal;
use crate::hex;
use crate::state::ServerState;

/// The name under which it is sealed.
const SEAL: &str = "file ticket";
const PREFIX: &str = "cw_files_";
/// The lifetime of a ticket, in microseconds: ten minutes.
const TTL: i64 = 600 * 1_000_000;

/// The bearer of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bearer {
    Token(TokenHash, UserId),
    /// The user of a token that is not the server's own. Its end is the ticket's.
    User(UserId),
}

/// The latest end of a ticket that is made now.
pub(crate) fn latest(now: Date) -> Date {
    Date::from_micros(now.micros() + TTL)
}

/// A ticket for the files that a user may read.
pub(crate) fn create(seal: &CursorSeal, user: &SignedIn, expires: Date) -> String {
    let bearer = match user.token {
        Some(token) => Bearer::Token(token, user.user.id),
        None => Bearer::User(user.user.id),
    };
    format!("{PREFIX}{}", hex::encode(&seal.seal_bytes(SEAL, &written(bearer, expires))))
}

/// The caller whom the ticket in a query names.
pub(crate) async fn identified(state: &ServerState, uri: &Uri) -> Result<Option<Identified>> {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let Some((_, ticket)) = pairs.into_iter().find(|(key, _)| key == "ticket") else { return Ok(None) };
    let sealed = ticket.strip_prefix(PREFIX).ok_or(REFUSED)?;
    let opened = hex::decode(sealed).and_then(|bytes| state.cursors.open_bytes(SEAL, &bytes));
    // The form of earlier versions, which another node may still make.
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

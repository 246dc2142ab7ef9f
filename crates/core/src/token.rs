//! Tokens: random secrets that stand for a user. Only their hashes are stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::{Clock, Date, Name, UserId};

/// A token's secret, to be shown once: 43 characters of URL-safe base 64.
#[derive(Clone)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new secret of 256 random bits.
    pub fn new(clock: &dyn Clock) -> Self {
        Self(URL_SAFE_NO_PAD.encode(clock.secret()))
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// The text to hand out.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What is stored of a token: the SHA-256 of its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a secret, as a caller brings it.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Requests and handshakes until it expires or is revoked.
    Token,
    /// One WebSocket handshake.
    Ticket {
        /// The token that asked for it, if one did: the ticket, and the socket, end with it.
        of: Option<TokenHash>,
    },
}

/// A good token, as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its hash.
    pub hash: TokenHash,
    /// Whom it stands for.
    pub user: UserId,
    /// That user's name now.
    pub name: Name,
    /// What it is good for.
    pub kind: Kind,
    /// Until when.
    pub expires: Date,
}

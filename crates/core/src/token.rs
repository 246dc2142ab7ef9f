//! Tokens: random secrets that authenticate a user. Only their hashes are stored.

use sha2::{Digest, Sha256};

use crate::suspension::Suspension;
use crate::{Clock, Date, Error, Name, UserId};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The number of base-62 digits that 256 bits need.
const LENGTH: usize = 43;

/// The error for an invalid credential.
pub const REFUSED: Error = Error::Unauthenticated("the credential is invalid or has expired");

/// The kind of a secret, which determines its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// A key of the service.
    Key,
    /// A user's token.
    Token,
    /// A ticket for one WebSocket handshake.
    Ticket,
    /// A bot's key.
    Bot,
    /// The last part of an incoming hook's address.
    Hook,
}

impl SecretKind {
    /// The prefix of the text, by which people and secret scanners recognise the secret.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Key => "cw_key_",
            Self::Token => "cw_token_",
            Self::Ticket => "cw_ticket_",
            Self::Bot => "cw_bot_",
            Self::Hook => "cw_hook_",
        }
    }
}

/// A secret: a prefix for its kind, and 43 letters and digits. It is shown only once.
#[derive(Clone)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new secret with 256 random bits.
    pub fn new(kind: SecretKind, clock: &dyn Clock) -> Self {
        Self(format!("{}{}", kind.prefix(), letters_and_digits(clock.secret())))
    }

    /// The hash to store.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// The plain text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Encodes a 256-bit number in base 62.
pub(crate) fn letters_and_digits(mut number: [u8; 32]) -> String {
    let mut text = [b'0'; LENGTH];
    for digit in text.iter_mut().rev() {
        let mut rest = 0_usize;
        for byte in &mut number {
            let value = rest * 256 + usize::from(*byte);
            *byte = u8::try_from(value / 62).expect("the rest is below 62");
            rest = value % 62;
        }
        *digit = DIGITS[rest];
    }
    text.iter().map(|digit| char::from(*digit)).collect()
}

/// The SHA-256 of a secret. The store keeps nothing else of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a secret that a caller sent.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

/// The error text for an invalid lifetime. It completes a sentence that begins with the field's name.
pub const TTL: &str = "must be a number of seconds from 1 to 31536000 (365 days)";

/// The purpose of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Requests and handshakes, until the token expires or is revoked.
    Token,
    /// One WebSocket handshake.
    Ticket {
        /// The token that requested the ticket, if any. The ticket and its socket end together with that
        /// token.
        of: Option<TokenHash>,
    },
}

/// A token from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub hash: TokenHash,
    pub user: UserId,
    /// The user's current name.
    pub name: Name,
    pub kind: Kind,
    pub expires: Date,
    /// The user's latest suspension, which may have ended.
    pub suspension: Option<Suspension>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn secrets_begin_with_their_kind_and_hold_no_signs() {
        let clock = SystemClock::default();
        let kinds =
            [SecretKind::Key, SecretKind::Token, SecretKind::Ticket, SecretKind::Bot, SecretKind::Hook];
        for kind in kinds {
            let secret = Secret::new(kind, &clock);
            let rest = secret.expose().strip_prefix(kind.prefix()).expect("its kind");
            assert!(rest.len() == LENGTH && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{rest}");
        }
    }

    #[test]
    fn no_two_numbers_are_written_alike() {
        let mut numbers = vec![[0; 32], [255; 32]];
        for place in 0..32 {
            numbers.extend(
                [1, 61, 62, 128].map(|byte| std::array::from_fn(|at| if at == place { byte } else { 0 })),
            );
        }
        let texts: BTreeSet<_> = numbers.iter().map(|number| letters_and_digits(*number)).collect();
        assert_eq!(texts.len(), numbers.len());
        let mut small = [0; 32];
        small[31] = 63;
        assert!(letters_and_digits(small).ends_with("0011"));
    }
}

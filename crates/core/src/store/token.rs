//! Tokens in the store.

use crate::token::{Kind, Token, TokenHash};
use crate::{Date, Result, UserId};

/// Tokens, in a transaction. An expired token may still be found, so the caller must check `expires`.
pub trait Tokens {
    /// The token with this hash.
    fn token(&self, hash: &TokenHash) -> Result<Option<Token>>;

    /// Those of these tokens and bot keys that still exist, in any order. The caller must bound their number.
    fn tokens_kept(&self, hashes: &[TokenHash]) -> Result<Vec<TokenHash>>;

    /// Stores a token.
    fn token_insert(&mut self, hash: &TokenHash, user: UserId, kind: Kind, expires: Date) -> Result<()>;

    /// Removes a token. `false` if it does not exist.
    fn token_delete(&mut self, hash: &TokenHash) -> Result<bool>;

    /// Removes all tokens and tickets of a user.
    fn tokens_delete(&mut self, user: UserId) -> Result<()>;

    /// Removes all tokens and tickets of a user except `kept`, which may belong to another user. Returns the
    /// removed ones. A user has few: [`tokens_trim`](Self::tokens_trim) bounds tokens, and a short lifetime
    /// bounds tickets.
    fn tokens_delete_others(&mut self, user: UserId, kept: &TokenHash) -> Result<Vec<TokenHash>>;

    /// Removes a user's tokens except for the newest `keep`, at most 1000 at a time. Returns the removed
    /// ones. Tickets stay.
    fn tokens_trim(&mut self, user: UserId, keep: usize) -> Result<Vec<TokenHash>>;

    /// Removes at most 1000 tokens and tickets that expired before `now`. Returns their number.
    fn tokens_purge(&mut self, now: Date) -> Result<usize>;
}

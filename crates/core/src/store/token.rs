//! Tokens, as a store keeps them.

use crate::token::{Kind, Token, TokenHash};
use crate::{Date, Result, UserId};

/// Tokens, in a transaction. An expired one may still be found: the caller looks at `expires`.
pub trait Tokens {
    /// The token with this hash.
    fn token(&self, hash: &TokenHash) -> Result<Option<Token>>;

    /// Those of these tokens, and of these keys of bots, that are still kept, in any order. Bounded by the caller.
    fn tokens_kept(&self, hashes: &[TokenHash]) -> Result<Vec<TokenHash>>;

    /// Keeps a token.
    fn token_insert(&mut self, hash: &TokenHash, user: UserId, kind: Kind, expires: Date) -> Result<()>;

    /// Drops a token. `false` if there was none.
    fn token_delete(&mut self, hash: &TokenHash) -> Result<bool>;

    /// Drops every token and ticket of a user.
    fn tokens_delete(&mut self, user: UserId) -> Result<()>;

    /// Drops every token and ticket of a user but one, which may be another user's; answers the dropped ones. A user has
    /// few: [`tokens_trim`](Self::tokens_trim) bounds tokens, and their lifetime the tickets.
    fn tokens_delete_others(&mut self, user: UserId, kept: &TokenHash) -> Result<Vec<TokenHash>>;

    /// Drops a user's tokens but the newest `keep`, at most 1000 at a time; answers those that were
    /// dropped. Tickets stay.
    fn tokens_trim(&mut self, user: UserId, keep: usize) -> Result<Vec<TokenHash>>;

    /// Drops what has expired before `now`, at most 1000 at a time; answers how many.
    fn tokens_purge(&mut self, now: Date) -> Result<usize>;
}

//! Sessions, as a store keeps them: what it knows of tokens beside whom they stand for.

use crate::session::{SessionClient, TokenUse, UserSession};
use crate::token::TokenHash;
use crate::{Date, Result, UserId};

/// Sessions, in a transaction. **Atomicity.** As the transaction's. **Order.** The newest token first. **Loss.** Notes are
/// lost with their token, and no other way. **Bound.** A user has few tokens: [`tokens_trim`](super::Tokens::tokens_trim)
/// bounds them; the caller bounds the uses.
pub trait Sessions {
    /// The tokens of a user that stand, the newest first. Tickets are none.
    fn sessions(&self, user: UserId, now: Date) -> Result<Vec<UserSession>>;

    /// Notes when a token was made, and by what client, which thereby has used it.
    fn session_begin(
        &mut self,
        token: &TokenHash,
        created: Date,
        client: Option<&SessionClient>,
    ) -> Result<()>;

    /// Notes that tokens are in use. The first client that is noted of a token stays. A token that is no more is passed
    /// over.
    fn tokens_use(&mut self, uses: &[TokenUse], now: Date) -> Result<()>;
}

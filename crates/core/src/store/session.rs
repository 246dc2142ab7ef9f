//! Sessions in the store: the data about tokens besides their users.

use crate::session::{SessionClient, TokenUse, UserSession};
use crate::token::TokenHash;
use crate::{Date, Result, UserId};

/// Sessions, in a transaction.
///
/// **Atomicity.** That of the transaction. **Order.** Newest token first. **Loss.** The data is lost together
/// with its token only. **Bound.** A user has few tokens, because [`tokens_trim`](super::Tokens::tokens_trim)
/// bounds them. The caller must bound the uses.
pub trait Sessions {
    /// The valid tokens of a user, newest first. Tickets are not included.
    fn sessions(&self, user: UserId, now: Date) -> Result<Vec<UserSession>>;

    /// Records when a token was created, and by which client, which counts as its first use.
    fn session_begin(
        &mut self,
        token: &TokenHash,
        created: Date,
        client: Option<&SessionClient>,
    ) -> Result<()>;

    /// Records that tokens were used. The first recorded client of a token is kept. Tokens that no longer
    /// exist are skipped.
    fn tokens_use(&mut self, uses: &[TokenUse], now: Date) -> Result<()>;
}

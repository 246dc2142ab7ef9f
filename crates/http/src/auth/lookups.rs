//! Lookups of credentials in the store. Anybody may send guesses, so those of one address take turns with its reads.

use axum::http::request::Parts;
use chinwag_core::Result;
use chinwag_core::bot::{BotGrant, BotSecret};
use chinwag_core::scope::Scopes;
use chinwag_core::token::{REFUSED, Token, TokenHash};

use super::Auth;

impl Auth {
    pub(super) async fn token(&self, parts: &Parts, hash: TokenHash) -> Result<Option<Token>> {
        let _turn = self.admission.lookup_turn(parts).await?;
        self.app.token(hash).await
    }

    /// Refuses a token that is no longer valid, and removes it from the known tokens.
    pub(crate) async fn check_token(&self, token: TokenHash) -> Result<()> {
        match self.app.token(token).await.and_then(|found| found.ok_or(REFUSED)) {
            Ok(_) => Ok(()),
            Err(error) => {
                self.known_tokens.forget(&token);
                Err(error)
            }
        }
    }

    pub(super) async fn ticket_take(&self, parts: &Parts, hash: TokenHash) -> Result<Option<Token>> {
        let _turn = self.admission.lookup_turn(parts).await?;
        self.app.ticket_take(hash).await
    }

    pub(super) async fn scopes_of(&self, parts: &Parts, hash: TokenHash) -> Result<Scopes> {
        let _turn = self.admission.lookup_turn(parts).await?;
        self.app.scopes_of(hash).await
    }

    pub(crate) async fn bot_grant(&self, parts: &Parts, secret: BotSecret) -> Result<BotGrant> {
        let _turn = self.admission.lookup_turn(parts).await?;
        self.app.bot_grant(secret).await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use axum::http::{Request, header};
    use chinwag_core::Error;
    use futures_util::FutureExt;

    use crate::state::tests::state;

    #[tokio::test]
    async fn unknown_tokens_of_an_address_take_turns() {
        let state = state(|options| options.requests = 10);
        for secret in ["guess", "cw_key_guess", "cw_bot_guess"] {
            let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {secret}"));
            let parts = request.body(()).expect("a request").into_parts().0;
            let turn = state.admission.lookup_turn(&parts).await.expect("a turn");
            let mut identified = pin!(state.auth.identify(&parts));
            assert!(identified.as_mut().now_or_never().is_none(), "{secret} waits");
            drop(turn);
            let refused = identified.await;
            assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{secret}: {refused:?}");
        }
    }
}

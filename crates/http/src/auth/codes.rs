//! Codes of invites. They are as sensitive to guessing as passwords, so unknown codes count as sign-in attempts of
//! the address.

use axum::http::request::Parts;
use chinwag_core::app::Context;
use chinwag_core::{Error, Result};

use super::Auth;
use crate::act_as::ForUser;
use crate::network::peer::Peer;
use crate::permits::network;

impl Auth {
    /// Runs `attempt`, unless the address has tried too many unknown codes. Services have no limit.
    pub(crate) async fn counting_codes<T>(
        &self,
        context: &Context,
        parts: &Parts,
        attempt: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if context.who.is_service() || parts.extensions.get::<ForUser>().is_some() {
            return attempt.await;
        }
        let from = network(Peer::of(parts, &self.options).address);
        self.attempts.may_try(from)?;
        let outcome = attempt.await;
        if matches!(outcome, Err(Error::NotFound(_))) {
            self.attempts.count_nameless(from)?;
        }
        outcome
    }
}

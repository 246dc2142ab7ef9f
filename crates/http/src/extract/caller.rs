//! Extracts the caller of a request: its credential, or the context for its use case.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use chinwag_core::Error;
use chinwag_core::app::{Context, Who};
use chinwag_core::audit::CallSource;
use chinwag_core::bot::BEYOND_BOTS;

use crate::admission::RequestInFlight;
use crate::auth::{Credential, Identified};
use crate::error::Problem;
use crate::network::peer::Peer;
use crate::state::ServerState;

/// The caller of a REST request, as the context of its use case. The use case itself looks up a token, a bot's secret
/// or a key with scopes, in its transaction.
pub(crate) struct CallerContext(pub(crate) Context);

impl FromRequestParts<Arc<ServerState>> for Credential {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<ServerState>) -> Result<Self, Problem> {
        match parts.extensions.get::<Identified>() {
            Some(Identified::Known(credential)) => Ok(credential.clone()),
            Some(Identified::Key(..)) => Ok(Self::Service),
            Some(Identified::Bot(..)) => Err(Error::forbidden(BEYOND_BOTS).into()),
            _ => Ok(state.auth.credential(parts).await?),
        }
    }
}

impl OptionalFromRequestParts<Arc<ServerState>> for Credential {
    type Rejection = Problem;

    /// The presented credential. `None` without one, even on an open server.
    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<ServerState>,
    ) -> Result<Option<Self>, Problem> {
        match parts.extensions.get::<Identified>() {
            Some(Identified::Nobody) => Ok(None),
            Some(Identified::Known(credential)) => Ok(Some(credential.clone())),
            Some(Identified::Key(..)) => Ok(Some(Self::Service)),
            Some(Identified::Bot(..)) => Err(Error::forbidden(BEYOND_BOTS).into()),
            _ => Ok(state.auth.presented_credential(parts).await?),
        }
    }
}

impl FromRequestParts<Arc<ServerState>> for CallerContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<ServerState>) -> Result<Self, Problem> {
        let source = CallSource::Address(Peer::address_of(parts, &state.options));
        let caller = |who| Self(Context { who, origin: None, source });
        match parts.extensions.get() {
            Some(Identified::Bot(secret, _)) => return Ok(caller(Who::Bot(*secret))),
            Some(Identified::Key(hash, _)) => return Ok(caller(Who::Key(*hash))),
            _ => {}
        }
        if let Some(request) = parts.extensions.get::<RequestInFlight>()
            && let Some(Identified::Token(hash, _)) = parts.extensions.get()
        {
            let hash = *request.token.get_or_init(|| *hash);
            return Ok(caller(Who::Token(hash)));
        }
        let credential = <Credential as FromRequestParts<_>>::from_request_parts(parts, state).await?;
        Ok(caller(Who::Known(credential.caller())))
    }
}

//! The use of tokens, and the clients that use them.

use axum::http::header;
use axum::http::request::Parts;
use chinwag_core::session::{SessionClient, TokenUse};

use super::{Auth, SignedIn};
use crate::network::peer::Peer;

impl Auth {
    /// The client of a request.
    pub(super) fn client(&self, parts: &Parts) -> SessionClient {
        let agent =
            parts.headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        SessionClient::new(agent.as_deref(), Peer::of(parts, &self.options).address.to_string())
    }

    /// Records that a user's token is in use, if it is Chinwag's own.
    pub(super) fn note_use(&self, user: &SignedIn, parts: &Parts) {
        if let Some(token) = user.token {
            self.known_tokens.insert(token, user.user.id, || self.client(parts));
        }
    }

    /// The uses of tokens since the last call.
    pub(crate) fn take_uses(&self) -> Vec<TokenUse> {
        self.known_tokens.take_uses()
    }

    /// Returns uses that could not be recorded.
    pub(crate) fn put_back_uses(&self, uses: Vec<TokenUse>) {
        self.known_tokens.put_back_uses(uses);
    }
}

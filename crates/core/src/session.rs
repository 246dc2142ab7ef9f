//! Sessions, the places at which a user is signed in. A session is a token with its history, and ends with it.

use std::time::Duration;

use crate::token::TokenHash;
use crate::{Date, SessionId};

/// The longest `User-Agent` that is kept, in characters.
pub const AGENT_CHARS: usize = 256;
/// A use of a session is noted so long after it at the latest.
pub const USES_NOTED_EVERY: Duration = Duration::from_secs(300);
/// The most uses that one transaction notes.
pub const USES_NOTED_TOGETHER: usize = 200;

/// The browser or program that uses a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionClient {
    /// The beginning of its `User-Agent`, if it sends one.
    agent: Option<String>,
    /// The address from which it came.
    pub address: Option<String>,
}

/// One place at which a user is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSession {
    pub token: TokenHash,
    /// None for a token of an earlier version.
    pub created: Option<Date>,
    /// None before the first noted use.
    pub last_used: Option<Date>,
    pub expires: Date,
    pub client: SessionClient,
}

/// A use of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUse {
    pub token: TokenHash,
    /// The user of the token, if it is known.
    pub client: Option<SessionClient>,
}

impl SessionClient {
    /// A client with this `User-Agent`, of which the beginning is kept.
    pub fn new(agent: Option<&str>, address: String) -> Self {
        let agent = agent.map(|agent| agent.chars().take(AGENT_CHARS).collect());
        Self { agent, address: Some(address) }
    }

    /// A client as it was stored.
    pub fn stored(agent: Option<String>, address: Option<String>) -> Self {
        Self { agent, address }
    }

    /// The beginning of its `User-Agent`.
    pub fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }
}

impl UserSession {
    /// The id, which says nothing of the token.
    pub fn id(&self) -> SessionId {
        SessionId::of(&self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_of_a_long_agent_is_kept() {
        let agent = "é".repeat(AGENT_CHARS + 1);
        let client = SessionClient::new(Some(&agent), "10.0.0.1".into());
        assert_eq!(client.agent().map(|agent| agent.chars().count()), Some(AGENT_CHARS));
        assert_eq!(SessionClient::new(None, "10.0.0.1".into()).agent(), None);
    }

    #[test]
    fn each_token_has_another_id() {
        let ids = [1, 2].map(|byte| SessionId::of(&TokenHash([byte; 32])));
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[0], SessionId::of(&TokenHash([1; 32])));
        assert!(ids[0].0.as_bytes()[..6] != [1; 6], "the hash is not shown");
    }
}

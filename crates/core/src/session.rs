//! Sessions: the places where a user is signed in. A session is a token with its history, and ends with it.

use std::time::Duration;

use crate::token::TokenHash;
use crate::{Date, SessionId};

/// The longest stored `User-Agent`, in characters.
pub const AGENT_CHARS: usize = 256;
/// The longest delay before a use of a session is recorded.
pub const USES_NOTED_EVERY: Duration = Duration::from_secs(300);
/// The most uses that one transaction records.
pub const USES_NOTED_TOGETHER: usize = 200;

/// The browser or program that uses a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionClient {
    /// The start of the `User-Agent`, if the client sends one.
    agent: Option<String>,
    /// The client's IP address.
    pub address: Option<String>,
}

/// A place where a user is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSession {
    pub token: TokenHash,
    /// None if an earlier version created the token.
    pub created: Option<Date>,
    /// None before the first recorded use.
    pub last_used: Option<Date>,
    pub expires: Date,
    pub client: SessionClient,
}

/// A use of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUse {
    pub token: TokenHash,
    /// The client that used the token, if known.
    pub client: Option<SessionClient>,
}

impl SessionClient {
    /// Keeps only the start of a long `User-Agent`.
    pub fn new(agent: Option<&str>, address: String) -> Self {
        let agent = agent.map(|agent| agent.chars().take(AGENT_CHARS).collect());
        Self { agent, address: Some(address) }
    }

    /// A client from the store.
    pub fn stored(agent: Option<String>, address: Option<String>) -> Self {
        Self { agent, address }
    }

    /// The start of the `User-Agent`.
    pub fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }
}

impl UserSession {
    /// The id. It does not reveal the token.
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

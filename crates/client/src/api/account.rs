//! Accounts: sign-up, sign-in, passwords, tokens and tickets.

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// The answer to a sign-in, a sign-up or an issued token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    pub name: String,
    /// The secret, which `Debug` hides.
    pub token: String,
    /// When it expires.
    pub expires: Option<String>,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, expires, .. } = self;
        f.debug_struct("SignIn").field("name", name).field("expires", expires).finish_non_exhaustive()
    }
}

/// A ticket, which opens one WebSocket within 30 s.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The secret, which `Debug` hides.
    pub ticket: String,
    /// When it expires.
    pub expires: String,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// A session of a user: one place at which it is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSession {
    pub id: Uuid,
    /// The date of the sign-in. `None` if an earlier version of the server created the session.
    pub created: Option<String>,
    /// The date of the last use, accurate to five minutes, or to an hour for an open WebSocket.
    pub last_used: Option<String>,
    /// When it expires.
    pub expires: String,
    /// The `User-Agent` of the browser or program.
    pub agent: Option<String>,
    pub address: Option<String>,
    /// Whether this caller uses the session.
    pub current: bool,
}

impl Rest {
    /// Signs a user up, and returns a caller for this user.
    pub async fn sign_up(&self, name: &str, password: &str) -> Result<Self, Error> {
        self.begin_session("accounts/", name, password).await
    }

    /// Signs a user in, and returns a caller for this user.
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<Self, Error> {
        self.begin_session("sessions/", name, password).await
    }

    async fn begin_session(&self, path: &str, name: &str, password: &str) -> Result<Self, Error> {
        let signed: SignIn = self.post(path, json!({ "name": name, "password": password })).await?;
        Ok(self.with_token(&signed.token))
    }

    /// Ends this session, and closes the sockets that were opened with its token.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.delete("sessions/").await
    }

    /// Changes the user's own password, and ends its other sessions.
    pub async fn change_password(&self, old: &str, new: &str) -> Result<(), Error> {
        let change = json!({ "old": old, "new": new });
        self.call::<Value>(Method::PATCH, "accounts/me/", Some(&change)).await.map(drop)
    }

    /// Sets the password of a user who signs in with one, and ends all of its sessions. Service only.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<(), Error> {
        let path = format!("users/{}/password/", encode_segment(name));
        self.call::<Value>(Method::PUT, &path, Some(&json!({ "password": password }))).await.map(drop)
    }

    /// Fetches a ticket for one WebSocket.
    pub async fn ticket(&self) -> Result<Ticket, Error> {
        self.post("tickets/", json!({})).await
    }

    /// Issues a token that expires after `ttl`. Service only.
    pub async fn issue_token(&self, name: &str, ttl: Duration) -> Result<SignIn, Error> {
        let path = format!("users/{}/tokens/", encode_segment(name));
        self.post(&path, json!({ "ttl": ttl.as_secs() })).await
    }

    /// Ends all sessions of a user.
    pub async fn revoke_tokens(&self, name: &str) -> Result<(), Error> {
        self.delete(&format!("users/{}/tokens/", encode_segment(name))).await
    }

    /// Ends all sessions of a user except this caller's.
    pub async fn revoke_other_tokens(&self, name: &str) -> Result<(), Error> {
        self.delete(&format!("users/{}/tokens/?others=true", encode_segment(name))).await
    }

    /// The sessions of a user, newest first.
    pub async fn sessions(&self, name: &str) -> Result<Vec<UserSession>, Error> {
        self.get(&format!("users/{}/sessions/", encode_segment(name))).await
    }

    /// Ends one session of a user, and closes its sockets.
    pub async fn end_session(&self, name: &str, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("users/{}/sessions/{id}/", encode_segment(name))).await
    }
}

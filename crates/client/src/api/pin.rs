//! Pinned messages.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::message::Message;
use crate::error::Error;
use crate::rest::Rest;

/// A message to pin or to unpin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pin {
    pub id: Uuid,
    /// Whether to pin it.
    pub on: bool,
}

/// A message that was pinned or unpinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinChange {
    pub id: Uuid,
    pub group: Uuid,
    /// The user. `None` if a service acted in no user's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it was pinned.
    pub on: bool,
}

impl Rest {
    /// Pins or unpins a message, and returns the message.
    pub async fn pin(&self, message: Uuid, on: bool) -> Result<Message, Error> {
        let method = if on { Method::PUT } else { Method::DELETE };
        self.call::<Message>(method, &format!("messages/{message}/pin/"), None::<&()>).await
    }

    /// A group's pinned messages, the most recently pinned first.
    pub async fn pins(&self, group: Uuid) -> Result<Vec<Message>, Error> {
        self.get(&format!("groups/{group}/pins/")).await
    }
}

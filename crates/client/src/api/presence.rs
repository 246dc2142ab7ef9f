//! Presence and typing events.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// At the keyboard.
    Online,
    /// Away from the keyboard.
    Afk,
    /// Not connected, or appearing offline.
    Disconnected,
}

/// The user's status on one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// `Disconnected` makes the user appear offline.
    pub status: Status,
}

/// A user's presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusUpdate {
    pub author: String,
    /// Its status over all of its sockets.
    pub status: Status,
}

/// A typing event of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    pub author: String,
    pub group: Uuid,
}

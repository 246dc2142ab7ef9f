//! The presence of users, and what they type.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How present a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// At the keyboard.
    Online,
    /// Away from it.
    Afk,
    /// Without a socket, or appearing so.
    Disconnected,
}

/// The user's presence on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// `Disconnected` appears offline.
    pub status: Status,
}

/// A user's presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The user.
    pub author: String,
    /// Its status over all of its sockets.
    pub status: Status,
}

/// A member who types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// The member.
    pub author: String,
    /// The group.
    pub group: Uuid,
}

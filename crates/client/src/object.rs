//! Objects of the protocol, as the server shows them. Keys that a later server adds are ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// A message. Dates are RFC 3339 in UTC with microseconds, so that they sort as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Given by the server.
    pub id: Uuid,
    /// The user's name.
    pub author: String,
    /// Left out of a group's newest messages, which stand in their group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Uuid>,
    /// The date of its commit.
    pub date: String,
    /// The text, to the byte.
    pub body: String,
    /// The message of the same group that it answers.
    pub respond_to: Option<Uuid>,
    /// The number in the group's log.
    pub seq: i64,
    /// The date of the last edit.
    pub edited: Option<String>,
    /// The sender's own id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Given by the server.
    pub id: Uuid,
    /// `@` for a private group.
    pub name: String,
    /// One name; `admin` for a private group.
    #[serde(default)]
    pub owner: Vec<String>,
    /// Left out of events and windowed summaries of groups of more than 100 members.
    #[serde(default)]
    pub admins: Option<Vec<String>>,
    /// Left out like `admins`.
    #[serde(default)]
    pub members: Option<Vec<String>>,
    /// Members who may only read. Left out like `admins`.
    #[serde(default)]
    pub restricts: Option<Vec<String>>,
    /// The number of users in it.
    #[serde(default)]
    pub members_count: u64,
    /// The newest messages, newest first. Empty in a change of a group.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// The last number of its log. Left out of a change of a group.
    #[serde(default)]
    pub head: Option<i64>,
    /// The user's own settings of it.
    #[serde(default)]
    pub me: Option<Me>,
    /// The date of the last message that the user has read.
    #[serde(default)]
    pub last_read: Option<String>,
    /// The number of that message.
    #[serde(default)]
    pub last_read_seq: Option<i64>,
    /// Others' messages after it, counted up to 100.
    #[serde(default)]
    pub unread: Option<u32>,
}

impl Group {
    /// Whether the user has yet to accept the group.
    pub fn is_pending(&self) -> bool {
        self.me.is_some_and(|me| me.pending)
    }
}

/// A user's own settings of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Whether the user has yet to accept the group.
    pub pending: bool,
}

/// A user. Of others a user sees fewer keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The key.
    pub name: String,
    /// How people see the name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The `https` address of a picture.
    #[serde(default)]
    pub avatar: Option<String>,
    /// Your application's own JSON object.
    #[serde(default)]
    pub data: Option<Value>,
    /// `person` or `bot`.
    #[serde(default)]
    pub kind: Option<String>,
    /// `account` or `host`.
    #[serde(default)]
    pub origin: Option<String>,
    /// Shown of the user itself and of its contacts.
    #[serde(default)]
    pub status: Option<Status>,
    /// Every other key.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

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

/// The answer to a sign-in, a sign-up and an issued token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The user.
    pub name: String,
    /// The secret; not shown by `Debug`.
    pub token: String,
    /// The date of its end.
    pub expires: Option<String>,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, expires, .. } = self;
        f.debug_struct("SignIn").field("name", name).field("expires", expires).finish_non_exhaustive()
    }
}

/// A ticket, which opens one WebSocket within 30 s.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The secret; not shown by `Debug`.
    pub ticket: String,
    /// The date of its end.
    pub expires: String,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The features and limits of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The program's version.
    pub version: String,
    /// The id of the history that numbers belong to.
    pub history: Uuid,
    /// Whether anybody may sign up.
    #[serde(default)]
    pub signup: bool,
    /// Limits by the keys of their settings.
    #[serde(default)]
    pub limits: BTreeMap<String, Value>,
    /// Every other key.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

//! Messages.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::file::{Attachment, File};
use super::reaction::Reactions;
use super::thread::{Replies, RootState};
use crate::error::Error;
use crate::rest::Rest;

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
    /// The names of the mentioned users, after `@all` if everyone is mentioned.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// The reactions by emoji, in order of the first of each.
    #[serde(default)]
    pub reactions: Reactions,
    /// Whether it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// The files that it carries.
    #[serde(default)]
    pub attachments: Vec<File>,
    /// The object of the sender's application.
    #[serde(default)]
    pub data: Option<Box<Value>>,
    /// The root of its thread, if it is a reply.
    #[serde(default)]
    pub thread: Option<Uuid>,
    /// The replies to it, if there are any.
    #[serde(default)]
    pub replies: Option<Replies>,
    /// The root of its thread as it stands. Only in the event of a reply that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RootState>,
}

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewMessage {
    /// The group.
    pub group: Uuid,
    /// 1 to 4096 characters. It may be empty beside files.
    pub body: String,
    /// The message of the same group that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond_to: Option<Uuid>,
    /// The root of its thread, a message of the same group that is no reply itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<Uuid>,
    /// Your own id of it, 1 to 64 characters: repeating it stores one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// An object of yours, at most 4 KiB of compact JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The names of users to mention, or `@all`. The answer has those that are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Files that you uploaded and have not used, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A message's new text or mentions. `None` keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MessageEdit {
    /// The message.
    pub id: Uuid,
    /// 1 to 4096 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The names of users to mention, or `@all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mentions: Option<Vec<String>>,
}

/// A message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MessageId {
    /// Its id.
    pub id: Uuid,
}

/// One message that was deleted (`id`, `seq`), or several of a deleted user's (`ids`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The group.
    pub group: Uuid,
    /// The message.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The message's own number, not the deletion's.
    #[serde(default)]
    pub seq: Option<i64>,
    /// The messages.
    #[serde(default)]
    pub ids: Vec<Uuid>,
    /// The root of the message as it stands, if that was a reply.
    #[serde(default)]
    pub root: Option<RootState>,
    /// The roots of the replies among the messages, as they stand.
    #[serde(default)]
    pub roots: Vec<RootState>,
}

impl Rest {
    /// Sends a message. With a `client_id` it may be repeated, and is stored once.
    pub async fn send_message(&self, message: &NewMessage) -> Result<Message, Error> {
        self.post("messages/", message).await
    }

    /// A message.
    pub async fn message(&self, id: Uuid) -> Result<Message, Error> {
        self.get(&format!("messages/{id}/")).await
    }

    /// Edits a message.
    pub async fn edit_message(&self, edit: &MessageEdit) -> Result<Message, Error> {
        let mut changes = serde_json::to_value(edit).unwrap_or_default();
        changes.as_object_mut().and_then(|changes| changes.remove("id"));
        self.call(Method::PATCH, &format!("messages/{}/", edit.id), Some(&changes)).await
    }

    /// Deletes a message.
    pub async fn delete_message(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("messages/{id}/")).await
    }
}

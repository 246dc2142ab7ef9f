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

/// A message. Dates are RFC 3339 in UTC with microseconds, so that their texts sort chronologically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Assigned by the server.
    pub id: Uuid,
    pub author: String,
    /// Absent in the newest messages of a [`Group`](crate::Group).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Uuid>,
    /// The date of the commit.
    pub date: String,
    /// The text, exactly as it was sent.
    pub body: String,
    /// The message that it answers, in the same group.
    pub respond_to: Option<Uuid>,
    /// The number in the group's log.
    pub seq: i64,
    /// The date of the last edit.
    pub edited: Option<String>,
    /// The sender's own id for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The names of the mentioned users, after `@all` if everyone is mentioned.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// The reactions by emoji, ordered by the first reaction with each.
    #[serde(default)]
    pub reactions: Reactions,
    /// Whether it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// The files attached to it.
    #[serde(default)]
    pub attachments: Vec<File>,
    /// The object that the sender's application attached.
    #[serde(default)]
    pub data: Option<Box<Value>>,
    /// The root of its thread, if it is a reply.
    #[serde(default)]
    pub thread: Option<Uuid>,
    /// The replies to it, if there are any.
    #[serde(default)]
    pub replies: Option<Replies>,
    /// The state of its thread's root. Only in the event of a newly sent reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RootState>,
}

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewMessage {
    pub group: Uuid,
    /// 1 to 4096 characters. May be empty if there are attachments.
    pub body: String,
    /// The message that it answers, in the same group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond_to: Option<Uuid>,
    /// The root of its thread: a message of the same group that is not a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<Uuid>,
    /// Your own id for it, 1 to 64 characters. A repeated request with the same id stores the message once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Your own object, at most 4 KiB of compact JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The names of the users to mention, or `@all`. The answer contains the accepted ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Files that you have uploaded and not used yet, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// New text or mentions of a message. `None` keeps the old ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MessageEdit {
    pub id: Uuid,
    /// 1 to 4096 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The names of the users to mention, or `@all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mentions: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MessageId {
    pub id: Uuid,
}

/// A deleted message (`id`, `seq`), or several messages that were erased together (`ids`), because their author was deleted
/// or they were too old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub group: Uuid,
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The number of the message, not of the deletion.
    #[serde(default)]
    pub seq: Option<i64>,
    #[serde(default)]
    pub ids: Vec<Uuid>,
    /// The state of the root, if the message was a reply.
    #[serde(default)]
    pub root: Option<RootState>,
    /// The states of the roots of replies among the messages.
    #[serde(default)]
    pub roots: Vec<RootState>,
}

impl Rest {
    /// Sends a message. With a `client_id` the call can be repeated safely.
    pub async fn send_message(&self, message: &NewMessage) -> Result<Message, Error> {
        self.post("messages/", message).await
    }

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

//! Changes of a group, as its history and its events contain them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::history::History;
use super::message::Message;
use crate::error::Error;
use crate::rest::Rest;

/// A row of a history with entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HistoryRow {
    Message(Box<Message>),
    Entry(Entry),
}

/// Changes of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number in the group's log.
    pub seq: i64,
    /// The date of the change.
    pub date: String,
    /// The user who made the changes. `None` for a service that acted in no user's name, and for a deleted
    /// user.
    pub by: Option<String>,
    /// The changes, in order.
    pub changes: Vec<EntryChange>,
}

/// One change of a group. Its kind determines which other fields are set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EntryChange {
    /// `created`, `renamed`, `changed`, `joined`, `role`, `owner`, `left`, `removed`, `pinned`, `unpinned`,
    /// `user_renamed`, `user_deleted`, or a kind of a later server.
    pub kind: String,
    /// The message that was pinned or unpinned. It may have been deleted since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The new name of the group, or the old one of a renamed user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new name of a renamed user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
    /// The details that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The users concerned; `None` for a deleted user. Events contain only the first 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<Option<String>>,
    /// The number of users, if `who` contains only the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The new role: `admin`, `member` or `restrict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

impl Rest {
    /// Like [`history`](Self::history), including the changes of the group.
    pub async fn history_with_entries(
        &self,
        group: Uuid,
        part: History,
        limit: u32,
    ) -> Result<Vec<HistoryRow>, Error> {
        self.get(&format!("groups/{group}/messages/?entries=all&limit={limit}{}", part.parameter())).await
    }
}

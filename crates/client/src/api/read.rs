//! Read marks, and the messages after them.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;
use crate::rest::Rest;

/// A read mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMark {
    /// The member. Absent from REST answers.
    #[serde(default)]
    pub author: String,
    pub group: Uuid,
    /// The date of the last message read.
    pub date: Option<String>,
    /// Its number, or 0 before the first message.
    pub seq: i64,
}

/// A read mark to set. A mark never moves backwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReadUpTo {
    pub group: Uuid,
    /// The number of the last message read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// The date of the last message read, or a later date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// The counts of a user's unread messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Unread {
    /// The total over the user's groups, each counted up to 100. Muted groups, and groups with
    /// [`Notify::None`](crate::Notify::None), do not count.
    pub unread: u64,
    /// The total of unread messages that mention the user, counted in the same way.
    #[serde(default)]
    pub mentioned: u64,
    /// The number of groups with unread messages.
    pub groups: u64,
}

/// The counts over the groups that are not in the socket's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryMore {
    /// Unread messages.
    pub unread: i64,
    /// Unread messages that mention the user.
    #[serde(default)]
    pub mentioned: i64,
}

impl Rest {
    /// Moves the user's read mark, and returns it.
    pub async fn mark_read(&self, group: Uuid, seq: i64) -> Result<ReadMark, Error> {
        self.post(&format!("groups/{group}/read/"), json!({ "seq": seq })).await
    }

    /// Counts the user's unread messages.
    pub async fn unread(&self) -> Result<Unread, Error> {
        self.get("unread/").await
    }
}

//! Read marks, and the messages after them.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;
use crate::rest::Rest;

/// A read mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMark {
    /// The member. Left out of REST answers.
    #[serde(default)]
    pub author: String,
    /// The group.
    pub group: Uuid,
    /// The date of the last message read.
    pub date: Option<String>,
    /// Its number; 0 before the first.
    pub seq: i64,
}

/// A read mark to set. It never moves back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReadUpTo {
    /// The group.
    pub group: Uuid,
    /// The number of the last message read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Its date, or a later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// The count of a user's unread messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Unread {
    /// The sum over the user's groups, of which each counts up to 100. Groups that are muted, or have
    /// [`Notify::None`](crate::Notify::None), do not count.
    pub unread: u64,
    /// The sum of those that mention the user, likewise.
    #[serde(default)]
    pub mentioned: u64,
    /// The number of groups that have unread messages.
    pub groups: u64,
}

/// A count over the groups that a socket's window leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryMore {
    /// Unread messages.
    pub unread: i64,
    /// Those of them that mention the user.
    #[serde(default)]
    pub mentioned: i64,
}

impl Rest {
    /// Moves the user's read mark; where it stands now.
    pub async fn mark_read(&self, group: Uuid, seq: i64) -> Result<ReadMark, Error> {
        self.post(&format!("groups/{group}/read/"), json!({ "seq": seq })).await
    }

    /// Counts the user's unread messages.
    pub async fn unread(&self) -> Result<Unread, Error> {
        self.get("unread/").await
    }
}

//! Parts of a history.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::message::Message;
use crate::error::Error;
use crate::rest::Rest;

/// A part of a group's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// The newest messages, newest first.
    Newest,
    /// Messages with a smaller number, newest first.
    Before(i64),
    /// Messages with a larger number, oldest first.
    After(i64),
}

impl History {
    /// The rest of a query that asks for it.
    pub(super) fn parameter(self) -> String {
        match self {
            Self::Newest => String::new(),
            Self::Before(seq) => format!("&before={seq}"),
            Self::After(seq) => format!("&after={seq}"),
        }
    }
}

/// The part of a history to fetch: the newest messages, or those before a number or a date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PageRequest {
    /// The group.
    pub group: Uuid,
    /// Messages with a smaller number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Messages with an earlier date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// 1 to 100; 20 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A part of a group's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The user who asked.
    pub author: String,
    /// The group.
    pub group: Uuid,
    /// The date that was asked for.
    pub date: Option<String>,
    /// Messages before that point, newest first.
    pub history: Vec<Message>,
}

impl Rest {
    /// One page of a group's history, of at most `limit` (1 to 100) messages.
    pub async fn history(&self, group: Uuid, part: History, limit: u32) -> Result<Vec<Message>, Error> {
        self.get(&format!("groups/{group}/messages/?limit={limit}{}", part.parameter())).await
    }

    /// Those of these messages, at most 100, that stand in a group, in this order.
    pub async fn messages_by_id(&self, group: Uuid, ids: &[Uuid]) -> Result<Vec<Message>, Error> {
        let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
        self.get(&format!("groups/{group}/messages/?ids={}", ids.join(","))).await
    }
}

//! Pages of a group's history.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::message::Message;
use crate::error::Error;
use crate::rest::Rest;

/// The part of a group's history to read.
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
    /// The query parameter for this part.
    pub(super) fn parameter(self) -> String {
        match self {
            Self::Newest => String::new(),
            Self::Before(seq) => format!("&before={seq}"),
            Self::After(seq) => format!("&after={seq}"),
        }
    }
}

/// The page of a history to fetch: the newest messages, or those before a number or a date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PageRequest {
    pub group: Uuid,
    /// Only messages with a smaller number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Only messages with an earlier date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// 1 to 100; the default is 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of a group's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The user who requested it.
    pub author: String,
    pub group: Uuid,
    /// The requested date.
    pub date: Option<String>,
    /// Messages before that point, newest first.
    pub history: Vec<Message>,
}

impl Rest {
    /// A page of at most `limit` (1 to 100) messages of a group.
    pub async fn history(&self, group: Uuid, part: History, limit: u32) -> Result<Vec<Message>, Error> {
        self.get(&format!("groups/{group}/messages/?limit={limit}{}", part.parameter())).await
    }

    /// The existing messages among these, at most 100, in the same order.
    pub async fn messages_by_id(&self, group: Uuid, ids: &[Uuid]) -> Result<Vec<Message>, Error> {
        let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
        self.get(&format!("groups/{group}/messages/?ids={}", ids.join(","))).await
    }
}

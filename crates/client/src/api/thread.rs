//! Threads.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::history::History;
use super::message::Message;
use crate::error::Error;
use crate::rest::Rest;

/// The replies to a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replies {
    /// Their number, counted up to 1000.
    pub count: u32,
    /// The date of the newest reply.
    pub last: String,
    /// The most recent distinct authors, newest first, at most 3.
    pub names: Vec<String>,
}

/// The state of a thread's root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootState {
    pub id: Uuid,
    /// Its replies. `None` if there are none.
    pub replies: Option<Replies>,
}

impl Rest {
    /// A page of at most `limit` (1 to 100) replies to a message.
    pub async fn thread(&self, root: Uuid, part: History, limit: u32) -> Result<Vec<Message>, Error> {
        self.get(&format!("messages/{root}/thread/?limit={limit}{}", part.parameter())).await
    }

    /// Like [`history`](Self::history), without the replies in threads.
    pub async fn history_outside_threads(
        &self,
        group: Uuid,
        part: History,
        limit: u32,
    ) -> Result<Vec<Message>, Error> {
        let part = part.parameter();
        self.get(&format!("groups/{group}/messages/?thread=none&limit={limit}{part}")).await
    }
}

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
    /// The date of the newest.
    pub last: String,
    /// The newest different authors, newest first, at most 3.
    pub names: Vec<String>,
}

/// The root of a reply, as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootState {
    /// The root.
    pub id: Uuid,
    /// The replies to it; none if none stands.
    pub replies: Option<Replies>,
}

impl Rest {
    /// One page of the replies to a message, of at most `limit` (1 to 100).
    pub async fn thread(&self, root: Uuid, part: History, limit: u32) -> Result<Vec<Message>, Error> {
        self.get(&format!("messages/{root}/thread/?limit={limit}{}", part.parameter())).await
    }

    /// The same without the replies in threads.
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

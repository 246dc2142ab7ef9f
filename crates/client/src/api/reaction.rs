//! Reactions to messages.

use std::fmt;

use reqwest::Method;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::message::Message;
use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// Emoji, each with the users who have added it, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reactions(pub Vec<(String, ReactionTally)>);

impl Serialize for Reactions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(emoji, tally)| (emoji, tally)))
    }
}

impl<'de> Deserialize<'de> for Reactions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Reactions;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of reactions")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Reactions, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Reactions(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// The users who have added one emoji to a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionTally {
    /// The number of users.
    pub count: u32,
    /// The names of the first users, at most 20.
    pub names: Vec<String>,
    /// Whether the user is one of them. Absent from events that all members receive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mine: Option<bool>,
}

/// A reaction to add or remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct React {
    pub id: Uuid,
    /// An emoji, or a name between colons.
    pub emoji: String,
    /// Whether to add or remove it.
    pub on: bool,
}

/// A reaction that was added or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionChange {
    pub id: Uuid,
    pub group: Uuid,
    pub name: String,
    /// The emoji, or a name between colons.
    pub emoji: String,
    /// Whether it was added or removed.
    pub on: bool,
    /// The users who have this reaction now. The count is 0 if there are none.
    pub reaction: ReactionTally,
}

impl Rest {
    /// Adds or removes a reaction, and returns the message.
    pub async fn react(&self, message: Uuid, emoji: &str, on: bool) -> Result<Message, Error> {
        let method = if on { Method::PUT } else { Method::DELETE };
        let path = format!("messages/{message}/reactions/{}/", encode_segment(emoji));
        self.call::<Message>(method, &path, None::<&()>).await
    }
}

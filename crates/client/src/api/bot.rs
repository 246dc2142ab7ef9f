//! Keys and incoming hooks of bots. Service only.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// A key with which a bot reads or sends in some groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotKey {
    pub id: Uuid,
    /// The groups for which it is valid.
    pub groups: Vec<Uuid>,
    /// Its rights in them: `read`, `send` or both.
    pub may: Vec<String>,
    pub created: String,
    /// The key itself. Present only in the answer that created it.
    pub key: Option<String>,
}

/// An address to which another program posts messages in the name of a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingHook {
    pub id: Uuid,
    /// The group in which the messages are sent.
    pub group: Uuid,
    pub created: String,
    /// The address, or a path if the server does not know its own address. Present only in the answer that
    /// created it.
    pub url: Option<String>,
}

impl Rest {
    /// Creates a key of a bot for these groups. `may` contains `read`, `send` or both.
    pub async fn create_bot_key(&self, bot: &str, groups: &[Uuid], may: &[&str]) -> Result<BotKey, Error> {
        self.post(&path(bot, "keys"), json!({ "groups": groups, "may": may })).await
    }

    /// The keys of a bot, oldest first.
    pub async fn bot_keys(&self, bot: &str) -> Result<Vec<BotKey>, Error> {
        self.get(&path(bot, "keys")).await
    }

    /// Deletes a key of a bot, and closes its sockets.
    pub async fn end_bot_key(&self, bot: &str, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("{}{id}/", path(bot, "keys"))).await
    }

    /// Creates an incoming hook, whose messages a bot sends in a group.
    pub async fn create_hook(&self, bot: &str, group: Uuid) -> Result<IncomingHook, Error> {
        self.post(&path(bot, "hooks"), json!({ "group": group })).await
    }

    /// The incoming hooks of a bot, oldest first.
    pub async fn hooks(&self, bot: &str) -> Result<Vec<IncomingHook>, Error> {
        self.get(&path(bot, "hooks")).await
    }

    /// Deletes an incoming hook of a bot.
    pub async fn end_hook(&self, bot: &str, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("{}{id}/", path(bot, "hooks"))).await
    }
}

fn path(bot: &str, what: &str) -> String {
    format!("users/{}/{what}/", encode_segment(bot))
}

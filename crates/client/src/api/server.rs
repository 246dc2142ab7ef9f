//! The server itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::Error;
use crate::rest::Rest;

/// The features and limits of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The program's version.
    pub version: String,
    /// The id of the history to which numbers belong.
    pub history: Uuid,
    /// Whether anyone may sign up.
    #[serde(default)]
    pub signup: bool,
    /// The limits, by the names of their settings.
    #[serde(default)]
    pub limits: BTreeMap<String, Value>,
    /// All other fields.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

impl Rest {
    /// The server's version, limits and features.
    pub async fn server_info(&self) -> Result<ServerInfo, Error> {
        self.get("server/").await
    }
}

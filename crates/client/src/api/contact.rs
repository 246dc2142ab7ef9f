//! Relations to other users.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::presence::Status;
use super::user::User;
use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// The user's relations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactSummary {
    pub contacts: Vec<String>,
    /// Users that the user has blocked.
    #[serde(rename = "blockeds")]
    pub blocked: Vec<String>,
    /// Users that have blocked the user, if the server shows them.
    pub blocked_by: Vec<String>,
    /// Users that the user has invited.
    pub invitations: Vec<String>,
    /// Users that have invited the user.
    pub invited_by: Vec<String>,
    /// Statuses of the contacts.
    pub presence: BTreeMap<String, Status>,
}

/// A relation that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactUpdate {
    /// The user who changed it.
    pub author: String,
    /// The other user.
    pub name: String,
    /// The new state or the action, as named in the protocol.
    pub operation: String,
}

/// A relation to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContactChange {
    /// The other user.
    pub name: String,
    /// The change.
    pub operation: Change,
}

/// A change of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Invites the other user, or accepts its invitation.
    Invitation,
    /// Accepts the other user's invitation, or invites it.
    Contact,
    /// Declines the other user's invitation.
    Deny,
    /// Ends the relation, or a block.
    Remove,
    /// Blocks the other user.
    Block,
}

impl Rest {
    /// Changes the relation of `author` to another user.
    pub async fn change_contact(&self, author: &str, change: &ContactChange) -> Result<User, Error> {
        let contact = json!({ "author": author, "name": change.name, "operation": change.operation });
        let path = format!("users/{}/", encode_segment(author));
        self.call(Method::PATCH, &path, Some(&json!({ "contact": contact }))).await
    }
}

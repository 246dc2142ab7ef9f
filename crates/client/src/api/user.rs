//! Users and their profiles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::presence::Status;
use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// A user. Users see fewer fields of others than of themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The unique name.
    pub name: String,
    /// The name that people see.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The address of the picture. For an uploaded image, a path on the server.
    #[serde(default)]
    pub avatar: Option<String>,
    /// Your application's own JSON object.
    #[serde(default)]
    pub data: Option<Value>,
    /// `person` or `bot`.
    #[serde(default)]
    pub kind: Option<String>,
    /// `account` or `host`.
    #[serde(default)]
    pub origin: Option<String>,
    /// Visible to the user itself and its contacts.
    #[serde(default)]
    pub status: Option<Status>,
    /// Whether the user is an admin of the server. Visible to the user itself, admins and services.
    #[serde(default)]
    pub admin: Option<bool>,
    /// Its suspension. Visible to the user itself, admins and services.
    #[serde(default)]
    pub suspended: Option<UserSuspension>,
    /// All other fields.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// A suspension of a user. It ends automatically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSuspension {
    /// When it ends.
    pub until: String,
    /// The reason, which the user sees.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The profile of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The name that people see.
    pub display_name: Option<String>,
    /// The address of the picture. For an uploaded image, a path on the server.
    pub avatar: Option<String>,
    /// The host application's own object.
    pub data: Option<serde_json::Map<String, serde_json::Value>>,
    /// `person` or `bot`.
    pub kind: String,
}

/// A user whose name or profile changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserUpdate {
    /// The user's name; the old one if it was renamed.
    pub name: String,
    /// The new name of a renamed user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
    /// The profile.
    #[serde(flatten)]
    pub profile: Profile,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserGone {
    pub name: String,
}

impl Rest {
    /// Creates a user. Service only.
    pub async fn create_user(&self, name: &str) -> Result<User, Error> {
        self.post("users/", json!({ "name": name })).await
    }

    /// A user, with all fields that this caller may see.
    pub async fn user(&self, name: &str) -> Result<User, Error> {
        self.get(&format!("users/{}/?fields=__all__", encode_segment(name))).await
    }

    /// Suspends a user, or lifts its suspension. For services and admins.
    pub async fn suspend_user(&self, name: &str, suspension: Option<&UserSuspension>) -> Result<User, Error> {
        self.patch(&format!("users/{}/", encode_segment(name)), json!({ "suspended": suspension })).await
    }

    /// Makes a user an admin of the server, or revokes that. Service only.
    pub async fn set_admin(&self, name: &str, admin: bool) -> Result<User, Error> {
        self.patch(&format!("users/{}/", encode_segment(name)), json!({ "admin": admin })).await
    }

    /// Deletes a user.
    pub async fn delete_user(&self, name: &str) -> Result<(), Error> {
        self.delete(&format!("users/{}/", encode_segment(name))).await
    }

    /// Exports all data of a user as a ZIP. The body of the response is not read yet.
    pub async fn export_user(&self, name: &str) -> Result<reqwest::Response, Error> {
        self.download(&format!("users/{}/export/", encode_segment(name))).await
    }
}

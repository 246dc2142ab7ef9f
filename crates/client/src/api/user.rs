//! Users and their profiles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::presence::Status;
use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// A user. Of others a user sees fewer keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The key.
    pub name: String,
    /// How people see the name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The address of a picture; of an uploaded image its path on the server.
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
    /// Shown of the user itself and of its contacts.
    #[serde(default)]
    pub status: Option<Status>,
    /// Whether it is an admin of the server. Shown to the user itself, admins and services.
    #[serde(default)]
    pub admin: Option<bool>,
    /// Its suspension, shown to the same.
    #[serde(default)]
    pub suspended: Option<UserSuspension>,
    /// Every other key.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// A suspension of a user. It ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSuspension {
    /// The date of its end.
    pub until: String,
    /// The reason, which the user is told.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The profile of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The name that people see.
    pub display_name: Option<String>,
    /// The address of a picture; of an uploaded image its path on the server.
    pub avatar: Option<String>,
    /// The host application's own object.
    pub data: Option<serde_json::Map<String, serde_json::Value>>,
    /// `person` or `bot`.
    pub kind: String,
}

/// A user with another name or another profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserUpdate {
    /// The name, or the old one of a renamed user.
    pub name: String,
    /// The new name of a renamed user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
    /// The profile.
    #[serde(flatten)]
    pub profile: Profile,
}

/// A user who was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserGone {
    /// The name.
    pub name: String,
}

impl Rest {
    /// Makes a user. Service only.
    pub async fn create_user(&self, name: &str) -> Result<User, Error> {
        self.post("users/", json!({ "name": name })).await
    }

    /// A user, with every key that this caller may see.
    pub async fn user(&self, name: &str) -> Result<User, Error> {
        self.get(&format!("users/{}/?fields=__all__", encode_segment(name))).await
    }

    /// Suspends a user, or lifts its suspension. For services and admins.
    pub async fn suspend_user(&self, name: &str, suspension: Option<&UserSuspension>) -> Result<User, Error> {
        self.patch(&format!("users/{}/", encode_segment(name)), json!({ "suspended": suspension })).await
    }

    /// Names a user an admin of the server, or ends that. Service only.
    pub async fn set_admin(&self, name: &str, admin: bool) -> Result<User, Error> {
        self.patch(&format!("users/{}/", encode_segment(name)), json!({ "admin": admin })).await
    }

    /// Deletes a user.
    pub async fn delete_user(&self, name: &str) -> Result<(), Error> {
        self.delete(&format!("users/{}/", encode_segment(name))).await
    }

    /// All data of a user in one ZIP: the answer, whose body is still to be read.
    pub async fn export_user(&self, name: &str) -> Result<reqwest::Response, Error> {
        self.download(&format!("users/{}/export/", encode_segment(name))).await
    }
}

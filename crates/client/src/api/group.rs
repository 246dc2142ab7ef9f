//! Groups.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::entry::Entry;
use super::file::Attachment;
use super::message::Message;
use super::settings::Me;
use crate::error::Error;
use crate::rest::Rest;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Given by the server.
    pub id: Uuid,
    /// `@` for a private group.
    pub name: String,
    /// One name; `admin` for a private group.
    #[serde(default)]
    pub owner: Vec<String>,
    /// Left out of events and windowed summaries of groups of more than 100 members.
    #[serde(default)]
    pub admins: Option<Vec<String>>,
    /// Left out like `admins`.
    #[serde(default)]
    pub members: Option<Vec<String>>,
    /// Members who may only read. Left out like `admins`.
    #[serde(default)]
    pub restricts: Option<Vec<String>>,
    /// The number of users in it.
    #[serde(default)]
    pub members_count: u64,
    /// The description. In the event of a change only where it changed, as `Some`.
    #[serde(default, deserialize_with = "held", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// The address of a picture; of an uploaded image its path on the server.
    #[serde(default)]
    pub avatar: Option<String>,
    /// The host application's own object. In the event of a change only where it changed, as `Some`.
    #[serde(default, deserialize_with = "held", skip_serializing_if = "Option::is_none")]
    pub data: Option<Option<Value>>,
    /// Whether anyone may join.
    #[serde(default)]
    pub open: bool,
    /// The seconds between two messages of one member below admin; 0 for no limit.
    #[serde(default)]
    pub slow: u32,
    /// The days after which its messages are erased; none if the group sets none.
    #[serde(default)]
    pub keep: Option<u32>,
    /// The changes, in the event that tells of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// The banned users, for the owner, the admins and services. Only in answers to GET and PATCH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banned: Option<Vec<String>>,
    /// The newest messages, newest first. Empty in a change of a group.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// The ids of the pinned messages, the most recently pinned first. Left out of a change of a group.
    #[serde(default)]
    pub pins: Option<Vec<Uuid>>,
    /// The last number of its log. Left out of a change of a group.
    #[serde(default)]
    pub head: Option<i64>,
    /// The number of the last message that each member has read, of those who have read any and whose marks the
    /// user may see. Only in groups of at most 100 members, and not in a change of a group.
    #[serde(default)]
    pub reads: Option<BTreeMap<String, i64>>,
    /// The user's own settings of it.
    #[serde(default)]
    pub me: Option<Me>,
    /// The date of the last message that the user has read.
    #[serde(default)]
    pub last_read: Option<String>,
    /// The number of that message.
    #[serde(default)]
    pub last_read_seq: Option<i64>,
    /// Others' messages after it, counted up to 100.
    #[serde(default)]
    pub unread: Option<u32>,
}

impl Group {
    /// Whether the user has yet to accept the group.
    pub fn is_pending(&self) -> bool {
        self.me.as_ref().is_some_and(|me| me.pending)
    }
}

/// Reads a value that may be null, unlike one that is left out.
#[expect(clippy::option_option, reason = "a null differs from a key that is left out")]
fn held<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GroupId {
    /// Its id.
    pub group: Uuid,
}

/// A group to make. A user in two lists gets the higher role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewGroup {
    /// 1 to 200 characters.
    pub name: String,
    /// Its admins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<String>,
    /// Its members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Members who may only read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restricts: Vec<String>,
    /// The owner, where the service makes the group over REST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The description: at most 1,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The id of an uploaded image, or the `https` address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// The host application's own object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Whether anyone may join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// The seconds between two messages of one member below admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<u32>,
    /// The days after which its messages are erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u32>,
}

/// A change of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GroupChange {
    /// The group.
    pub id: Uuid,
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new owner, in a list of one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner: Vec<String>,
    /// Users to make admins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<String>,
    /// Users to make members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Users who may only read from now on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restricts: Vec<String>,
    /// Users to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Users to ban: they cannot join, nor be added. Members among them are removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ban: Vec<String>,
    /// Users whose ban ends, before anybody is added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unban: Vec<String>,
    /// The description: at most 1,000 characters. `Some(None)` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// The id of an uploaded image, or the `https` address of a picture. `Some(None)` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<Option<String>>,
    /// The host application's own object. `Some(None)` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Option<Value>>,
    /// Whether anyone may join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// The seconds between two messages of one member below admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<u32>,
    /// The days after which its messages are erased. `Some(None)` keeps them for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Option<u32>>,
}

/// A private group to open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OpenPrivate {
    /// The other user.
    pub target: String,
    /// A message to send there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Your own id of that message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// An object of yours for that message, at most 4 KiB of compact JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The names of users to mention in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// The files that it carries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

impl Rest {
    /// The caller's groups, with all keys.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.get("groups/?fields=__all__").await
    }

    /// A group, with all keys.
    pub async fn group(&self, id: Uuid) -> Result<Group, Error> {
        self.get(&format!("groups/{id}/?fields=__all__")).await
    }

    /// Makes a group.
    pub async fn create_group(&self, group: &NewGroup) -> Result<Group, Error> {
        self.post("groups/", group).await
    }

    /// Opens the private group with a user, or finds it.
    pub async fn open_private(&self, user: &str) -> Result<Group, Error> {
        self.call(Method::PUT, "private/", Some(&json!({ "user": user }))).await
    }

    /// Changes a group.
    pub async fn update_group(&self, change: &GroupChange) -> Result<Group, Error> {
        self.call(Method::PATCH, &format!("groups/{}/", change.id), Some(change)).await
    }

    /// Deletes a group with all that is in it.
    pub async fn delete_group(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("groups/{id}/")).await
    }
}

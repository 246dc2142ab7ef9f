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
    /// Assigned by the server.
    pub id: Uuid,
    /// `@` for a private group.
    pub name: String,
    /// The owner's name, or `admin` for a private group. Always one name.
    #[serde(default)]
    pub owner: Vec<String>,
    /// Absent from events and windowed summaries of groups with more than 100 members.
    #[serde(default)]
    pub admins: Option<Vec<String>>,
    /// Absent in the same cases as `admins`.
    #[serde(default)]
    pub members: Option<Vec<String>>,
    /// Members who may only read. Absent in the same cases as `admins`.
    #[serde(default)]
    pub restricts: Option<Vec<String>>,
    /// The number of members of all roles.
    #[serde(default)]
    pub members_count: u64,
    /// The description. Set in the event of a change only if it changed, then as `Some`.
    #[serde(default, deserialize_with = "held", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// The address of the picture. For an uploaded image, a path on the server.
    #[serde(default)]
    pub avatar: Option<String>,
    /// The host application's own object. Set in the event of a change only if it changed, then as `Some`.
    #[serde(default, deserialize_with = "held", skip_serializing_if = "Option::is_none")]
    pub data: Option<Option<Value>>,
    /// Whether anyone may join.
    #[serde(default)]
    pub open: bool,
    /// The minimum number of seconds between two messages of a member below admin; 0 for no limit.
    #[serde(default)]
    pub slow: u32,
    /// The days after which messages are erased. `None` if the group has no such setting.
    #[serde(default)]
    pub keep: Option<u32>,
    /// The changes. Only in the event of a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// The members who have not accepted yet. Only in answers to GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Vec<String>>,
    /// The banned users, for the owner, admins and services. Only in answers to GET and PATCH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banned: Option<Vec<String>>,
    /// The newest messages, newest first. Empty in the event of a change.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// The ids of the pinned messages, the most recently pinned first. Absent from the event of a change.
    #[serde(default)]
    pub pins: Option<Vec<Uuid>>,
    /// The last number of its log. Absent from the event of a change.
    #[serde(default)]
    pub head: Option<i64>,
    /// The number of the last message that each member has read. Only for members who have read any message
    /// and whose marks the user may see, in groups of at most 100 members. Absent from the event of a change.
    #[serde(default)]
    pub reads: Option<BTreeMap<String, i64>>,
    /// The user's own settings of the group.
    #[serde(default)]
    pub me: Option<Me>,
    /// The date of the last message that the user has read.
    #[serde(default)]
    pub last_read: Option<String>,
    /// The number of that message.
    #[serde(default)]
    pub last_read_seq: Option<i64>,
    /// Messages of others after that one, counted up to 100.
    #[serde(default)]
    pub unread: Option<u32>,
}

impl Group {
    /// Whether the user has not accepted the group yet.
    pub fn is_pending(&self) -> bool {
        self.me.as_ref().is_some_and(|me| me.pending)
    }
}

/// Distinguishes a null value from an absent one.
#[expect(clippy::option_option, reason = "a null differs from a key that is left out")]
fn held<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GroupId {
    pub group: Uuid,
}

/// A group to create. A user in two lists gets the higher role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewGroup {
    /// 1 to 200 characters.
    pub name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Members who may only read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restricts: Vec<String>,
    /// The owner, if a service creates the group over REST.
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
    /// The minimum number of seconds between two messages of a member below admin; 0 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<u32>,
    /// The days after which messages are erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u32>,
}

/// A change of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GroupChange {
    pub id: Uuid,
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new owner, as a list of one name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner: Vec<String>,
    /// Users to make admins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<String>,
    /// Users to make members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Users to restrict to reading.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restricts: Vec<String>,
    /// Users to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Users to ban: they cannot join or be added. Members among them are removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ban: Vec<String>,
    /// Users whose ban ends. Applied before users are added.
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
    /// The minimum number of seconds between two messages of a member below admin; 0 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<u32>,
    /// The days after which messages are erased. `Some(None)` keeps them forever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Option<u32>>,
}

/// A private group to open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OpenPrivate {
    pub target: String,
    /// A message to send there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Your own id for that message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Your own object for that message, at most 4 KiB of compact JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The names of the users to mention in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Files to attach to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

impl Rest {
    /// The caller's groups, with all fields.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.get("groups/?fields=__all__").await
    }

    /// A group, with all fields.
    pub async fn group(&self, id: Uuid) -> Result<Group, Error> {
        self.get(&format!("groups/{id}/?fields=__all__")).await
    }

    /// Creates a group.
    pub async fn create_group(&self, group: &NewGroup) -> Result<Group, Error> {
        self.post("groups/", group).await
    }

    /// Opens the private group with a user, or returns the existing one.
    pub async fn open_private(&self, user: &str) -> Result<Group, Error> {
        self.call(Method::PUT, "private/", Some(&json!({ "user": user }))).await
    }

    /// Changes a group.
    pub async fn update_group(&self, change: &GroupChange) -> Result<Group, Error> {
        self.call(Method::PATCH, &format!("groups/{}/", change.id), Some(change)).await
    }

    /// Deletes a group and everything in it.
    pub async fn delete_group(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("groups/{id}/")).await
    }
}

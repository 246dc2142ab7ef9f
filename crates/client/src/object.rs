//! Objects of the protocol, as the server shows them. Keys that a later server adds are ignored.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::entry::Entry;

/// A message. Dates are RFC 3339 in UTC with microseconds, so that they sort as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Given by the server.
    pub id: Uuid,
    /// The user's name.
    pub author: String,
    /// Left out of a group's newest messages, which stand in their group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Uuid>,
    /// The date of its commit.
    pub date: String,
    /// The text, to the byte.
    pub body: String,
    /// The message of the same group that it answers.
    pub respond_to: Option<Uuid>,
    /// The number in the group's log.
    pub seq: i64,
    /// The date of the last edit.
    pub edited: Option<String>,
    /// The sender's own id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The names of the mentioned users, after `@all` if everyone is mentioned.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// The reactions by emoji, in order of the first of each.
    #[serde(default)]
    pub reactions: Reactions,
    /// Whether it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// The files that it carries.
    #[serde(default)]
    pub attachments: Vec<File>,
    /// The object of the sender's application.
    #[serde(default)]
    pub data: Option<Box<Value>>,
    /// The root of its thread, if it is a reply.
    #[serde(default)]
    pub thread: Option<Uuid>,
    /// The replies to it, if there are any.
    #[serde(default)]
    pub replies: Option<Replies>,
    /// The root of its thread as it stands. Only in the event of a reply that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RootState>,
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub id: Uuid,
    /// The last part of a path.
    pub name: String,
    /// The media type, as the content shows it.
    #[serde(rename = "type")]
    pub media_type: String,
    /// The length in bytes.
    pub size: u64,
    /// The width of an image in pixels.
    pub width: Option<u32>,
    /// The height of an image in pixels.
    pub height: Option<u32>,
    /// The small picture of an image.
    pub thumbnail: Option<Thumbnail>,
    /// The text that the sender of the message has given instead of it.
    #[serde(default)]
    pub alt: Option<String>,
}

/// A small picture of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Its address, a path from the server's root.
    pub url: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// A `ThumbHash` in base64.
    pub hash: String,
}

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

/// Emoji and the users who have added each, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reactions(pub Vec<(String, ReactionTally)>);

/// The users who have added one emoji to a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionTally {
    /// The number of users.
    pub count: u32,
    /// The names of the first, at most 20.
    pub names: Vec<String>,
    /// Whether the user is one of them. Left out of events that all members receive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mine: Option<bool>,
}

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

/// Reads a value that may be null, unlike one that is left out.
#[expect(clippy::option_option, reason = "a null differs from a key that is left out")]
fn held<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Group {
    /// Whether the user has yet to accept the group.
    pub fn is_pending(&self) -> bool {
        self.me.as_ref().is_some_and(|me| me.pending)
    }
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    pub name: String,
    /// `owner`, `admin`, `member` or `restrict`.
    pub role: String,
    /// The date of joining.
    pub since: String,
    /// The number of the last message read, if the user may see it.
    pub read: Option<i64>,
    /// Whether the member has yet to accept.
    pub pending: bool,
}

/// A group that anyone may join, as users see it who are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGroup {
    /// Given by the server.
    pub id: Uuid,
    /// The rest.
    #[serde(flatten)]
    pub shown: InvitedGroup,
}

/// A group, as it is shown to somebody who may join it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitedGroup {
    /// The name.
    pub name: String,
    /// The description.
    pub description: Option<String>,
    /// The address of a picture; of an uploaded image its path on the server.
    pub avatar: Option<String>,
    /// The number of users in it.
    pub members_count: u64,
}

/// A code with which anyone joins a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// The code.
    pub code: String,
    /// Until when it is good.
    pub expires: String,
    /// The number of users who may still join with it; none for any number.
    pub uses: Option<u32>,
}

/// A user's own settings of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own on the wire")]
pub struct Me {
    /// The messages of which the user wants notifications.
    pub notify: Notify,
    /// The date until which the group is muted.
    pub muted_until: Option<String>,
    /// Whether the group is hidden. Its next message ends that.
    pub hidden: bool,
    /// Whether the group is pinned.
    pub pinned: bool,
    /// Whether the user has marked the group as unread. The next read mark ends that.
    pub marked_unread: bool,
    /// The number of unread messages that mention the user, counted up to 100. 0 in events of settings.
    pub mentioned: u32,
    /// Whether the user has yet to accept the group.
    pub pending: bool,
}

/// The messages of which a user wants notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// All messages.
    #[default]
    All,
    /// Messages that mention the user.
    Mentions,
    /// No messages.
    None,
}

/// Changes of the user's own settings of a group. `None` keeps a setting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MeChange {
    /// The messages of which the user wants notifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// The date until which the group is muted; `Some(None)` ends the muting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Option<String>>,
    /// Whether the group is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
    /// Whether the group is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Whether the group is marked as unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marked_unread: Option<bool>,
}

/// The count of a user's unread messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Unread {
    /// The sum over the user's groups, of which each counts up to 100. Groups that are muted, or have
    /// [`Notify::None`], do not count.
    pub unread: u64,
    /// The sum of those that mention the user, likewise.
    #[serde(default)]
    pub mentioned: u64,
    /// The number of groups that have unread messages.
    pub groups: u64,
}

/// A user. Of others a user sees fewer keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The key.
    pub name: String,
    /// How people see the name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The `https` address of a picture.
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
    /// Every other key.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// How present a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// At the keyboard.
    Online,
    /// Away from it.
    Afk,
    /// Without a socket, or appearing so.
    Disconnected,
}

/// The answer to a sign-in, a sign-up and an issued token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The user.
    pub name: String,
    /// The secret; not shown by `Debug`.
    pub token: String,
    /// The date of its end.
    pub expires: Option<String>,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, expires, .. } = self;
        f.debug_struct("SignIn").field("name", name).field("expires", expires).finish_non_exhaustive()
    }
}

/// A ticket, which opens one WebSocket within 30 s.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The secret; not shown by `Debug`.
    pub ticket: String,
    /// The date of its end.
    pub expires: String,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The features and limits of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The program's version.
    pub version: String,
    /// The id of the history that numbers belong to.
    pub history: Uuid,
    /// Whether anybody may sign up.
    #[serde(default)]
    pub signup: bool,
    /// Limits by the keys of their settings.
    #[serde(default)]
    pub limits: BTreeMap<String, Value>,
    /// Every other key.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

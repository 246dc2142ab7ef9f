//! Events that a client sends.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::object::Status;

/// Declares the events once: the variants, their names on the wire and their data.
macro_rules! client_events {
    ($($(#[$about:meta])* $variant:ident = $name:literal: $data:ty,)*) => {
        /// An event that a client sends.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "type", content = "data")]
        pub enum ClientEvent {
            $($(#[$about])* #[serde(rename = $name)] $variant($data),)*
        }

        impl ClientEvent {
            /// The types of all events.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The type on the wire.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }
        }
    };
}

client_events! {
    /// Sends a message.
    MessageText = "message.text": NewMessage,
    /// Makes or finds the private group with a user, with a first message if one is given.
    MessageFirst = "message.first": OpenPrivate,
    /// Asks for a part of a group's history.
    MessageFetch = "message.fetch": PageRequest,
    /// Moves the user's read mark.
    MessageRead = "message.read": ReadUpTo,
    /// Edits a message.
    MessageUpdate = "message.update": MessageEdit,
    /// Deletes a message.
    MessageDelete = "message.delete": MessageId,
    /// Adds a reaction to a message, or removes it.
    MessageReact = "message.react": ReactionChange,
    /// Pins a message, or unpins it.
    MessagePin = "message.pin": PinChange,
    /// Sets the user's presence on this socket.
    StatusUpdate = "status.update": Presence,
    /// Changes the relation to a user.
    ContactUpdate = "contact.update": ContactChange,
    /// Makes a group.
    GroupCreate = "group.create": NewGroup,
    /// Changes a group.
    GroupUpdate = "group.update": GroupChange,
    /// Leaves a group.
    GroupQuit = "group.quit": GroupId,
    /// Accepts a group that a stranger added the user to.
    GroupAccept = "group.accept": GroupId,
    /// Deletes a group.
    GroupDelete = "group.delete": GroupId,
    /// Shows the other members that the user types.
    TypingStart = "typing.start": GroupId,
    /// Shows the other members that the user stopped.
    TypingStop = "typing.stop": GroupId,
    /// Asks for missed events.
    SyncResume = "sync.resume": Resume,
}

impl ClientEvent {
    /// The frame's text.
    pub fn to_text(&self, reference: Option<&str>) -> String {
        #[derive(Serialize)]
        struct Envelope<'a> {
            #[serde(flatten)]
            event: &'a ClientEvent,
            #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
            reference: Option<&'a str>,
        }
        serde_json::to_string(&Envelope { event: self, reference })
            .expect("texts, numbers and maps with text keys always serialise")
    }

    /// Whether the server answers the sender. Typing is not answered.
    pub fn is_answered(&self) -> bool {
        !matches!(self, Self::TypingStart(_) | Self::TypingStop(_))
    }

    /// Whether it may be sent again when no answer came, since doing it twice is doing it once.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::MessageText(message) => message.client_id.is_some(),
            Self::MessageFirst(first) => first.body.is_none() || first.client_id.is_some(),
            Self::MessageFetch(_)
            | Self::MessageRead(_)
            | Self::MessageReact(_)
            | Self::MessagePin(_)
            | Self::StatusUpdate(_)
            | Self::TypingStart(_)
            | Self::TypingStop(_)
            | Self::SyncResume(_) => true,
            _ => false,
        }
    }

    /// The `client_id` of a message.
    pub(crate) fn client_id(&self) -> Option<&str> {
        match self {
            Self::MessageText(message) => message.client_id.as_deref(),
            Self::MessageFirst(first) => first.client_id.as_deref(),
            _ => None,
        }
    }
}

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewMessage {
    /// The group.
    pub group: Uuid,
    /// 1 to 4096 characters. It may be empty beside files.
    pub body: String,
    /// The message of the same group that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond_to: Option<Uuid>,
    /// The root of its thread, a message of the same group that is no reply itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<Uuid>,
    /// Your own id of it, 1 to 64 characters: repeating it stores one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// An object of yours, at most 4 KiB of compact JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The names of users to mention, or `@all`. The answer has those that are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Files that you uploaded and have not used, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
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

/// A file to attach to a message: `file.id.into()`, or with an alternative text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// The file.
    pub id: Uuid,
    /// A text for those who cannot see or hear it, at most 1,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
}

impl From<Uuid> for Attachment {
    fn from(id: Uuid) -> Self {
        Self { id, alt: None }
    }
}

/// The part of a history to fetch: the newest messages, or those before a number or a date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PageRequest {
    /// The group.
    pub group: Uuid,
    /// Messages with a smaller number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Messages with an earlier date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// 1 to 100; 20 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A read mark to set. It never moves back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReadUpTo {
    /// The group.
    pub group: Uuid,
    /// The number of the last message read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Its date, or a later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// A message's new text or mentions. `None` keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MessageEdit {
    /// The message.
    pub id: Uuid,
    /// 1 to 4096 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The names of users to mention, or `@all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mentions: Option<Vec<String>>,
}

/// A reaction to add or remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReactionChange {
    /// The message.
    pub id: Uuid,
    /// One emoji, or a name between colons.
    pub emoji: String,
    /// Whether to add it.
    pub on: bool,
}

/// A message to pin or to unpin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PinChange {
    /// The message.
    pub id: Uuid,
    /// Whether to pin it.
    pub on: bool,
}

/// A message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MessageId {
    /// Its id.
    pub id: Uuid,
}

/// A group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GroupId {
    /// Its id.
    pub group: Uuid,
}

/// The user's presence on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// `Disconnected` appears offline.
    pub status: Status,
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
    /// Invites the other, or accepts its invitation.
    Invitation,
    /// Accepts the other's invitation, or invites it.
    Contact,
    /// Refuses the other's invitation.
    Deny,
    /// Ends the relation; also ends a block.
    Remove,
    /// Blocks the other.
    Block,
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
}

/// An invite to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NewInvite {
    /// The number of users who may join with it, 1 to 10,000; none for any number.
    pub uses: Option<u32>,
    /// The seconds that it lasts; 7 days if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
}

impl Default for NewInvite {
    /// For one user, and for 7 days.
    fn default() -> Self {
        Self { uses: Some(1), ttl: None }
    }
}

/// The numbers to resume from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Resume {
    /// The last number held, by group.
    pub groups: BTreeMap<Uuid, i64>,
    /// The history that they are numbers of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_has_type_data_and_ref() {
        let group = Uuid::from_u128(1);
        let event = ClientEvent::MessageText(NewMessage { group, body: "hi".into(), ..Default::default() });
        let frame: serde_json::Value = serde_json::from_str(&event.to_text(Some("7"))).unwrap();
        let wanted = serde_json::json!({ "type": "message.text", "data": { "group": group, "body": "hi" }, "ref": "7" });
        assert_eq!(frame, wanted);
        assert!(!event.to_text(None).contains("\"ref\""));
    }

    #[test]
    fn message_is_repeatable_with_a_client_id_only() {
        let mut message = NewMessage::default();
        assert!(!ClientEvent::MessageText(message.clone()).is_repeatable());
        message.client_id = Some("1".into());
        assert!(ClientEvent::MessageText(message).is_repeatable());
        assert!(!ClientEvent::GroupQuit(GroupId::default()).is_repeatable());
    }
}

//! Events that the server sends, and the frames that carry them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error::Refusal;
use crate::object::{Group, Me, Message, ReactionTally, RootState, Status};

/// One text frame of the server's.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The number in the group's log, where the event has one.
    pub seq: Option<i64>,
    /// The `ref` of the request that it answers.
    pub reference: Option<String>,
    /// The history that the numbers in it belong to.
    pub history: Option<Uuid>,
    /// The part that a windowed summary leaves out.
    pub more: Option<More>,
    /// The profiles of users in it by name, as far as they have a display name or an avatar or are bots.
    pub people: BTreeMap<String, Profile>,
    /// The event.
    pub event: ServerEvent,
}

/// The part that a windowed summary leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    /// The number of groups.
    pub groups: u64,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    name: String,
    #[serde(default)]
    seq: Option<i64>,
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    history: Option<Uuid>,
    #[serde(default)]
    more: Option<More>,
    #[serde(default)]
    people: BTreeMap<String, Profile>,
    #[serde(default)]
    code: Option<u16>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl Frame {
    /// Reads a frame's text. An event of a later version is [`ServerEvent::Unknown`].
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let envelope: Envelope<'_> = serde_json::from_str(text)?;
        let Envelope { name, seq, reference, history, more, people, code, data } = envelope;
        let data = data.map_or("null", RawValue::get);
        let event = match code {
            Some(code) => ServerEvent::Error(Refusal::new(code, data, None)),
            None => ServerEvent::parse(name, data)?,
        };
        Ok(Self { seq, reference, history, more, people, event })
    }

    /// The refusal that an error frame carries, else the frame.
    pub fn accepted(self) -> Result<Self, Refusal> {
        match self.event {
            ServerEvent::Error(refusal) => Err(refusal),
            _ => Ok(self),
        }
    }
}

/// Declares the events once: the variants, their names on the wire and their data.
macro_rules! server_events {
    ($($(#[$about:meta])* $variant:ident = $name:literal: $data:ty,)*) => {
        /// An event that the server sends.
        #[derive(Debug, Clone, PartialEq)]
        pub enum ServerEvent {
            $($(#[$about])* $variant($data),)*
            /// A refusal of a request: `error.decode`, `error.type`, `error.data` or `error.handler`.
            Error(Refusal),
            /// An event that this version of the client does not know.
            Unknown {
                /// Its type.
                name: String,
                /// Its data.
                data: Value,
            },
        }

        impl ServerEvent {
            /// The types of all events, errors aside.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The type on the wire; `error` for a refusal.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $name,)*
                    Self::Error(_) => "error",
                    Self::Unknown { name, .. } => name,
                }
            }

            fn parse(name: String, data: &str) -> Result<Self, serde_json::Error> {
                match name.as_str() {
                    $($name => serde_json::from_str(data).map(Self::$variant),)*
                    _ => Ok(Self::Unknown { data: serde_json::from_str(data)?, name }),
                }
            }
        }
    };
}

server_events! {
    /// The first event of a socket: the user's groups.
    GroupSummary = "group.summary": Vec<Group>,
    /// The second event of a socket: the user's relations.
    ContactSummary = "contact.summary": ContactSummary,
    /// How much is unread in the groups that the window leaves out.
    SummaryMore = "summary.more": SummaryMore,
    /// A message was sent.
    MessageText = "message.text": Message,
    /// The part of a history that was asked for.
    MessageFetch = "message.fetch": Page,
    /// A member has read so far.
    MessageRead = "message.read": ReadMark,
    /// A message was edited.
    MessageUpdate = "message.update": Message,
    /// Messages were deleted.
    MessageDelete = "message.delete": Deletion,
    /// A user added a reaction to a message, or removed it.
    MessageReact = "message.react": ReactionChange,
    /// A message was pinned or unpinned.
    MessagePin = "message.pin": PinChange,
    /// A contact, or the user itself, is present or not.
    StatusUpdate = "status.update": StatusUpdate,
    /// A relation changed.
    ContactUpdate = "contact.update": ContactUpdate,
    /// A group was made or changed.
    GroupUpdate = "group.update": Box<Group>,
    /// The user's own settings of a group changed.
    GroupMe = "group.me": GroupSettings,
    /// The user has left a group or was removed: its last event.
    GroupQuit = "group.quit": Left,
    /// A group was deleted.
    GroupDelete = "group.delete": Uuid,
    /// A member began to type.
    TypingStart = "typing.start": Typing,
    /// A member stopped typing.
    TypingStop = "typing.stop": Typing,
    /// A user was renamed, or its profile changed.
    UserUpdate = "user.update": UserUpdate,
    /// A user was deleted.
    UserDelete = "user.delete": UserGone,
    /// All missed events have been sent.
    SyncDone = "sync.done": Synced,
}

impl ServerEvent {
    /// The group that the event belongs to.
    pub fn group(&self) -> Option<Uuid> {
        match self {
            Self::MessageText(message) | Self::MessageUpdate(message) => message.group,
            Self::MessageDelete(deletion) => Some(deletion.group),
            Self::MessageReact(change) => Some(change.group),
            Self::MessagePin(change) => Some(change.group),
            Self::MessageFetch(page) => Some(page.group),
            Self::MessageRead(mark) => Some(mark.group),
            Self::GroupUpdate(group) => Some(group.id),
            Self::GroupMe(settings) => Some(settings.group),
            Self::GroupQuit(left) => Some(left.group),
            Self::GroupDelete(group) => Some(*group),
            Self::TypingStart(typing) | Self::TypingStop(typing) => Some(typing.group),
            _ => None,
        }
    }
}

/// The user's relations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactSummary {
    /// Contacts.
    pub contacts: Vec<String>,
    /// Users whom the user has blocked.
    #[serde(rename = "blockeds")]
    pub blocked: Vec<String>,
    /// Users who have blocked the user, where the server shows them.
    pub blocked_by: Vec<String>,
    /// Users whom the user has invited.
    pub invitations: Vec<String>,
    /// Users who have invited the user.
    pub invited_by: Vec<String>,
    /// Statuses of contacts.
    pub presence: BTreeMap<String, Status>,
}

/// A part of a group's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The user who asked.
    pub author: String,
    /// The group.
    pub group: Uuid,
    /// The date that was asked for.
    pub date: Option<String>,
    /// Messages before that point, newest first.
    pub history: Vec<Message>,
}

/// A read mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMark {
    /// The member. Left out of REST answers.
    #[serde(default)]
    pub author: String,
    /// The group.
    pub group: Uuid,
    /// The date of the last message read.
    pub date: Option<String>,
    /// Its number; 0 before the first.
    pub seq: i64,
}

/// One message that was deleted (`id`, `seq`), or several of a deleted user's (`ids`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The group.
    pub group: Uuid,
    /// The message.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The message's own number, not the deletion's.
    #[serde(default)]
    pub seq: Option<i64>,
    /// The messages.
    #[serde(default)]
    pub ids: Vec<Uuid>,
    /// The root of the message as it stands, if that was a reply.
    #[serde(default)]
    pub root: Option<RootState>,
    /// The roots of the replies among the messages, as they stand.
    #[serde(default)]
    pub roots: Vec<RootState>,
}

/// A reaction that was added or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionChange {
    /// The message.
    pub id: Uuid,
    /// Its group.
    pub group: Uuid,
    /// The user.
    pub name: String,
    /// The emoji, or a name between colons.
    pub emoji: String,
    /// Whether it was added.
    pub on: bool,
    /// The users who have it now; a count of 0 if it is gone.
    pub reaction: ReactionTally,
}

/// A message that was pinned or unpinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinChange {
    /// The message.
    pub id: Uuid,
    /// Its group.
    pub group: Uuid,
    /// The user; none if a service acted in nobody's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it was pinned.
    pub on: bool,
}

/// A count over the groups that a socket's window leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryMore {
    /// Unread messages.
    pub unread: i64,
    /// Those of them that mention the user.
    #[serde(default)]
    pub mentioned: i64,
}

/// A user's presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The user.
    pub author: String,
    /// Its status over all of its sockets.
    pub status: Status,
}

/// A relation that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactUpdate {
    /// The user who changed it.
    pub author: String,
    /// The other user.
    pub name: String,
    /// The state or the action, in the protocol's words.
    pub operation: String,
}

/// The user's own settings of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSettings {
    /// The group.
    pub group: Uuid,
    /// The settings.
    #[serde(flatten)]
    pub me: Me,
}

/// A user who left a group or was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The group.
    pub group: Uuid,
    /// The user.
    pub name: String,
}

/// A member who types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// The member.
    pub author: String,
    /// The group.
    pub group: Uuid,
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

/// A user who was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserGone {
    /// The name.
    pub name: String,
}

/// The end of a resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// The last number of each group that was resumed.
    pub groups: BTreeMap<Uuid, i64>,
    /// The groups that were not, with the reason: `seq_ahead`, `not_found`, `pending`, `too_far` or
    /// `history_changed`.
    pub refused: BTreeMap<Uuid, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_event_keeps_its_type_and_data() {
        let frame = Frame::parse(r#"{"type":"reaction.add","seq":4,"data":{"emoji":"x"}}"#).unwrap();
        let ServerEvent::Unknown { name, data } = &frame.event else { panic!("{frame:?}") };
        assert_eq!((name.as_str(), &data["emoji"], frame.seq), ("reaction.add", &Value::from("x"), Some(4)));
        assert_eq!(frame.event.name(), "reaction.add");
    }

    #[test]
    fn error_frame_is_a_refusal_with_its_wait() {
        let text =
            r#"{"type":"error.data","code":429,"data":{"detail":"too many","retry_after":3},"ref":"7"}"#;
        let frame = Frame::parse(text).unwrap();
        assert_eq!(frame.reference.as_deref(), Some("7"));
        let refusal = frame.accepted().unwrap_err();
        assert_eq!((refusal.status, refusal.retry_after.map(|wait| wait.as_secs())), (429, Some(3)));
    }

    #[test]
    fn group_delete_is_a_plain_id() {
        let id = Uuid::from_u128(9);
        let frame = Frame::parse(&format!(r#"{{"type":"group.delete","seq":2,"data":"{id}"}}"#)).unwrap();
        assert_eq!(frame.event, ServerEvent::GroupDelete(id));
        assert_eq!(frame.event.group(), Some(id));
    }

    #[test]
    fn text_that_is_no_frame_is_an_error() {
        for text in ["", "[]", "{}", r#"{"type":7}"#, r#"{"type":"message.text","data":{}}"#] {
            assert!(Frame::parse(text).is_err(), "{text}");
        }
    }
}

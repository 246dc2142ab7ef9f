//! Events from the server, and the frames that carry them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::api::{
    ContactSummary, ContactUpdate, Deletion, Group, GroupSettings, Left, Message, More, Page, PinChange,
    Profile, ReactionChange, ReadMark, StatusUpdate, SummaryMore, Synced, Typing, UserGone, UserUpdate,
};
use crate::error::Refusal;

/// A text frame from the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The number in the group's log, if the event has one.
    pub seq: Option<i64>,
    /// The `ref` of the request that it answers.
    pub reference: Option<String>,
    /// The history to which its numbers belong.
    pub history: Option<Uuid>,
    /// The part that a windowed summary does not contain.
    pub more: Option<More>,
    /// The profiles of the users in it, by name. Contains bots, and users with a display name or an avatar.
    pub people: BTreeMap<String, Profile>,
    pub event: ServerEvent,
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
    /// Parses a frame. An event of a later version becomes [`ServerEvent::Unknown`].
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

    /// The frame, or the refusal if it is an error frame.
    pub fn accepted(self) -> Result<Self, Refusal> {
        match self.event {
            ServerEvent::Error(refusal) => Err(refusal),
            _ => Ok(self),
        }
    }
}

/// Declares all events: variants, names on the wire, and data.
macro_rules! server_events {
    ($($(#[$about:meta])* $variant:ident = $name:literal: $data:ty,)*) => {
        /// An event from the server to a client.
        #[derive(Debug, Clone, PartialEq)]
        pub enum ServerEvent {
            $($(#[$about])* $variant($data),)*
            /// A refusal of a request: `error.decode`, `error.type`, `error.data` or `error.handler`.
            Error(Refusal),
            /// An event that this version of the client does not support.
            Unknown {
                /// Its type.
                name: String,
                /// Its data.
                data: Value,
            },
        }

        impl ServerEvent {
            /// The types of all events except errors.
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
    /// The unread messages in the groups that are not in the window.
    SummaryMore = "summary.more": SummaryMore,
    /// A message was sent.
    MessageText = "message.text": Message,
    /// The requested page of a history.
    MessageFetch = "message.fetch": Page,
    /// A member has moved its read mark.
    MessageRead = "message.read": ReadMark,
    /// A message was edited.
    MessageUpdate = "message.update": Message,
    /// Messages were deleted.
    MessageDelete = "message.delete": Deletion,
    /// A user added or removed a reaction.
    MessageReact = "message.react": ReactionChange,
    /// A message was pinned or unpinned.
    MessagePin = "message.pin": PinChange,
    /// The status of a contact, or of the user itself.
    StatusUpdate = "status.update": StatusUpdate,
    /// A relation changed.
    ContactUpdate = "contact.update": ContactUpdate,
    /// A group was created or changed.
    GroupUpdate = "group.update": Box<Group>,
    /// The user's own settings of a group changed.
    GroupMe = "group.me": GroupSettings,
    /// The user left a group or was removed. The last event of the group.
    GroupQuit = "group.quit": Left,
    /// A group was deleted.
    GroupDelete = "group.delete": Uuid,
    /// A member started typing.
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

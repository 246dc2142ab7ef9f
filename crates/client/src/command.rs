//! Events from a client to the server.

use serde::Serialize;

use crate::api::{
    ContactChange, GroupChange, GroupId, MessageEdit, MessageId, NewGroup, NewMessage, OpenPrivate,
    PageRequest, Pin, Presence, React, ReadUpTo, Resume,
};

/// Declares all events: variants, names on the wire, and data.
macro_rules! client_events {
    ($($(#[$about:meta])* $variant:ident = $name:literal: $data:ty,)*) => {
        /// An event from a client to the server.
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
    /// Opens the private group with a user or returns the existing one, and sends a first message if given.
    MessageFirst = "message.first": OpenPrivate,
    /// Requests a page of a group's history.
    MessageFetch = "message.fetch": PageRequest,
    /// Moves the user's read mark.
    MessageRead = "message.read": ReadUpTo,
    /// Edits a message.
    MessageUpdate = "message.update": MessageEdit,
    /// Deletes a message.
    MessageDelete = "message.delete": MessageId,
    /// Adds or removes a reaction.
    MessageReact = "message.react": React,
    /// Pins or unpins a message.
    MessagePin = "message.pin": Pin,
    /// Sets the user's status on this socket.
    StatusUpdate = "status.update": Presence,
    /// Changes the relation to a user.
    ContactUpdate = "contact.update": ContactChange,
    /// Creates a group.
    GroupCreate = "group.create": NewGroup,
    /// Changes a group.
    GroupUpdate = "group.update": GroupChange,
    /// Leaves a group.
    GroupQuit = "group.quit": GroupId,
    /// Accepts a group to which a stranger has added the user.
    GroupAccept = "group.accept": GroupId,
    /// Deletes a group.
    GroupDelete = "group.delete": GroupId,
    /// Shows the other members that the user is typing.
    TypingStart = "typing.start": GroupId,
    /// Shows the other members that the user has stopped typing.
    TypingStop = "typing.stop": GroupId,
    /// Requests missed events.
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

    /// Whether the server answers this event. Typing events have no answer.
    pub fn is_answered(&self) -> bool {
        !matches!(self, Self::TypingStart(_) | Self::TypingStop(_))
    }

    /// Whether the event can be sent again after a lost connection, because it is idempotent.
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

    /// The `client_id` of a message, if any.
    pub(crate) fn client_id(&self) -> Option<&str> {
        match self {
            Self::MessageText(message) => message.client_id.as_deref(),
            Self::MessageFirst(first) => first.client_id.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

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

//! The declaration of a server event: its name, numbering, data and documentation in one type.
//! [`events`](super::events) declares and lists the events; frames, the AsyncAPI document and the table in
//! `docs/protocol.md` are generated from that list.

use std::collections::BTreeMap;

use chinwag_core::app::resume::Refusal;
use chinwag_core::group_settings::Notify;
use chinwag_core::limits::{CARDS, MAX_DELETED_PER_ENTRY, NAME_CHARS};
use chinwag_core::presence::Status;
use chinwag_core::profile::UserKind;
use chinwag_core::relation::Outcome;
use chinwag_core::{Date, Name};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::avatar::AvatarUrl;
use super::key::{HEADS, nullable};
use super::message::{Message, RootState};
use super::object::ContactStatuses;
use super::text::text;

pub trait ServerEvent {
    /// Its `type`.
    const NAME: &'static str;
    /// Its meaning, in Markdown, for the AsyncAPI document and the table of `docs/protocol.md`.
    const ABOUT: &'static str;
    /// Whether it has a number in its group's log.
    const NUMBERED: Numbered;

    /// The schema of its `data`.
    fn data() -> Value;

    /// Adds keys beside `data` to the schema of the frame.
    fn beside(_frame: &mut Value) {}
}

/// Whether an event has a number in its group's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    Never,
    /// Unless it answers that nothing has changed.
    Changed,
    Always,
}

/// A server event in the list of all events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerEventEntry {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) numbered: Numbered,
    pub(crate) data: fn() -> Value,
    pub(crate) beside: fn(&mut Value),
}

impl ServerEventEntry {
    pub(crate) const fn of<E: ServerEvent>() -> Self {
        Self { name: E::NAME, about: E::ABOUT, numbered: E::NUMBERED, data: E::data, beside: E::beside }
    }
}

/// The type of a value in an event.
pub(crate) trait EventValue {
    fn schema() -> Value;

    /// The schema if the key is optional: null is excluded.
    fn present() -> Value {
        Self::schema()
    }

    /// The value in its serialized form.
    fn written(&self) -> impl Serialize;

    /// Whether the key is omitted, if it is optional.
    fn is_absent(&self) -> bool {
        false
    }
}

/// Declares a server event: its meaning, `type` and numbering, and either the keys of its `data` with their meanings,
/// or the REST object that it contains. A key marked `[maybe]` is optional; of those marked `[either]`, at least one
/// is present.
macro_rules! server_event {
    (
        $(#[doc = $about:literal])+
        $name:literal, $numbered:ident $(, $beside:ident)?
        pub struct $event:ident $(<$life:lifetime>)? {
            $($(#[doc = $meaning:literal])+ $key:ident $([$presence:ident])?: $type:ty,)+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        pub struct $event $(<$life>)? {
            $($(#[doc = $meaning])+ pub $key: $type,)+
        }

        impl $(<$life>)? crate::wire::server_event::ServerEvent for $event $(<$life>)? {
            const NAME: &'static str = $name;
            const ABOUT: &'static str = concat!($($about),+);
            const NUMBERED: Numbered = Numbered::$numbered;

            fn data() -> serde_json::Value {
                use crate::wire::server_event::{DataKey, EventValue, KeyPresence, keys};
                keys(&[$({
                    let presence = [$(KeyPresence::$presence,)? KeyPresence::Always][0];
                    let schema = <$type as EventValue>::schema;
                    let present = <$type as EventValue>::present;
                    let schema = if presence == KeyPresence::Always { schema() } else { present() };
                    DataKey { name: stringify!($key), about: concat!($($meaning),+), presence, schema }
                }),+])
            }

            $(fn beside(frame: &mut serde_json::Value) {
                $beside(frame);
            })?
        }

        impl $(<$life>)? serde::Serialize for $event $(<$life>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use crate::wire::server_event::EventValue;
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(None)?;
                $(if !server_event!(@absent self.$key $(, $presence)?) {
                    map.serialize_entry(stringify!($key), &self.$key.written())?;
                })+
                map.end()
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        $name:literal, $numbered:ident $(, $beside:ident)?
        pub struct $event:ident $(<$life:lifetime>)? ($type:ty) as $object:literal;
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, serde::Serialize)]
        #[serde(transparent)]
        pub struct $event $(<$life>)? (pub $type);

        impl $(<$life>)? crate::wire::server_event::ServerEvent for $event $(<$life>)? {
            const NAME: &'static str = $name;
            const ABOUT: &'static str = concat!($($about),+);
            const NUMBERED: Numbered = Numbered::$numbered;

            fn data() -> serde_json::Value {
                crate::wire::server_event::object($object)
            }

            $(fn beside(frame: &mut serde_json::Value) {
                $beside(frame);
            })?
        }
    };
    (@absent $value:expr) => { false };
    (@absent $value:expr, $presence:ident) => { $value.is_absent() };
}

pub(crate) use server_event;

/// A key of an event's `data`, for the schema.
pub(crate) struct DataKey {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) presence: KeyPresence,
    pub(crate) schema: Value,
}

/// Whether a key is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "the declarations name them in lower case")]
pub(crate) enum KeyPresence {
    Always,
    /// It is optional.
    maybe,
    /// At least one of these keys is present.
    either,
}

/// The schema of an object with these keys.
pub(crate) fn keys(keys: &[DataKey]) -> Value {
    let with = |presence| -> Vec<&str> {
        keys.iter().filter(|key| key.presence == presence).map(|key| key.name).collect()
    };
    let property = |key: &DataKey| {
        let mut schema = key.schema.clone();
        schema["description"] = key.about.trim().into();
        (key.name.to_owned(), schema)
    };
    let properties: Map<_, _> = keys.iter().map(property).collect();
    let required = with(KeyPresence::Always);
    let mut schema = json!({"type": "object", "required": required, "properties": properties});
    let either = with(KeyPresence::either);
    if !either.is_empty() {
        schema["anyOf"] = either.iter().map(|key| json!({"required": [key]})).collect();
    }
    schema
}

/// A reference to the schema of a REST object.
pub(crate) fn object(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Adds the key `history`, for events with numbers from which a client may resume.
pub(crate) fn history(frame: &mut Value) {
    let about = "The id of the store's history, another after each restore: keep it with the numbers, and \
                 send it with `sync.resume`.";
    frame["properties"]["history"] = json!({"type": "string", "format": "uuid", "description": about});
    frame["required"] = json!(["type", "data", "history"]);
}

/// Adds the key `people`: the profiles of the users in the event.
pub(crate) fn people(frame: &mut Value) {
    let maybe = nullable(String::schema());
    let card = json!({
        "type": "object",
        "required": ["display_name", "avatar", "kind"],
        "properties": {"display_name": maybe, "avatar": maybe, "kind": UserKind::schema()},
    });
    frame["properties"]["people"] = json!({
        "type": "object",
        "maxProperties": CARDS,
        "additionalProperties": card,
        "description": "The profiles by name of the messages' authors and of the other users of private groups, as far \
                        as they have a display name or an avatar or are bots. Left out where it would be empty.",
    });
}

/// Adds `history` and `people`.
pub(crate) fn history_and_people(frame: &mut Value) {
    history(frame);
    people(frame);
}

fn by_group(schema: &Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": {"format": "uuid"},
        "maxProperties": HEADS,
        "additionalProperties": schema,
    })
}

/// The reasons why parts of a resume were refused: by group, or under `since` for the client's point.
#[derive(Debug)]
pub struct ResumeRefusals(pub BTreeMap<String, &'static str>);

fn refusals_schema() -> Value {
    let mut schema = by_group(&Refusal::schema());
    schema["propertyNames"] = json!({"anyOf": [{"format": "uuid"}, {"const": "since"}]});
    schema["maxProperties"] = (HEADS + 1).into();
    schema
}

/// A date in its serialized form.
struct WrittenDate(Date);

impl Serialize for WrittenDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text(&self.0, serializer)
    }
}

/// Implements [`EventValue`] by a schema and the serialized form of the value.
macro_rules! event_value {
    ($($type:ty, $schema:expr, $value:ident => $written:expr;)+) => {
        $(impl $crate::wire::server_event::EventValue for $type {
            fn schema() -> serde_json::Value {
                $schema
            }

            fn written(&self) -> impl serde::Serialize {
                let $value = self;
                $written
            }
        })+
    };
}

event_value! {
    Uuid, json!({"type": "string", "format": "uuid"}), id => id;
    Vec<Uuid>, json!({"type": "array", "items": Uuid::schema(), "maxItems": MAX_DELETED_PER_ENTRY}), ids => ids;
    &Name, json!({"type": "string", "minLength": 1, "maxLength": NAME_CHARS}), name => name.as_str();
    Date, json!({"type": "string", "format": "date-time"}), date => WrittenDate(*date);
    &RawValue, json!({"type": "object"}), data => data;
    UserKind, json!({"type": "string", "enum": UserKind::ALL.map(UserKind::as_str)}), kind => kind.as_str();
    // A number in a group's log.
    i64, json!({"type": "integer", "format": "int64", "minimum": 0}), seq => seq;
    u64, json!({"type": "integer", "minimum": 0}), count => count;
    bool, json!({"type": "boolean"}), flag => flag;
    &str, json!({"type": "string"}), text => text;
    AvatarUrl<'_>, json!({"type": "string"}), avatar => avatar;
    RootState<'_>, object("RootState"), root => root;
    Vec<RootState<'_>>, json!({"type": "array", "items": object("RootState"), "maxItems": MAX_DELETED_PER_ENTRY}), roots => roots;
    Status, json!({"type": "string", "enum": Status::ALL.map(Status::as_str)}), status => status.as_str();
    Notify, json!({"type": "string", "enum": Notify::ALL.map(Notify::as_str)}), notify => notify.as_str();
    Outcome, json!({"type": "string", "enum": Outcome::ALL.map(Outcome::as_str)}), outcome => outcome.as_str();
    Refusal, json!({"type": "string", "enum": Refusal::ALL.map(Refusal::as_str)}), refusal => refusal.as_str();
    ContactStatuses<'_>, json!({"type": "object", "additionalProperties": Status::schema()}), all => all;
    Vec<Message<'_>>, json!({"type": "array", "items": object("Message")}), messages => messages;
    BTreeMap<Uuid, i64>, by_group(&i64::schema()), heads => heads;
    ResumeRefusals, refusals_schema(), refusals => &refusals.0;
    String, json!({"type": "string"}), text => text;
}

pub(crate) use event_value;

impl<T: EventValue> EventValue for Option<T> {
    fn schema() -> Value {
        nullable(T::schema())
    }

    fn present() -> Value {
        T::schema()
    }

    fn written(&self) -> impl Serialize {
        self.as_ref().map(T::written)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

//! The declaration of a server event: its name, numbering, data and documentation in one type.
//! [`events`](super::events) declares and lists them; frames and the AsyncAPI document are made from that list.

use std::collections::BTreeMap;

use chinwag_core::app::resume::Refusal;
use chinwag_core::limits::{DELETED_TOGETHER, NAME_CHARS};
use chinwag_core::presence::Status;
use chinwag_core::relation::Outcome;
use chinwag_core::{Date, Name};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::key::HEADS;
use super::object::{ContactStatuses, Message, text};

/// An event that the server sends.
pub trait ServerEvent {
    /// Its `type`.
    const NAME: &'static str;
    /// Its meaning, for the AsyncAPI document.
    const ABOUT: &'static str;
    /// Whether it has a number of its group's log.
    const NUMBERED: Numbered;

    /// The schema of its `data`.
    fn data() -> Value;

    /// Adds the keys of its frame beside `data` to the schema of the frame.
    fn beside(_frame: &mut Value) {}
}

/// Whether an event has the number that its group's log gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    Never,
    /// Unless it is an answer that nothing has changed.
    Changed,
    Always,
}

/// A server event as an entry of the list of all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerEventEntry {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) numbered: Numbered,
    pub(crate) data: fn() -> Value,
    pub(crate) beside: fn(&mut Value),
}

impl ServerEventEntry {
    pub(super) const fn of<E: ServerEvent>() -> Self {
        Self { name: E::NAME, about: E::ABOUT, numbered: E::NUMBERED, data: E::data, beside: E::beside }
    }
}

/// The type of a key of an event.
pub(super) trait EventValue {
    /// Its schema.
    fn schema() -> Value;

    /// Its schema where the key may be left out: not null.
    fn present() -> Value {
        Self::schema()
    }

    /// The value as it is written.
    fn written(&self) -> impl Serialize;

    /// Whether the key is left out, if it may be.
    fn is_absent(&self) -> bool {
        false
    }
}

/// Declares a server event: its meaning, `type` and numbering, and either the keys of its `data` with their
/// meanings, or the REST object that it is. A key marked `[maybe]` may be left out; of those marked
/// `[either]`, at least one is present.
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
        $name:literal, $numbered:ident
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
        }
    };
    (@absent $value:expr) => { false };
    (@absent $value:expr, $presence:ident) => { $value.is_absent() };
}

pub(super) use server_event;

/// A key of an event's `data`, for its schema.
pub(super) struct DataKey {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) presence: KeyPresence,
    pub(super) schema: Value,
}

/// Whether a key is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "the declarations name them in lower case")]
pub(super) enum KeyPresence {
    Always,
    /// It may be left out.
    maybe,
    /// At least one of the keys marked so is present.
    either,
}

/// The schema of an object with these keys.
pub(super) fn keys(keys: &[DataKey]) -> Value {
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

/// Refers to the schema of a REST object.
pub(crate) fn object(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Adds the key `history`: a client may resume from the numbers in the event.
pub(super) fn history(frame: &mut Value) {
    let about = "The name of the store's numbers, another after each restore: keep it with them, and \
                 send it with `sync.resume`.";
    frame["properties"]["history"] = json!({"type": "string", "format": "uuid", "description": about});
    frame["required"] = json!(["type", "data", "history"]);
}

fn by_group(schema: &Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": {"format": "uuid"},
        "maxProperties": HEADS,
        "additionalProperties": schema,
    })
}

/// A value that is written by its `Display`.
struct AsText<T>(T);

impl Serialize for AsText<Date> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text(&self.0, serializer)
    }
}

/// Implements [`EventValue`]: the schema, and the value as it is written.
macro_rules! event_value {
    ($($type:ty, $schema:expr, $value:ident => $written:expr;)+) => {
        $(impl EventValue for $type {
            fn schema() -> Value {
                $schema
            }

            fn written(&self) -> impl Serialize {
                let $value = self;
                $written
            }
        })+
    };
}

const OUTCOMES: [&str; 5] = ["invitation", "contact", "deny", "remove", "block"];
const REFUSALS: [&str; 5] = ["seq_ahead", "not_found", "too_far", "history_changed", "pending"];

event_value! {
    Uuid, json!({"type": "string", "format": "uuid"}), id => id;
    Vec<Uuid>, json!({"type": "array", "items": Uuid::schema(), "maxItems": DELETED_TOGETHER}), ids => ids;
    &Name, json!({"type": "string", "minLength": 1, "maxLength": NAME_CHARS}), name => name.as_str();
    Date, json!({"type": "string", "format": "date-time"}), date => AsText(*date);
    // A number of a group's log.
    i64, json!({"type": "integer", "format": "int64", "minimum": 0}), seq => seq;
    u64, json!({"type": "integer", "minimum": 0}), count => count;
    bool, json!({"type": "boolean"}), flag => flag;
    Status, json!({"type": "string", "enum": ["online", "afk", "disconnected"]}), status => status.as_str();
    Outcome, json!({"type": "string", "enum": OUTCOMES}), outcome => outcome.as_str();
    Refusal, json!({"type": "string", "enum": REFUSALS}), refusal => refusal.as_str();
    ContactStatuses<'_>, json!({"type": "object", "additionalProperties": Status::schema()}), all => all;
    Vec<Message<'_>>, json!({"type": "array", "items": object("Message")}), messages => messages;
    BTreeMap<Uuid, i64>, by_group(&i64::schema()), heads => heads;
    BTreeMap<Uuid, &'static str>, by_group(&Refusal::schema()), refusals => refusals;
}

impl<T: EventValue> EventValue for Option<T> {
    fn schema() -> Value {
        let mut schema = T::schema();
        schema["type"] = json!([schema["type"], "null"]);
        schema
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

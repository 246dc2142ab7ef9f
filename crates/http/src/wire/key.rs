//! Descriptions of payload keys: name, schema, presence and meaning. The parsers use them, and the OpenAPI and
//! AsyncAPI documents, the tables of `docs/protocol.md` and the tests are generated from them.

use serde_json::{Map, Value, json};

/// The maximum number of names in a list.
pub const NAMES: usize = 10_000;
/// The maximum number of groups in all parts of one `sync.resume` together.
pub const HEADS: usize = 10_000;
/// The maximum number of groups in one frame of a `sync.resume`.
pub const HEADS_AT_ONCE: usize = 1000;

/// One key of a payload.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// An alias that events may use.
    pub alias: Option<&'static str>,
    /// The meaning of its value, as a sentence.
    pub about: &'static str,
    /// The JSON schema of its values.
    pub schema: fn() -> Value,
    /// Whether it may be absent.
    pub need: Need,
    /// Whether events ignore it, since the server sets it there.
    pub rest_only: bool,
    /// Whether it names the user who makes the changes in the other keys. At least one of those must be present,
    /// possibly null.
    pub is_actor: bool,
}

/// Whether a key may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It is required.
    Required,
    /// It may be absent or null.
    Optional,
    /// It may be absent, but not null.
    NotNull,
    /// At least one of these keys is required.
    OneOf,
    /// As `OneOf`, for a key whose value may be null.
    OneOfOrNull,
}

impl Need {
    /// Whether the key belongs to a set of which one is required.
    pub fn is_one_of(self) -> bool {
        matches!(self, Self::OneOf | Self::OneOfOrNull)
    }
}

/// The transports, as far as payloads differ between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A request's body.
    Rest,
    /// An event's `data`.
    Event,
}

impl Key {
    /// A key with the same name in both transports.
    pub const fn new(name: &'static str, about: &'static str, schema: fn() -> Value, need: Need) -> Self {
        Self { name, alias: None, about, schema, need, rest_only: false, is_actor: false }
    }

    /// Adds an alias for events.
    #[must_use]
    pub const fn or(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    /// Makes it one of several keys of which one is required.
    #[must_use]
    pub const fn one_of(self) -> Self {
        Self { need: Need::OneOf, ..self }
    }

    /// Like [`Key::one_of`], for a key whose value may be null.
    #[must_use]
    pub const fn one_of_or_null(self) -> Self {
        Self { need: Need::OneOfOrNull, ..self }
    }

    /// Marks it as the user who makes the changes in the other keys.
    #[must_use]
    pub const fn actor(self) -> Self {
        Self { is_actor: true, ..self }
    }

    /// Makes events ignore it.
    #[must_use]
    pub const fn rest_only(self) -> Self {
        Self { rest_only: true, ..self }
    }
}

/// The JSON schema of an object with these keys, for one transport.
pub fn schema<'k>(keys: impl IntoIterator<Item = &'k Key>, transport: Transport) -> Value {
    let mut properties = Map::new();
    let (mut required, mut one_of) = (Vec::new(), Vec::new());
    let keys: Vec<_> = keys.into_iter().collect();
    let changes =
        changes(keys.iter().copied()).map(|key| json!({"required": [key.name]})).collect::<Vec<_>>();
    for key in keys {
        match transport {
            Transport::Event if key.rest_only => continue,
            Transport::Event if key.alias.is_some() => one_of.extend([Some(key.name), key.alias]),
            _ if key.need == Need::Required => required.push(key.name),
            _ if key.need.is_one_of() => one_of.push(Some(key.name)),
            _ => {}
        }
        properties.insert(key.name.to_owned(), property(key));
        if let Some(alias) = key.alias.filter(|_| transport == Transport::Event) {
            let mut other = property(key);
            other["description"] = format!("Another name for `{}`.", key.name).into();
            properties.insert(alias.to_owned(), other);
        }
    }
    let mut schema = json!({"type": "object", "required": required, "properties": properties});
    if !one_of.is_empty() {
        schema["anyOf"] = one_of.iter().flatten().map(|key| json!({"required": [key]})).collect();
    }
    if !changes.is_empty() {
        schema["allOf"] = json!([{"anyOf": changes}]);
    }
    schema
}

/// The keys that are changes, in payloads that have an [actor](Key::is_actor).
pub fn changes<'k>(keys: impl Iterator<Item = &'k Key> + Clone) -> impl Iterator<Item = &'k Key> + Clone {
    let has_actor = keys.clone().any(|key| key.is_actor);
    keys.filter(move |key| has_actor && !key.is_actor && key.need != Need::Required)
}

fn property(key: &Key) -> Value {
    let mut schema = (key.schema)();
    if matches!(key.need, Need::Optional | Need::OneOfOrNull) {
        schema = nullable(schema);
    }
    schema["description"] = key.about.trim().into();
    schema
}

/// The schema of a value that may also be null.
pub(crate) fn nullable(mut schema: Value) -> Value {
    // A nested payload is a reference, which has no type of its own.
    if schema.get("$ref").is_some() {
        return json!({"oneOf": [schema, {"type": "null"}]});
    }
    if schema.get("type").is_some_and(Value::is_string) {
        schema["type"] = json!([schema["type"], "null"]);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    }
    schema
}

//! Descriptions of a payload's keys: name, type, limits and meaning. The parser reads by them, and the
//! OpenAPI and AsyncAPI documents, the tables of `docs/protocol.md` and the tests are made from them.

use chinwag_core::limits::{
    AVATAR_CHARS, CLIENT_ID_CHARS, DISPLAY_NAME_CHARS, GROUP_NAME_CHARS, HISTORY_PAGE, NAME_CHARS,
    PASSWORD_CHARS,
};
use serde_json::{Map, Value, json};

/// The most names in one list of a payload.
pub const NAMES: usize = 10_000;
/// The most groups that one `sync.resume` names.
pub const HEADS: usize = 10_000;

/// One key of a payload.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Another name that an event may use for it.
    pub alias: Option<&'static str>,
    /// The meaning of its value, a sentence.
    pub about: &'static str,
    /// The values that it takes.
    pub values: Values,
    /// Whether it may be left out.
    pub need: Need,
    /// Whether events ignore it: there the server sets it.
    pub rest_only: bool,
}

/// Whether a key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It is required.
    Required,
    /// It may be left out, or null.
    Optional,
    /// It may be left out. Null is refused.
    NotNull,
    /// At least one of the keys marked so is required.
    OneOf,
}

/// The values that a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// A UUID.
    Id,
    /// A user's name.
    Name,
    /// A list of users' names.
    Names,
    /// A list of one user's name.
    OneName,
    /// A group's name.
    GroupName,
    /// A message's body. Its longest is a setting.
    Body,
    /// The sender's own id of a message.
    ClientId,
    /// A date.
    Date,
    /// A number of a group's log.
    Seq,
    /// The length of a page of messages.
    PageSize,
    /// A status.
    Status,
    /// An operation on a relation.
    Operation,
    /// Numbers of groups' logs by the groups' ids.
    Heads,
    /// True or false.
    Flag,
    /// Any text.
    Text,
    /// A new password.
    Password,
    /// The name that people see.
    DisplayName,
    /// The address of a picture.
    Avatar,
    /// The host application's own object.
    Data,
    /// A person or a bot.
    UserKind,
    /// The users who may do something to a user.
    Allowed,
    /// A number of seconds that a token lasts.
    Lifetime,
    /// Another payload, by the name of its schema.
    Object(&'static str),
}

/// A transport, as far as payloads differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A request's body.
    Rest,
    /// An event's `data`.
    Event,
}

impl Key {
    /// A key of both transports with one name.
    pub const fn new(name: &'static str, about: &'static str, values: Values, need: Need) -> Self {
        Self { name, alias: None, about, values, need, rest_only: false }
    }

    /// The same with another name in events.
    #[must_use]
    pub const fn or(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    /// The same as one of several, of which one is required.
    #[must_use]
    pub const fn one_of(self) -> Self {
        Self { need: Need::OneOf, ..self }
    }

    /// The same, ignored in events.
    #[must_use]
    pub const fn rest_only(self) -> Self {
        Self { rest_only: true, ..self }
    }
}

impl Values {
    fn schema(self) -> Value {
        match self {
            Self::Id => json!({"type": "string", "format": "uuid"}),
            Self::Name => json!({"type": "string", "minLength": 1, "maxLength": NAME_CHARS}),
            Self::Names => json!({"type": "array", "items": Self::Name.schema(), "maxItems": NAMES}),
            Self::OneName => json!({"type": "array", "items": Self::Name.schema(), "maxItems": 1}),
            Self::GroupName => json!({"type": "string", "minLength": 1, "maxLength": GROUP_NAME_CHARS}),
            Self::Body => json!({"type": "string", "minLength": 1}),
            Self::ClientId => json!({"type": "string", "minLength": 1, "maxLength": CLIENT_ID_CHARS}),
            Self::Date => json!({"type": "string", "format": "date-time"}),
            Self::Seq => json!({"type": "integer", "format": "int64", "minimum": 0}),
            Self::PageSize => json!({"type": "integer", "minimum": 1, "maximum": HISTORY_PAGE}),
            Self::Status => json!({"type": "string", "enum": ["online", "afk", "disconnected"]}),
            Self::Operation => json!({"type": "string", "enum": [
                "invitation", "contact", "deny", "remove", "block", "invit", "invite", "unblock", "blocked",
            ]}),
            Self::Heads => json!({
                "type": "object",
                "propertyNames": {"format": "uuid"},
                "maxProperties": HEADS,
                "additionalProperties": Self::Seq.schema(),
            }),
            Self::Flag => json!({"type": "boolean"}),
            Self::Text => json!({"type": "string"}),
            Self::Password => {
                let (least, most) = (PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
                json!({"type": "string", "minLength": least, "maxLength": most})
            }
            Self::DisplayName => json!({"type": "string", "minLength": 1, "maxLength": DISPLAY_NAME_CHARS}),
            Self::Avatar => json!({"type": "string", "format": "uri", "maxLength": AVATAR_CHARS}),
            Self::Data => json!({"type": "object"}),
            Self::UserKind => json!({"type": "string", "enum": ["person", "bot"]}),
            Self::Allowed => json!({"type": "string", "enum": ["anyone", "contacts", "nobody"]}),
            Self::Lifetime => json!({"type": "integer", "minimum": 1, "maximum": 365 * 24 * 3600}),
            Self::Object(name) => json!({"$ref": format!("#/components/schemas/{name}")}),
        }
    }
}

/// The schema of an object with these keys, as one transport takes it.
pub fn schema<'k>(keys: impl IntoIterator<Item = &'k Key>, transport: Transport) -> Value {
    let mut properties = Map::new();
    let (mut required, mut one_of) = (Vec::new(), Vec::new());
    for key in keys {
        match transport {
            Transport::Event if key.rest_only => continue,
            Transport::Event if key.alias.is_some() => one_of.extend([Some(key.name), key.alias]),
            _ if key.need == Need::Required => required.push(key.name),
            _ if key.need == Need::OneOf => one_of.push(Some(key.name)),
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
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = key.values.schema();
    if key.need == Need::Optional && !matches!(key.values, Values::Object(_)) {
        schema["type"] = json!([schema["type"], "null"]);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    }
    schema["description"] = key.about.trim().into();
    schema
}

//! The values of keys: their parsers and schemas. Values that belong to one noun are implemented in that noun's file.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use chinwag_core::file::{ALT_CHARS, ATTACHMENTS, AttachmentList};
use chinwag_core::group_settings::Notify;
use chinwag_core::limits::{AVATAR_CHARS, CLIENT_ID_CHARS, GROUP_NAME_CHARS, NAME_CHARS, PASSWORD_CHARS};
use chinwag_core::mention::{MENTIONS, MentionList};
use chinwag_core::message::{Body, ClientId};
use chinwag_core::password::Password;
use chinwag_core::presence::Status;
use chinwag_core::profile::{Avatar, Data, FieldUpdate, UserKind};
use chinwag_core::relation::Operation;
use chinwag_core::token::TTL;
use chinwag_core::user::Allowed;
use chinwag_core::{Date, GroupId, GroupName, MessageId, Name, Seq};
use serde_json::{Value as Schema, json};

use super::fields::Fields;
use super::json::Value;
use super::payload::KeyValue;
use crate::wire::key::{NAMES, Need};

/// The operations on a relation, with their aliases.
const OPERATIONS: [&str; 9] =
    ["invitation", "contact", "deny", "remove", "block", "invit", "invite", "unblock", "blocked"];

/// A date without an offset, which is in UTC.
const UTC: &str = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?$";

const DATES: [&str; 2] = ["2024-05-12T10:29:16.000949Z", "2024-05-12T10:29:16"];
const MESSAGE: &str = "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e";

/// Implements a required value that is parsed from a text.
macro_rules! from_text {
    ($($type:ty, $read:expr, $schema:tt;)+) => {$(
        impl KeyValue for $type {
            const NEED: Need = Need::Required;

            fn schema() -> Schema {
                json!($schema)
            }

            fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
                let text = fields.text(key)?;
                fields.parsed(key, $read(&text))
            }
        }
    )+};
}

/// Implements an optional value that is parsed from a text. The method of [`Fields`] that reads the text determines
/// how null is treated.
macro_rules! maybe_from_text {
    ($($type:ty, $need:ident, $take:ident, $read:expr, $schema:tt;)+) => {$(
        impl KeyValue for Option<$type> {
            const NEED: Need = Need::$need;

            fn schema() -> Schema {
                json!($schema)
            }

            fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
                let text = fields.$take(key);
                Some(text.and_then(|text| fields.parsed(key, $read(&text))))
            }
        }
    )+};
}

from_text! {
    Name, Name::parse, {"type": "string", "minLength": 1, "maxLength": NAME_CHARS};
    GroupName, GroupName::parse, {"type": "string", "minLength": 1, "maxLength": GROUP_NAME_CHARS};
    MessageId, MessageId::from_str, {"type": "string", "format": "uuid"};
    GroupId, GroupId::from_str, {"type": "string", "format": "uuid"};
    Date, Date::parse, {"type": "string", "anyOf": [{"format": "date-time"}, {"pattern": UTC}], "examples": DATES};
    Status, read_status, {"type": "string", "enum": Status::ALL.map(Status::as_str)};
    Operation, read_operation, {"type": "string", "enum": OPERATIONS};
    Password, Password::choose, {"type": "string", "minLength": PASSWORD_CHARS.start(), "maxLength": PASSWORD_CHARS.end()};
}

maybe_from_text! {
    Name, Optional, maybe_filled, Name::parse, {"type": "string", "maxLength": NAME_CHARS};
    GroupName, Optional, maybe_text, GroupName::parse, {"type": "string", "minLength": 1, "maxLength": GROUP_NAME_CHARS};
    MessageId, Optional, maybe_filled, MessageId::from_str, {"type": "string", "anyOf": [{"format": "uuid"}, {"maxLength": 0}], "examples": [MESSAGE, ""]};
    ClientId, Optional, maybe_text, ClientId::parse, {"type": "string", "minLength": 1, "maxLength": CLIENT_ID_CHARS};
    Date, Optional, maybe_filled, Date::parse, {"type": "string", "anyOf": [{"format": "date-time"}, {"pattern": UTC}, {"maxLength": 0}], "examples": DATES};
    Allowed, NotNull, filled_text, read_allowed, {"type": "string", "enum": Allowed::ALL.map(Allowed::as_str)};
    Notify, NotNull, filled_text, read_notify, {"type": "string", "enum": Notify::ALL.map(Notify::as_str)};
    UserKind, NotNull, filled_text, read_user_kind, {"type": "string", "enum": UserKind::ALL.map(UserKind::as_str)};
}

fn read_status(text: &str) -> Result<Status, &'static str> {
    Status::parse(text).ok_or("must be online, afk or disconnected")
}

fn read_operation(text: &str) -> Result<Operation, &'static str> {
    Operation::parse(text).ok_or("must be invitation, contact, deny, remove or block")
}

fn read_allowed(text: &str) -> Result<Allowed, &'static str> {
    Allowed::parse(text).ok_or("must be anyone, contacts or nobody")
}

fn read_notify(text: &str) -> Result<Notify, &'static str> {
    Notify::parse(text).ok_or("must be all, mentions or none")
}

fn read_user_kind(text: &str) -> Result<UserKind, &'static str> {
    UserKind::parse(text).ok_or("must be person or bot")
}

/// The body of a message to send. It is required unless the message has files.
pub struct SentBody(pub Body);

impl KeyValue for SentBody {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let body = fields.sent_body(key)?;
        if body.is_none() {
            fields.require(key);
        }
        body.map(Self)
    }
}

/// The optional body of a message to send.
impl KeyValue for Option<SentBody> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        SentBody::schema()
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.sent_body(key)?.map(SentBody))
    }
}

/// The new body of a message, which may be empty or null if the message has files.
impl KeyValue for Option<Body> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        if fields.holds(key) && !fields.has(key) {
            fields.take(key);
            return Some(Some(Body::empty()));
        }
        let text = fields.maybe_text(key);
        Some(text.and_then(|text| fields.body(key, &text)))
    }
}

impl KeyValue for String {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        json!({"type": "string"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        fields.text(key).map(Cow::into_owned)
    }
}

impl KeyValue for Option<String> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.maybe_text(key).map(Cow::into_owned))
    }
}

impl KeyValue for Option<Seq> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "integer", "format": "int64", "minimum": 0})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.maybe_number(key).map(Seq))
    }
}

/// A list of names, which is empty if absent.
impl KeyValue for Vec<Name> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "array", "items": Name::schema(), "maxItems": NAMES})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.names(key))
    }
}

/// Mentions. The list is empty if absent.
impl KeyValue for MentionList {
    const NEED: Need = Need::NotNull;

    fn schema() -> Schema {
        json!({"type": "array", "items": {"type": "string"}, "maxItems": MENTIONS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Option::<Self>::read(fields, key).map(Option::unwrap_or_default)
    }
}

/// Files to attach. The list is empty if absent.
impl KeyValue for AttachmentList {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        let id = json!({"type": "string", "format": "uuid"});
        let alt = json!({"type": ["string", "null"], "maxLength": ALT_CHARS});
        let described = json!({"type": "object", "properties": {"id": id, "alt": alt}, "required": ["id"]});
        let items = json!({"oneOf": [id, described]});
        json!({"type": "array", "items": items, "maxItems": ATTACHMENTS, "uniqueItems": true})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        fields.attachments(key)
    }
}

impl KeyValue for Option<MentionList> {
    const NEED: Need = Need::NotNull;

    fn schema() -> Schema {
        json!({"type": "array", "items": {"type": "string"}, "maxItems": MENTIONS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        fields.mentions(key)
    }
}

/// A flag, which is false if absent.
impl KeyValue for bool {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "boolean"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.flag(key))
    }
}

impl KeyValue for Option<bool> {
    const NEED: Need = Need::NotNull;

    fn schema() -> Schema {
        json!({"type": "boolean"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.maybe_flag(key))
    }
}

/// A required flag.
pub struct Switch(pub bool);

impl KeyValue for Switch {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        json!({"type": "boolean"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let flag = fields.maybe_flag(key);
        if flag.is_none() && !fields.has_refused(key) {
            fields.refuse(key, "is required");
        }
        flag.map(Self)
    }
}

impl KeyValue for FieldUpdate<Date> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        Date::schema()
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.text_update(key, Date::parse))
    }
}

impl KeyValue for FieldUpdate<Avatar> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        let examples = ["https://app.example/a.png", "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e"];
        json!({"type": "string", "maxLength": AVATAR_CHARS, "examples": examples})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.text_update(key, Avatar::parse))
    }
}

impl KeyValue for FieldUpdate<Data> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "object"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.data_update(key))
    }
}

/// The lifetime of a credential, if present.
pub struct Lifetime(pub Option<Duration>);

impl KeyValue for Lifetime {
    const NEED: Need = Need::NotNull;

    fn schema() -> Schema {
        json!({"type": "integer", "minimum": 1, "maximum": 365 * 24 * 3600})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.take(key) {
            None => Some(Self(None)),
            Some(Value::Integer(seconds)) if seconds > 0 => {
                Some(Self(Some(Duration::from_secs(seconds.unsigned_abs()))))
            }
            Some(_) => {
                fields.refuse(key, TTL);
                None
            }
        }
    }
}

//! The small objects of events: which keys they have, and what those hold, as JSON schemas.

use chinwag_core::limits::{DELETED_TOGETHER, NAME_CHARS};
use serde_json::{Map, Value, json};

use crate::wire::key::HEADS;

/// One key of an object: whether it is there, its name, what it holds, what it means.
pub(super) struct Key(
    pub(super) Occurrence,
    pub(super) &'static str,
    pub(super) Holds,
    pub(super) &'static str,
);

/// Whether a key is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurrence {
    Always,
    /// Always, but maybe null.
    Null,
    /// It may be left out.
    Maybe,
    /// At least one of the keys marked so is there, and not null.
    Either,
}

/// The type of a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holds {
    Id,
    Ids,
    Name,
    Date,
    Seq,
    /// A number of things.
    Count,
    Status,
    /// Names and their statuses.
    Statuses,
    Outcome,
    Messages,
    /// Groups' ids and the numbers of their logs.
    Heads,
    /// Groups' ids and why they cannot be resumed.
    Refusals,
    /// Yes or no.
    Flag,
}

impl Holds {
    fn schema(self) -> Value {
        match self {
            Self::Id => json!({"type": "string", "format": "uuid"}),
            Self::Ids => json!({"type": "array", "items": Self::Id.schema(), "maxItems": DELETED_TOGETHER}),
            Self::Name => json!({"type": "string", "minLength": 1, "maxLength": NAME_CHARS}),
            Self::Date => json!({"type": "string", "format": "date-time"}),
            Self::Count => json!({"type": "integer", "minimum": 0}),
            Self::Seq => json!({"type": "integer", "format": "int64", "minimum": 0}),
            Self::Status => json!({"type": "string", "enum": ["online", "afk", "disconnected"]}),
            Self::Statuses => json!({"type": "object", "additionalProperties": Self::Status.schema()}),
            Self::Outcome => {
                json!({"type": "string", "enum": ["invitation", "contact", "deny", "remove", "block"]})
            }
            Self::Messages => json!({"type": "array", "items": object("Message")}),
            Self::Heads => by_group(&Self::Seq.schema()),
            Self::Flag => json!({"type": "boolean"}),
            Self::Refusals => {
                let reasons = ["seq_ahead", "not_found", "too_far", "history_changed", "pending"];
                by_group(&json!({"type": "string", "enum": reasons}))
            }
        }
    }
}

/// Refers to the schema of a REST object.
pub(super) fn object(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An object with these keys.
pub(super) fn keys(keys: &[Key]) -> Value {
    let named = |needs: &[Occurrence]| -> Vec<&str> {
        keys.iter().filter(|key| needs.contains(&key.0)).map(|key| key.1).collect()
    };
    let property = |Key(need, name, holds, about): &Key| {
        let mut schema = holds.schema();
        if *need == Occurrence::Null {
            schema["type"] = json!([schema["type"], "null"]);
        }
        schema["description"] = (*about).into();
        ((*name).to_owned(), schema)
    };
    let properties: Map<_, _> = keys.iter().map(property).collect();
    let mut schema = json!({
        "type": "object",
        "required": named(&[Occurrence::Always, Occurrence::Null]),
        "properties": properties,
    });
    let either = named(&[Occurrence::Either]);
    if !either.is_empty() {
        schema["anyOf"] = either.iter().map(|key| json!({"required": [key]})).collect();
    }
    schema
}

fn by_group(schema: &Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": {"format": "uuid"},
        "maxProperties": HEADS,
        "additionalProperties": schema,
    })
}

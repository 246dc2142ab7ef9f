//! Payloads about relations.

use chinwag_core::Name;
use chinwag_core::app::relation::Relate;
use chinwag_core::rate::Cost;
use chinwag_core::relation::Operation;
use serde_json::{Value as Schema, json};

use super::fields::Fields;
use super::payload::{KeyValue, RestPayload, payload};
use crate::wire::key::Need;

pub(crate) const REST: &[RestPayload] = &[Blocked::REST, ContactPatch::REST];

payload! {
    /// A change of a relation.
    pub struct ContactPatch {
        /// The user whose relation changes: the one of the path, or left out.
        author [rest_only()]: Option<Name>,
        /// The other user.
        name: Name,
        /// The operation. `invit`, `invite`, `unblock` and `blocked` are aliases.
        operation: Operation,
    }
}

payload! {
    /// A sender and a receiver.
    pub struct Blocked {
        /// The sender. A user's own name may be left out.
        author: Option<Lookup>,
        /// The receiver.
        target: Lookup,
    }
}

impl ContactPatch {
    /// The command that changes the relation.
    pub fn command(self) -> Relate {
        Relate { author: self.author, target: self.name, operation: self.operation }
    }
}

/// The cost of a change of a relation. Blocking is never rate limited.
pub fn cost(payload: &[u8]) -> Cost {
    Fields::parse(payload).map_or(Cost::Change, |mut fields| cost_of(&mut fields))
}

/// Like [`cost`], for a change within another payload.
pub(super) fn cost_of(change: &mut Fields<'_>) -> Cost {
    let operation = change.text("operation").and_then(|text| Operation::parse(&text));
    if operation == Some(Operation::Block) { Cost::Block } else { Cost::Change }
}

/// A name to look up; `None` for a text that cannot be a user's name.
#[derive(Debug, Clone)]
pub struct Lookup(pub Option<Name>);

impl Lookup {
    fn of(text: &str) -> Self {
        Self(Name::parse(text).ok())
    }
}

impl KeyValue for Lookup {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        json!({"type": "string"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        fields.text(key).as_deref().map(Self::of)
    }
}

impl KeyValue for Option<Lookup> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.maybe_text(key).as_deref().map(Lookup::of))
    }
}

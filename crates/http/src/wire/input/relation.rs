//! Payloads about relations.

use chinwag_core::Name;
use chinwag_core::app::relation::Relate;
use chinwag_core::rate::Cost;
use chinwag_core::relation::Operation;

use super::fields::Fields;
use super::payload::{RestPayload, payload};
use super::value::Lookup;

/// The payloads of requests about this noun.
pub(super) const REST: &[RestPayload] = &[Blocked::REST, ContactPatch::REST];

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
    /// The command to change the relation.
    pub fn command(self) -> Relate {
        Relate { author: self.author, target: self.name, operation: self.operation }
    }
}

/// The cost of a change of a relation: no limit refuses a block.
pub fn cost(payload: &[u8]) -> Cost {
    let operation = Fields::parse(payload).ok().and_then(|mut fields| fields.text("operation"));
    match operation.and_then(|text| Operation::parse(&text)) {
        Some(Operation::Block) => Cost::Block,
        _ => Cost::Event,
    }
}

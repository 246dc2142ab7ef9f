//! Payloads about relations.

use std::borrow::Cow;

use chinwag_core::app::relation::Relate;
use chinwag_core::rate::Cost;
use chinwag_core::relation::Operation;
use chinwag_core::{Name, Result};

use super::Fields;

/// The question of POST `relations/blocked/`.
#[derive(Debug, Clone)]
pub struct Blocked {
    /// Who would write; a user's own name may be left out.
    pub author: Option<Asked>,
    /// To whom.
    pub target: Asked,
}

/// A name that is asked about. Nobody can have one that is none.
pub type Asked = Option<Name>;

/// `contact` of PATCH `users/<name>/`.
pub fn relate(mut fields: Fields<'_>) -> Result<Relate> {
    let author = fields.maybe_name("author");
    let target = fields.name("name");
    let operation = fields.text("operation").and_then(|text| {
        let operation = Operation::parse(&text);
        if operation.is_none() {
            fields.refuse("operation", "must be invitation, contact, deny, remove or block");
        }
        operation
    });
    fields.finish(|| Some(Relate { author, target: target?, operation: operation? }))
}

/// `contact.update`: the same from a socket, whose user is the author.
pub fn update(mut fields: Fields<'_>) -> Result<Relate> {
    fields.ignore(&["author"]);
    relate(fields)
}

/// What a change of a relation costs: no limit refuses a block.
pub fn cost(payload: &[u8]) -> Cost {
    let operation = Fields::parse(payload).ok().and_then(|mut fields| fields.text("operation"));
    match operation.and_then(|text| Operation::parse(&text)) {
        Some(Operation::Block) => Cost::Block,
        _ => Cost::Event,
    }
}

/// POST `relations/blocked/`
pub fn blocked(mut fields: Fields<'_>) -> Result<Blocked> {
    let author = fields.maybe_text("author");
    let target = fields.text("target");
    let asked = |text: Cow<'_, str>| Name::parse(&text).ok();
    fields.finish(|| Some(Blocked { author: author.map(asked), target: asked(target?) }))
}

//! Payloads about users.

use chinwag_core::app::identity::{PutUser, Spelled};
use chinwag_core::app::relation::Relate;
use chinwag_core::app::user::Rename;
use chinwag_core::presence::Status;
use chinwag_core::profile::{Avatar, DisplayName, Kind, ProfileUpdate};
use chinwag_core::rate::Cost;
use chinwag_core::relation::Operation;
use chinwag_core::{Error, Name, Result};

use super::{Fields, relation};

/// What PATCH `users/<name>/` asks for.
#[derive(Debug, Clone)]
pub enum Patch {
    /// Another name.
    Rename(Rename),
    /// Another relation. Its author is as the payload says, if it does.
    Contact(Relate),
}

/// POST `users/`
pub fn create(mut fields: Fields<'_>) -> Result<Name> {
    let name = fields.name("name");
    fields.finish(|| name)
}

/// PUT `users/<name>/`
pub fn put(mut fields: Fields<'_>, name: Spelled) -> Result<PutUser> {
    let kind = fields.filled_text("kind").and_then(|text| {
        let kind = Kind::parse(&text);
        if kind.is_none() {
            fields.refuse("kind", "must be person or bot");
        }
        kind
    });
    let profile = ProfileUpdate {
        display_name: fields.text_update("display_name", DisplayName::parse),
        avatar: fields.text_update("avatar", Avatar::parse),
        data: fields.data_update("data"),
        kind,
    };
    let adopt = fields.flag("adopt");
    fields.finish(|| Some(PutUser { name, profile, adopt }))
}

/// PATCH `users/<name>/`: `new_name`, or `contact`.
pub fn patch(mut fields: Fields<'_>, name: Name) -> Result<Patch> {
    match (fields.has("new_name"), fields.has("contact")) {
        (true, true) => {
            Err(Error::field("new_name", "and contact cannot be changed by one request: send two"))
        }
        (false, false) => Err(Error::field("new_name", "or contact is required")),
        (true, false) => {
            let new_name = fields.name("new_name");
            fields.finish(|| Some(Patch::Rename(Rename { name, new_name: new_name? })))
        }
        (false, true) => match fields.object("contact") {
            Some(contact) => {
                let related = relation::relate(contact)?;
                fields.finish(|| Some(Patch::Contact(related)))
            }
            None => fields.finish(|| None),
        },
    }
}

/// What PATCH `users/<name>/` costs: a relation is no change of the profile, and no limit refuses a
/// block.
pub fn patch_cost(payload: &[u8]) -> Cost {
    let Ok(mut fields) = Fields::parse(payload) else { return Cost::Event };
    if !fields.has("contact") {
        return Cost::Change;
    }
    let operation = fields.object("contact").and_then(|mut contact| contact.text("operation"));
    match operation.and_then(|text| Operation::parse(&text)) {
        Some(Operation::Block) => Cost::Block,
        _ => Cost::Event,
    }
}

/// `status.update`
pub fn status(mut fields: Fields<'_>) -> Result<Status> {
    let status = fields.text("status").and_then(|text| {
        let status = Status::parse(&text);
        if status.is_none() {
            fields.refuse("status", "must be online, afk or disconnected");
        }
        status
    });
    fields.finish(|| status)
}

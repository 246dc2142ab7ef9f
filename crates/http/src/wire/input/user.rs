//! Payloads about users.

use chinwag_core::app::identity::{PutUser, Spelled};
use chinwag_core::app::relation::Relate;
use chinwag_core::app::user::{ChangeSettings, Rename};
use chinwag_core::presence::Status;
use chinwag_core::profile::{Avatar, DisplayName, ProfileUpdate, UserKind};
use chinwag_core::rate::Cost;
use chinwag_core::relation::Operation;
use chinwag_core::user::Allowed;
use chinwag_core::{Error, Name, Result};

use super::{Fields, relation};

/// What PATCH `users/<name>/` asks for.
#[derive(Debug, Clone)]
pub enum Patch {
    /// Another name.
    Rename(Rename),
    /// Another relation. Its author is as the payload says, if it does.
    Contact(Relate),
    /// Other settings of its own.
    Settings(ChangeSettings),
}

/// POST `users/`
pub fn create(mut fields: Fields<'_>) -> Result<Name> {
    let name = fields.name("name");
    fields.finish(|| name)
}

/// PUT `users/<name>/`
pub fn put(mut fields: Fields<'_>, name: Spelled) -> Result<PutUser> {
    let kind = fields.filled_text("kind").and_then(|text| {
        let kind = UserKind::parse(&text);
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

/// What a user does not set of itself, nor a service by this route.
const NOT_ONES_OWN: [&str; 4] = ["data", "kind", "origin", "admin"];

/// PATCH `users/<name>/`: one of `new_name`, `contact` and `settings`.
pub fn patch(mut fields: Fields<'_>, name: Name, is_service: bool) -> Result<Patch> {
    if let Some(key) = NOT_ONES_OWN.into_iter().find(|key| !is_service && fields.has(key)) {
        return Err(Error::forbidden(format!("{key} of a user is set by the service only")));
    }
    let asked: Vec<_> =
        ["new_name", "contact", "settings"].into_iter().filter(|key| fields.has(key)).collect();
    match asked[..] {
        ["new_name"] => {
            let new_name = fields.name("new_name");
            fields.finish(|| Some(Patch::Rename(Rename { name, new_name: new_name? })))
        }
        ["contact"] => match fields.object("contact") {
            Some(contact) => {
                let related = relation::relate(contact)?;
                fields.finish(|| Some(Patch::Contact(related)))
            }
            None => fields.finish(|| None),
        },
        ["settings"] => match fields.object("settings") {
            Some(settings) => self::settings(settings, name).map(Patch::Settings),
            None => fields.finish(|| None),
        },
        [first, second, ..] => {
            Err(Error::field(first, format!("and {second} cannot be changed by one request: send two")))
        }
        _ => Err(Error::field("new_name", "or contact or settings is required")),
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

fn settings(mut fields: Fields<'_>, name: Name) -> Result<ChangeSettings> {
    let added_by = allowed(&mut fields, "added_by");
    let write_first = allowed(&mut fields, "write_first");
    let hide_last_seen = fields.maybe_flag("hide_last_seen");
    let hide_reads = fields.maybe_flag("hide_reads");
    fields.finish(|| Some(ChangeSettings { name, added_by, write_first, hide_last_seen, hide_reads }))
}

fn allowed(fields: &mut Fields<'_>, key: &'static str) -> Option<Allowed> {
    let text = fields.maybe_text(key)?;
    let allowed = Allowed::parse(&text);
    if allowed.is_none() {
        fields.refuse(key, "must be anyone, contacts or nobody");
    }
    allowed
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

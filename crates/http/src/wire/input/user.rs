//! Payloads about users.

use chinwag_core::app::identity::{PutUser, Spelled};
use chinwag_core::app::relation::Relate;
use chinwag_core::app::user::{ChangeSettings, Rename};
use chinwag_core::presence::Status;
use chinwag_core::profile::{Avatar, Data, DisplayName, FieldUpdate, ProfileUpdate, UserKind};
use chinwag_core::rate::Cost;
use chinwag_core::relation::Operation;
use chinwag_core::user::Allowed;
use chinwag_core::{Error, Name, Result};

use super::fields::Fields;
use super::payload::{RestPayload, payload};
use super::relation::ContactPatch;
use super::value::{KeyValue, Renamed};
use crate::wire::key::{Need, Values};

/// The payloads of requests about this noun.
pub(super) const REST: &[RestPayload] = &[NewUser::REST, UserPut::REST, UserPatch::REST, SettingsPatch::REST];

payload! {
    /// A user to make.
    pub struct NewUser {
        /// The user's name: 1 to 128 characters (`limits.name_chars`).
        name: Name,
    }
}

payload! {
    /// A user as the host application has it. Keys that are left out stay as they are.
    pub struct UserPut {
        /// `person` or `bot`.
        kind: Option<UserKind>,
        /// The name that people see: 1 to 80 characters, or null for none.
        display_name: FieldUpdate<DisplayName>,
        /// The `https` address of a picture, or null for none.
        avatar: FieldUpdate<Avatar>,
        /// The host application's own object of at most 4 KiB, or null for none.
        data: FieldUpdate<Data>,
        /// Whether to take over a user who signed up here: its password and its sessions end.
        adopt: bool,
    }
}

payload! {
    /// The changes of a user: one of its name, a relation, its own settings.
    pub struct UserPatch {
        /// The new name.
        new_name: Renamed,
        /// A change of a relation.
        contact: Option<ContactPatch>,
        /// Changes of the user's own settings. Those that are left out stay as they are.
        settings: Option<SettingsPatch>,
    }
}

payload! {
    /// Changes of a user's own settings.
    pub struct SettingsPatch {
        /// The users who may add the user to a group: `anyone`, `contacts` or `nobody`.
        added_by: Option<Allowed>,
        /// The users who may open a private conversation with the user: `anyone`, `contacts` or
        /// `nobody`.
        write_first: Option<Allowed>,
        /// Whether to hide from others when the user was last seen.
        hide_last_seen: Option<bool>,
        /// Whether to hide the user's read marks from others, and theirs from the user.
        hide_reads: Option<bool>,
    }
}

payload! {
    /// The status of a user on a socket.
    pub struct NewStatus {
        /// The new status.
        status: Status,
    }
}

impl KeyValue for Option<ContactPatch> {
    const VALUES: Values = Values::Object("ContactPatch");
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        fields.nested(key)
    }
}

impl KeyValue for Option<SettingsPatch> {
    const VALUES: Values = Values::Object("SettingsPatch");
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        fields.nested(key)
    }
}

/// A change of a user.
#[derive(Debug, Clone)]
pub enum Change {
    /// Another name.
    Rename(Rename),
    /// Another relation. Its author is the payload's, if it names one.
    Contact(Relate),
    /// Other settings of its own.
    Settings(ChangeSettings),
}

impl UserPut {
    /// The command to make the user, or to change it.
    pub fn command(self, name: Spelled) -> PutUser {
        let Self { kind, display_name, avatar, data, adopt } = self;
        PutUser { name, profile: ProfileUpdate { display_name, avatar, data, kind }, adopt }
    }
}

/// Keys of a user that only a service sets.
const BY_SERVICE: [&str; 4] = ["data", "kind", "origin", "admin"];
/// The keys of [`UserPatch`]: one request changes one of them.
const CHANGES: [&str; 3] = ["new_name", "contact", "settings"];

/// Reads a [`UserPatch`] into the change that it asks for.
pub fn patch(fields: Fields<'_>, name: Name, is_service: bool) -> Result<Change> {
    if let Some(key) = BY_SERVICE.into_iter().find(|key| !is_service && fields.has(key)) {
        return Err(Error::forbidden(format!("{key} of a user is set by the service only")));
    }
    let given: Vec<_> = CHANGES.into_iter().filter(|key| fields.has(key)).collect();
    match given[..] {
        [_] => fields.command(|patch: UserPatch, _| patch.command(name)),
        [first, second, ..] => {
            Err(Error::field(first, format!("and {second} cannot be changed by one request: send two")))
        }
        [] => Err(Error::field("new_name", "or contact or settings is required")),
    }
}

impl UserPatch {
    fn command(self, name: Name) -> Option<Change> {
        if let Some(new_name) = self.new_name.0 {
            return Some(Change::Rename(Rename { name, new_name }));
        }
        if let Some(contact) = self.contact {
            return Some(Change::Contact(contact.command()));
        }
        let SettingsPatch { added_by, write_first, hide_last_seen, hide_reads } = self.settings?;
        Some(Change::Settings(ChangeSettings { name, added_by, write_first, hide_last_seen, hide_reads }))
    }
}

/// The cost of a [`UserPatch`]: a relation is no change of the profile, and no limit refuses a block.
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

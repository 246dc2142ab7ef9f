//! Payloads about users.

use chinwag_core::app::identity::{PutUser, SpelledName};
use chinwag_core::app::profile::{ChangeProfile, SettingsUpdate};
use chinwag_core::app::relation::Relate;
use chinwag_core::app::suspension::ChangeStanding;
use chinwag_core::app::user::Rename;
use chinwag_core::limits::{DISPLAY_NAME_CHARS, NAME_CHARS, SUSPENSION_CHARS};
use chinwag_core::presence::Status;
use chinwag_core::profile::{Avatar, Data, DisplayName, FieldUpdate, ProfileUpdate, UserKind};
use chinwag_core::rate::Cost;
use chinwag_core::suspension::{Suspension, SuspensionReason};
use chinwag_core::user::Allowed;
use chinwag_core::{Date, Error, Name, Result};
use serde_json::{Value as Schema, json};

use super::fields::Fields;
use super::payload::{KeyValue, RestPayload, payload};
use super::relation::{ContactPatch, cost_of};
use crate::wire::key::Need;
use crate::wire::server_event::object;

pub(crate) const REST: &[RestPayload] =
    &[NewUser::REST, UserPut::REST, UserPatch::REST, SettingsPatch::REST, NewSuspension::REST];

payload! {
    /// A user to create.
    pub struct NewUser {
        /// The user's name: 1 to 128 characters (`limits.name_chars`).
        name: Name,
    }
}

payload! {
    /// A user of the host application. Omitted keys stay as they are.
    pub struct UserPut {
        /// `person` or `bot`.
        kind: Option<UserKind>,
        /// The name that people see: 1 to 80 characters, or null for none.
        display_name: FieldUpdate<DisplayName>,
        /// The `https` address of a picture, or the id of an image that the user uploaded, or null for none.
        avatar: FieldUpdate<Avatar>,
        /// The host application's own object of at most 4 KiB, or null for none.
        data: FieldUpdate<Data>,
        /// Whether to take over a user who signed up here: its password and its sessions end.
        adopt: bool,
    }
}

payload! {
    /// The changes of a user: its name, or a relation, or its profile and its own settings.
    pub struct UserPatch {
        /// The new name.
        new_name: Renamed,
        /// A change of a relation.
        contact: Option<ContactPatch>,
        /// The name that people see: 1 to 80 characters, or null for none.
        display_name: FieldUpdate<DisplayName>,
        /// The id of an image that the user uploaded, or the `https` address of a picture, or null for none. A user sets an
        /// address only with `users.avatar_urls`.
        avatar: FieldUpdate<Avatar>,
        /// The host application's own object of at most 4 KiB, or null for none. For services.
        data: FieldUpdate<Data>,
        /// `person` or `bot`. For services.
        kind: Option<UserKind>,
        /// Changes of the user's own settings. Those that are left out stay as they are.
        settings: Option<SettingsPatch>,
        /// Whether the user is an admin of the server. For services.
        admin: Option<bool>,
        /// A suspension of the user, or null to lift it. For services and admins.
        suspended: FieldUpdate<NewSuspension>,
    }
}

payload! {
    /// A suspension of a user.
    pub struct NewSuspension {
        /// The date of its end, in the future.
        until: Date,
        /// The reason, which is shown to the user: up to 500 characters, or null for none.
        reason: FieldUpdate<SuspensionReason>,
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
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        object("ContactPatch")
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        fields.nested(key)
    }
}

impl KeyValue for Option<SettingsPatch> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        object("SettingsPatch")
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        fields.nested(key)
    }
}

impl KeyValue for FieldUpdate<NewSuspension> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        object("NewSuspension")
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let is_cleared = fields.holds(key) && !fields.has(key);
        let given = fields.nested(key)?;
        Some(given.map_or(if is_cleared { Self::Clear } else { Self::Keep }, Self::Set))
    }
}

impl KeyValue for FieldUpdate<SuspensionReason> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string", "minLength": 1, "maxLength": SUSPENSION_CHARS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.text_update(key, SuspensionReason::parse))
    }
}

/// A new name, if present. The empty text is refused.
pub struct Renamed(pub Option<Name>);

impl KeyValue for Renamed {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string", "minLength": 1, "maxLength": NAME_CHARS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.maybe_text(key);
        Some(Self(text.and_then(|text| fields.parsed(key, Name::parse(&text)))))
    }
}

impl KeyValue for FieldUpdate<DisplayName> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string", "minLength": 1, "maxLength": DISPLAY_NAME_CHARS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.text_update(key, DisplayName::parse))
    }
}

/// A change of a user.
#[derive(Debug, Clone)]
pub enum UserChange {
    /// A change of the name.
    Rename(Rename),
    /// A change of a relation. The author is from the payload, if it names one.
    Contact(Relate),
    /// A change of the profile, or of the user's own settings.
    Profile(ChangeProfile),
    /// A change of the suspension, or of the rights of an admin.
    Standing(ChangeStanding),
}

impl UserPut {
    /// The command that creates or changes the user.
    pub fn command(self, name: SpelledName) -> PutUser {
        let Self { kind, display_name, avatar, data, adopt } = self;
        PutUser { name, profile: ProfileUpdate { display_name, avatar, data, kind }, adopt }
    }
}

/// The keys of a user that only a service may set.
const BY_SERVICE: [&str; 4] = ["data", "kind", "origin", "admin"];
/// The keys of [`UserPatch`] in groups. One request may change the keys of one group only.
const TOGETHER: [&[&str]; 4] = [
    &["new_name"],
    &["contact"],
    &["admin", "suspended"],
    &["display_name", "avatar", "data", "kind", "settings"],
];
/// The keys for which null is a value.
const NULLABLE: [&str; 5] = ["suspended", "display_name", "avatar", "data", "kind"];

/// Parses a [`UserPatch`] into the requested change.
pub fn patch(fields: Fields<'_>, name: Name, is_service: bool) -> Result<UserChange> {
    if let Some(key) = BY_SERVICE.into_iter().find(|key| !is_service && fields.holds(key)) {
        return Err(Error::forbidden(format!("{key} of a user is set by the service only")));
    }
    let is_given = |key: &&&str| if NULLABLE.contains(*key) { fields.holds(key) } else { fields.has(key) };
    let given: Vec<_> = TOGETHER.iter().filter_map(|keys| keys.iter().find(is_given)).collect();
    match given[..] {
        [_] => fields.command(|patch: UserPatch, _| Some(patch.command(name))),
        [first, second, ..] => {
            Err(Error::field(*first, format!("cannot be changed together with {second}: send two requests")))
        }
        [] => Err(Error::field(
            "new_name",
            "is required unless contact, display_name, avatar or settings is given",
        )),
    }
}

impl UserPatch {
    fn command(self, name: Name) -> UserChange {
        if let Some(new_name) = self.new_name.0 {
            return UserChange::Rename(Rename { name, new_name });
        }
        if let Some(contact) = self.contact {
            return UserChange::Contact(contact.command());
        }
        if self.admin.is_some() || !matches!(self.suspended, FieldUpdate::Keep) {
            let suspension = self.suspended.map(NewSuspension::suspension);
            return UserChange::Standing(ChangeStanding { name, admin: self.admin, suspension });
        }
        let Self { display_name, avatar, data, kind, settings, .. } = self;
        let profile = ProfileUpdate { display_name, avatar, data, kind };
        let settings = settings.map(SettingsPatch::command).unwrap_or_default();
        UserChange::Profile(ChangeProfile { name, profile, settings })
    }
}

impl NewSuspension {
    fn suspension(self) -> Suspension {
        let Self { until, reason } = self;
        Suspension { until, reason: reason.map(SuspensionReason::into_text).after(None) }
    }
}

impl SettingsPatch {
    fn command(self) -> SettingsUpdate {
        let Self { added_by, write_first, hide_last_seen, hide_reads } = self;
        SettingsUpdate { added_by, write_first, hide_last_seen, hide_reads }
    }
}

/// The cost of a [`UserPatch`]. Blocking is never rate limited.
pub fn patch_cost(payload: &[u8]) -> Cost {
    let Ok(mut fields) = Fields::parse(payload) else { return Cost::Change };
    fields.object("contact").map_or(Cost::Change, |mut contact| cost_of(&mut contact))
}

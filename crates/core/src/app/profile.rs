//! A user's profile and its own settings: how they are changed and announced.

use std::collections::HashSet;

use super::avatar::{AvatarOf, replace_avatar};
use super::bot::end_bot;
use super::user::load_editable_user;
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::event::{Event, Kind};
use crate::limits::CARDS;
use crate::profile::{Avatar, Details, FieldUpdate, ProfileCard, ProfileUpdate, UserKind};
use crate::store::Tx;
use crate::user::{Allowed, Caller, Settings, User};
use crate::{Error, Name, Result, UserId};

/// Changes a user's profile and settings.
#[derive(Debug, Clone)]
pub struct ChangeProfile {
    pub name: Name,
    pub profile: ProfileUpdate,
    pub settings: SettingsUpdate,
}

/// An update of a user's own settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct SettingsUpdate {
    /// The users who may add this user to a group.
    pub added_by: Option<Allowed>,
    /// The users who may open a private conversation with this user.
    pub write_first: Option<Allowed>,
    /// Whether the time at which the user was last seen is hidden from other users.
    pub hide_last_seen: Option<bool>,
    /// Whether the user's read marks are hidden from other users, and theirs from this user.
    pub hide_reads: Option<bool>,
}

impl SettingsUpdate {
    /// The settings after the update.
    fn after(self, before: Settings) -> Settings {
        Settings {
            added_by: self.added_by.unwrap_or(before.added_by),
            write_first: self.write_first.unwrap_or(before.write_first),
            hide_last_seen: self.hide_last_seen.unwrap_or(before.hide_last_seen),
            hide_reads: self.hide_reads.unwrap_or(before.hide_reads),
        }
    }
}

impl App {
    /// Changes a user's profile and settings. Announces a new profile to the users who know this one.
    pub async fn user_profile(&self, context: &Context, command: ChangeProfile) -> Result<User> {
        let query = (command.name.clone(), command.profile.clone());
        let audience = self.read(context, query, |tx, _, (name, update)| audience(tx, name, update)).await?;
        let is_profile = command.profile != ProfileUpdate::default();
        let growth = if is_profile { Growth::Adds } else { Growth::Bounded };
        self.write(growth, context, (command, audience), |unit, (command, audience)| {
            let user = load_editable_user(unit, &command.name)?;
            require_rights(unit, &command.profile)?;
            let before = unit.tx.settings(user.id)?;
            let after = command.settings.after(before);
            if after != before {
                unit.tx.settings_set(user.id, &after)?;
            }
            if set_profile(unit, &user, &command.profile, audience)? || after != before {
                unit.audit(AuditAction::UserUpdate, &user.name)?;
            }
            Ok(user)
        })
        .await
    }
}

/// The users to whom a new profile is announced, in ascending order: the user itself and those who know it.
/// Includes the id of the user. None if the profile does not change.
pub(super) type Audience = Option<(UserId, Vec<UserId>)>;

/// The audience of an update, if it changes the profile. Read before the write transaction, to keep that as
/// short as possible.
pub(super) fn audience(tx: &dyn Tx, name: &Name, update: &ProfileUpdate) -> Result<Audience> {
    if *update == ProfileUpdate::default() {
        return Ok(None);
    }
    let Some(user) = tx.user_named(name)? else { return Ok(None) };
    let Some(before) = tx.details(&[user.id])?.pop().flatten() else { return Ok(None) };
    if update.after(before.clone()) == before {
        return Ok(None);
    }
    Ok(Some((user.id, receivers(tx, user.id, tx.acquaintances(user.id)?)?)))
}

/// The receivers of a change of a user: the user itself and its acquaintances, except for blocked users with
/// whom it shares no group.
pub(super) fn receivers(tx: &dyn Tx, user: UserId, known: Vec<UserId>) -> Result<Vec<UserId>> {
    let blocked_strangers = tx.blocked_strangers(user)?;
    let audience = known.into_iter().filter(|other| blocked_strangers.binary_search(other).is_err());
    Ok(audience.chain([user]).collect())
}

/// Changes a profile, and publishes it if anything changed. Returns whether it did.
pub(super) fn set_profile(
    unit: &mut Unit,
    user: &User,
    update: &ProfileUpdate,
    audience: &Audience,
) -> Result<bool> {
    if *update == ProfileUpdate::default() {
        return Ok(false);
    }
    let before = stored(unit.tx, user.id)?;
    let after = update.after(before.clone());
    if after == before {
        return Ok(false);
    }
    let (old, new) = (before.avatar.as_ref(), after.avatar.as_ref());
    replace_avatar(unit, AvatarOf::User(user.id), old, new)?;
    unit.tx.profile_set(user.id, &after)?;
    if before.kind == UserKind::Bot && after.kind != UserKind::Bot {
        end_bot(unit, user.id)?;
    }
    let audience = match audience {
        Some((id, audience)) if *id == user.id => audience.clone(),
        _ => receivers(unit.tx, user.id, unit.tx.acquaintances(user.id)?)?,
    };
    let (name, profile) = (user.name.clone(), Some(after.into()));
    let kind = Kind::UserUpdate { user: user.id, name, new_name: None, profile };
    unit.answer(Event::to_users(kind, audience));
    Ok(true)
}

/// The profile cards of these users, without duplicates. Only the first [`CARDS`] users are included.
pub fn cards(tx: &dyn Tx, users: impl IntoIterator<Item = UserId>) -> Result<Vec<ProfileCard>> {
    let mut seen = HashSet::new();
    let ids: Vec<_> = users.into_iter().filter(|user| seen.insert(*user)).take(CARDS).collect();
    tx.cards(&ids)
}

/// The profile of a user that exists in this transaction.
pub(super) fn stored(tx: &dyn Tx, user: UserId) -> Result<Details> {
    tx.details(&[user])?.pop().flatten().ok_or(Error::NotFound("user"))
}

/// Returns 403 for fields that the caller may not set.
fn require_rights(unit: &Unit, update: &ProfileUpdate) -> Result<()> {
    if unit.caller == Caller::Service {
        return Ok(());
    }
    let by_service = |key| Error::forbidden(format!("{key} of a user is set by the service only"));
    if update.data != FieldUpdate::Keep {
        return Err(by_service("data"));
    }
    if update.kind.is_some() {
        return Err(by_service("kind"));
    }
    let rules = &unit.rules.users;
    let by_rule =
        |key, setting| Err(Error::forbidden(format!("{key} is set by the service only ({setting})")));
    if rules.profile_by_service && update.display_name != FieldUpdate::Keep {
        return by_rule("display_name", "users.profile");
    }
    if rules.profile_by_service && update.avatar != FieldUpdate::Keep {
        return by_rule("avatar", "users.profile");
    }
    if !rules.avatar_urls && matches!(update.avatar, FieldUpdate::Set(Avatar::Address(_))) {
        return by_rule("avatar", "users.avatar_urls");
    }
    Ok(())
}

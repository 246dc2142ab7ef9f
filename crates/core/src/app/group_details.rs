//! The details of a group that an actor may change.

use super::{Unit, allow};
use crate::group::Group;
use crate::group_details::{DetailKey, GroupDetails, GroupDetailsUpdate};
use crate::permission::{Action, Role};
use crate::profile::{Avatar, FieldUpdate};
use crate::user::Caller;
use crate::{Error, Result};

/// The details of a group after an update by an actor with this role. None if nothing changes. A role of
/// `None` is a service without an acting user, which has the rights of an owner.
pub(super) fn plan_details(
    unit: &Unit,
    role: Option<Role>,
    group: &Group,
    update: &GroupDetailsUpdate,
) -> Result<Option<GroupDetails>> {
    if update.keys().is_empty() {
        return Ok(None);
    }
    if !group.private {
        let refusal = "only an admin or the owner may change the details of a group";
        allow(role.unwrap_or(Role::Owner), Action::Describe, refusal)?;
    }
    require_rights(unit, group.private, update)?;
    let after = update.after(&group.details);
    Ok(Some(after).filter(|after| *after != group.details))
}

/// Returns 403 for fields that the caller may not set, whatever its role.
pub(super) fn require_rights(unit: &Unit, private: bool, update: &GroupDetailsUpdate) -> Result<()> {
    if private {
        let settable = [DetailKey::Data, DetailKey::Keep];
        let other = update.keys().into_iter().find(|key| !settable.contains(key));
        if let Some(key) = other {
            return Err(Error::forbidden(format!(
                "nobody can set {} of a private conversation",
                key.as_str()
            )));
        }
        if unit.caller != Caller::Service && !update.keys().is_empty() {
            return Err(Error::forbidden(
                "data and keep of a private conversation are set by the service only",
            ));
        }
    }
    let is_url = matches!(update.avatar, FieldUpdate::Set(Avatar::Address(_)));
    if is_url && unit.caller != Caller::Service && !unit.rules.users.avatar_urls {
        return Err(Error::forbidden("avatar is set by the service only (users.avatar_urls)"));
    }
    Ok(())
}

//! Administration of users: suspensions, and the appointment of admins.

use super::actor::service_only;
use super::directory::{found, not_special};
use super::{App, Context, Growth, Unit, Who};
use crate::audit::AuditAction;
use crate::authority::{Authority, Govern, allow_govern, may_govern};
use crate::event::{Ended, Event, Kind};
use crate::profile::FieldUpdate;
use crate::store::Tx;
use crate::suspension::{Suspension, UserStanding};
use crate::user::{Caller, User};
use crate::{Error, Name, Result};

/// Changes a user's standing, which the service and admins control.
#[derive(Debug, Clone)]
pub struct ChangeStanding {
    pub name: Name,
    /// Whether to appoint the user as an admin, or to revoke the appointment. None: no change.
    pub admin: Option<bool>,
    pub suspension: FieldUpdate<Suspension>,
}

impl App {
    /// Changes whether a user is an admin, and its suspension. Closes the sockets of a suspended user.
    pub async fn standing_change(&self, context: &Context, command: ChangeStanding) -> Result<User> {
        self.write(Growth::Bounded, context, (command, context.who), |unit, (command, who)| {
            if command.admin.is_some() {
                unit.require_admin_scope(*who)?;
            }
            change(unit, command, *who)
        })
        .await
    }

    /// Returns 403 if the caller's authority does not allow `act`.
    pub async fn govern(&self, context: &Context, act: Govern) -> Result<()> {
        self.read(context, act, |tx, caller, act| govern(tx, caller, *act)).await
    }
}

pub(super) fn authority(tx: &dyn Tx, caller: Caller) -> Result<Authority> {
    let Caller::User(id) = caller else { return Ok(Authority::Service) };
    let found = tx.user_standing(id)?;
    Ok(if found.is_some_and(|(_, standing)| standing.admin) { Authority::Admin } else { Authority::User })
}

/// Returns 403 if the caller's authority does not allow `act`.
pub(super) fn govern(tx: &dyn Tx, caller: Caller, act: Govern) -> Result<()> {
    allow_govern(authority(tx, caller)?, act)
}

/// Whether the caller's authority allows `act`.
pub(super) fn governs(tx: &dyn Tx, caller: Caller, act: Govern) -> Result<bool> {
    Ok(may_govern(authority(tx, caller)?, act))
}

/// Records the differences between two standings in the audit log.
fn audit(unit: &mut Unit, name: &Name, before: &UserStanding, after: &UserStanding) -> Result<()> {
    if after.admin != before.admin {
        unit.audit_with(AuditAction::UserAdmin, name, if after.admin { "named" } else { "ended" })?;
    }
    match &after.suspension {
        same if *same == before.suspension => Ok(()),
        None => unit.audit(AuditAction::UserUnsuspend, name),
        Some(Suspension { until, reason }) => {
            let reason = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            unit.audit_with(AuditAction::UserSuspend, name, format_args!("until {until}{reason}"))
        }
    }
}

fn change(unit: &mut Unit, command: &ChangeStanding, who: Who) -> Result<User> {
    let ChangeStanding { name, admin, suspension } = command;
    if admin.is_some() {
        service_only(unit.caller)?;
    }
    govern(unit.tx, unit.caller, Govern::Suspend)?;
    let user = not_special(found(unit.tx, unit.caller, unit.rules.users.directory, name)?)?;
    let (_, before) = unit.tx.user_standing(user.id)?.ok_or(Error::NotFound("user"))?;
    if before.admin && *suspension != FieldUpdate::Keep {
        let refused = |_| Error::forbidden("only the service may suspend an admin");
        govern(unit.tx, unit.caller, Govern::SuspendAdmin).map_err(refused)?;
        unit.require_admin_scope(who)?;
    }
    let now = unit.now();
    if matches!(suspension, FieldUpdate::Set(suspension) if suspension.until <= now) {
        return Err(Error::field("suspended.until", "must be a date in the future"));
    }
    let after = UserStanding {
        admin: admin.unwrap_or(before.admin),
        suspension: suspension.clone().after(before.suspension.clone()),
    };
    if after != before {
        unit.tx.user_standing_set(user.id, &after)?;
        audit(unit, &user.name, &before, &after)?;
    }
    if after.suspended_at(now).is_some() && before.suspended_at(now).is_none() {
        unit.publish(Event::to_users(Kind::Ended(Ended::Suspended(user.id)), vec![]));
    }
    Ok(user)
}

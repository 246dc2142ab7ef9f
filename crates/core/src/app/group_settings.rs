//! A user's own settings of a group, and the unread counts over all of its groups.

use super::actor::{require_actor, role_in};
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::event::{Event, Kind};
use crate::group_settings::{GroupSettings, GroupSettingsUpdate};
use crate::store::Unread;
use crate::user::User;
use crate::{Error, GroupId, Name, Result};

/// Changes a member's own settings of a group.
#[derive(Debug, Clone)]
pub struct ChangeGroupSettings {
    /// The member, if a service calls.
    pub author: Option<Name>,
    pub group: GroupId,
    pub update: GroupSettingsUpdate,
}

/// The settings after the change.
#[derive(Debug, Clone, Copy)]
pub struct OwnSettings {
    pub settings: GroupSettings,
    /// The number of unread messages that mention the user.
    pub mentioned: u32,
}

/// The number of groups whose unread messages one job of the store counts.
pub const UNREAD_PAGE: usize = 32;

impl App {
    /// Changes a member's own settings of a group, and returns all of them.
    pub async fn group_settings(
        &self,
        context: &Context,
        command: ChangeGroupSettings,
    ) -> Result<OwnSettings> {
        self.write(Growth::Bounded, context, command, |unit, command| {
            let user = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
            role_in(unit.tx, unit.caller, command.group, &user)?;
            let before = unit.tx.group_settings(command.group, user.id)?;
            let after = command.update.after(before);
            if after != before {
                unit.tx.group_settings_set(command.group, user.id, &after)?;
                let kind = Kind::GroupMe { group: command.group, settings: after, pending: false };
                unit.answer(Event::to_users(kind, vec![user.id]));
                unit.audit_with(AuditAction::GroupSettings, command.group, &user.name)?;
            }
            Ok(OwnSettings { settings: after, mentioned: unit.tx.mark(command.group, user.id)?.mentioned })
        })
        .await
    }

    /// The counts of what the calling user has not read in all of its groups that are not muted. The groups
    /// are counted in pages, each in its own job, so that no job takes long.
    pub async fn unread_total(&self, context: &Context) -> Result<Unread> {
        let positions = self.read(context, (), |tx, caller, ()| {
            let user = caller.user().ok_or_else(|| Error::forbidden("only a user has unread messages"))?;
            tx.group_positions(user)
        });
        let mut groups: Vec<_> = positions.await?.into_iter().map(|position| position.group).collect();
        let mut total = Unread::default();
        while !groups.is_empty() {
            let rest = groups.split_off(groups.len().min(UNREAD_PAGE));
            total += self.unread(context, std::mem::replace(&mut groups, rest)).await?;
        }
        Ok(total)
    }
}

/// Clears the user's own mark that the group is unread. Not needed if the read mark moves, which clears it,
/// too.
pub(super) fn end_marked_unread(unit: &mut Unit, group: GroupId, user: &User) -> Result<()> {
    let settings = unit.tx.group_settings(group, user.id)?;
    if settings.marked_unread {
        let settings = GroupSettings { marked_unread: false, ..settings };
        unit.tx.group_settings_set(group, user.id, &settings)?;
    }
    Ok(())
}

//! Bans: banned users can neither join a group nor be added to it.

use std::collections::BTreeMap;

use super::Unit;
use super::directory::all_named;
use super::group_update::{Plan, permit, plan_removal};
use crate::group::Member;
use crate::permission::{Action, Role};
use crate::store::Tx;
use crate::user::{Caller, User};
use crate::{Error, GroupId, Name, Result, UserId};

/// The most banned users per group.
pub const BANS: usize = 10_000;

/// The bans to add and to lift in an update of a group.
#[derive(Debug, Clone, Default)]
pub struct BanUpdate {
    /// Users to ban. Those who are members are removed.
    pub ban: Vec<Name>,
    /// Users to unban. This happens before users are added.
    pub unban: Vec<Name>,
}

impl BanUpdate {
    pub(super) fn is_empty(&self) -> bool {
        self.ban.is_empty() && self.unban.is_empty()
    }
}

/// Lifts the bans of these users, and returns whether there were any. Finds banned users by name even if the
/// directory hides strangers.
pub(super) fn lift(unit: &mut Unit, role: Option<Role>, group: GroupId, names: &[Name]) -> Result<bool> {
    if names.is_empty() {
        return Ok(false);
    }
    permit(role, Action::Ban, "only an admin or the owner may unban users")?;
    let known: Vec<_> = unit.tx.users_named(names)?.into_iter().flatten().map(|user| user.id).collect();
    let banned = unit.tx.banned_among(group, &known)?;
    if banned.len() < names.len() {
        let users = unit.tx.users_named(names)?;
        let is_banned = |user: &Option<User>| user.as_ref().is_some_and(|user| banned.contains(&user.id));
        let others = names.iter().zip(&users).filter(|(_, user)| !is_banned(user));
        all_named(unit, "unban", &others.map(|(name, _)| name.clone()).collect::<Vec<_>>())?;
    }
    unit.tx.ban_set(group, &banned, false)?;
    Ok(!banned.is_empty())
}

/// Bans users, subject to the rules of removal, and plans the removal of those who are members.
pub(super) fn ban(
    unit: &mut Unit,
    plan: &mut Plan,
    role: Option<Role>,
    group: GroupId,
    members: &BTreeMap<UserId, Member>,
    users: Vec<User>,
) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    for user in users {
        if user.special {
            let why = format!("must not include special users: nobody can ban {}", user.name);
            return Err(Error::field("ban", why));
        }
        match members.get(&user.id) {
            None => permit(role, Action::Ban, "only an admin or the owner may ban users")?,
            member => plan_removal(plan, role, member, user)?,
        }
    }
    plan.bans = unit.tx.banned_among(group, &ids)?.len() < ids.len();
    unit.tx.ban_set(group, &ids, true)?;
    if unit.tx.bans_count(group)? > BANS {
        let why = format!("exceeds the limit of {BANS} banned users in a group: unban others first");
        return Err(Error::field("ban", why));
    }
    Ok(())
}

/// The banned users of a group, for services, the owner and the admins. None for others. `role` is the role
/// of a calling user.
pub(super) fn shown_bans(
    tx: &dyn Tx,
    caller: Caller,
    role: Option<Role>,
    group: GroupId,
) -> Result<Option<Vec<Name>>> {
    let sees = caller == Caller::Service || role.is_some_and(|role| role >= Role::Admin);
    sees.then(|| tx.banned(group)).transpose()
}

//! Invites: create, list, delete, look up, use.

use std::time::Duration;

use super::account::MAX_TOKEN_TTL;
use super::actor::{actor, require_actor, role_in, visible};
use super::group::{GroupForCaller, seen_by};
use super::join::{PRIVATE, join_at_own_request, needs_joining};
use super::{App, Context, Growth, Unit, allow};
use crate::audit::AuditAction;
use crate::group::Group;
use crate::invite::{INVITE_TTL, INVITES, Invite, InviteCode};
use crate::permission::Action;
use crate::store::Tx;
use crate::token::TTL;
use crate::user::{Caller, User};
use crate::{Date, Error, GroupId, Name, Result};

const MISSING: Error = Error::NotFound("invite");

/// Creates an invite.
#[derive(Debug, Clone)]
pub struct MakeInvite {
    /// The acting user. If a service acts without one, the invite does not end with anybody's membership.
    pub author: Option<Name>,
    pub group: GroupId,
    /// How many users may join with the invite. None: no limit.
    pub uses: Option<u32>,
    /// The lifetime. None: the default.
    pub ttl: Option<Duration>,
}

/// An invite of a group.
#[derive(Debug, Clone)]
pub struct OneInvite {
    /// The acting user, if a service calls for one.
    pub author: Option<Name>,
    pub group: GroupId,
    pub code: InviteCode,
}

/// Joins a group with a code.
#[derive(Debug, Clone)]
pub struct UseInvite {
    /// The acting user, if a service calls.
    pub author: Option<Name>,
    pub code: InviteCode,
}

/// The part of a group that is shown to users with a valid code.
#[derive(Debug, Clone)]
pub struct Invited {
    pub group: Group,
    pub members_count: usize,
}

impl App {
    pub async fn invite_create(&self, context: &Context, command: MakeInvite) -> Result<Invite> {
        self.write(Growth::Adds, context, command, create).await
    }

    /// The invites of a group, newest first.
    pub async fn invites(&self, context: &Context, group: GroupId) -> Result<Vec<Invite>> {
        let now = self.clock().now();
        self.read(context, (group, now), |tx, caller, (group, now)| {
            admit_inviter(tx, caller, *group, actor(tx, caller, None)?.as_ref())?;
            tx.invites(*group, *now)
        })
        .await
    }

    pub async fn invite(&self, context: &Context, group: GroupId, code: InviteCode) -> Result<Invite> {
        let now = self.clock().now();
        self.read(context, (group, code, now), |tx, caller, (group, code, now)| {
            admit_inviter(tx, caller, *group, actor(tx, caller, None)?.as_ref())?;
            of_group(tx, *group, code, *now)
        })
        .await
    }

    pub async fn invite_delete(&self, context: &Context, command: OneInvite) -> Result<()> {
        self.write(Growth::Bounded, context, command, |unit, command| {
            let actor = actor(unit.tx, unit.caller, command.author.as_ref())?;
            admit_inviter(unit.tx, unit.caller, command.group, actor.as_ref())?;
            of_group(unit.tx, command.group, &command.code, unit.now())?;
            unit.audit(AuditAction::InviteDelete, command.group)?;
            unit.tx.invite_delete(&command.code)
        })
        .await
    }

    /// The group that a code gives access to.
    pub async fn invite_preview(&self, context: &Context, code: InviteCode) -> Result<Invited> {
        let now = self.clock().now();
        self.read(context, (code, now), |tx, _, (code, now)| {
            let (_, group) = found(tx, code, *now)?;
            let members_count = tx.members_count(group.id, usize::MAX)?;
            Ok(Invited { group, members_count })
        })
        .await
    }

    /// Joins a group with a code. For a member, nothing changes. A pending member accepts. Neither consumes a
    /// use of the invite.
    pub async fn invite_use(&self, context: &Context, command: UseInvite) -> Result<GroupForCaller> {
        self.write(Growth::Adds, context, command, |unit, command| {
            let user = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
            let (_, group) = found(unit.tx, &command.code, unit.now())?;
            let membership = unit.tx.membership(group.id, user.id)?;
            if needs_joining(unit, &group, &user, membership)? {
                unit.tx.invite_use(&command.code)?;
                join_at_own_request(unit, &group, &user)?;
                unit.audit_with(AuditAction::GroupJoin, group.id, &user.name)?;
            }
            seen_by(unit.tx, unit.caller, group.id, &user)
        })
        .await
    }
}

fn create(unit: &mut Unit, command: &MakeInvite) -> Result<Invite> {
    let maker = actor(unit.tx, unit.caller, command.author.as_ref())?;
    admit_inviter(unit.tx, unit.caller, command.group, maker.as_ref())?;
    let ttl = command.ttl.unwrap_or(INVITE_TTL);
    if ttl > MAX_TOKEN_TTL {
        return Err(Error::field("ttl", TTL));
    }
    let created = unit.now();
    if unit.tx.invites(command.group, created)?.len() >= INVITES {
        let why = format!("the group has {INVITES} invites, which is the limit: end one first");
        return Err(Error::forbidden(why));
    }
    let invite = Invite {
        code: InviteCode::new(&*unit.rules.clock),
        group: command.group,
        maker: maker.map(|user| user.id),
        created,
        expires: created.plus(ttl),
        uses: command.uses,
    };
    unit.tx.invite_insert(&invite)?;
    unit.audit(AuditAction::InviteCreate, command.group)?;
    Ok(invite)
}

/// Refuses callers who may not manage the invites of a group. Only services, the owner and admins may.
fn admit_inviter(tx: &dyn Tx, caller: Caller, group: GroupId, actor: Option<&User>) -> Result<()> {
    visible(tx, caller, group)?;
    if tx.group(group)?.is_some_and(|group| group.private) {
        return Err(Error::forbidden(PRIVATE));
    }
    let Some(user) = actor else { return Ok(()) };
    let role = role_in(tx, caller, group, user)?;
    allow(role, Action::Invite, "only an admin or the owner may create, list and end invites")
}

/// The invite with this code, if it belongs to this group.
fn of_group(tx: &dyn Tx, group: GroupId, code: &InviteCode, now: Date) -> Result<Invite> {
    tx.invite(code, now)?.filter(|invite| invite.group == group).ok_or(MISSING)
}

/// The invite with this code, and its group.
fn found(tx: &dyn Tx, code: &InviteCode, now: Date) -> Result<(Invite, Group)> {
    let invite = tx.invite(code, now)?.ok_or(MISSING)?;
    let group = tx.group(invite.group)?.ok_or(MISSING)?;
    Ok((invite, group))
}

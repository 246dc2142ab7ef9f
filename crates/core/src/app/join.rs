//! Joining: the list of open groups, and users who join groups on their own.

use super::actor::require_actor;
use super::consent::{accept, bring_in};
use super::group::{GroupForCaller, Leave, seen_by};
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::entry::{Change, MemberChange};
use crate::group::{Group, Membership};
use crate::permission::Role;
use crate::store::{OpenGroupRow, OpenPlace, open_key};
use crate::user::{Caller, User};
use crate::{Error, Result};

/// The error text for joining a private group.
pub(super) const PRIVATE: &str = "nobody can join a private conversation";

/// A page of the open groups, ordered by name, ignoring case and accents.
#[derive(Debug, Clone)]
pub struct OpenPage {
    /// The prefix of the groups' names, in any case and with any accents.
    pub prefix: String,
    /// The last group before the page.
    pub after: Option<OpenPlace>,
    pub limit: usize,
}

impl App {
    /// A page of the open groups, including those of which the caller is a member.
    pub async fn open_groups(&self, context: &Context, page: OpenPage) -> Result<Vec<OpenGroupRow>> {
        self.read(context, page, |tx, _, page| {
            tx.open_groups(&open_key(&page.prefix), page.after.as_ref(), page.limit)
        })
        .await
    }

    /// Joins an open group. For a member, nothing changes. A pending member accepts.
    pub async fn group_join(&self, context: &Context, command: Leave) -> Result<GroupForCaller> {
        self.write(Growth::Adds, context, command, |unit, command| {
            let user = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
            let membership = unit.tx.membership(command.group, user.id)?;
            let group = unit.tx.group(command.group)?.ok_or(Error::NotFound("group"))?;
            if membership.is_none() && !group.details.is_open {
                return Err(match unit.caller {
                    Caller::User(_) => Error::NotFound("group"),
                    Caller::Service if group.private => Error::forbidden(PRIVATE),
                    Caller::Service => Error::forbidden("the group is not open: add the user to it"),
                });
            }
            if group.private {
                return Err(Error::forbidden(PRIVATE));
            }
            if needs_joining(unit, &group, &user, membership)? {
                join_at_own_request(unit, &group, &user)?;
                unit.audit_with(AuditAction::GroupJoin, group.id, &user.name)?;
            }
            seen_by(unit.tx, unit.caller, group.id, &user)
        })
        .await
    }
}

/// Whether the user still has to join the group. If the membership is pending, accepts it. Fails if the user
/// may not join.
pub(super) fn needs_joining(
    unit: &mut Unit,
    group: &Group,
    user: &User,
    membership: Option<Membership>,
) -> Result<bool> {
    if let Some(membership) = membership {
        if membership.pending {
            accept(unit, group.id, user, true)?;
        }
        return Ok(false);
    }
    if user.special {
        let why = format!("must not be a special user: {} joins no group", user.name);
        return Err(Error::field("author", why));
    }
    if !unit.tx.banned_among(group.id, &[user.id])?.is_empty() {
        return Err(Error::forbidden(format!("user {} is banned from this group", user.name)));
    }
    let most = unit.rules.limits.group_members;
    if unit.tx.members_count(group.id, most)? >= most {
        return Err(Error::forbidden(format!("the group has {most} users, which is the limit")));
    }
    require_room_for_group(unit, user)?;
    Ok(true)
}

/// Refuses a user who is already in the maximum number of groups.
pub(super) fn require_room_for_group(unit: &Unit, user: &User) -> Result<()> {
    let most = unit.rules.limits.user_groups;
    if unit.tx.groups_count(user.id)? >= most {
        let why = format!("user {} is in {most} groups already: leave one first", user.name);
        return Err(Error::forbidden(why));
    }
    Ok(())
}

/// Makes a user a member at its own request. Such a membership is never pending.
pub(super) fn join_at_own_request(unit: &mut Unit, group: &Group, user: &User) -> Result<()> {
    let joined = vec![user.id];
    let now = unit.now();
    unit.tx.member_set(group.id, user.id, Role::Member, now)?;
    bring_in(unit, group.id, &joined, &[])?;
    let changes = Change::of(MemberChange::Joined, joined.clone()).into_iter().collect();
    let entry = unit.log_changes(group.id, Some(user.id), changes)?;
    unit.group_updated(group.id, entry.seq, joined, vec![], Some(entry)).map(drop)
}

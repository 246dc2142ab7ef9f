//! Updates of a group's name, details, members and roles in one request.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::actor::{actor, role_in};
use super::avatar::{AvatarOf, replace_avatar};
use super::ban::{BanUpdate, ban, lift, shown_bans};
use super::consent::{accept_all, admit, bring_in, invite};
use super::directory::all_named;
use super::group::{Roles, roles_of};
use super::group_details::plan_details;
use super::message::show_view_to;
use super::{App, Context, Growth, Unit, allow};
use crate::audit::AuditAction;
use crate::entry::{Change, MemberChange};
use crate::event::{Event, Kind, Pending};
use crate::group::{Group, Member, View};
use crate::group_details::{DetailKey, GroupDetails, GroupDetailsUpdate};
use crate::name::NameCase;
use crate::permission::{Action, Role};
use crate::user::{Caller, User};
use crate::{Error, GroupId, GroupName, Name, Result, UserId};

/// Updates a group.
#[derive(Debug, Clone)]
pub struct Update {
    /// The acting user. A service without one may change everything.
    pub author: Option<Name>,
    pub group: GroupId,
    pub name: Option<GroupName>,
    /// The new owner, who must be a member.
    pub owner: Option<Name>,
    /// Users to add, and members whose role changes, by their new role.
    pub roles: Roles,
    /// Members to remove.
    pub remove: Vec<Name>,
    pub bans: BanUpdate,
    pub details: GroupDetailsUpdate,
}

/// The result of an update.
#[derive(Debug, Clone)]
pub struct Updated {
    pub view: Arc<View>,
    /// Whether anything visible to members changed. Only then is an event published.
    pub changed: bool,
    /// The banned users. Only in the response to a REST request by a caller who may see them.
    pub banned: Option<Vec<Name>>,
}

impl App {
    pub async fn group_update(&self, context: &Context, command: Update) -> Result<Updated> {
        let (growth, command) = (command.growth(), (command, AtomicBool::new(false)));
        self.write(growth, context, command, |unit, (command, counted)| update(unit, command, counted)).await
    }
}

impl Update {
    /// Removals are possible even on a full disk.
    fn growth(&self) -> Growth {
        let texts = [DetailKey::Description, DetailKey::Avatar, DetailKey::Data];
        let has_texts = self.details.keys().iter().any(|key| texts.contains(key));
        if self.moves_members() || self.name.is_some() || has_texts { Growth::Adds } else { Growth::Bounded }
    }

    /// Whether the update assigns a role to any user.
    fn moves_members(&self) -> bool {
        let Roles { admins, members, restricts } = &self.roles;
        self.owner.is_some() || [admins, members, restricts].iter().any(|names| !names.is_empty())
    }

    /// Whether the update consists only of details, at least one.
    fn is_of_details_only(&self) -> bool {
        let is_of_members = self.moves_members() || !self.remove.is_empty() || !self.bans.is_empty();
        let others = self.name.is_some() || is_of_members;
        !others && !self.details.keys().is_empty()
    }
}

/// The planned changes to a group.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    set: Vec<(UserId, Role)>,
    joined: Vec<UserId>,
    /// Those of `joined` who have to accept first.
    pending: Vec<UserId>,
    /// Pending members whom a service adds without asking. Their acceptance takes no number in the log.
    accepted: Vec<User>,
    removed: Vec<Removed>,
    /// Whether users are newly banned. A ban takes no number in the log.
    pub(super) bans: bool,
    /// Whether ownership is transferred. The old owner becomes an admin.
    hands_over: bool,
    name: Option<GroupName>,
    details: Option<GroupDetails>,
}

/// A member to remove.
#[derive(Debug, PartialEq, Eq)]
struct Removed {
    user: UserId,
    name: Name,
    was_pending: bool,
}

fn update(unit: &mut Unit, command: &Update, counted: &AtomicBool) -> Result<Updated> {
    let actor = actor(unit.tx, unit.caller, command.author.as_ref())?;
    let role = actor.as_ref().map(|user| role_in(unit.tx, unit.caller, command.group, user)).transpose()?;
    let group = unit.tx.group(command.group)?.ok_or(Error::NotFound("group"))?;
    if group.private && !command.is_of_details_only() {
        return Err(Error::forbidden("nobody can change the name or members of a private conversation"));
    }
    let name = new_name(&group, role, command.name.as_ref())?.cloned();
    let details = plan_details(unit, role, &group, &command.details)?;
    let lifts = lift(unit, role, group.id, &command.bans.unban)?;
    let members = members_by_id(unit, group.id)?;
    let mut plan = Plan { name, details, ..plan(unit, role, &members, command)? };
    let joined = users(unit, &plan.joined)?;
    let coming: Vec<_> = joined.iter().chain(&plan.accepted).collect();
    plan.pending = admit(unit, group.id, actor.as_ref(), &coming, counted)?;
    let most = unit.rules.limits.group_members;
    // A group may exceed the limit after an import, or after the limit was lowered. It may still change or
    // shrink.
    if members.len() + plan.joined.len() - plan.removed.len() > most.max(members.len()) {
        return Err(Error::field("members", format!("exceed the limit of {most} users in a group")));
    }
    let accepted = mem::take(&mut plan.accepted);
    let changed = plan != Plan { bans: plan.bans, ..Plan::default() };
    if changed || plan.bans || lifts || !accepted.is_empty() {
        unit.audit(AuditAction::GroupUpdate, group.id)?;
    }
    accept_all(unit, group.id, &accepted, false)?;
    let mut view = if changed {
        carry_out(unit, &group, actor.map(|user| user.id), &members, plan)?
    } else {
        let view = if unit.origin.is_none() { unit.tx.view(group.id)? } else { unit.tx.brief(group.id)? };
        view.ok_or(Error::NotFound("group"))?
    };
    show_view_to(unit.tx, unit.caller.user(), &mut view)?;
    let is_answered = unit.origin.is_none() && !group.private;
    let banned = if is_answered { shown_bans(unit.tx, unit.caller, role, group.id)? } else { None };
    Ok(Updated { view, changed, banned })
}

fn new_name<'a>(
    group: &Group,
    role: Option<Role>,
    name: Option<&'a GroupName>,
) -> Result<Option<&'a GroupName>> {
    let name = name.filter(|name| name.as_str() != &*group.name);
    if name.is_some() {
        permit(role, Action::Rename, "only an admin or the owner may rename a group")?;
    }
    Ok(name)
}

/// Like [`allow`], but a service without an acting user (`None`) has the rights of an owner.
pub(super) fn permit(role: Option<Role>, action: Action, refusal: &'static str) -> Result<()> {
    allow(role.unwrap_or(Role::Owner), action, refusal)
}

fn members_by_id(unit: &Unit, group: GroupId) -> Result<BTreeMap<UserId, Member>> {
    Ok(unit.tx.members(group)?.into_iter().map(|member| (member.user, member)).collect())
}

fn users(unit: &Unit, ids: &[UserId]) -> Result<Vec<User>> {
    let found = |id: &UserId| unit.tx.user(*id)?.ok_or_else(|| Error::internal("a named user is gone"));
    ids.iter().map(found).collect()
}

fn plan(
    unit: &mut Unit,
    role: Option<Role>,
    members: &BTreeMap<UserId, Member>,
    command: &Update,
) -> Result<Plan> {
    let mut plan = Plan::default();
    let removed = all_named(unit, "remove", &command.remove)?;
    let banned = all_named(unit, "ban", &command.bans.ban)?;
    let given = roles_of(unit, &command.roles)?;
    for (user, wanted) in given {
        for (field, leaving) in [("remove", &removed), ("ban", &banned)] {
            if leaving.iter().any(|gone| gone.id == user.id) {
                let why = format!("must not include {}, who has a role in the same request", user.name);
                return Err(Error::field(field, why));
            }
        }
        let member = members.get(&user.id);
        plan_role(&mut plan, role, member, &user, wanted)?;
        if unit.caller == Caller::Service && member.is_some_and(|member| member.pending) {
            permit_adding(role, wanted)?;
            plan.accepted.push(user);
        }
    }
    for user in removed {
        plan_removal(&mut plan, role, members.get(&user.id), user)?;
    }
    ban(unit, &mut plan, role, command.group, members, banned)?;
    if let Some(name) = &command.owner {
        plan_owner(&mut plan, role, members, name, unit.rules.name_case)?;
    }
    Ok(plan)
}

fn permit_adding(role: Option<Role>, wanted: Role) -> Result<()> {
    permit(role, Action::Add(wanted), "only an admin or the owner may add users")
}

fn plan_role(
    plan: &mut Plan,
    role: Option<Role>,
    now: Option<&Member>,
    user: &User,
    wanted: Role,
) -> Result<()> {
    match now.map(|member| member.role) {
        Some(current) if current == wanted => return Ok(()),
        Some(Role::Owner) => {
            return Err(Error::forbidden("nobody can demote the owner: transfer the group instead"));
        }
        Some(current) => {
            permit(role, Action::Move(current, wanted), "your role does not allow this change of role")?;
        }
        None => {
            permit_adding(role, wanted)?;
            plan.joined.push(user.id);
        }
    }
    plan.set.push((user.id, wanted));
    Ok(())
}

pub(super) fn plan_removal(
    plan: &mut Plan,
    role: Option<Role>,
    now: Option<&Member>,
    user: User,
) -> Result<()> {
    let Some(member) = now else {
        return Err(Error::field("remove", format!("must name members: {} is not a member", user.name)));
    };
    permit(role, Action::Remove(member.role), "your role does not allow you to remove this user")?;
    if !plan.removed.iter().any(|removed| removed.user == user.id) {
        plan.removed.push(Removed { user: user.id, name: user.name, was_pending: member.pending });
    }
    Ok(())
}

fn plan_owner(
    plan: &mut Plan,
    role: Option<Role>,
    members: &BTreeMap<UserId, Member>,
    name: &Name,
    case: NameCase,
) -> Result<()> {
    let heir = members.values().find(|member| member.name.finds_same(name, case));
    let Some(heir) = heir.filter(|heir| !plan.removed.iter().any(|gone| gone.user == heir.user)) else {
        return Err(Error::field("owner", "must be a member who is not removed"));
    };
    if heir.pending {
        return Err(Error::field("owner", format!("must have accepted the group: {} has not", heir.name)));
    }
    if heir.role == Role::Owner {
        return Ok(());
    }
    permit(role, Action::HandOver, "only the owner may transfer the group")?;
    plan.set.retain(|(id, _)| *id != heir.user);
    let owners = members.values().filter(|member| member.role == Role::Owner);
    plan.set.extend(owners.map(|owner| (owner.user, Role::Admin)));
    plan.set.push((heir.user, Role::Owner));
    plan.hands_over = true;
    Ok(())
}

impl Plan {
    /// The changes, in the order in which a log entry lists them.
    fn changes(&self, group: &Group, members: &BTreeMap<UserId, Member>) -> Vec<Change<UserId>> {
        let renamed = self.name.iter().map(|name| Change::Renamed(name.as_str().into()));
        let differing = self.details.iter().map(|details| Change::Details(group.details.differing(details)));
        let joined = Change::of(MemberChange::Joined, self.joined.clone());
        let roles = [Role::Admin, Role::Member, Role::Restrict].into_iter().filter_map(|role| {
            let who =
                self.set.iter().filter(|(user, set)| *set == role && self.shows_role(*user, role, members));
            Change::of(MemberChange::Role(role), who.map(|(user, _)| *user).collect())
        });
        let owners = self.set.iter().filter(|(_, role)| *role == Role::Owner).map(|(user, _)| *user);
        let removed = self.removed.iter().map(|removed| removed.user).collect();
        renamed
            .chain(differing)
            .chain(joined)
            .chain(roles)
            .chain(Change::of(MemberChange::Owner, owners.collect()))
            .chain(Change::of(MemberChange::Removed, removed))
            .collect()
    }

    /// Whether a log entry lists the role that a user receives. It does not for users who join as members,
    /// nor for an owner who becomes an admin by transferring ownership, since other changes of the entry
    /// imply both.
    fn shows_role(&self, user: UserId, role: Role, members: &BTreeMap<UserId, Member>) -> bool {
        match members.get(&user) {
            None => role != Role::Member,
            Some(member) => !(self.hands_over && member.role == Role::Owner),
        }
    }
}

fn carry_out(
    unit: &mut Unit,
    group: &Group,
    by: Option<UserId>,
    members: &BTreeMap<UserId, Member>,
    plan: Plan,
) -> Result<Arc<View>> {
    let (now, changes) = (unit.now(), plan.changes(group, members));
    if let Some(details) = &plan.details {
        let (old, new) = (group.details.avatar.as_ref(), details.avatar.as_ref());
        replace_avatar(unit, AvatarOf::Group(group.id, by), old, new)?;
        unit.tx.group_details_set(group.id, details)?;
    }
    let group = group.id;
    if let Some(name) = &plan.name {
        unit.tx.group_rename(group, name.as_str())?;
    }
    for (user, role) in plan.set {
        unit.tx.member_set(group, user, role, now)?;
    }
    for removed in &plan.removed {
        unit.tx.member_remove(group, removed.user)?;
    }
    bring_in(unit, group, &plan.joined, &plan.pending)?;
    let entry = unit.log_changes(group, by, changes)?;
    let seq = entry.seq;
    let left = plan.removed.iter().map(|removed| removed.user).collect();
    let joined = plan.joined.into_iter().filter(|user| !plan.pending.contains(user)).collect();
    let view = unit.group_updated(group, seq, joined, left, Some(entry))?;
    for Removed { user, name, was_pending } in plan.removed {
        let kind = if was_pending {
            Kind::Pending(Pending::Ended { group, name })
        } else {
            Kind::GroupQuit { group, name }
        };
        unit.publish(Event { seq: Some(seq), ..Event::to_users(kind, vec![user]) });
    }
    invite(unit, group, seq, &plan.pending)?;
    Ok(view)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Date;
    use crate::permission::may;

    fn member(id: i64, role: Role) -> (UserId, Member) {
        let (user, since) = (UserId(id), Date::from_micros(id));
        (
            user,
            Member {
                user,
                name: Name::stored(&format!("u{id}")),
                role,
                since,
                pending: false,
                read: None,
                hides_reads: false,
            },
        )
    }

    fn user(id: i64) -> User {
        User { id: UserId(id), name: Name::stored(&format!("u{id}")), special: false }
    }

    /// For every role and every change of role, the plan allows exactly what the role table allows.
    #[test]
    fn every_change_of_role_is_planned_as_the_table_says() {
        for actor in Role::ALL {
            for current in
                [None, Some(Role::Owner), Some(Role::Admin), Some(Role::Member), Some(Role::Restrict)]
            {
                for wanted in [Role::Admin, Role::Member, Role::Restrict] {
                    let now = current.map(|role| member(2, role).1);
                    let planned =
                        plan_role(&mut Plan::default(), Some(actor), now.as_ref(), &user(2), wanted);
                    let action = current.map_or(Action::Add(wanted), |current| Action::Move(current, wanted));
                    let expected = current == Some(wanted) || may(actor, action);
                    assert_eq!(planned.is_ok(), expected, "{actor:?}: {current:?} to {wanted:?}");
                }
            }
        }
    }

    #[test]
    fn handing_over_makes_the_old_owner_an_admin() {
        let members = BTreeMap::from([member(1, Role::Owner), member(2, Role::Member)]);
        let mut plan = Plan { set: vec![(UserId(2), Role::Admin)], ..Plan::default() };
        plan_owner(&mut plan, Some(Role::Owner), &members, &Name::stored("U2"), NameCase::Folded)
            .expect("allowed");
        assert_eq!(plan.set, [(UserId(1), Role::Admin), (UserId(2), Role::Owner)]);
        assert!(
            plan_owner(&mut plan, Some(Role::Admin), &members, &Name::stored("u2"), NameCase::Folded)
                .is_err()
        );
    }

    #[test]
    fn a_stranger_can_neither_be_removed_nor_own_the_group() {
        let members = BTreeMap::from([member(1, Role::Owner)]);
        let mut plan = Plan::default();
        assert!(matches!(plan_removal(&mut plan, None, None, user(2)), Err(Error::Invalid(_))));
        assert!(matches!(
            plan_owner(&mut plan, None, &members, &Name::stored("u2"), NameCase::Folded),
            Err(Error::Invalid(_))
        ));
        assert!(plan == Plan::default() && !may(Role::Owner, Action::Remove(Role::Owner)));
    }
}

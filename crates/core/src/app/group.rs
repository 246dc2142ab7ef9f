//! Groups: create, read, leave, delete. For private groups, see [`super::private`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::actor::{actor, membership_in, require_actor, role_in, visible};
use super::avatar::{AvatarOf, replace_avatar};
use super::ban::shown_bans;
use super::consent::{admit, bring_in, end, invite};
use super::directory::all_named;
use super::group_details::require_rights;
use super::message::show_view_to;
use super::suspension::governs;
use super::{App, Context, Growth, Unit, allow, complete_view, show_reads};
use crate::audit::AuditAction;
use crate::authority::Govern;
use crate::bot::{BotAct, BotTarget};
use crate::entry::{Change, Entry, MemberChange};
use crate::event::{Event, Kind, Pending};
use crate::group::{Group, Mark, Member, View, heir};
use crate::group_details::{GroupDetails, GroupDetailsUpdate};
use crate::group_settings::GroupSettings;
use crate::log::LogEntry;
use crate::permission::{Action, Role};
use crate::store::{Task, Tx};
use crate::user::{Caller, User};
use crate::{Error, GroupId, GroupName, MessageId, Name, Result, Seq, UserId};

/// The user names in a request, by the role to assign.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    pub admins: Vec<Name>,
    pub members: Vec<Name>,
    pub restricts: Vec<Name>,
}

/// Creates a group that its author owns.
#[derive(Debug, Clone)]
pub struct Create {
    /// The owner. Users may omit it.
    pub author: Option<Name>,
    pub name: GroupName,
    /// The other members.
    pub roles: Roles,
    pub details: GroupDetailsUpdate,
}

/// Leaves or deletes a group.
#[derive(Debug, Clone)]
pub struct Leave {
    /// The acting user, if a service calls.
    pub author: Option<Name>,
    pub group: GroupId,
}

/// A group with the calling user's own state.
#[derive(Debug, Clone)]
pub struct GroupForCaller {
    /// The same view for all members, except for the read marks.
    pub view: Arc<View>,
    /// The calling user's read mark. None if a service calls.
    pub mark: Option<Mark>,
    pub settings: GroupSettings,
    /// Whether the calling user, who was added by a non-contact, has yet to accept the group.
    pub pending: bool,
    /// The banned users. Only if the caller requested the group and may see them.
    pub banned: Option<Vec<Name>>,
}

impl App {
    pub async fn group_create(&self, context: &Context, command: Create) -> Result<Arc<View>> {
        self.write(Growth::Adds, context, (command, AtomicBool::new(false)), |unit, (command, counted)| {
            create(unit, command, counted)
        })
        .await
    }

    /// One group. Admins of the server can see all groups; those of which they are not members come without
    /// messages.
    pub async fn group(&self, context: &Context, id: GroupId) -> Result<GroupForCaller> {
        let act = (BotAct::ReadGroup, BotTarget::Group(id));
        self.read_by_bots(context, act, id, |tx, caller, id| {
            let is_outside = match visible(tx, caller, *id) {
                Err(Error::NotFound(_)) if governs(tx, caller, Govern::SeeGroups)? => true,
                seen => seen.map(|()| false)?,
            };
            let mut view = tx.view(*id)?.ok_or(Error::NotFound("group"))?;
            if is_outside {
                return seen_by_admin(tx, caller, view);
            }
            show_view_to(tx, caller.user(), &mut view)?;
            let own = |member: &&Member| Some(member.user) == caller.user();
            let own = view.members.iter().find(own).map(|member| (member.role, member.pending));
            let role = own.filter(|(_, pending)| !pending).map(|(role, _)| role);
            let banned = if view.group.private { None } else { shown_bans(tx, caller, role, *id)? };
            let Some(user) = caller.user() else {
                Arc::make_mut(&mut view).show_reads(&[], &[]);
                let settings = GroupSettings::default();
                return Ok(GroupForCaller { view, mark: None, settings, pending: false, banned });
            };
            let pending = own.is_some_and(|(_, pending)| pending);
            let mut mark = tx.mark(*id, user)?;
            if pending {
                mark.hide_counts();
            } else {
                show_reads(tx, &mut view, &[user])?;
            }
            Ok(GroupForCaller {
                view,
                mark: Some(mark),
                settings: tx.group_settings(*id, user)?,
                pending,
                banned,
            })
        })
        .await
    }

    /// Up to `limit` groups that the caller can see, after `after`, in order of id.
    pub async fn groups(
        &self,
        context: &Context,
        after: Option<GroupId>,
        limit: usize,
    ) -> Result<Vec<Group>> {
        self.read(context, (after, limit), |tx, caller, (after, limit)| match caller {
            Caller::User(user) if !governs(tx, caller, Govern::SeeGroups)? => {
                tx.groups_of(user, *after, *limit)
            }
            Caller::Service | Caller::User(_) => tx.groups_page(*after, *limit),
        })
        .await
    }

    /// Leaves a group. If the owner leaves, another member becomes the owner. An empty group is deleted.
    pub async fn group_quit(&self, context: &Context, command: Leave) -> Result<()> {
        self.write(Growth::Bounded, context, command, quit).await
    }

    pub async fn group_delete(&self, context: &Context, command: Leave) -> Result<()> {
        self.write(Growth::Bounded, context, command, delete).await
    }

    /// The calling user, if it may write in the group, and the users to whom its typing is not shown. `None`
    /// if the caller has not accepted the group, because then nobody sees it typing.
    pub async fn group_typist(
        &self,
        context: &Context,
        group: GroupId,
    ) -> Result<Option<(User, Vec<UserId>)>> {
        self.read(context, group, |tx, caller, group| {
            let user = require_actor(tx, caller, None)?;
            let membership = membership_in(tx, caller, *group, &user)?;
            allow(membership.effective_role(), Action::Send, "you may read this group but not write to it")?;
            if membership.pending {
                return Ok(None);
            }
            let mut hidden_from = vec![user.id];
            hidden_from.extend(tx.hidden_from(*group, user.id, false)?);
            Ok(Some((user, hidden_from)))
        })
        .await
    }
}

/// A group as seen by an admin of the server who is not a member: without its messages.
fn seen_by_admin(tx: &dyn Tx, caller: Caller, mut view: Arc<View>) -> Result<GroupForCaller> {
    let banned = if view.group.private { None } else { Some(tx.banned(view.group.id)?) };
    show_reads(tx, &mut view, caller.user().as_slice())?;
    Arc::make_mut(&mut view).messages.clear();
    Ok(GroupForCaller { view, mark: None, settings: GroupSettings::default(), pending: false, banned })
}

/// A group as seen by a member who has accepted it. For a service that acts in the member's name, no reaction is
/// the caller's own.
pub(super) fn seen_by(tx: &dyn Tx, caller: Caller, group: GroupId, user: &User) -> Result<GroupForCaller> {
    let (mut view, mark) = (complete_view(tx, group)?, tx.mark(group, user.id)?);
    show_reads(tx, &mut view, &[user.id])?;
    show_view_to(tx, caller.user(), &mut view)?;
    let settings = tx.group_settings(group, user.id)?;
    Ok(GroupForCaller { view, mark: Some(mark), settings, pending: false, banned: None })
}

/// The users named in a request, without duplicates, each with the highest role requested.
pub(super) fn roles_of(unit: &Unit, roles: &Roles) -> Result<Vec<(User, Role)>> {
    let mut found: BTreeMap<UserId, (User, Role)> = BTreeMap::new();
    let lists = [
        ("admins", &roles.admins, Role::Admin),
        ("members", &roles.members, Role::Member),
        ("restricts", &roles.restricts, Role::Restrict),
    ];
    for (field, names, role) in lists {
        for user in all_named(unit, field, names)? {
            found.entry(user.id).or_insert((user, role));
        }
    }
    Ok(found.into_values().collect())
}

fn create(unit: &mut Unit, command: &Create, counted: &AtomicBool) -> Result<Arc<View>> {
    let owner = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
    require_rights(unit, false, &command.details)?;
    let mut others = roles_of(unit, &command.roles)?;
    others.retain(|(user, _)| user.id != owner.id);
    let most = unit.rules.limits.group_members;
    if others.len() >= most {
        return Err(Error::field("members", format!("exceed the limit of {most} users in a group")));
    }
    let (id, now) = (GroupId::new(&*unit.rules.clock), unit.now());
    let coming: Vec<_> = others.iter().map(|(user, _)| user).collect();
    let pending = admit(unit, id, Some(&owner), &coming, counted)?;
    if unit.tx.groups_count(owner.id)? >= unit.rules.limits.user_groups {
        return Err(Error::field("author", "is in too many groups: leave one first"));
    }
    unit.tx.group_insert(id, command.name.as_str(), None)?;
    let details = command.details.after(&GroupDetails::default());
    if details != GroupDetails::default() {
        replace_avatar(unit, AvatarOf::Group(id, Some(owner.id)), None, details.avatar.as_ref())?;
        unit.tx.group_details_set(id, &details)?;
    }
    unit.tx.member_set(id, owner.id, Role::Owner, now)?;
    for (user, role) in &others {
        unit.tx.member_set(id, user.id, *role, now)?;
    }
    let mut joined: Vec<_> = others.iter().map(|(user, _)| user.id).chain([owner.id]).collect();
    bring_in(unit, id, &[], &pending)?;
    joined.retain(|user| !pending.contains(user));
    let entry = unit.log_changes(id, Some(owner.id), vec![Change::Created])?;
    let seq = entry.seq;
    let view = unit.group_updated(id, seq, joined, vec![], Some(entry))?;
    invite(unit, id, seq, &pending)?;
    unit.audit_with(AuditAction::GroupCreate, id, format_args!("of {}", owner.name))?;
    Ok(view)
}

fn quit(unit: &mut Unit, command: &Leave) -> Result<()> {
    let user = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
    let membership = membership_in(unit.tx, unit.caller, command.group, &user)?;
    let group = unit.tx.group(command.group)?.ok_or(Error::NotFound("group"))?;
    if group.private {
        let notes = unit.tx.group_of_pair(user.id, user.id)? == Some(group.id);
        if notes || unit.tx.members(group.id)?.len() > 1 {
            return Err(Error::forbidden(
                "nobody can leave a private conversation: block the other user instead",
            ));
        }
    }
    if membership.pending {
        end(unit, group.id, &user)?;
    } else {
        let departed = depart(unit, group.id, user.id, membership.role == Role::Owner, Departure::Left)?;
        unit.group_affected(group.id, departed.seq, vec![user.id], Some(departed.entry.clone()))?;
        delete_if_ended(unit, group.id, &departed)?;
        let gone = Kind::GroupQuit { group: group.id, name: user.name.clone() };
        unit.answer(Event { seq: Some(departed.seq), ..Event::to_users(gone, vec![user.id]) });
    }
    unit.audit_with(AuditAction::GroupQuit, group.id, &user.name)?;
    // Has no effect if the group has just been deleted.
    unit.tx.declined_set(group.id, user.id, true)
}

/// The result of removing a user from a group.
pub(super) struct Departed {
    /// The number of the change in the group's log.
    pub(super) seq: Seq,
    pub(super) entry: Arc<Entry>,
    /// Whether another member became the owner.
    pub(super) inherited: bool,
    /// Whether no accepted member remains.
    ended: bool,
}

/// Why a user is removed from a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Departure {
    /// The user left.
    Left,
    /// The user was deleted. These messages lose its reactions.
    Deleted { lost: Vec<MessageId> },
}

/// Removes a user from a group. If the user was the owner, another member becomes the owner, unless the group
/// already has a new one: a deleted user leaves its groups in steps, and a service may transfer ownership
/// before that. The caller publishes the change and then calls [`delete_if_ended`].
pub(super) fn depart(
    unit: &mut Unit,
    group: GroupId,
    user: UserId,
    was_owner: bool,
    why: Departure,
) -> Result<Departed> {
    unit.tx.member_remove(group, user)?;
    let was_owner = was_owner && unit.tx.owner(group)?.is_none();
    let heir = if was_owner { heir(&unit.tx.members(group)?).cloned() } else { None };
    let ended = if was_owner { heir.is_none() } else { unit.tx.members_count(group, 1)? == 0 };
    if let Some(heir) = &heir {
        unit.tx.member_set(group, heir.user, Role::Owner, heir.since)?;
    }
    let (log, by, change) = match why {
        Departure::Left => (LogEntry::GroupChanged, Some(user), Change::of(MemberChange::Left, vec![user])),
        Departure::Deleted { lost } if lost.is_empty() => {
            (LogEntry::GroupChanged, None, Some(Change::UserDeleted))
        }
        Departure::Deleted { lost } => (LogEntry::MemberDeleted { lost }, None, Some(Change::UserDeleted)),
    };
    let inherited = heir.is_some();
    let heirs = Change::of(MemberChange::Owner, heir.into_iter().map(|heir| heir.user).collect());
    let entry = unit.log_entry(group, &log, by, heirs.into_iter().chain(change).collect())?;
    Ok(Departed { seq: entry.seq, entry, inherited, ended })
}

/// Deletes the group if no accepted member remains.
pub(super) fn delete_if_ended(unit: &mut Unit, group: GroupId, departed: &Departed) -> Result<()> {
    if departed.ended {
        let members = unit.tx.members(group)?;
        delete_now(unit, group)?;
        publish_end_to_pending(unit, group, departed.seq.next(), &members);
    }
    Ok(())
}

/// Publishes the end of the group to pending members.
fn publish_end_to_pending(unit: &mut Unit, group: GroupId, seq: Seq, members: &[Member]) {
    let pending: Vec<_> = members.iter().filter(|member| member.pending).map(|member| member.user).collect();
    if !pending.is_empty() {
        let kind = Kind::Pending(Pending::Deleted(group));
        unit.publish(Event { seq: Some(seq), ..Event::to_users(kind, pending) });
    }
}

fn delete(unit: &mut Unit, command: &Leave) -> Result<()> {
    let actor = actor(unit.tx, unit.caller, command.author.as_ref())?;
    if let Some(user) = &actor {
        let role = role_in(unit.tx, unit.caller, command.group, user)?;
        allow(role, Action::Delete, "only the owner may delete a group")?;
    }
    let group = unit.tx.group(command.group)?.ok_or(Error::NotFound("group"))?;
    if group.private {
        return Err(Error::forbidden("nobody can delete a private conversation"));
    }
    let (members, seq) = (unit.tx.members(group.id)?, group.head.next());
    unit.audit(AuditAction::GroupDelete, group.id)?;
    delete_now(unit, group.id)?;
    unit.answer(Event::in_group(Kind::GroupDelete(group.id), group.id, seq));
    publish_end_to_pending(unit, group.id, seq, &members);
    Ok(())
}

/// Deletes a group. The content of a large group is erased in steps, in the background.
fn delete_now(unit: &mut Unit, group: GroupId) -> Result<()> {
    let task = unit.new_task();
    unit.tx.group_delete(group, task)?;
    unit.begin_task(task, Task::EraseGroup(group))
}

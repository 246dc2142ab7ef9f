//! Groups: make, see, quit, delete; and private ones with their first message.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::actor::{actor, named, role_in, someone, visible};
use super::relation::{private_role, unblocked_by};
use super::send::{Send, Sent, send};
use super::{App, Context, Unit, allow, standing};
use crate::event::{Event, Kind};
use crate::group::{Group, Mark, View, heir};
use crate::message::{Body, ClientId, Message};
use crate::permission::{Action, Role};
use crate::rate::{self, Key};
use crate::relation::Relation;
use crate::store::{Change, NewMessage, Task, Tx};
use crate::user::{Caller, User};
use crate::{Error, GroupId, GroupName, MessageId, Name, Result, Seq, UserId};

/// Names by the role that a request gives them.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// To be admins.
    pub admins: Vec<Name>,
    /// To be members.
    pub members: Vec<Name>,
    /// To be restricts.
    pub restricts: Vec<Name>,
}

/// Makes a group, which its author owns.
#[derive(Debug, Clone)]
pub struct Create {
    /// Who will own it; a user's own name may be left out.
    pub author: Option<Name>,
    /// Its name.
    pub name: GroupName,
    /// The others in it.
    pub roles: Roles,
}

/// Opens the private group with somebody, with a first message.
#[derive(Debug, Clone)]
pub struct First {
    /// With whom.
    pub target: Name,
    /// The first message.
    pub body: Option<Body>,
    /// The sender's own id for that message: a retry with the same one makes no second.
    pub client_id: Option<ClientId>,
}

/// What came of opening a private group.
#[derive(Debug, Clone)]
pub enum Opened {
    /// It was made, or the message was sent there: told to both.
    Told,
    /// The message was sent before: the original answer, for the caller alone.
    Before(Message),
    /// It stood already and there was nothing to send: the group, for the caller alone.
    Standing(Arc<View>),
}

/// Quits or deletes a group.
#[derive(Debug, Clone)]
pub struct Leave {
    /// In whose name, for a service.
    pub author: Option<Name>,
    /// Which.
    pub group: GroupId,
}

/// A group with the asking user's own mark.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What everybody in it sees.
    pub view: Arc<View>,
    /// The asking user's own mark, if a user asks.
    pub mark: Option<Mark>,
}

impl App {
    /// Makes a group and tells its members.
    pub async fn group_create(&self, context: &Context, command: Create) -> Result<Arc<View>> {
        self.room()?;
        self.write(context, command, create).await
    }

    /// Makes or finds the private group with a user, and sends the message there.
    pub async fn message_first(&self, context: &Context, command: First) -> Result<Opened> {
        self.room()?;
        self.write(context, (command, AtomicBool::new(false)), |unit, (command, counted)| {
            first(unit, command, counted)
        })
        .await
    }

    /// One group.
    pub async fn group(&self, context: &Context, id: GroupId) -> Result<Seen> {
        self.read(context, id, |tx, caller, id| {
            visible(tx, caller, *id)?;
            let view = tx.view(*id)?.ok_or(Error::NotFound("group"))?;
            let mark = caller.user().map(|user| tx.mark(*id, user)).transpose()?;
            Ok(Seen { view, mark })
        })
        .await
    }

    /// Up to `limit` of the groups that the caller may see, those after `after`, by id.
    pub async fn groups(
        &self,
        context: &Context,
        after: Option<GroupId>,
        limit: usize,
    ) -> Result<Vec<Group>> {
        self.read(context, (after, limit), |tx, caller, (after, limit)| match caller {
            Caller::Service => tx.groups_page(*after, *limit),
            Caller::User(user) => tx.groups_of(user, *after, *limit),
        })
        .await
    }

    /// Leaves a group. The owner is followed; a group left empty is deleted.
    pub async fn group_quit(&self, context: &Context, command: Leave) -> Result<()> {
        self.write(context, command, quit).await
    }

    /// Deletes a group and tells its members.
    pub async fn group_delete(&self, context: &Context, command: Leave) -> Result<()> {
        self.write(context, command, delete).await
    }

    /// The caller's name, if it may speak in the group (typing).
    pub async fn group_speaker(&self, context: &Context, group: GroupId) -> Result<User> {
        self.read(context, group, |tx, caller, group| {
            let user = someone(tx, caller, None)?;
            let role = role_in(tx, caller, *group, &user)?;
            allow(role, Action::Send, "you may read this group, and not write to it")?;
            Ok(user)
        })
        .await
    }
}

/// The users named in a request, each once, with the highest role named.
pub(super) fn roles_of(tx: &dyn Tx, roles: &Roles) -> Result<Vec<(User, Role)>> {
    let mut found: BTreeMap<UserId, (User, Role)> = BTreeMap::new();
    let lists = [
        ("admins", &roles.admins, Role::Admin),
        ("members", &roles.members, Role::Member),
        ("restricts", &roles.restricts, Role::Restrict),
    ];
    for (field, names, role) in lists {
        for user in all_named(tx, field, names)? {
            found.entry(user.id).or_insert((user, role));
        }
    }
    Ok(found.into_values().collect())
}

/// The users of one list, all of whom must exist.
pub(super) fn all_named(tx: &dyn Tx, field: &'static str, names: &[Name]) -> Result<Vec<User>> {
    let users = tx.users_named(names)?;
    let unknown = |(user, name): (Option<User>, &Name)| {
        user.ok_or_else(|| Error::field(field, format!("there is no user {name}")))
    };
    users.into_iter().zip(names).map(unknown).collect()
}

/// What anybody who is brought into a group must meet.
pub(super) fn may_come(unit: &Unit, actor: Option<&User>, coming: &[&User]) -> Result<()> {
    let most = unit.rules.limits.user_groups;
    for user in coming {
        if user.special {
            return Err(Error::field(
                "members",
                format!("{} is a special user, whom nobody adds", user.name),
            ));
        }
        if unit.tx.groups_count(user.id)? >= most {
            return Err(Error::field("members", format!("{} is in {most} groups already", user.name)));
        }
    }
    actor.map_or(Ok(()), |actor| unblocked_by(unit.tx, actor, coming))
}

fn create(unit: &mut Unit, command: &Create) -> Result<Arc<View>> {
    let owner = someone(unit.tx, unit.caller, command.author.as_ref())?;
    let mut others = roles_of(unit.tx, &command.roles)?;
    others.retain(|(user, _)| user.id != owner.id);
    let most = unit.rules.limits.group_members;
    if others.len() >= most {
        return Err(Error::field("members", format!("a group has at most {most} users")));
    }
    let coming: Vec<_> = others.iter().map(|(user, _)| user).collect();
    may_come(unit, Some(&owner), &coming)?;
    if unit.tx.groups_count(owner.id)? >= unit.rules.limits.user_groups {
        return Err(Error::field("author", "is in too many groups: quit one first"));
    }
    let (id, now) = (GroupId::new(&*unit.rules.clock), unit.now());
    unit.tx.group_insert(id, command.name.as_str(), None)?;
    unit.tx.member_set(id, owner.id, Role::Owner, now)?;
    for (user, role) in &others {
        unit.tx.member_set(id, user.id, *role, now)?;
    }
    let seq = unit.change(id, &Change::Group)?;
    let joined = others.iter().map(|(user, _)| user.id).chain([owner.id]).collect();
    unit.group_updated(id, seq, joined, vec![])
}

fn first(unit: &mut Unit, command: &First, counted: &AtomicBool) -> Result<Opened> {
    let author = someone(unit.tx, unit.caller, None)?;
    let target = named(unit.tx, &command.target, "target")?;
    if target.id == author.id {
        return Err(Error::field("target", "is oneself: name somebody else"));
    }
    if target.special || author.special {
        return Err(Error::field("target", "is a special user, to whom nobody writes first"));
    }
    let pair = unit.tx.pair(author.id, target.id)?;
    let blocked = pair.blocked();
    if blocked && command.body.is_some() {
        return Err(Error::forbidden(format!("{} and you do not write to each other", target.name)));
    }
    match (unit.tx.group_of_pair(author.id, target.id)?, &command.body) {
        (Some(group), None) => standing(unit.tx, group).map(Opened::Standing),
        (Some(group), Some(body)) => {
            let message = Send {
                author: None,
                group,
                body: body.clone(),
                respond_to: None,
                date: None,
                client_id: command.client_id.clone(),
            };
            Ok(match send(unit, &message)? {
                Sent::New(_) => Opened::Told,
                Sent::Before(message) => Opened::Before(message),
            })
        }
        (None, _) => {
            if pair.mine != Some(Relation::Contact) {
                count_first_contact(unit, counted)?;
            }
            open(unit, &author, &target, command, blocked)
        }
    }
}

/// Counts a private group that a user opens with a stranger, once however often the job is run.
fn count_first_contact(unit: &Unit, counted: &AtomicBool) -> Result<()> {
    let Some(user) = unit.caller.user() else { return Ok(()) };
    if !counted.load(Ordering::Relaxed) {
        unit.rules.rates.take(Key::User(user), &[rate::Kind::FirstContacts])?;
        counted.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Makes the private group. Its making and its first message are one event, numbered 1.
fn open(unit: &mut Unit, author: &User, target: &User, command: &First, blocked: bool) -> Result<Opened> {
    for user in [author, target] {
        if unit.tx.groups_count(user.id)? >= unit.rules.limits.user_groups {
            return Err(Error::field("target", format!("{} is in too many groups", user.name)));
        }
    }
    let (id, now) = (GroupId::new(&*unit.rules.clock), unit.now());
    unit.tx.group_insert(id, GroupName::PRIVATE, Some((author.id, target.id)))?;
    for user in [author, target] {
        unit.tx.member_set(id, user.id, private_role(blocked), now)?;
    }
    let seq = match &command.body {
        None => unit.change(id, &Change::Group)?,
        Some(body) => {
            let seq = unit.tx.seq_take(id, 1)?;
            unit.tx.message_insert(&NewMessage {
                id: MessageId::new(&*unit.rules.clock),
                group: id,
                seq,
                author: author.id,
                date: now,
                body: body.clone(),
                respond_to: None,
                client_id: command.client_id.clone(),
            })?;
            seq
        }
    };
    unit.group_updated(id, seq, vec![author.id, target.id], vec![])?;
    Ok(Opened::Told)
}

fn quit(unit: &mut Unit, command: &Leave) -> Result<()> {
    let user = someone(unit.tx, unit.caller, command.author.as_ref())?;
    let role = role_in(unit.tx, unit.caller, command.group, &user)?;
    let group = unit.tx.group(command.group)?.ok_or(Error::NotFound("group"))?;
    if group.private && unit.tx.members(group.id)?.len() > 1 {
        return Err(Error::forbidden("nobody quits a private conversation: block the other instead"));
    }
    let was_owner = role == Role::Owner;
    let seq = depart(unit, group.id, user.id, was_owner)?.seq;
    unit.group_affected(group.id, seq, vec![user.id])?;
    delete_if_empty(unit, group.id)?;
    let gone = Kind::GroupQuit { group: group.id, name: user.name.clone() };
    unit.answer(Event { seq: Some(seq), ..Event::to_users(gone, vec![user.id]) });
    Ok(())
}

/// A user's departure from a group.
pub(super) struct Departed {
    /// The number of the change.
    pub(super) seq: Seq,
    /// Whether another member owns the group from here on.
    pub(super) inherited: bool,
}

/// Puts a user out of a group, with an heir for an owner. The caller tells the others, then calls
/// [`delete_if_empty`].
pub(super) fn depart(unit: &mut Unit, group: GroupId, user: UserId, was_owner: bool) -> Result<Departed> {
    unit.tx.member_remove(group, user)?;
    let mut inherited = false;
    if was_owner && let Some(heir) = heir(&unit.tx.members(group)?) {
        unit.tx.member_set(group, heir.user, Role::Owner, heir.since)?;
        inherited = true;
    }
    Ok(Departed { seq: unit.change(group, &Change::Group)?, inherited })
}

/// Deletes a group that has no members any more.
pub(super) fn delete_if_empty(unit: &mut Unit, group: GroupId) -> Result<()> {
    if unit.tx.members_count(group, 1)? == 0 {
        delete_now(unit, group)?;
    }
    Ok(())
}

fn delete(unit: &mut Unit, command: &Leave) -> Result<()> {
    let actor = actor(unit.tx, unit.caller, command.author.as_ref())?;
    if let Some(user) = &actor {
        let role = role_in(unit.tx, unit.caller, command.group, user)?;
        allow(role, Action::Delete, "only the owner deletes a group")?;
    }
    let group = unit.tx.group(command.group)?.ok_or(Error::NotFound("group"))?;
    if group.private {
        return Err(Error::forbidden("nobody deletes a private conversation"));
    }
    delete_now(unit, group.id)?;
    unit.answer(Event::in_group(Kind::GroupDelete(group.id), group.id, group.head.next()));
    Ok(())
}

/// Removes a group; a large one is erased in steps, of which nothing is seen.
fn delete_now(unit: &mut Unit, group: GroupId) -> Result<()> {
    let task = unit.new_task();
    unit.tx.group_delete(group, task)?;
    unit.begin_task(task, Task::EraseGroup(group))
}

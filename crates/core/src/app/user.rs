//! Users: make, see, rename, delete.

use super::actor::{actor, service_only};
use super::group::{delete_if_empty, depart};
use super::message::erase;
use super::relation::sees_all_of;
use super::{App, Context, Unit};
use crate::event::{Ended, Event, Kind};
use crate::permission::Role;
use crate::relation::{Relation, Relations};
use crate::store::{Change, Tx};
use crate::user::{Caller, User};
use crate::{Error, GroupId, Name, Result, UserId};

/// What a caller may see of a user.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The user.
    pub user: User,
    /// Everything else of it, for itself and for services, if it was asked for.
    pub whole: Option<Whole>,
    /// Whether the caller may see its status.
    pub status: bool,
}

/// All of a user, beside its name.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Its relations.
    pub relations: Relations,
    /// Its groups, in order of id.
    pub groups: Vec<GroupId>,
    /// Its contacts, for their presence.
    pub contacts: Vec<(UserId, Name)>,
}

/// Gives a user another name.
#[derive(Debug, Clone)]
pub struct Rename {
    /// Who.
    pub name: Name,
    /// The new name.
    pub new_name: Name,
}

impl App {
    /// Makes the special users that are missing. Called once at start.
    pub async fn prepare(&self, special: Vec<Name>) -> Result<()> {
        self.write(&Context::new(Caller::Service), special, |unit, special| {
            let now = unit.now();
            for name in special {
                if unit.tx.user_named(name)?.is_none() {
                    unit.tx.user_insert(name, true, now)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Makes a user without a password.
    pub async fn user_create(&self, context: &Context, name: Name) -> Result<User> {
        self.write(context, name, |unit, name| {
            service_only(unit.caller)?;
            short_enough(unit, name, "name")?;
            let now = unit.now();
            unit.tx.user_insert(name, false, now)?.ok_or_else(|| taken("name"))
        })
        .await
    }

    /// What the caller may see of a user: without `whole`, only its name and its status.
    pub async fn user(&self, context: &Context, name: Name, whole: bool) -> Result<Profile> {
        self.read(context, (name, whole), |tx, caller, (name, whole)| {
            let user = tx.user_named(name)?.ok_or(Error::NotFound("user"))?;
            profile(tx, caller, user, *whole)
        })
        .await
    }

    /// Up to `limit` users, those after `after`, in order of their making, each with what the
    /// caller may see of it. Without `whole` only names are read.
    pub async fn users(
        &self,
        context: &Context,
        after: Option<UserId>,
        limit: usize,
        whole: bool,
    ) -> Result<Vec<Profile>> {
        self.read(context, (after, limit, whole), |tx, caller, (after, limit, whole)| {
            let named = |user| Ok(Profile { user, whole: None, status: false });
            let shown = |user| if *whole { profile(tx, caller, user, true) } else { named(user) };
            tx.users_page(*after, *limit)?.into_iter().map(shown).collect()
        })
        .await
    }

    /// Gives a user another name, and tells those who know it.
    pub async fn user_rename(&self, context: &Context, command: Rename) -> Result<User> {
        self.write(context, command, rename).await
    }

    /// Deletes a user: its relations and memberships, the bodies of its messages, its sockets.
    pub async fn user_delete(&self, context: &Context, name: Name) -> Result<()> {
        self.write(context, name, delete).await
    }
}

/// The refusal of a name that another holds, or looks like.
pub(super) fn taken(field: &'static str) -> Error {
    Error::field(field, "is taken, or looks like one that is: choose another")
}

/// Refuses a new name that is longer than the operator allows.
pub(super) fn short_enough(unit: &Unit, name: &Name, field: &'static str) -> Result<()> {
    let most = unit.rules.limits.name_chars;
    if name.as_str().chars().nth(most).is_some() {
        return Err(Error::field(field, format!("is longer than {most} characters")));
    }
    Ok(())
}

fn profile(tx: &dyn Tx, caller: Caller, user: User, whole: bool) -> Result<Profile> {
    if sees_all_of(caller, &user) {
        let whole = whole.then(|| all_of(tx, user.id)).transpose()?;
        return Ok(Profile { user, whole, status: true });
    }
    let status = match caller.user() {
        Some(me) => tx.pair(me, user.id)?.mine == Some(Relation::Contact),
        None => false,
    };
    Ok(Profile { user, whole: None, status })
}

fn all_of(tx: &dyn Tx, user: UserId) -> Result<Whole> {
    Ok(Whole {
        relations: tx.relations(user)?,
        groups: tx.groups_of(user, None, usize::MAX)?.into_iter().map(|group| group.id).collect(),
        contacts: tx.contacts(user)?,
    })
}

/// The user named by a path, whom the caller may change: itself, or as a service anybody who is
/// not special.
pub(super) fn own(tx: &dyn Tx, caller: Caller, name: &Name) -> Result<User> {
    let user = tx.user_named(name)?.ok_or(Error::NotFound("user"))?;
    if let Some(me) = actor(tx, caller, None)?
        && me.id != user.id
    {
        return Err(Error::forbidden("you may change your own account only"));
    }
    if user.special {
        return Err(Error::forbidden("special users stay as they are"));
    }
    Ok(user)
}

fn rename(unit: &mut Unit, command: &Rename) -> Result<User> {
    let user = own(unit.tx, unit.caller, &command.name)?;
    if user.name == command.new_name {
        return Ok(user);
    }
    short_enough(unit, &command.new_name, "new_name")?;
    if !unit.tx.user_rename(user.id, &command.new_name)? {
        return Err(taken("new_name"));
    }
    let new_name = command.new_name.clone();
    let mut told = unit.tx.acquaintances(user.id)?;
    told.push(user.id);
    let kind = Kind::UserUpdate { user: user.id, name: user.name.clone(), new_name: new_name.clone() };
    unit.answer(Event::to_users(kind, told));
    for group in unit.tx.groups_of(user.id, None, usize::MAX)? {
        let renamed = Change::Renamed { user: user.id, name: user.name.clone(), new_name: new_name.clone() };
        let seq = unit.change(group.id, &renamed)?;
        unit.member_changed(group.id, seq, None);
    }
    Ok(User { name: new_name, ..user })
}

fn delete(unit: &mut Unit, name: &Name) -> Result<()> {
    let user = own(unit.tx, unit.caller, name)?;
    let told = unit.tx.acquaintances(user.id)?;
    for group in unit.tx.groups_touched(user.id)? {
        for (seq, id) in unit.tx.messages_by(group, user.id)? {
            erase(unit, group, seq, id)?;
        }
        if unit.tx.member(group, user.id)?.is_some() {
            let silenced = silence_the_other(unit, group, &user)?;
            let departed = depart(unit, group, &user)?;
            // Of a role that has changed with it `user.delete` says nothing.
            if silenced || departed.inherited {
                unit.group_affected(group, departed.seq, vec![user.id])?;
            } else {
                unit.member_changed(group, departed.seq, Some(user.id));
            }
            delete_if_empty(unit, group)?;
        }
    }
    unit.tx.user_delete(user.id)?;
    unit.tell(Event::to_users(Kind::UserDelete { name: user.name.clone() }, told));
    unit.tell(Event::to_users(Kind::Ended(Ended::User(user.id)), vec![]));
    Ok(())
}

/// Whom a deleted user leaves in a private group keeps its own half, reads it, and may quit.
/// Answers whether anybody's role was changed so.
fn silence_the_other(unit: &mut Unit, group: GroupId, user: &User) -> Result<bool> {
    if !unit.tx.group(group)?.is_some_and(|group| group.private) {
        return Ok(false);
    }
    let mut changed = false;
    let now = unit.now();
    for member in unit.tx.members(group)?.into_iter().filter(|member| member.user != user.id) {
        unit.tx.member_set(group, member.user, Role::Restrict, now)?;
        changed |= member.role != Role::Restrict;
    }
    Ok(changed)
}

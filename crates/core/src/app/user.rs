//! Users: create, read, rename, delete.

use super::actor::{actor, service_only};
use super::directory::{Part, found, not_special, page};
use super::identity::{require_unreserved, reserve_name};
use super::profile::{receivers, stored};
use super::relation::sees_all_of;
use super::suspension::governs;
use super::{App, Context, Growth, Unit, Who};
use crate::audit::AuditAction;
use crate::authority::Govern;
use crate::event::{Ended, Event, Kind};
use crate::limits::Directory;
use crate::profile::{Details, Origin};
use crate::relation::{Relation, Relations};
use crate::store::{Task, Tx};
use crate::suspension::UserStanding;
use crate::user::{Caller, Settings, User};
use crate::{Error, GroupId, Name, Result, UserId};

/// The parts of a user that a caller may see.
#[derive(Debug, Clone)]
pub struct Profile {
    pub user: User,
    /// The public profile, if requested.
    pub details: Option<Details>,
    /// The private parts, if requested. Only for the user itself and for services.
    pub whole: Option<PrivateProfile>,
    /// Whether the caller may see everything.
    pub own: bool,
    /// Whether the caller may see the user's status.
    pub status: bool,
    /// Whether the caller may see when the user was last seen even if the user hides it.
    pub sees_hidden: bool,
    /// The decisions of the service and of admins, if requested. Only for the user itself, admins and
    /// services.
    pub standing: Option<UserStanding>,
    /// The usage of the file quota, if requested. Only for the user itself, admins and services.
    pub files: Option<FileUse>,
}

impl Profile {
    /// A user with only its name.
    pub fn bare(user: User) -> Self {
        Self {
            user,
            details: None,
            whole: None,
            own: false,
            status: false,
            sees_hidden: false,
            standing: None,
            files: None,
        }
    }
}

/// The requested parts of a user, besides its name.
#[expect(clippy::struct_excessive_bools, reason = "each is a part that is read apart")]
#[derive(Debug, Clone, Copy, Default)]
pub struct ProfileParts {
    pub details: bool,
    /// Relations, groups and contacts.
    pub whole: bool,
    pub status: bool,
    /// The decisions of the service and of admins.
    pub standing: bool,
    /// The usage of the file quota.
    pub files: bool,
}

impl ProfileParts {
    pub const ALL: Self = Self { details: true, whole: true, status: true, standing: true, files: true };
}

/// The usage of the file quota by a user, including reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileUse {
    pub count: u64,
    /// The bytes that count towards the quota.
    pub size: u64,
}

/// The private parts of a user.
#[derive(Debug, Clone)]
pub struct PrivateProfile {
    pub relations: Relations,
    /// In order of id.
    pub groups: Vec<GroupId>,
    /// The user's contacts, whose presence is to be shown.
    pub contacts: Vec<(UserId, Name)>,
    pub settings: Settings,
}

/// Renames a user.
#[derive(Debug, Clone)]
pub struct Rename {
    pub name: Name,
    pub new_name: Name,
}

impl App {
    /// Creates the special users that do not exist yet. Called once at startup. Works on a full disk if all
    /// of them already exist. Returns the names that belong to ordinary users.
    pub async fn prepare(&self, special: Vec<Name>) -> Result<Vec<Name>> {
        let server = Context::server();
        let (missing, ordinary) =
            self.read(&server, special.clone(), |tx, _, special| split(tx, special)).await?;
        if missing.is_empty() {
            return Ok(ordinary);
        }
        self.write(Growth::Adds, &server, special, |unit, special| {
            let (missing, ordinary) = split(unit.tx, special)?;
            let now = unit.now();
            for name in &missing {
                unit.tx.user_insert(name, true, now)?;
            }
            Ok(ordinary)
        })
        .await
    }

    /// Creates a user without a password.
    pub async fn user_create(&self, context: &Context, name: Name) -> Result<User> {
        self.write(Growth::Adds, context, name, |unit, name| {
            service_only(unit.caller)?;
            require_short_name(unit, name, "name")?;
            let now = unit.now();
            let user = unit.tx.user_insert(name, false, now)?.ok_or_else(|| name_taken("name"))?;
            unit.tx.names_release(&name.claims(unit.rules.name_case))?;
            unit.audit(AuditAction::UserCreate, name)?;
            Ok(user)
        })
        .await
    }

    /// A user, with the parts that the caller may see.
    pub async fn user(&self, context: &Context, name: Name, wanted: ProfileParts) -> Result<Profile> {
        let query = (name, wanted, self.user_rules().directory);
        let found = self.read(context, query, |tx, caller, (name, wanted, directory)| {
            let user = found(tx, caller, *directory, name)?;
            profiles(tx, caller, vec![user], *wanted)?.pop().ok_or(Error::NotFound("user"))
        });
        Ok(self.shown_to(context, found.await?))
    }

    /// Removes the parts of a profile that users may not see, not even of themselves.
    pub(super) fn shown_to(&self, context: &Context, mut profile: Profile) -> Profile {
        let is_service = context.who.is_service();
        if let (false, false, Some(whole)) = (is_service, self.limits().show_blocked_by, &mut profile.whole) {
            whole.relations.blocked_by.clear();
        }
        profile
    }

    /// A page of the users in the caller's list, each with the parts that the caller may see.
    pub async fn users(&self, context: &Context, part: Part, wanted: ProfileParts) -> Result<Vec<Profile>> {
        let query = (part, wanted, self.user_rules().directory);
        let found = self.read(context, query, |tx, caller, (part, wanted, directory)| {
            let page = page(tx, caller, *directory, part)?;
            profiles(tx, caller, page, *wanted)
        });
        Ok(found.await?.into_iter().map(|profile| self.shown_to(context, profile)).collect())
    }

    /// Renames a user, and publishes this to the users who know it. The rename is logged in its groups in
    /// steps.
    pub async fn user_rename(&self, context: &Context, command: Rename) -> Result<User> {
        let known = self.read(context, (command.name.clone(), self.user_rules().directory), known).await?;
        self.write(Growth::Adds, context, (command, known), rename).await
    }

    /// Deletes a user. Afterwards, nothing of the user can be read. Its messages are erased in steps.
    pub async fn user_delete(&self, context: &Context, name: Name) -> Result<()> {
        let known = self.read(context, (name.clone(), self.user_rules().directory), known).await?;
        self.write(Growth::Bounded, context, (name, known, context.who), delete).await
    }
}

/// The special names that are free, and those that belong to ordinary users.
fn split(tx: &dyn Tx, special: &[Name]) -> Result<(Vec<Name>, Vec<Name>)> {
    let (mut missing, mut ordinary) = (Vec::new(), Vec::new());
    for name in special {
        match tx.user_named(name)? {
            Some(user) if !user.special => ordinary.push(user.name),
            Some(_) => {}
            None => missing.push(name.clone()),
        }
    }
    Ok((missing, ordinary))
}

/// A user who is about to change, and its acquaintances. They are read before the write transaction, to keep
/// that as short as possible. A user who becomes an acquaintance in between learns of the change from the log
/// of the shared group.
type KnownUser = (UserId, Vec<UserId>);

fn known(tx: &dyn Tx, caller: Caller, (name, directory): &(Name, Directory)) -> Result<KnownUser> {
    let user = editable(tx, caller, *directory, name)?;
    Ok((user.id, tx.acquaintances(user.id)?))
}

/// The user. It must be the one whose acquaintances were read.
fn own_known(unit: &Unit, name: &Name, known: &KnownUser) -> Result<User> {
    let user = load_editable_user(unit, name)?;
    if user.id == known.0 { Ok(user) } else { Err(Error::unavailable()) }
}

/// The error for a name that is taken or looks like a taken one.
pub(super) fn name_taken(field: &'static str) -> Error {
    Error::field(field, "is taken, or looks like a name that is taken: choose another name")
}

/// Refuses a new name that is longer than the configured limit.
pub(super) fn require_short_name(unit: &Unit, name: &Name, field: &'static str) -> Result<()> {
    let most = unit.rules.limits.name_chars;
    if name.as_str().chars().nth(most).is_some() {
        return Err(Error::field(field, format!("is longer than {most} characters")));
    }
    Ok(())
}

pub(super) fn profiles(
    tx: &dyn Tx,
    caller: Caller,
    users: Vec<User>,
    wanted: ProfileParts,
) -> Result<Vec<Profile>> {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let details = if wanted.details { tx.details(&ids)? } else { vec![None; ids.len()] };
    let is_asked = wanted.details || wanted.status || wanted.standing || wanted.files;
    let is_admin = is_asked && caller.user().is_some() && governs(tx, caller, Govern::SeeUsers)?;
    let profile = |(user, details)| profile(tx, (caller, is_admin), user, details, wanted);
    users.into_iter().zip(details).map(profile).collect()
}

fn profile(
    tx: &dyn Tx,
    (caller, is_admin): (Caller, bool),
    user: User,
    details: Option<Details>,
    wanted: ProfileParts,
) -> Result<Profile> {
    let is_seen = is_admin || sees_all_of(caller, &user);
    let standing = if wanted.standing && is_seen { tx.user_standing(user.id)? } else { None };
    let standing = standing.map(|(_, standing)| standing);
    let files = if wanted.files && is_seen { Some(file_use(tx, user.id)?) } else { None };
    if sees_all_of(caller, &user) {
        let whole = wanted.whole.then(|| all_of(tx, user.id)).transpose()?;
        let sees_hidden = caller == Caller::Service;
        let status = wanted.status;
        return Ok(Profile { user, details, whole, own: true, status, sees_hidden, standing, files });
    }
    let status = match caller.user() {
        _ if is_admin => wanted.status,
        Some(me) if wanted.status => tx.pair(me, user.id)?.mine == Some(Relation::Contact),
        _ => false,
    };
    Ok(Profile { user, details, whole: None, own: is_admin, status, sees_hidden: false, standing, files })
}

fn file_use(tx: &dyn Tx, user: UserId) -> Result<FileUse> {
    Ok(FileUse { count: tx.file_count(user)?, size: tx.file_usage(Some(user))? })
}

fn all_of(tx: &dyn Tx, user: UserId) -> Result<PrivateProfile> {
    Ok(PrivateProfile {
        relations: tx.relations(user)?,
        groups: tx.groups_of(user, None, usize::MAX)?.into_iter().map(|group| group.id).collect(),
        contacts: tx.contacts(user)?,
        settings: tx.settings(user)?,
    })
}

/// The user named in a path, which the caller may change: itself, or for a service any user who is not
/// special.
pub(super) fn load_editable_user(unit: &Unit, name: &Name) -> Result<User> {
    editable(unit.tx, unit.caller, unit.rules.users.directory, name)
}

pub(super) fn editable(tx: &dyn Tx, caller: Caller, directory: Directory, name: &Name) -> Result<User> {
    let user = found(tx, caller, directory, name)?;
    if let Some(me) = actor(tx, caller, None)?
        && me.id != user.id
    {
        return Err(Error::forbidden("you may change only your own account"));
    }
    not_special(user)
}

fn rename(unit: &mut Unit, (command, known): &(Rename, KnownUser)) -> Result<User> {
    let user = own_known(unit, &command.name, known)?;
    if user.name == command.new_name {
        return Ok(user);
    }
    require_short_name(unit, &command.new_name, "new_name")?;
    match unit.caller {
        Caller::User(_) => require_own_rename_allowed(unit, &user, &command.new_name)?,
        Caller::Service => unit.tx.names_release(&command.new_name.claims(unit.rules.name_case))?,
    }
    if !unit.tx.user_rename(user.id, &command.new_name)? {
        return Err(name_taken("new_name"));
    }
    reserve_name(unit, &user.name, Some(&command.new_name))?;
    let (name, new_name) = (user.name.clone(), command.new_name.clone());
    let receivers = receivers(unit.tx, user.id, known.1.clone())?;
    let profile = Some(stored(unit.tx, user.id)?.into());
    let kind =
        Kind::UserUpdate { user: user.id, name: name.clone(), new_name: Some(new_name.clone()), profile };
    unit.answer(Event::to_users(kind, receivers));
    let (id, task) = {
        let by_self = unit.caller == Caller::User(user.id);
        (unit.new_task(), Task::LogRename { user: user.id, name, new_name, by_self, after: None })
    };
    unit.tx.task_insert(id, &task)?;
    unit.begin_task(id, task)?;
    unit.audit_with(AuditAction::UserRename, &user.name, format_args!("to {}", command.new_name))?;
    Ok(User { name: command.new_name.clone(), ..user })
}

/// Refuses a user's own rename unless the configuration allows it. Users of the host application can never
/// rename themselves.
fn require_own_rename_allowed(unit: &mut Unit, user: &User, new_name: &Name) -> Result<()> {
    if !unit.rules.users.rename_self {
        return Err(Error::forbidden("only the service may rename users (users.rename)"));
    }
    let details = unit.tx.details(&[user.id])?.pop().flatten();
    if details.is_none_or(|details| details.origin == Origin::Host) {
        return Err(Error::forbidden("your name comes from the host application: change it there"));
    }
    require_unreserved(unit, new_name, "new_name")
}

fn delete(unit: &mut Unit, (name, known, who): &(Name, KnownUser, Who)) -> Result<()> {
    let user = own_known(unit, name, known)?;
    unit.require_scope_over(*who, user.id)?;
    unit.audit(AuditAction::UserDelete, &user.name)?;
    let task = unit.new_task();
    unit.tx.user_delete(user.id, task)?;
    reserve_name(unit, &user.name, None)?;
    unit.publish(Event::to_users(Kind::UserDelete { name: user.name.clone() }, known.1.clone()));
    unit.publish(Event::to_users(Kind::Ended(Ended::User(user.id)), vec![]));
    unit.begin_task(task, Task::EraseUser(user.id))
}

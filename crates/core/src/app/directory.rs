//! The directory (`users.directory`): which users a user can find. The answer for a user that cannot be found
//! is the same as for an unknown name.

use super::suspension::governs;
use super::{App, Context, Unit};
use crate::actor::unknown;
use crate::app::user::{Profile, ProfileParts, profiles};
use crate::authority::Govern;
use crate::limits::{Directory, LIST_PAGE};
use crate::store::Tx;
use crate::text::search_key;
use crate::user::{Caller, User};
use crate::{Error, Name, Result, UserId};

impl App {
    /// The users with these names that the caller can find, without duplicates, with the fields that the
    /// caller may see. Other names are omitted.
    pub async fn users_of_names(
        &self,
        context: &Context,
        names: Vec<Name>,
        wanted: ProfileParts,
    ) -> Result<Vec<Profile>> {
        let query = (names, wanted, self.user_rules().directory);
        let found = self.read(context, query, |tx, caller, (names, wanted, directory)| {
            let mut users: Vec<User> = Vec::new();
            for user in find_all(tx, caller, *directory, names)?.into_iter().flatten() {
                if !users.iter().any(|other| other.id == user.id) {
                    users.push(user);
                }
            }
            profiles(tx, caller, users, *wanted)
        });
        Ok(found.await?.into_iter().map(|profile| self.shown_to(context, profile)).collect())
    }
}

/// The users with these names, ignoring case, in the order of `names`. `None` where the caller cannot find
/// the user.
pub(super) fn find_all(
    tx: &dyn Tx,
    caller: Caller,
    directory: Directory,
    names: &[Name],
) -> Result<Vec<Option<User>>> {
    let mut users = tx.users_named(names)?;
    if let (Caller::User(me), Directory::None) = (caller, directory)
        && !governs(tx, caller, Govern::SeeUsers)?
    {
        let others: Vec<_> = users.iter().flatten().map(|user| user.id).filter(|id| *id != me).collect();
        let known = if others.is_empty() { vec![] } else { tx.acquainted(me, &others)? };
        for user in &mut users {
            *user = user.take().filter(|user| user.id == me || known.contains(&user.id));
        }
    }
    Ok(users)
}

/// The user with this name, ignoring case. None if the caller cannot find it.
pub(super) fn find(tx: &dyn Tx, caller: Caller, directory: Directory, name: &Name) -> Result<Option<User>> {
    Ok(find_all(tx, caller, directory, std::slice::from_ref(name))?.pop().flatten())
}

/// Returns 403 for a special user.
pub(super) fn not_special(user: User) -> Result<User> {
    if user.special { Err(Error::forbidden("special users cannot be changed")) } else { Ok(user) }
}

/// The user named in a path. 404 if the caller cannot find it.
pub(super) fn found(tx: &dyn Tx, caller: Caller, directory: Directory, name: &Name) -> Result<User> {
    find(tx, caller, directory, name)?.ok_or(Error::NotFound("user"))
}

/// The user named in a field of a payload. An error in this field if the caller cannot find it.
pub(super) fn named(unit: &Unit, name: &Name, field: &'static str) -> Result<User> {
    find(unit.tx, unit.caller, unit.rules.users.directory, name)?.ok_or_else(|| unknown(name, field))
}

/// The users named in a list of a payload. An error in the first name that the caller cannot find.
pub(super) fn all_named(unit: &Unit, field: &'static str, names: &[Name]) -> Result<Vec<User>> {
    let users = find_all(unit.tx, unit.caller, unit.rules.users.directory, names)?;
    let found = users.into_iter().zip(names).enumerate();
    found.map(|(at, (user, name))| user.ok_or_else(|| unknown(name, format!("{field}[{at}]")))).collect()
}

/// A range of the list of users, in order of creation.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// The prefix of names or display names, in any case and with any accents.
    pub prefix: Option<String>,
    /// The last user before the range.
    pub after: Option<UserId>,
    pub limit: usize,
}

/// The users in the caller's list.
pub(super) fn page(tx: &dyn Tx, caller: Caller, directory: Directory, part: &Part) -> Result<Vec<User>> {
    let key = part.prefix.as_deref().map(search_key);
    let sees_all = directory == Directory::All || governs(tx, caller, Govern::SeeUsers)?;
    match (caller, key) {
        (Caller::User(me), None) if !sees_all => tx.circle_page(me, part.after, part.limit),
        (Caller::User(me), Some(key)) if !sees_all => {
            let mut users = circle_matching(tx, me, &key, part)?;
            let name = part.prefix.as_deref().and_then(|text| Name::parse(text).ok());
            if let Some(user) = name.map(|name| find(tx, caller, directory, &name)).transpose()?.flatten()
                && part.after.is_none_or(|after| user.id > after)
                && let Err(place) = users.binary_search_by_key(&user.id, |user| user.id)
            {
                users.insert(place, user);
                users.truncate(part.limit);
            }
            Ok(users)
        }
        (_, None) => tx.users_page(part.after, part.limit),
        (_, Some(key)) => tx.users_matching(&key, part.after, part.limit),
    }
}

fn circle_matching(tx: &dyn Tx, me: UserId, key: &str, part: &Part) -> Result<Vec<User>> {
    let (mut found, mut after) = (Vec::new(), part.after);
    loop {
        let page = tx.circle_page(me, after, LIST_PAGE)?;
        let is_last = page.len() < LIST_PAGE;
        after = page.last().map(|user| user.id).or(after);
        let ids: Vec<_> = page.iter().map(|user| user.id).collect();
        for (user, details) in page.into_iter().zip(tx.details(&ids)?) {
            let shown = details.and_then(|details| details.display_name);
            let is_match = |text: &str| search_key(text).starts_with(key);
            if is_match(user.name.as_str()) || shown.as_deref().is_some_and(is_match) {
                found.push(user);
            }
        }
        if is_last || found.len() >= part.limit {
            found.truncate(part.limit);
            return Ok(found);
        }
    }
}

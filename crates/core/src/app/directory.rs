//! Whom a user finds (`users.directory`): whom it may not find is answered like a name that nobody has.

use super::actor::unknown;
use super::{App, Context, Unit};
use crate::app::user::{Profile, Wanted, profiles};
use crate::limits::Directory;
use crate::store::Tx;
use crate::user::{Caller, User};
use crate::{Error, Name, Result, UserId};

impl App {
    /// The users with these names whom the caller finds, each once, with what the caller may see of
    /// it. The others are left out.
    pub async fn users_of_names(
        &self,
        context: &Context,
        names: Vec<Name>,
        wanted: Wanted,
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

/// The users with these names, case aside, in the order of `names`: `None` where the caller finds none.
pub(super) fn find_all(
    tx: &dyn Tx,
    caller: Caller,
    directory: Directory,
    names: &[Name],
) -> Result<Vec<Option<User>>> {
    let mut users = tx.users_named(names)?;
    if let (Caller::User(me), Directory::None) = (caller, directory) {
        let others: Vec<_> = users.iter().flatten().map(|user| user.id).filter(|id| *id != me).collect();
        let known = if others.is_empty() { vec![] } else { tx.acquainted(me, &others)? };
        for user in &mut users {
            *user = user.take().filter(|user| user.id == me || known.contains(&user.id));
        }
    }
    Ok(users)
}

/// The user with this name, case aside, if the caller finds it.
pub(super) fn find(tx: &dyn Tx, caller: Caller, directory: Directory, name: &Name) -> Result<Option<User>> {
    Ok(find_all(tx, caller, directory, std::slice::from_ref(name))?.pop().flatten())
}

/// The user named by a path.
pub(super) fn found(tx: &dyn Tx, caller: Caller, directory: Directory, name: &Name) -> Result<User> {
    find(tx, caller, directory, name)?.ok_or(Error::NotFound("user"))
}

/// The user named in a payload.
pub(super) fn named(unit: &Unit, name: &Name, field: &'static str) -> Result<User> {
    find(unit.tx, unit.caller, unit.rules.users.directory, name)?.ok_or_else(|| unknown(name, field))
}

/// The users of one list of a payload, all of whom must be found.
pub(super) fn all_named(unit: &Unit, field: &'static str, names: &[Name]) -> Result<Vec<User>> {
    let users = find_all(unit.tx, unit.caller, unit.rules.users.directory, names)?;
    users.into_iter().zip(names).map(|(user, name)| user.ok_or_else(|| unknown(name, field))).collect()
}

/// Up to `limit` users whom the caller is listed, those after `after`, in order of their making.
pub(super) fn page(
    tx: &dyn Tx,
    caller: Caller,
    directory: Directory,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<User>> {
    match caller {
        Caller::User(me) if directory != Directory::All => tx.circle_page(me, after, limit),
        _ => tx.users_page(after, limit),
    }
}

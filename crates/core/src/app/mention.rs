//! Selects which of the mentions in a request a message keeps.

use super::Unit;
use super::directory::find_all;
use crate::error::FieldError;
use crate::mention::{MentionList, Mentions};
use crate::permission::{Action, Role, may};
use crate::{Error, GroupId, Name, Result, UserId};

/// The mentions that the message keeps. Each name must belong to a user that the caller can find. Users who
/// are not members are left out. Mentions that the message already has are kept. `role` is the author's role,
/// if a user acts.
pub(super) fn resolve_mentions(
    unit: &Unit,
    group: GroupId,
    role: Option<Role>,
    list: &MentionList,
    before: &Mentions,
) -> Result<Mentions> {
    let is_new = list.everyone() && !before.everyone;
    if is_new && role.is_some_and(|role| !may(role, Action::MentionEveryone)) {
        return Err(Error::forbidden("only the owner and admins of a group may mention everyone"));
    }
    let mut found: Vec<(usize, UserId, Name)> = Vec::with_capacity(list.names().len());
    let mut added: Vec<(usize, Name)> = Vec::new();
    let case = unit.rules.name_case;
    for (index, name) in list.names() {
        let known = before.names.iter().position(|known| known.fold(case) == name.fold(case));
        match known {
            Some(at) => found.push((*index, before.users[at], before.names[at].clone())),
            None => added.push((*index, name.clone())),
        }
    }
    found.extend(members_named(unit, group, added)?);
    found.sort_unstable_by_key(|(index, ..)| *index);
    let mut mentions = Mentions { everyone: list.everyone(), ..Mentions::default() };
    for (_, user, name) in found {
        if !mentions.users.contains(&user) {
            mentions.users.push(user);
            mentions.names.push(name);
        }
    }
    Ok(mentions)
}

/// The users with these names who are members. Fails if the caller cannot find one of them.
fn members_named(
    unit: &Unit,
    group: GroupId,
    names: Vec<(usize, Name)>,
) -> Result<Vec<(usize, UserId, Name)>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (indices, names): (Vec<_>, Vec<_>) = names.into_iter().unzip();
    let users = find_all(unit.tx, unit.caller, unit.rules.users.directory, &names)?;
    let mut unknown = Vec::new();
    let mut found = Vec::with_capacity(names.len());
    for ((user, name), index) in users.into_iter().zip(names).zip(indices) {
        match user {
            Some(user) => found.push((index, user.id, user.name)),
            None => unknown.push(FieldError {
                field: format!("mentions[{index}]").into(),
                detail: format!("must name an existing user: there is no user {name}"),
            }),
        }
    }
    if !unknown.is_empty() {
        return Err(Error::Invalid(unknown));
    }
    let users: Vec<_> = found.iter().map(|(_, user, _)| *user).collect();
    let members = unit.tx.members_among(group, &users)?;
    found.retain(|(_, user, _)| members.contains(user));
    Ok(found)
}

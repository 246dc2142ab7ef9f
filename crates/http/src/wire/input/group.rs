//! Payloads about groups.

use chinwag_core::app::group::{Create, Leave, Roles};
use chinwag_core::app::group_update::Update;
use chinwag_core::app::private::Open;
use chinwag_core::app::resume::Resume;
use chinwag_core::{GroupId, Name, Result};

use super::Fields;

/// POST `groups/`
pub fn create(mut fields: Fields<'_>) -> Result<Create> {
    let author = fields.maybe_name("author");
    let name = fields.group_name("name");
    let roles = roles(&mut fields);
    fields.finish(|| Some(Create { author, name: name?, roles }))
}

/// `group.create`: the same from a socket, whose user is the author.
pub fn make(mut fields: Fields<'_>) -> Result<Create> {
    fields.ignore(&["author"]);
    create(fields)
}

/// PATCH `groups/<id>/`
pub fn update(mut fields: Fields<'_>, group: GroupId) -> Result<Update> {
    let author = fields.maybe_name("author");
    let name = fields.maybe_group_name("name");
    let owner = owner(&mut fields);
    let roles = roles(&mut fields);
    let remove = fields.names("remove");
    fields.finish(|| Some(Update { author, group, name, owner, roles, remove }))
}

/// `group.update`: the same from a socket, which names the group in the payload.
pub fn change(mut fields: Fields<'_>) -> Result<Update> {
    fields.ignore(&["author"]);
    fields.alias("id", "group");
    match fields.group_id("id") {
        Some(group) => update(fields, group),
        // Refused already: the other fields are read for what else there is to say of them.
        None => update(fields, GroupId(uuid::Uuid::nil())),
    }
}

/// PUT `private/`: `user` for a user, `users` for a service.
pub fn private(mut fields: Fields<'_>) -> Result<Open> {
    let with = if fields.has("users") { fields.maybe_name("user") } else { fields.name("user") };
    let refused = fields.errors.len();
    let users = fields.names("users");
    if let Some(name) = with.filter(|_| users.is_empty()) {
        return fields.finish(|| Some(Open::With(name)));
    }
    let pair: Option<[Name; 2]> = users.try_into().ok();
    if pair.is_none() && fields.errors.len() == refused {
        fields.refuse("users", "must be a list of two names");
    }
    fields.finish(|| pair.map(|[a, b]| Open::Between(a, b)))
}

/// POST `groups/<id>/quit/` and `groups/<id>/accept/`
pub fn member(mut fields: Fields<'_>, group: GroupId) -> Result<Leave> {
    let author = fields.maybe_name("author");
    fields.finish(|| Some(Leave { author, group }))
}

/// `group.quit`, `group.accept` and `group.delete`
pub fn leave(mut fields: Fields<'_>) -> Result<Leave> {
    fields.alias("group", "id");
    let group = fields.group_id("group");
    fields.finish(|| Some(Leave { author: None, group: group? }))
}

/// `typing.start` and `typing.stop`
pub fn typing(mut fields: Fields<'_>) -> Result<GroupId> {
    let group = fields.group_id("group");
    fields.finish(|| group)
}

/// `sync.resume`: the last seq held, by group, and the history that these belong to.
pub fn resume(mut fields: Fields<'_>) -> Result<Resume> {
    let since = fields.heads("groups");
    let history = fields.maybe_text("history").map(|history| history.into_owned().into_boxed_str());
    fields.finish(|| Some(Resume { since, history }))
}

/// A list of at most one name: groups show their owner so, and take it back so.
fn owner(fields: &mut Fields<'_>) -> Option<Name> {
    let mut names = fields.names("owner");
    if names.len() > 1 {
        fields.refuse("owner", "must be a list of one name");
    }
    names.pop()
}

fn roles(fields: &mut Fields<'_>) -> Roles {
    Roles {
        admins: fields.names("admins"),
        members: fields.names("members"),
        restricts: fields.names("restricts"),
    }
}

//! Loads the actor of a request from the store and applies the rules of `crate::actor`.

use crate::actor::{acting, member_as};
use crate::group::Membership;
use crate::permission::Role;
use crate::store::Tx;
use crate::user::{Caller, User};
use crate::{Error, GroupId, Name, Result};

/// The user in whose name the caller acts, if any.
pub(super) fn actor(tx: &dyn Tx, caller: Caller, author: Option<&Name>) -> Result<Option<User>> {
    let found = match caller {
        Caller::Service => author.map(|name| tx.user_named(name)).transpose()?.flatten(),
        Caller::User(id) => tx.user(id)?,
    };
    acting(caller, author, found, tx.name_case())
}

/// The actor of an action that requires a user.
pub(super) fn require_actor(tx: &dyn Tx, caller: Caller, author: Option<&Name>) -> Result<User> {
    actor(tx, caller, author)?.ok_or_else(|| Error::field("author", "must name the acting user"))
}

/// Returns 403 unless the caller is a service.
pub(super) fn service_only(caller: Caller) -> Result<()> {
    match caller {
        Caller::Service => Ok(()),
        Caller::User(_) => Err(Error::forbidden("only the service may do this")),
    }
}

/// The error text for an action in a group that the user has not accepted yet.
pub(super) const PENDING: &str = "you have not accepted this group yet: accept it, or leave it to decline";

/// The role that decides the actor's rights. If the actor is not a member, a user gets the error for a
/// missing group; a service, which sees every group, gets 403. A member who has not accepted the group gets
/// 403 as well.
pub(super) fn role_in(tx: &dyn Tx, caller: Caller, group: GroupId, user: &User) -> Result<Role> {
    accepted_in(tx, caller, group, user).map(Membership::effective_role)
}

/// The membership of an actor who has accepted the group. Fails like [`role_in`].
pub(super) fn accepted_in(tx: &dyn Tx, caller: Caller, group: GroupId, user: &User) -> Result<Membership> {
    let membership = membership_in(tx, caller, group, user)?;
    if membership.pending { Err(Error::forbidden(PENDING)) } else { Ok(membership) }
}

/// Like [`accepted_in`], for actions that members may perform before they accept.
pub(super) fn membership_in(tx: &dyn Tx, caller: Caller, group: GroupId, user: &User) -> Result<Membership> {
    let membership = tx.membership(group, user.id)?;
    let stands = membership.is_some() || caller == Caller::Service && tx.group(group)?.is_some();
    member_as(caller, membership, stands, user)
}

/// Fails with the error for a missing group if the caller may not see the group.
pub(super) fn visible(tx: &dyn Tx, caller: Caller, group: GroupId) -> Result<()> {
    let seen = match caller {
        Caller::Service => tx.group(group)?.is_some(),
        Caller::User(id) => tx.member(group, id)?.is_some(),
    };
    if seen { Ok(()) } else { Err(Error::NotFound("group")) }
}

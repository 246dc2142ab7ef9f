//! Pure rules about the actor of a request: the caller itself, or the user that a service names as the
//! author.

use std::borrow::Cow;

use crate::group::Membership;
use crate::name::NameCase;
use crate::user::{Caller, User};
use crate::{Error, Name, Result};

/// Returns the user in whose name the caller acts. `found` is the user that the store returned: the caller's
/// own row, or, for a service, the user named `author`. A user acts only as itself; another name is refused
/// with 403. A service acts as `author`, or as itself if there is no `author`.
pub(crate) fn acting(
    caller: Caller,
    author: Option<&Name>,
    found: Option<User>,
    case: NameCase,
) -> Result<Option<User>> {
    match caller {
        Caller::Service => author.map(|name| found.ok_or_else(|| unknown(name, "author"))).transpose(),
        Caller::User(_) => {
            let user = found.ok_or(Error::Unauthenticated("this account was deleted"))?;
            match author {
                Some(name) if !name.finds_same(&user.name, case) => {
                    Err(Error::forbidden("you may act only in your own name: omit author"))
                }
                _ => Ok(Some(user)),
            }
        }
    }
}

/// The error for an unknown user name in a payload.
pub(crate) fn unknown(name: &Name, field: impl Into<Cow<'static, str>>) -> Error {
    Error::field(field, format!("must name an existing user: there is no user {name}"))
}

/// Returns the membership that decides the actor's rights. If the actor is not a member, a user gets the
/// error for a missing group, so that the group stays invisible. A service, which sees every group, gets 403.
pub(crate) fn member_as(
    caller: Caller,
    membership: Option<Membership>,
    stands: bool,
    user: &User,
) -> Result<Membership> {
    match membership {
        Some(membership) => Ok(membership),
        None if caller == Caller::Service && stands => {
            Err(Error::forbidden(format!("user {} is not a member of this group", user.name)))
        }
        None => Err(Error::NotFound("group")),
    }
}

//! Users, and who is calling.

use crate::{Name, UserId};

/// A user as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's number, which stays inside.
    pub id: UserId,
    /// The user's public key.
    pub name: Name,
    /// Whether it is one of the users that only services act for (`admin`, `system`, …).
    pub special: bool,
}

/// Who is calling, as the credential says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The service: everything, in any user's name.
    Service,
    /// A signed-in user: acts as itself only. Whether it still exists is checked where it acts.
    User(UserId),
}

impl Caller {
    /// The user who calls, if it is not the service.
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::Service => None,
            Self::User(id) => Some(id),
        }
    }
}

//! Users and callers.

use crate::{Name, UserId};

/// A stored user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The internal id, which clients never see.
    pub id: UserId,
    /// The name, which is the user's public key.
    pub name: Name,
    /// Whether only services can act as this user (`admin`, `system`, …).
    pub special: bool,
}

/// The other users who may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Allowed {
    #[default]
    Anyone,
    Contacts,
    Nobody,
}

impl Allowed {
    pub const ALL: [Self; 3] = [Self::Anyone, Self::Contacts, Self::Nobody];

    /// Parses the wire form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|allowed| allowed.as_str() == text)
    }

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Contacts => "contacts",
            Self::Nobody => "nobody",
        }
    }

    /// Whether another user is allowed. `is_contact` tells whether it is a contact.
    pub fn admits(self, is_contact: bool) -> bool {
        match self {
            Self::Anyone => true,
            Self::Contacts => is_contact,
            Self::Nobody => false,
        }
    }
}

/// A user's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// The users who may add this user to a group.
    pub added_by: Allowed,
    /// The users who may open a private conversation with this user.
    pub write_first: Allowed,
    /// Whether the time at which the user was last seen is hidden from other users.
    pub hide_last_seen: bool,
    /// Whether the user's read marks are hidden from other users, and theirs from this user.
    pub hide_reads: bool,
}

/// The caller of a use case, identified by its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The service, which may do everything, in the name of any user.
    Service,
    /// A signed-in user, who can only act as itself. The transaction checks that the user still exists.
    User(UserId),
}

impl Caller {
    /// The calling user. None for the service.
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::Service => None,
            Self::User(id) => Some(id),
        }
    }
}

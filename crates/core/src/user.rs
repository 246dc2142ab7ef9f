//! Users and callers.

use crate::{Name, UserId};

/// A stored user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's number, which clients never see.
    pub id: UserId,
    /// The user's public key.
    pub name: Name,
    /// Whether only services act for this user (`admin`, `system`, …).
    pub special: bool,
}

/// The users whom a user allows to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Allowed {
    #[default]
    Anyone,
    Contacts,
    Nobody,
}

impl Allowed {
    /// Every value.
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

    /// Whether a contact, or a user who is not a contact, is allowed.
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
    /// Whether others do not see the time at which the user was last seen.
    pub hide_last_seen: bool,
    /// Whether others do not see the user's read marks, nor the user theirs.
    pub hide_reads: bool,
}

/// The caller, as identified by its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The service, which may do everything in the name of any user.
    Service,
    /// A signed-in user, who acts only as itself. The transaction checks whether the user still exists.
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

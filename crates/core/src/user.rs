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

/// Whom a user lets do something to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Allowed {
    /// Anybody.
    #[default]
    Anyone,
    /// Contacts.
    Contacts,
    /// Nobody.
    Nobody,
}

impl Allowed {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Anyone, Self::Contacts, Self::Nobody];

    /// Reads the wire's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|allowed| allowed.as_str() == text)
    }

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Contacts => "contacts",
            Self::Nobody => "nobody",
        }
    }

    /// Whether somebody may who is a contact, or is none.
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
    /// Who may add the user to a group.
    pub added_by: Allowed,
    /// Who may open a private conversation with the user.
    pub write_first: Allowed,
    /// Whether others are not shown when the user was last seen.
    pub hide_last_seen: bool,
    /// Whether the user's read marks are shown to nobody else, and the others' not to the user.
    pub hide_reads: bool,
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

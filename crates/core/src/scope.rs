//! Keys of the service that are limited to a part of the API, and the scopes into which the API is divided.

use crate::{Date, KeyId};

/// The most keys besides the first one, which has every scope.
pub const SCOPED_KEYS: usize = 100;

/// A part of the API. Each route belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read users, groups, messages, files, and everything that no other scope covers.
    Read,
    /// Change groups, messages, private conversations, relations and files.
    Write,
    /// Create, change and delete users, their tokens and passwords.
    Users,
    /// The feed, webhooks, bots and incoming hooks.
    Events,
    /// Keys.
    Admin,
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

/// A key of the service that is limited to some scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedKey {
    pub id: KeyId,
    pub scopes: Scopes,
    pub created: Date,
    /// None: the key does not expire.
    pub expires: Option<Date>,
}

impl Scope {
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Users, Self::Events, Self::Admin];

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Users => "users",
            Self::Events => "events",
            Self::Admin => "admin",
        }
    }

    /// Parses the wire form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Scopes {
    /// Every scope.
    pub const ALL: Self = Self(0b1_1111);

    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Decodes the number that a store keeps.
    pub fn stored(bits: i64) -> Self {
        Self(u8::try_from(bits & i64::from(Self::ALL.0)).unwrap_or(0))
    }

    /// Encodes the scopes as the number that a store keeps.
    pub fn number(self) -> i64 {
        self.0.into()
    }

    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The first scope of `others` that this set lacks.
    pub fn lacking(self, others: Self) -> Option<Scope> {
        others.list().find(|scope| !self.has(*scope))
    }

    pub fn list(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl ScopedKey {
    /// Whether the key has not expired at `now`.
    pub fn is_good(&self, now: Date) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_of_scopes_is_read_as_it_was_kept() {
        assert_eq!(Scopes::of(&Scope::ALL), Scopes::ALL);
        for scope in Scope::ALL {
            let one = Scopes::of(&[scope]);
            assert_eq!(Scopes::stored(one.number()), one);
            assert_eq!(one.list().collect::<Vec<_>>(), [scope]);
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
            assert!(Scopes::ALL.lacking(one).is_none() && one.lacking(Scopes::ALL).is_some());
        }
        assert_eq!(Scopes::stored(-1), Scopes::ALL, "a later version's scopes are not known");
    }
}

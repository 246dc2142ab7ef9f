//! Identifiers. Those that clients see are UUIDs (version 7 when made here); a user's and a
//! socket's own numbers never leave the server.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::clock::Clock;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new version 7 id, from the clock's time and randomness.
            pub fn new(clock: &dyn Clock) -> Self {
                Self(clock.uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            /// Reads a UUID in its hyphenated form of 36 characters, and no other.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let refused = concat!("is not ", $what, "'s id: a UUID of 36 characters is expected");
                if text.len() != 36 {
                    return Err(refused);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| refused)
            }
        }
    };
}

uuid_id!(
    /// A group's id.
    GroupId, "a group"
);
uuid_id!(
    /// A message's id: the one sent is the one stored.
    MessageId, "a message"
);

/// A user's number in the store. It outlives renames, is never reused, and stays inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// A socket's number in this process, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// A place in a group's log: 1, 2, 3 … with no gap. 0 is "before the first".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Seq(pub i64);

impl Seq {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

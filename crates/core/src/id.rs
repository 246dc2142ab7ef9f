//! Identifiers. Clients see the UUIDs. The numbers of users and sockets stay inside the server.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::Date;
use crate::clock::Clock;
use crate::token::TokenHash;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            /// Accepts a UUID only in its hyphenated form of 36 characters.
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
    /// A message's id. The store and the event use the same id.
    MessageId, "a message"
);

uuid_id!(
    /// A file's id.
    FileId, "a file"
);

uuid_id!(
    /// A webhook's id.
    WebhookId, "a webhook"
);

uuid_id!(
    /// The id of an incoming hook.
    HookId, "a hook"
);

uuid_id!(
    /// The id of a bot's key.
    BotKeyId, "a key"
);

uuid_id!(
    /// The id of a subscription to notifications.
    PushId, "a subscription"
);

uuid_id!(
    /// A session's id.
    SessionId, "a session"
);

uuid_id!(
    /// The id of a key of the service.
    KeyId, "a key"
);

uuid_id!(
    /// The id of an entry of the audit log. Ids ascend in the order of creation.
    AuditId, "an entry"
);

uuid_id!(
    /// A report's id. Ids ascend in the order of creation.
    ReportId, "a report"
);

uuid_id!(
    /// A task's id. Ids ascend in the order of creation.
    TaskId, "a task"
);
uuid_id!(
    /// The id under which a process holds the leases of followers. Each process has its own.
    HolderId, "a holder"
);
uuid_id!(
    /// The id of a store's history. `restore` creates a new one; `migrate` keeps it.
    HistoryId, "a history"
);

impl GroupId {
    /// A new random id (UUID version 4). Its first hex digit is a letter, so that the id is valid as a CSS
    /// class name.
    pub fn new(clock: &dyn Clock) -> Self {
        let secret = clock.secret();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&secret[..16]);
        let letter = 0xa + secret[16] % 6;
        bytes[0] = letter << 4 | bytes[0] & 0xf;
        Self(Builder::from_random_bytes(bytes).into_uuid())
    }
}

/// Generates ids from random bits, so that the id of one object reveals nothing about others.
macro_rules! random_id {
    ($($name:ident)+) => {
        $(impl $name {
            /// A new random id (UUID version 4).
            pub fn new(clock: &dyn Clock) -> Self {
                let secret = clock.secret();
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&secret[..16]);
                Self(Builder::from_random_bytes(bytes).into_uuid())
            }
        })+
    };
}

random_id!(FileId WebhookId HookId BotKeyId KeyId PushId);

/// Generates ids from the clock's time and randomness.
macro_rules! time_id {
    ($($name:ident)+) => {
        $(impl $name {
            /// A new id from the clock's time and randomness (UUID version 7).
            pub fn new(clock: &dyn Clock) -> Self {
                Self(clock.uuid())
            }
        })+
    };
}

time_id!(MessageId TaskId AuditId ReportId HolderId);

impl SessionId {
    /// The id of the session with this token. It is derived from the token's hash but does not reveal it.
    pub fn of(token: &TokenHash) -> Self {
        let hash = Sha256::new().chain_update(b"session").chain_update(token.0).finalize();
        let bytes = *hash.first_chunk().expect("there are 32 bytes");
        Self(Builder::from_random_bytes(bytes).into_uuid())
    }
}

impl AuditId {
    /// The smallest id of any entry created at or after `date`.
    pub(crate) fn first_at(date: Date) -> Self {
        let millis = u128::try_from(date.micros() / 1000).unwrap_or_default();
        Self(Uuid::from_u128(millis << 80))
    }
}

/// A user's number in the store. It survives renames, is never reused, and is never sent to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// A socket's number in this process, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// A number in a group's log: 1, 2, 3 … without gaps. 0 means "before the first".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Seq(pub i64);

impl Seq {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn new_group_ids_are_random_and_begin_with_a_letter() {
        let clock = SystemClock::default();
        let ids: BTreeSet<_> = (0..1000).map(|_| GroupId::new(&clock)).collect();
        assert_eq!(ids.len(), 1000);
        let firsts: String =
            ids.iter().map(|id| id.to_string().remove(0)).collect::<BTreeSet<_>>().iter().collect();
        assert_eq!(firsts, "abcdef");
        for id in ids {
            assert_eq!((id.0.get_version_num(), id.0.get_variant()), (4, uuid::Variant::RFC4122));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}

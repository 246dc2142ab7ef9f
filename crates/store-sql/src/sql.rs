//! A transaction of either database, as the nouns use it.

use chinwag_core::name::NameCase;
use chinwag_core::token::TokenHash;
use chinwag_core::webhook::{WebhookLane, WebhookQueue};
use chinwag_core::{
    BotKeyId, Date, FileId, GroupId, HolderId, HookId, KeyId, MessageId, PushId, Result, Seq, TaskId, UserId,
    WebhookId,
};
use uuid::Uuid;

use crate::Columns;

/// A transaction on SQLite or PostgreSQL. Each statement is prepared once per connection.
pub trait Sql {
    /// The first row, if any.
    fn one<T>(
        &self,
        text: Text,
        params: &[Param<'_>],
        read: impl FnOnce(&dyn Columns) -> Result<T>,
    ) -> Result<Option<T>>;

    /// All rows.
    fn all<T>(
        &self,
        text: Text,
        params: &[Param<'_>],
        read: impl FnMut(&dyn Columns) -> Result<T>,
    ) -> Result<Vec<T>>;

    /// The rows for several keys, in no particular order. SQLite runs its text once per key, with the key as
    /// `$1`. PostgreSQL runs its text once, with the list of all keys as `$1`. `params` are the other
    /// parameters.
    fn each<T>(
        &self,
        text: Text,
        keys: &Keys<'_>,
        params: &[Param<'_>],
        read: impl FnMut(&dyn Columns) -> Result<T>,
    ) -> Result<Vec<T>>;

    /// Changes rows, and returns their number.
    fn change(&mut self, text: Text, params: &[Param<'_>]) -> Result<usize>;

    /// Changes rows for several keys, which are passed as in [`Sql::each`].
    fn change_each(&mut self, text: Text, keys: &Keys<'_>, params: &[Param<'_>]) -> Result<()>;

    /// Inserts a row. A violated unique constraint yields the error of its conflict.
    fn insert(&mut self, text: Text, params: &[Param<'_>], conflicts: &[Conflict]) -> Result<()>;

    /// Changes a row and returns the values of its `RETURNING` clause, if there was such a row.
    fn change_one<T>(
        &mut self,
        text: Text,
        params: &[Param<'_>],
        read: impl FnOnce(&dyn Columns) -> Result<T>,
    ) -> Result<Option<T>>;

    /// How names compare in the store.
    fn name_case(&self) -> NameCase;

    /// Replaces the terms of an indexed message by those of `body`; without a `body`, removes the message
    /// from the index. Must be called before the message's body changes.
    fn index_change(&mut self, group: GroupId, seq: Seq, body: Option<&str>) -> Result<()>;

    /// Removes the first `most` messages of a group from the indexes that are separate tables. Must be called
    /// before the messages are erased.
    fn index_erase(&mut self, group: GroupId, most: usize) -> Result<()>;

    /// Records that this transaction erases or replaces text, which SQLite's journal still contains.
    fn note_erasure(&mut self) {}

    /// Records a change of facts that messages are decided by without a lock: a right was revoked, or the
    /// feed was switched on. PostgreSQL then answers the job only after messages that were decided before the
    /// change are committed. SQLite has a single writer and needs nothing.
    fn outwait_messages(&mut self) {}

    /// Keeps other jobs of this node from taking numbers of the group's log until this one's events are
    /// published. SQLite has a single writer and needs nothing.
    fn claim_log(&mut self, _group: GroupId) -> Result<()> {
        Ok(())
    }

    /// The lowest stamp that may be committed after this snapshot, if the store assigns stamps itself.
    fn next_stamp(&self) -> Option<i64> {
        None
    }

    /// The result of a query that counts rows.
    fn count(&self, text: Text, params: &[Param<'_>]) -> Result<usize> {
        let count = self.one(text, params, |row| row.get::<i64>(0))?;
        Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
    }
}

/// A statement in both dialects.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

impl Text {
    /// A statement that is the same in both dialects. Fails to compile if its parameters are not numbered in
    /// the order of their first use, because SQLite binds them in that order.
    pub const fn same(text: &'static str) -> Self {
        Self::two(text, text)
    }

    /// A statement that only PostgreSQL runs.
    pub const fn postgres(text: &'static str) -> Self {
        Self { sqlite: "", postgres: text }
    }

    /// A statement with a text for each database.
    pub const fn two(sqlite: &'static str, postgres: &'static str) -> Self {
        assert!(is_in_order(sqlite.as_bytes()), "parameters are numbered in the order of their first use");
        Self { sqlite, postgres }
    }
}

const fn is_in_order(text: &[u8]) -> bool {
    let (mut at, mut highest) = (0, 0);
    while at < text.len() {
        let begins = text[at] == b'$';
        at += 1;
        let mut number = 0;
        while begins && at < text.len() && text[at].is_ascii_digit() {
            number = number * 10 + (text[at] - b'0');
            at += 1;
        }
        if number > highest + 1 {
            return false;
        }
        if number > highest {
            highest = number;
        }
    }
    true
}

/// A unique constraint, and the error if it is violated.
#[derive(Debug, Clone, Copy)]
pub struct Conflict {
    /// The column as in SQLite's error.
    pub sqlite: &'static str,
    /// The name of the constraint in PostgreSQL.
    pub postgres: &'static str,
    pub error: &'static str,
}

/// A parameter of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Param<'p> {
    /// Null, of any type.
    Null,
    /// An integer of any width.
    Int(i64),
    Flag(bool),
    Text(&'p str),
    Bytes(&'p [u8]),
    Id(Uuid),
}

/// Keys of one type, for [`Sql::each`].
#[derive(Debug)]
pub enum Keys<'k> {
    Ints(Vec<i64>),
    Texts(Vec<&'k str>),
    Bytes(Vec<&'k [u8]>),
    Ids(Vec<Uuid>),
    /// Log numbers with their groups: two parameters, or two lists.
    Places(Vec<(Uuid, i64)>),
}

impl Keys<'_> {
    /// Each key as one parameter or two.
    pub fn params(&self) -> impl Iterator<Item = (Param<'_>, Option<Param<'_>>)> {
        let count = match self {
            Self::Ints(keys) => keys.len(),
            Self::Texts(keys) => keys.len(),
            Self::Bytes(keys) => keys.len(),
            Self::Ids(keys) => keys.len(),
            Self::Places(keys) => keys.len(),
        };
        (0..count).map(|at| match self {
            Self::Ints(keys) => (Param::Int(keys[at]), None),
            Self::Texts(keys) => (Param::Text(keys[at]), None),
            Self::Bytes(keys) => (Param::Bytes(keys[at]), None),
            Self::Ids(keys) => (Param::Id(keys[at]), None),
            Self::Places(keys) => (Param::Id(keys[at].0), Some(Param::Int(keys[at].1))),
        })
    }
}

macro_rules! param {
    ($($type:ty => $value:ident $make:expr;)+) => {
        $(impl<'p> From<$type> for Param<'p> {
            fn from($value: $type) -> Self {
                $make
            }
        })+
    };
}

param! {
    i64 => number Self::Int(number);
    i16 => number Self::Int(number.into());
    bool => flag Self::Flag(flag);
    &'p str => text Self::Text(text);
    &'p [u8] => bytes Self::Bytes(bytes);
    Uuid => id Self::Id(id);
    UserId => id Self::Int(id.0);
    Seq => seq Self::Int(seq.0);
    Date => date Self::Int(date.micros());
    FileId => id Self::Id(id.0);
    GroupId => id Self::Id(id.0);
    MessageId => id Self::Id(id.0);
    PushId => id Self::Id(id.0);
    TaskId => id Self::Id(id.0);
    HolderId => id Self::Id(id.0);
    HookId => id Self::Id(id.0);
    KeyId => id Self::Id(id.0);
    BotKeyId => id Self::Id(id.0);
    WebhookId => id Self::Id(id.0);
    WebhookLane => lane Self::Id(lane.0);
    WebhookQueue => queue Self::Id(queue.0);
    &'p TokenHash => hash Self::Bytes(&hash.0);
}

impl<'p, T: Into<Param<'p>>> From<Option<T>> for Param<'p> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Parameters of a statement, in order.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Param::from($value)),*]
    };
}

pub(crate) use params;

/// Converts a limit for both databases.
pub fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::is_in_order;

    #[test]
    fn parameters_are_in_the_order_of_their_first_use() {
        assert!(is_in_order(b"SELECT 1 FROM a WHERE b = $1 AND c = $2 AND d = $1 OR e = $3"));
        assert!(is_in_order(b"SELECT 1"));
        for text in ["SET a = $2 WHERE b = $1", "a = $1 AND b = $3"] {
            assert!(!is_in_order(text.as_bytes()), "{text}");
        }
    }
}

//! Values of a row's columns.

use std::sync::Arc;

use chinwag_core::store::encoding::Stored;
use chinwag_core::token::TokenHash;
use chinwag_core::webhook::{WebhookLane, WebhookQueue};
use chinwag_core::{
    BotKeyId, Date, Error, FileId, GroupId, HolderId, HookId, KeyId, MessageId, Name, PushId, Result, Seq,
    TaskId, UserId, WebhookId,
};
use uuid::Uuid;

/// A row of either database. Each method reads one column and returns `None` for null.
pub trait Columns {
    /// An integer of any width.
    fn int(&self, column: usize) -> Result<Option<i64>>;
    fn flag(&self, column: usize) -> Result<Option<bool>>;
    fn text(&self, column: usize) -> Result<Option<&str>>;
    fn bytes(&self, column: usize) -> Result<Option<&[u8]>>;
    fn id(&self, column: usize) -> Result<Option<Uuid>>;
}

/// A type that can be read from a column.
pub trait Column: Sized {
    /// Reads a column. Returns `None` for null.
    fn read(row: &dyn Columns, column: usize) -> Result<Option<Self>>;
}

impl dyn Columns + '_ {
    /// Reads a column that is never null.
    pub fn get<T: Column>(&self, column: usize) -> Result<T> {
        self.maybe(column)?.ok_or_else(|| missing(column))
    }

    /// Reads a column that may be null.
    pub fn maybe<T: Column>(&self, column: usize) -> Result<Option<T>> {
        T::read(self, column)
    }

    /// Reads a value that is stored as a number.
    pub fn stored<T: Stored>(&self, column: usize) -> Result<T> {
        self.maybe_stored(column)?.ok_or_else(|| missing(column))
    }

    /// Reads a value that is stored as a number and may be null.
    pub fn maybe_stored<T: Stored>(&self, column: usize) -> Result<Option<T>> {
        self.int(column)?.map(T::from_number).transpose()
    }
}

fn missing(column: usize) -> Error {
    Error::internal(format_args!("column {column} of a row is null"))
}

macro_rules! column {
    ($($type:ty: $read:ident, $value:ident => $make:expr;)+) => {
        $(impl Column for $type {
            fn read(row: &dyn Columns, column: usize) -> Result<Option<Self>> {
                Ok(row.$read(column)?.map(|$value| $make))
            }
        })+
    };
}

column! {
    i64: int, number => number;
    bool: flag, flag => flag;
    Uuid: id, id => id;
    UserId: int, id => UserId(id);
    Seq: int, seq => Seq(seq);
    Date: int, micros => Date::from_micros(micros);
    FileId: id, id => FileId(id);
    GroupId: id, id => GroupId(id);
    MessageId: id, id => MessageId(id);
    PushId: id, id => PushId(id);
    TaskId: id, id => TaskId(id);
    HolderId: id, id => HolderId(id);
    HookId: id, id => HookId(id);
    KeyId: id, id => KeyId(id);
    BotKeyId: id, id => BotKeyId(id);
    WebhookId: id, id => WebhookId(id);
    WebhookLane: id, lane => WebhookLane(lane);
    WebhookQueue: id, queue => WebhookQueue(queue);
    Name: text, name => Name::stored(name);
    String: text, text => text.to_owned();
    Arc<str>: text, text => text.into();
}

impl Column for TokenHash {
    fn read(row: &dyn Columns, column: usize) -> Result<Option<Self>> {
        let hash = |bytes: &[u8]| bytes.try_into().map(Self).map_err(Error::internal);
        row.bytes(column)?.map(hash).transpose()
    }
}

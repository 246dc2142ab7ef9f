//! Messages, as a store keeps them. Only those that stand are ever found; of a deleted one its
//! place in the log, its id, author and `client_id` remain, and no body. Those of an author who is no
//! more do not stand, erased or not.

use std::sync::Arc;

use crate::message::{Body, ClientId, Message};
use crate::{Date, GroupId, MessageId, Result, Seq, UserId};

/// Numbers of a log in which the newest message is looked for after an erasure.
pub const UNCOVERED: i64 = 1000;

/// Messages, in a transaction.
pub trait Messages {
    /// The message with this id.
    fn message(&self, id: MessageId) -> Result<Option<Message>>;

    /// The message that was made before with this `client_id`, whether it still stands or not.
    fn message_prior(&self, group: GroupId, author: UserId, client_id: &ClientId) -> Result<Option<Prior>>;

    /// Up to `page.limit` messages of a group. See [`Edge`] for their order.
    fn messages(&self, group: GroupId, page: &Page) -> Result<Vec<Message>>;

    /// The newest message whose number is at most `seq`: its number and date.
    fn message_at_seq(&self, group: GroupId, seq: Seq) -> Result<Option<(Seq, Date)>>;

    /// The message with the latest date at or before `date` (of several, the highest number).
    fn message_at_date(&self, group: GroupId, date: Date) -> Result<Option<(Seq, Date)>>;

    /// Numbers and ids of the first `limit` messages of one author in a group, ascending: also of an author
    /// who is no more, and whose messages are not erased yet.
    fn messages_by(&self, group: GroupId, author: UserId, limit: usize) -> Result<Vec<(Seq, MessageId)>>;

    /// Keeps a message under the number that was taken for it.
    fn message_insert(&mut self, message: &NewMessage) -> Result<()>;

    /// Keeps messages that came from elsewhere, each under the number that was taken for it, with no
    /// `client_id`: all, or none. Bounded by the caller.
    fn messages_insert(&mut self, messages: &[NewMessage]) -> Result<()> {
        messages.iter().try_for_each(|message| self.message_insert(message))
    }

    /// The places of these messages in the logs, whether they stand or not, in any order; none for
    /// unknown ids. Bounded by the caller.
    fn messages_located(&self, ids: &[MessageId]) -> Result<Vec<Located>>;

    /// Gives a message another body.
    fn message_edit(&mut self, group: GroupId, seq: Seq, body: &Body, edited: Date) -> Result<()>;

    /// Erases a message's body, and whatever was derived from it. If it was the newest of its group, the newest of
    /// the [`UNCOVERED`] numbers before it takes its place; if none of them stands, the group keeps the date.
    /// **Bound.** One message and so many numbers are read, however many were erased before.
    fn message_erase(&mut self, group: GroupId, seq: Seq) -> Result<()>;
}

/// A message to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id: unique, or the insert is refused as a conflict.
    pub id: MessageId,
    /// Its group.
    pub group: GroupId,
    /// The number taken for it.
    pub seq: Seq,
    pub author: UserId,
    /// Its date.
    pub date: Date,
    /// Its body.
    pub body: Body,
    /// The number of the message of the same group that it answers.
    pub respond_to: Option<Seq>,
    /// The sender's own id for it.
    pub client_id: Option<ClientId>,
}

/// A message's place in the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The message's id.
    pub id: MessageId,
    /// Its group.
    pub group: GroupId,
    /// Its number.
    pub seq: Seq,
}

/// A message that was made before with a `client_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prior {
    /// The message's id.
    pub id: MessageId,
    /// Its number.
    pub seq: Seq,
    /// Its date.
    pub date: Date,
    /// The SHA-256 of the body as first sent, if the message still stands.
    pub body_hash: Option<[u8; 32]>,
    /// The message that it answered, if that still stands.
    pub respond_to: Option<MessageId>,
}

/// A part of a group's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub edge: Edge,
    pub limit: usize,
}

/// The edge at which a page begins, with its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// From the newest backwards: newest first.
    Newest,
    /// Those with a lower number: newest first.
    BeforeSeq(Seq),
    /// From the message with the latest date before this one, backwards by number: newest first.
    BeforeDate(Date),
    /// Those with a higher number: oldest first.
    AfterSeq(Seq),
    /// From the message with the earliest date after this one, onwards by number: oldest first.
    AfterDate(Date),
}

impl NewMessage {
    /// The body's text, shared.
    pub fn text(&self) -> Arc<str> {
        self.body.clone().into_text()
    }
}

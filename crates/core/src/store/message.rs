//! Messages, as a store keeps them. Only those that stand are ever found; of a deleted one its
//! place in the log, its id, author and `client_id` remain, and no body. Those of an author who is no
//! more do not stand, erased or not.

use std::sync::Arc;

use crate::message::{Body, ClientId, Message, MessageDetail};
use crate::send::Kept;
use crate::thread::ThreadRoot;
use crate::{Date, GroupId, MessageId, Result, Seq, UserId};

/// Numbers of a log in which the newest message is looked for after an erasure.
pub const UNCOVERED: i64 = 1000;

/// Messages, in a transaction.
pub trait Messages {
    /// The message with this id.
    fn message(&self, id: MessageId) -> Result<Option<Message>>;

    /// Those of these messages that stand, in any order; of a group those in it alone. Bounded by the caller.
    fn messages_by_id(&self, group: Option<GroupId>, ids: &[MessageId]) -> Result<Vec<Message>>;

    /// The message that was made before with this `client_id`, whether it still stands or not.
    fn message_prior(&self, group: GroupId, author: UserId, client_id: &ClientId) -> Result<Option<Prior>>;

    /// Up to `page.limit` messages of a group. See [`Edge`] for their order.
    fn messages(&self, group: GroupId, page: &Page) -> Result<Vec<Message>>;

    /// The newest message whose number is at most `seq`: its number and date.
    fn message_at_seq(&self, group: GroupId, seq: Seq) -> Result<Option<(Seq, Date)>>;

    /// The message with the latest date at or before `date` (of several, the highest number).
    fn message_at_date(&self, group: GroupId, date: Date) -> Result<Option<(Seq, Date)>>;

    /// The first `limit` messages of one author in a group, ascending: also of an author
    /// who is no more, and whose messages are not erased yet.
    fn messages_by(&self, group: GroupId, author: UserId, limit: usize) -> Result<Vec<Written>>;

    /// Keeps a message under the number that was taken for it. The root of a reply notes that it has had replies.
    fn message_insert(&mut self, message: &NewMessage) -> Result<()>;

    /// Keeps messages that came from elsewhere, each under the number that was taken for it, with no
    /// `client_id`: all, or none. Bounded by the caller.
    fn messages_insert(&mut self, messages: &[NewMessage]) -> Result<()> {
        messages.iter().try_for_each(|message| self.message_insert(message))
    }

    /// The places of these messages in the logs, whether they stand or not, in any order; none for
    /// unknown ids. Bounded by the caller.
    fn messages_located(&self, ids: &[MessageId]) -> Result<Vec<Located>>;

    /// Notes the number of the last entry that concerns a message.
    fn message_change(&mut self, group: GroupId, seq: Seq, by: Seq) -> Result<()>;

    /// Sets the hash by which a retry of a message is known, where it is not that of the body alone.
    fn message_digest_set(&mut self, group: GroupId, seq: Seq, digest: &[u8; 32]) -> Result<()>;

    /// Gives a message another body.
    fn message_edit(&mut self, group: GroupId, seq: Seq, body: &Body, edited: Date) -> Result<()>;

    /// Gives a message another detail. The tallies of its reactions stay.
    fn message_detail_set(&mut self, group: GroupId, seq: Seq, detail: &MessageDetail) -> Result<()>;

    /// Erases a message's body, and whatever was derived from it, except for the
    /// [reactions](super::Reactions::reactions_erase), [what counts mentions](super::Mentions::mentions_erase) and the
    /// group's [pins](super::Pins::pins_erase). If it was the newest of its group, the newest of
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
    /// The number of the root of its thread, of the same group.
    pub thread: Option<Seq>,
    /// The sender's own id for it.
    pub client_id: Option<ClientId>,
    /// The parts that most messages do not have.
    pub detail: MessageDetail,
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
    /// The [digest](crate::send::digest) of what was first sent, unless another one was
    /// [set](Messages::message_digest_set), if the message still stands.
    pub body_hash: Option<[u8; 32]>,
    /// The message that it answered, if that still stands.
    pub respond_to: Option<MessageId>,
    /// The root of its thread, if it was sent as a reply.
    pub thread: Option<PriorThread>,
}

/// The thread of a message that was made before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriorThread {
    pub root: ThreadRoot,
    /// Whether the root still stands.
    pub stands: bool,
}

/// A message to be erased together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub seq: Seq,
    pub id: MessageId,
    /// The number of the root of its thread, if it was sent as a reply.
    pub thread: Option<Seq>,
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
    /// A message with a body and nothing else.
    pub fn new(group: GroupId, kept: Kept, author: UserId, body: Body) -> Self {
        let Kept { id, date, seq } = kept;
        let detail = MessageDetail::default();
        Self { id, group, seq, author, date, body, respond_to: None, thread: None, client_id: None, detail }
    }

    /// The body's text, shared.
    pub fn text(&self) -> Arc<str> {
        self.body.clone().into_text()
    }
}

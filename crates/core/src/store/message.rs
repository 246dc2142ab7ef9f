//! Messages in the store. Only messages that are not deleted can be read. Of a deleted message, the store
//! keeps its position in the log, its id, author and `client_id`, but not its body. The messages of a deleted
//! author count as deleted even before they are erased.

use std::sync::Arc;

use crate::limits::MAX_DELETED_PER_ENTRY;
use crate::message::{Body, ClientId, Message, MessageDetail};
use crate::send::Kept;
use crate::thread::ThreadRoot;
use crate::{Date, GroupId, MessageId, Result, Seq, UserId};

/// The number of log numbers in which the newest remaining message is searched after an erasure.
pub const UNCOVERED: i64 = 1000;
/// The most erased messages that [`erased_seq_raise`](Messages::erased_seq_raise) passes: more than one log entry
/// deletes, so that it catches up.
pub const MAX_PASSED: usize = 2 * MAX_DELETED_PER_ENTRY;

/// Messages, in a transaction.
pub trait Messages {
    /// The message with this id.
    fn message(&self, id: MessageId) -> Result<Option<Message>>;

    /// Those of these messages that exist, in any order. With a group, only those in the group. The caller
    /// must bound their number.
    fn messages_by_id(&self, group: Option<GroupId>, ids: &[MessageId]) -> Result<Vec<Message>>;

    /// The earlier message with the same `client_id`, whether or not it is deleted.
    fn message_prior(
        &self,
        group: GroupId,
        author: UserId,
        client_id: &ClientId,
    ) -> Result<Option<PriorMessage>>;

    /// Up to `page.limit` messages of a group. See [`Edge`] for their order.
    fn messages(&self, group: GroupId, page: &Page) -> Result<Vec<Message>>;

    /// The newest message whose number is at most `seq`: its number and date.
    fn message_at_seq(&self, group: GroupId, seq: Seq) -> Result<Option<(Seq, Date)>>;

    /// The message with the latest date at or before `date`. Ties are broken by the higher number.
    fn message_at_date(&self, group: GroupId, date: Date) -> Result<Option<(Seq, Date)>>;

    /// The first `limit` messages of an author in a group, in ascending order. Also works for a deleted
    /// author whose messages are not erased yet.
    fn messages_by(&self, group: GroupId, author: UserId, limit: usize) -> Result<Vec<MessageToErase>>;

    /// Stores a message under a number taken for it. Marks the root of a reply as having replies.
    fn message_insert(&mut self, message: &NewMessage) -> Result<()>;

    /// Stores imported messages, each under a number taken for it, without a `client_id`. Either all are
    /// stored or none. The caller must bound their number.
    fn messages_insert(&mut self, messages: &[NewMessage]) -> Result<()> {
        messages.iter().try_for_each(|message| self.message_insert(message))
    }

    /// The positions of these messages in the logs, including deleted messages, in any order. Unknown ids are
    /// omitted. The caller must bound their number.
    fn messages_located(&self, ids: &[MessageId]) -> Result<Vec<Located>>;

    /// Records the number of the latest log entry about a message.
    fn message_change(&mut self, group: GroupId, seq: Seq, by: Seq) -> Result<()>;

    /// Sets the hash that identifies a retry. Only needed if it is not the [digest](crate::send::digest) of
    /// the body and data.
    fn message_digest_set(&mut self, group: GroupId, seq: Seq, digest: &[u8; 32]) -> Result<()>;

    /// Replaces the body of a message.
    fn message_edit(&mut self, group: GroupId, seq: Seq, body: &Body, edited: Date) -> Result<()>;

    /// Replaces the detail of a message. The tallies of its reactions stay.
    fn message_detail_set(&mut self, group: GroupId, seq: Seq, detail: &MessageDetail) -> Result<()>;

    /// Erases the body of a message and everything derived from it, except for the
    /// [reactions](super::Reactions::reactions_erase), the [indexed
    /// mentions](super::Mentions::mentions_erase) and the group's [pins](super::Pins::pins_erase). If it was
    /// the newest message of its group, the newest message among the [`UNCOVERED`] numbers before it takes
    /// over; if all of these are deleted, the group keeps the date. **Bound.** Reads one message and
    /// [`UNCOVERED`] numbers, however many messages were erased before.
    fn message_erase(&mut self, group: GroupId, seq: Seq) -> Result<()>;

    /// Raises the number up to which all messages of a group are erased, if its oldest messages are. Pages begin
    /// after that number. Called after erasures. **Bound.** Passes at most [`MAX_PASSED`] messages, and reads one
    /// if the oldest is not erased.
    fn erased_seq_raise(&mut self, group: GroupId) -> Result<()>;
}

/// A message to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Must be unique. Otherwise the insert fails with a conflict.
    pub id: MessageId,
    pub group: GroupId,
    /// The number taken for the message.
    pub seq: Seq,
    pub author: UserId,
    pub date: Date,
    pub body: Body,
    /// The number of the message replied to, in the same group.
    pub respond_to: Option<Seq>,
    /// The number of the thread's root, in the same group.
    pub thread: Option<Seq>,
    /// The sender's id of the message.
    pub client_id: Option<ClientId>,
    /// The fields that most messages do not have.
    pub detail: MessageDetail,
}

/// The position of a message in the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    pub id: MessageId,
    pub group: GroupId,
    /// The message's number in the group's log.
    pub seq: Seq,
}

/// An earlier message with the same `client_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorMessage {
    pub id: MessageId,
    /// The message's number in the group's log.
    pub seq: Seq,
    pub date: Date,
    /// The hash that identifies a retry, if the message still exists: the [digest](crate::send::digest) of
    /// what was first sent, or the hash that [was set](Messages::message_digest_set).
    pub body_hash: Option<[u8; 32]>,
    /// The message replied to, if it still exists.
    pub respond_to: Option<MessageId>,
    /// The root of the thread, if the message was sent as a reply.
    pub thread: Option<PriorThread>,
}

/// The thread of an earlier message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriorThread {
    pub root: ThreadRoot,
    /// Whether the root still exists.
    pub stands: bool,
}

/// A message to erase together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageToErase {
    pub seq: Seq,
    pub id: MessageId,
    /// The number of the thread's root, if the message was sent as a reply.
    pub thread: Option<Seq>,
}

/// The range of a group's messages to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub edge: Edge,
    pub limit: usize,
}

/// Where a page begins, and in which direction it continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// From the newest message, backwards. Newest first.
    Newest,
    /// Messages with a lower number. Newest first.
    BeforeSeq(Seq),
    /// From the message with the latest date before this one, backwards by number. Newest first.
    BeforeDate(Date),
    /// Messages with a higher number. Oldest first.
    AfterSeq(Seq),
    /// From the message with the earliest date after this one, onwards by number. Oldest first.
    AfterDate(Date),
}

impl NewMessage {
    /// A message with only a body.
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

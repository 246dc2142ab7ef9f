//! The hook before sending: the port to a program of the host's that decides on each message before it is stored.

use std::sync::Arc;

use crate::file::AttachmentList;
use crate::mention::MentionList;
use crate::message::{Body, ClientId};
use crate::send::Send;
use crate::store::Answer;
use crate::{GroupId, MessageId, Name, Result, UserId};

/// The most questions of one user that wait for their answers, those that are being asked included.
pub const QUESTIONS_OF_USER: usize = 8;

/// Messages that are asked about and stored one after the other: those of one author in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuestionLane {
    Group(GroupId),
    /// Edits, and first messages to users.
    Other,
}

/// The kind of change that a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuestionKind {
    /// A message in a group.
    Send(GroupId),
    /// The first message to a user.
    First(Name),
    /// An edit of a message of a group.
    Edit(GroupId, MessageId),
}

/// A message or an edit that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub author: Name,
    pub kind: QuestionKind,
    /// None if an edit keeps it.
    pub body: Option<Body>,
    /// None if an edit keeps them.
    pub mentions: Option<MentionList>,
    pub respond_to: Option<MessageId>,
    pub thread: Option<MessageId>,
    pub client_id: Option<ClientId>,
    pub attachments: AttachmentList,
    /// An object of the sender's, as JSON.
    pub data: Option<Arc<str>>,
    /// Whether the message has files, and so needs no text.
    pub has_files: bool,
}

impl Question {
    /// A question about nothing but a body.
    pub fn of_body(author: Name, kind: QuestionKind, body: Option<Body>) -> Self {
        Self {
            author,
            kind,
            body,
            mentions: None,
            respond_to: None,
            thread: None,
            client_id: None,
            attachments: AttachmentList::default(),
            data: None,
            has_files: false,
        }
    }

    /// A question about a message.
    pub(crate) fn of_message(author: Name, kind: QuestionKind, message: &Send) -> Self {
        Self {
            author,
            kind,
            body: Some(message.body.clone()),
            mentions: Some(message.mentions.clone()),
            respond_to: message.respond_to,
            thread: message.thread,
            client_id: message.client_id.clone(),
            attachments: message.attachments.clone(),
            data: message.detail.data.clone(),
            has_files: !message.attachments.is_empty(),
        }
    }
}

/// The text that is stored in place of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    pub body: Body,
    /// The new data; none to keep the sender's.
    pub data: Option<Option<Arc<str>>>,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// It is stored as it is.
    Allow,
    /// It is not stored, for this reason.
    Refuse(String),
    Replace(Replacement),
}

/// The hook.
///
/// **Order.** The turns of one user in one lane come in the order in which they were taken, each after the one before was
/// dropped. **Loss.** A turn that is dropped lets the next one come. **Bound.** A user has at most [`QUESTIONS_OF_USER`]
/// turns; one more is [`Error::TooMany`](crate::Error::TooMany). A question has a time limit, in which it also waits for the
/// questions of others. **Failure.** A hook that fails allows, or is [`Error::Unavailable`](crate::Error::Unavailable), as the
/// operator says.
pub trait BeforeSend: std::marker::Send + Sync {
    /// Takes the next turn of a user.
    fn take_turn(&self, user: UserId, lane: QuestionLane) -> Result<Box<dyn QuestionTurn>>;

    /// Asks.
    fn ask(&self, question: Question) -> Answer<'_, Ruling>;
}

/// A place in an order.
pub trait QuestionTurn: std::marker::Send {
    /// Waits for the turns before this one.
    fn come(&mut self) -> Answer<'_, ()>;
}

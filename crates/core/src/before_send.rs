//! The hook before sending: the port to a program of the host that decides on each message before it is
//! stored.

use std::sync::Arc;

use crate::file::AttachmentList;
use crate::mention::MentionList;
use crate::message::{Body, ClientId};
use crate::send::Send;
use crate::store::Answer;
use crate::{GroupId, MessageId, Name, Result, UserId};

/// The most questions of one user in the queue, including the one in progress.
pub const QUESTIONS_OF_USER: usize = 8;

/// Messages of one author in the same lane are asked about and stored one after the other. Each group is a
/// lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuestionLane {
    Group(GroupId),
    /// All edits, and all messages that open private groups.
    Other,
}

/// The kind of change that the hook decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuestionKind {
    /// A message in a group.
    Send(GroupId),
    /// The message with which a user opens the private group with another user.
    First(Name),
    /// An edit of a message in a group.
    Edit(GroupId, MessageId),
}

/// A message or an edit that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub author: Name,
    pub kind: QuestionKind,
    /// None if an edit does not change the text.
    pub body: Option<Body>,
    /// None if an edit does not change the mentions.
    pub mentions: Option<MentionList>,
    pub respond_to: Option<MessageId>,
    pub thread: Option<MessageId>,
    pub client_id: Option<ClientId>,
    pub attachments: AttachmentList,
    /// The sender's JSON object.
    pub data: Option<Arc<str>>,
    /// Whether the message has files, and therefore may have an empty text.
    pub has_files: bool,
}

impl Question {
    /// A question with only a body.
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

    /// A question about a new message.
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

/// The text to store instead of the sender's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    pub body: Body,
    /// The new data. The outer `None` keeps the sender's data; the inner one removes it.
    pub data: Option<Option<Arc<str>>>,
}

/// The hook's answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// Store the message unchanged.
    Allow,
    /// Do not store the message, for this reason.
    Refuse(String),
    Replace(Replacement),
}

/// The hook.
///
/// **Order.** The turns of one user in one lane arrive in the order in which they were taken. Each one
/// arrives after the previous turn is dropped. **Loss.** Dropping a turn lets the next one proceed.
/// **Bound.** A user has at most [`QUESTIONS_OF_USER`] turns; one more fails with
/// [`Error::TooMany`](crate::Error::TooMany). A question has a timeout, which includes its time in the queue.
/// **Failure.** If the hook fails, the message is allowed or fails with
/// [`Error::Unavailable`](crate::Error::Unavailable), depending on the configuration.
pub trait BeforeSend: std::marker::Send + Sync {
    /// Takes the next turn of a user in a lane.
    fn take_turn(&self, user: UserId, lane: QuestionLane) -> Result<Box<dyn QuestionTurn>>;

    /// Sends a question to the hook and returns its ruling.
    fn ask(&self, question: Question) -> Answer<'_, Ruling>;
}

/// A position in the order of one user's questions in a lane. Dropping it lets the next one proceed.
pub trait QuestionTurn: std::marker::Send {
    /// Waits until all earlier turns are dropped.
    fn wait(&mut self) -> Answer<'_, ()>;
}

//! Messages.

mod detail;

use std::sync::Arc;

pub use detail::{MessageDetail, replace_tallies};

use crate::limits::CLIENT_ID_CHARS;
use crate::reaction::Tally;
use crate::send::Kept;
use crate::text::{NUL, is_visible};
use crate::thread::{Replies, RootState, ThreadRoot};
use crate::{Date, GroupId, MessageId, Name, Seq, UserId};

/// A message that is not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub group: GroupId,
    /// The message's number in the group's log.
    pub seq: Seq,
    pub author: UserId,
    /// The author's current name.
    pub author_name: Name,
    /// The date of the commit, or the date that a service set.
    pub date: Date,
    /// 1 to 4096 Unicode scalar values, exactly as sent. Empty if the message only has files.
    pub body: Arc<str>,
    /// The message of the same group that this one replies to, unless that is deleted.
    pub respond_to: Option<MessageId>,
    /// The date of the last edit, if any.
    pub edited: Option<Date>,
    /// The id that the sender chose.
    pub client_id: Option<ClientId>,
    /// The number of the latest log entry about the message, if any after its own.
    pub changed: Option<Seq>,
    /// The reactions, ordered by the first use of each emoji.
    pub reactions: Vec<Tally>,
    /// The root of the thread, if the message is a reply and the root is not deleted.
    pub thread: Option<ThreadRoot>,
    /// The replies to the message, if any.
    pub replies: Option<Replies>,
    /// The current state of the thread's root. Set only in the event of a new reply.
    pub root: Option<Box<RootState>>,
    /// The fields that most messages do not have.
    pub detail: MessageDetail,
}

impl Message {
    /// A message with only a body. All other fields have their defaults.
    pub fn new(group: GroupId, kept: Kept, author: UserId, author_name: Name, body: Arc<str>) -> Self {
        let Kept { id, date, seq } = kept;
        Self {
            id,
            group,
            seq,
            author,
            author_name,
            date,
            body,
            respond_to: None,
            edited: None,
            client_id: None,
            changed: None,
            reactions: Vec::new(),
            thread: None,
            replies: None,
            root: None,
            detail: MessageDetail::default(),
        }
    }

    /// The users that the message names besides its author: reactors and mentioned users. Their names are
    /// read separately.
    pub fn named_users(&self) -> impl Iterator<Item = UserId> {
        let reactors = self.reactions.iter().flat_map(|tally| &tally.users);
        reactors.chain(&self.detail.mentions.users).copied()
    }

    /// Sets the names of [these users](Self::named_users). Users for whom `name` returns none are deleted,
    /// and are left out.
    pub fn name_users(&mut self, name: impl Fn(UserId) -> Option<Name>) {
        self.detail.mentions.name_users(&name);
        self.reactions.iter_mut().for_each(|tally| tally.name_users(&name));
        self.reactions.retain(|tally| tally.count > 0);
    }

    /// The approximate size on the wire of the parts that may be long, in bytes.
    pub fn size(&self) -> usize {
        let reactions = self.reactions.iter().map(Tally::size).sum::<usize>();
        let threads = self.replies.iter().map(Replies::size).sum::<usize>()
            + self.root.iter().map(|root| root.size()).sum::<usize>();
        self.body.len() + reactions + threads + self.detail.size()
    }
}

/// The sender's id of a message: 1 to 64 characters, unique per author and group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Parses an id. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text.chars().nth(CLIENT_ID_CHARS).is_some() {
            return Err("must have 1 to 64 characters");
        }
        if text.chars().any(char::is_control) {
            return Err("may not contain control characters");
        }
        Ok(Self(text.into()))
    }

    /// An id from the store.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The error text for a body without visible characters.
pub const INVISIBLE: &str = "must contain a visible character";

/// The body of a message. It has visible text, unless the message has files, and is within the length limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Arc<str>);

impl Body {
    /// Parses a body of at most `limit` Unicode scalar values, and keeps its exact bytes. The error completes
    /// a sentence that begins with the field's name.
    pub fn parse(text: &str, limit: usize) -> Result<Self, String> {
        let body = Self::parse_any(text, limit)?;
        if body.is_empty() { Err(INVISIBLE.into()) } else { Ok(body) }
    }

    /// Like [`parse`](Self::parse), for a message that may have files: text without visible characters
    /// becomes empty.
    pub fn parse_any(text: &str, limit: usize) -> Result<Self, String> {
        // No text has more characters than bytes.
        if text.len() > limit && text.chars().nth(limit).is_some() {
            return Err(format!("is longer than {limit} characters"));
        }
        if !is_visible(text) {
            return Ok(Self::empty());
        }
        if text.contains('\0') {
            return Err(NUL.into());
        }
        Ok(Self(text.into()))
    }

    /// A body from the store.
    pub fn stored(text: Arc<str>) -> Self {
        Self(text)
    }

    /// The body of a message that only has files.
    pub fn empty() -> Self {
        Self("".into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_text(self) -> Arc<str> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_to_the_byte() {
        for text in
            ["hi", "\u{200b}\u{2800}hi\u{feff}", " <b>&amp; ' \" \r\n\t\u{202e}x", "👩‍👩‍👧‍👦", &"é".repeat(4096)]
        {
            assert_eq!(Body::parse(text, 4096).expect(text).as_str(), text);
        }
    }

    #[test]
    fn an_empty_a_blank_and_an_over_long_body_are_refused() {
        for text in ["", " \n\t\u{3000}", "\u{2800}", "\u{200b} \u{3164}", "a\0b", &"é".repeat(4097)] {
            assert!(Body::parse(text, 4096).is_err());
        }
    }
}

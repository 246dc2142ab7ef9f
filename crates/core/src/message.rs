//! Messages.

use std::sync::Arc;

use crate::limits::CLIENT_ID_CHARS;
use crate::text::is_visible;
use crate::{Date, GroupId, MessageId, Name, Seq, UserId};

/// A message that is not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub group: GroupId,
    /// Its number in the group's log.
    pub seq: Seq,
    pub author: UserId,
    /// The author's current name.
    pub author_name: Name,
    /// The date of the commit, or the date that a service gave.
    pub date: Date,
    /// 1 to 4096 Unicode scalar values, unchanged.
    pub body: Arc<str>,
    /// The message of the same group that it replies to, if that is not deleted.
    pub respond_to: Option<MessageId>,
    /// The date of the last edit.
    pub edited: Option<Date>,
    /// The sender's id for the message.
    pub client_id: Option<ClientId>,
}

/// A sender's id for a message: 1 to 64 characters, unique per author and group.
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

/// A message's body: it has visible text and is not longer than the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Arc<str>);

impl Body {
    /// Parses a body of at most `limit` Unicode scalar values, and stores it to the byte. The error completes
    /// a sentence that begins with the field's name.
    pub fn parse(text: &str, limit: usize) -> Result<Self, String> {
        if text.chars().nth(limit).is_some() {
            return Err(format!("is longer than {limit} characters"));
        }
        if !is_visible(text) {
            return Err("must contain a visible character".into());
        }
        if text.contains('\0') {
            return Err("may not contain NUL".into());
        }
        Ok(Self(text.into()))
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

//! Messages.

use std::sync::Arc;

use crate::limits::CLIENT_ID_CHARS;
use crate::text::is_visible;
use crate::{Date, GroupId, MessageId, Name, Seq, UserId};

/// A message that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The group it is in.
    pub group: GroupId,
    /// Its number in the group's log.
    pub seq: Seq,
    /// Who wrote it.
    pub author: UserId,
    /// The author's name now.
    pub author_name: Name,
    /// When it was committed, or the date a service gave it.
    pub date: Date,
    /// 1 to 4096 Unicode scalar values, as they came.
    pub body: Arc<str>,
    /// The message of the same group that it answers, if that still stands.
    pub respond_to: Option<MessageId>,
    /// When it was last edited.
    pub edited: Option<Date>,
    /// The sender's own id for it.
    pub client_id: Option<ClientId>,
}

/// A sender's own id for a message: 1 to 64 characters, unique per author and group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Reads one. The error ends a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text.chars().nth(CLIENT_ID_CHARS).is_some() {
            return Err("must have 1 to 64 characters");
        }
        if text.chars().any(char::is_control) {
            return Err("may not contain control characters");
        }
        Ok(Self(text.into()))
    }

    /// An id that the store holds.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message's body: with something to read in it, and no longer than the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Arc<str>);

impl Body {
    /// Reads a body of at most `limit` Unicode scalar values and keeps it to the byte. The error
    /// ends a sentence that begins with the field's name.
    pub fn parse(text: &str, limit: usize) -> Result<Self, String> {
        if text.chars().nth(limit).is_some() {
            return Err(format!("is longer than {limit} characters"));
        }
        if !is_visible(text) {
            return Err("may not be empty, or of invisible characters only".into());
        }
        if text.contains('\0') {
            return Err("may not contain NUL".into());
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
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

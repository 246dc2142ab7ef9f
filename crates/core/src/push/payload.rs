//! The payload of a notification.

use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

use crate::{GroupId, MessageId, Name, Seq};

/// The largest payload in bytes. Encrypted, it fits into the 4,096 bytes that every push service accepts.
pub const PAYLOAD_BYTES: usize = 3993;

/// The parts of a message that are sent through push services, encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PushContent {
    #[default]
    Full,
    /// Without the message text.
    Sender,
    /// Only ids.
    None,
}

/// Selects one of the texts of a payload.
type PayloadText = fn(&mut PushPayload) -> &mut Option<Arc<str>>;

/// The payload of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushPayload {
    pub group: GroupId,
    pub message: MessageId,
    pub seq: Seq,
    /// The name of the group. In a private group, the author's display name, or else its name.
    pub title: Option<Arc<str>>,
    pub author: Option<Name>,
    pub body: Option<Arc<str>>,
    /// The number of unread messages in the group.
    pub unread: u32,
    /// Whether a text was truncated.
    pub cut: bool,
}

impl PushPayload {
    /// Removes the parts that the operator does not allow.
    #[must_use]
    pub fn showing(self, content: PushContent) -> Self {
        match content {
            PushContent::Full => self,
            PushContent::Sender => Self { body: None, ..self },
            PushContent::None => Self { body: None, title: None, author: None, ..self },
        }
    }

    /// Truncates the body, and then the title if necessary, until the form that `write` produces has at most
    /// `most` bytes.
    pub fn fit(mut self, most: usize, write: impl Fn(&Self) -> Vec<u8>) -> Vec<u8> {
        let whole = write(&self);
        if whole.len() <= most {
            return whole;
        }
        self.cut = true;
        let parts: [PayloadText; 2] = [|this| &mut this.body, |this| &mut this.title];
        for part in parts {
            let Some(text) = part(&mut self).clone() else { continue };
            let ends: Vec<_> = text.grapheme_indices(true).map(|(at, _)| at).collect();
            let fits = |end: &usize| {
                let mut cut = self.clone();
                *part(&mut cut) = Some(text[..*end].into());
                write(&cut).len() <= most
            };
            let count = ends.partition_point(fits);
            *part(&mut self) = Some(text[..count.checked_sub(1).map_or(0, |last| ends[last])].into());
            if count > 0 {
                break;
            }
        }
        write(&self)
    }
}

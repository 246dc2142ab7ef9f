//! Pins. The list of a group's pinned messages is a value in the group's row, and each message has a mark in its
//! [detail](crate::message::MessageDetail::pinned).

use uuid::Uuid;

use crate::{GroupId, MessageId, Name};

/// The pinned messages of a group.
pub const PINS: usize = 50;

/// A message that was pinned or unpinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The message.
    pub id: MessageId,
    pub group: GroupId,
    /// The user who did it. None of a service, or of a user who is no more.
    pub name: Option<Name>,
    /// Whether it was pinned.
    pub on: bool,
}

/// The pinned messages of a group, from its row.
pub fn listed(stored: &[u8]) -> Vec<MessageId> {
    let (ids, _) = stored.as_chunks();
    ids.iter().map(|id| MessageId(Uuid::from_bytes(*id))).collect()
}

/// The same for its row; none if the list is empty.
pub fn stored(pins: &[MessageId]) -> Option<Vec<u8>> {
    let ids: Vec<u8> = pins.iter().flat_map(|id| id.0.into_bytes()).collect();
    Some(ids).filter(|ids| !ids.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_stored() {
        let pins = [1, 2].map(|number| MessageId(Uuid::from_u128(number)));
        assert_eq!(listed(&stored(&pins).expect("two")), pins);
        assert_eq!((stored(&[]), listed(&[1; 15])), (None, vec![]));
    }
}

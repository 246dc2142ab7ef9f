//! Pins. The group's row contains the list of pinned messages, and each pinned message has a mark in its
//! [detail](crate::message::MessageDetail::pinned).

use uuid::Uuid;

use crate::{GroupId, MessageId, Name};

/// The most pinned messages per group.
pub const PINS: usize = 50;

/// A message that was pinned or unpinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    pub id: MessageId,
    pub group: GroupId,
    /// The user who pinned or unpinned it. None for a service, or if the user is deleted.
    pub name: Option<Name>,
    /// True if pinned, false if unpinned.
    pub on: bool,
}

/// Decodes the pinned messages from a group's row.
pub fn listed(stored: &[u8]) -> Vec<MessageId> {
    let (ids, _) = stored.as_chunks();
    ids.iter().map(|id| MessageId(Uuid::from_bytes(*id))).collect()
}

/// Encodes the pinned messages for a group's row. None if there are none.
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

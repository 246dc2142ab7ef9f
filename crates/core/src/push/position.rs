//! The position of the follower that notifies.

use uuid::Uuid;

use crate::{GroupId, UserId};

/// The position in the feed up to which messages were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PushPosition {
    pub position: i64,
    /// The messages that are being looked at, if a part of their members is done.
    pub batch: Option<PushBatch>,
}

/// A part of the feed of which some members are done: those of lower groups, and of this group those up to this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushBatch {
    /// The last position of the part.
    pub upto: i64,
    pub group: GroupId,
    pub user: UserId,
}

impl PushPosition {
    /// The stored form.
    pub fn encode(self) -> Vec<u8> {
        let mut bytes = self.position.to_be_bytes().to_vec();
        if let Some(PushBatch { upto, group, user }) = self.batch {
            bytes.extend(upto.to_be_bytes());
            bytes.extend(group.0.into_bytes());
            bytes.extend(user.0.to_be_bytes());
        }
        bytes
    }

    /// Reads the stored form. Anything else is the beginning.
    pub fn decode(bytes: &[u8]) -> Self {
        let number = |at: usize| Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let batch = || {
            let group = GroupId(Uuid::from_slice(bytes.get(16..32)?).ok()?);
            Some(PushBatch { upto: number(8)?, group, user: UserId(number(32)?) })
        };
        Self { position: number(0).unwrap_or(0), batch: batch() }
    }
}

//! The position of the follower that decides on notifications.

use uuid::Uuid;

use crate::{GroupId, UserId};

/// The position in the feed up to which messages have been decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PushPosition {
    pub position: i64,
    /// The batch in progress, if some of its members are already decided.
    pub batch: Option<PushBatch>,
}

/// A part of the feed that is in progress. Decided are the members of groups with lower ids, and the members
/// of `group` up to `user`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushBatch {
    /// The last position of the batch.
    pub upto: i64,
    pub group: GroupId,
    pub user: UserId,
}

impl PushPosition {
    /// Ends the batch if the position is not before its end. After an error, a step has fewer rows than the
    /// batch, and its decided members remain decided for the other rows.
    pub(crate) fn within_batch(self) -> Self {
        Self { batch: self.batch.filter(|batch| self.position < batch.upto), ..self }
    }

    /// Encodes the stored form.
    pub fn encode(self) -> Vec<u8> {
        let mut bytes = self.position.to_be_bytes().to_vec();
        if let Some(PushBatch { upto, group, user }) = self.batch {
            bytes.extend(upto.to_be_bytes());
            bytes.extend(group.0.into_bytes());
            bytes.extend(user.0.to_be_bytes());
        }
        bytes
    }

    /// Decodes the stored form. Invalid bytes decode to the start.
    pub fn decode(bytes: &[u8]) -> Self {
        let number = |at: usize| Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let batch = || {
            let group = GroupId(Uuid::from_slice(bytes.get(16..32)?).ok()?);
            Some(PushBatch { upto: number(8)?, group, user: UserId(number(32)?) })
        };
        Self { position: number(0).unwrap_or(0), batch: batch() }
    }
}

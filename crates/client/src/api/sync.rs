//! Resuming where a connection was lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The numbers to resume from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Resume {
    /// The last number held, by group.
    pub groups: BTreeMap<Uuid, i64>,
    /// The history that they are numbers of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Uuid>,
}

/// The end of a resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// The last number of each group that was resumed.
    pub groups: BTreeMap<Uuid, i64>,
    /// The groups that were not, with the reason: `seq_ahead`, `not_found`, `pending`, `too_far` or
    /// `history_changed`.
    pub refused: BTreeMap<Uuid, String>,
}

/// The part that a windowed summary leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    /// The number of groups.
    pub groups: u64,
}

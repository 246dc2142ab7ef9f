//! Resuming after a lost connection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The numbers to resume from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Resume {
    /// The last received number of each group.
    pub groups: BTreeMap<Uuid, i64>,
    /// The history to which the numbers belong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Uuid>,
    /// Whether the answer also contains changes outside of these groups.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// The `since` of the last [`Synced`]. With it, `all` covers only later changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Whether another resume with further groups follows. The answer to the last one covers all of them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// The end of a resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// The head of each resumed group.
    pub groups: BTreeMap<Uuid, i64>,
    /// The parts that were refused, with the reasons.
    pub refused: ResumeRefused,
    /// The point to send as `since` with the next resume for all changes, if the server supports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// The parts of a resume that were refused, with the reasons.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRefused {
    /// `too_far` if `since` could not be used, so that the answer contains everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The reason for each refused group: `seq_ahead`, `not_found`, `pending`, `too_far` or
    /// `history_changed`.
    #[serde(flatten)]
    pub groups: BTreeMap<Uuid, String>,
}

/// The part of the user's groups that a windowed summary does not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    /// The number of groups.
    pub groups: u64,
}

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
    /// Whether to answer what has changed beyond these groups, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// The `since` of the last [`Synced`]: only later changes are answered by `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Whether further groups follow in another resume, whose answer is for all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// The end of a resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// The last number of each group that was resumed.
    pub groups: BTreeMap<Uuid, i64>,
    /// The parts that were not answered, and why.
    pub refused: ResumeRefused,
    /// The point to send with the next resume that asks for all changes, where the server names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// The parts that a resume did not answer, with the reasons.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRefused {
    /// `too_far` if the point since which changes were asked for is of no use: everything was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The groups, with `seq_ahead`, `not_found`, `pending`, `too_far` or `history_changed`.
    #[serde(flatten)]
    pub groups: BTreeMap<Uuid, String>,
}

/// The part that a windowed summary leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    /// The number of groups.
    pub groups: u64,
}

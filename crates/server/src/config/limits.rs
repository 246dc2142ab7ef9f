//! `[limits]`: how much of anything there may be. A value past its limit is answered with 400.

use serde::{Deserialize, Serialize};

use super::Problems;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// The longest name of a new user, in characters.
    pub(crate) name_chars: usize,
    /// The longest message, in Unicode scalar values.
    pub(crate) message_chars: usize,
    /// Users in one group.
    pub(crate) group_members: usize,
    /// Groups that one user is in.
    pub(crate) user_groups: usize,
    /// Relations of any kind that one user has.
    pub(crate) user_relations: usize,
    /// Events that one socket may send in a second, before it is closed with 4029. Unset: any.
    pub(crate) events_per_second: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            name_chars: 128,
            message_chars: 4096,
            group_members: 10_000,
            user_groups: 2_000,
            user_relations: 5_000,
            events_per_second: None,
        }
    }
}

impl Limits {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.number("limits.name_chars", self.name_chars, &(1..=128), "characters");
        problems.number("limits.message_chars", self.message_chars, &(1..=1_000_000), "characters");
        problems.number("limits.group_members", self.group_members, &(2..=1_000_000), "users");
        problems.number("limits.user_groups", self.user_groups, &(1..=1_000_000), "groups");
        problems.number("limits.user_relations", self.user_relations, &(1..=1_000_000), "relations");
        if let Some(events) = self.events_per_second {
            problems.number("limits.events_per_second", events, &(1..=1_000_000), "events");
        }
    }
}

//! `[presence]`: when users are shown as online or offline.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Presence {
    /// How long after the close of a user's last socket it is announced as offline, unless it reconnects.
    pub(crate) grace: Period,
    /// How long after its last sign of life a node counts as dead, and its users as offline.
    pub(crate) lease: Period,
}

impl Default for Presence {
    fn default() -> Self {
        Self { grace: Period::seconds(3), lease: Period::seconds(15) }
    }
}

impl Presence {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.period("presence.grace", self.grace, &(Duration::ZERO..=Duration::from_secs(300)));
        let (least, most) = (Duration::from_secs(2), Duration::from_secs(60));
        problems.period("presence.lease", self.lease, &(least..=most));
    }
}

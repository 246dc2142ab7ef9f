//! `[presence]`: who is shown as being there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Presence {
    /// The time from the end of a user's last socket to its announcement, unless the user returns.
    pub(crate) grace: Period,
    /// The time after its last sign of life when another node counts as dead, and its users as gone.
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

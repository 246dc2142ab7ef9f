//! `[events]`: the event feed for the host's own programs.

use std::time::Duration;

use chinwag_core::feed::FeedRules;
use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Events {
    /// Whether changes are recorded in the feed.
    pub(crate) enabled: bool,
    /// How long events are kept.
    pub(crate) keep: Period,
}

impl Default for Events {
    fn default() -> Self {
        let FeedRules { enabled, keep } = FeedRules::default();
        Self { enabled, keep: Period(keep) }
    }
}

impl Events {
    pub(super) fn check(&self, problems: &mut Problems) {
        let (least, most) = (Duration::from_secs(60), Duration::from_secs(365 * 24 * 3600));
        problems.period("events.keep", self.keep, &(least..=most));
    }

    pub(crate) fn rules(&self) -> FeedRules {
        FeedRules { enabled: self.enabled, keep: self.keep.0 }
    }
}

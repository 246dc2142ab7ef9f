//! `[messages]`: the time within which authors may change their messages, and for which messages are kept.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Period, Problems};

const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);
/// Messages are kept for at least as long as they are looked for, and for a century at most.
const KEPT: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(36_500 * 24 * 3600);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Messages {
    /// The time within which an author may edit a message; at any time if unset.
    pub(crate) edit_window: Option<Period>,
    /// The time within which an author may delete a message; at any time if unset.
    pub(crate) delete_window: Option<Period>,
    /// The time for which messages are kept; for good if unset.
    pub(crate) keep: Option<Period>,
}

impl Messages {
    pub(super) fn check(&self, problems: &mut Problems) {
        for (key, window) in
            [("messages.edit_window", self.edit_window), ("messages.delete_window", self.delete_window)]
        {
            if let Some(window) = window {
                problems.period(key, window, &(Duration::ZERO..=LONGEST));
            }
        }
        if let Some(keep) = self.keep {
            problems.period("messages.keep", keep, &KEPT);
        }
    }
}

//! `[messages]`: the time limits for edits and deletions, and the retention of messages.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Period, Problems};

const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);
/// The bounds of `messages.keep`: one minute and 100 years.
const KEPT: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(36_500 * 24 * 3600);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Messages {
    /// How long an author may edit a message; unlimited if unset.
    pub(crate) edit_window: Option<Period>,
    /// How long an author may delete a message; unlimited if unset.
    pub(crate) delete_window: Option<Period>,
    /// How long messages are kept; forever if unset.
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

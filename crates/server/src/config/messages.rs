//! `[messages]`: the time within which authors may change their messages.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Period, Problems};

const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Messages {
    /// The time within which an author may edit a message; at any time if unset.
    pub(crate) edit_window: Option<Period>,
    /// The time within which an author may delete a message; at any time if unset.
    pub(crate) delete_window: Option<Period>,
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
    }
}

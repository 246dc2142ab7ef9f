//! `[audit]`: what was done, and by whom.

use std::time::Duration;

use chinwag_core::audit::AuditRules;
use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Audit {
    /// The time for which entries are kept.
    pub(crate) keep: Period,
}

impl Default for Audit {
    fn default() -> Self {
        Self { keep: Period(AuditRules::default().keep) }
    }
}

impl Audit {
    pub(super) fn check(&self, problems: &mut Problems) {
        let day = Duration::from_secs(24 * 3600);
        problems.period("audit.keep", self.keep, &(day..=3650 * day));
    }

    /// The rules of the use cases.
    pub(crate) fn rules(&self) -> AuditRules {
        AuditRules { keep: self.keep.0 }
    }
}

//! `[audit]`: the audit log.

use std::time::Duration;

use chinwag_core::audit::AuditRules;
use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Audit {
    /// How long entries are kept.
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

    pub(crate) fn rules(&self) -> AuditRules {
        AuditRules { keep: self.keep.0 }
    }
}

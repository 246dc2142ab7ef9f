//! `[groups]`: how users become members of groups.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Groups {
    /// Whether a user whom a stranger adds to a group must accept first.
    pub(crate) consent: bool,
}

impl Default for Groups {
    fn default() -> Self {
        Self { consent: true }
    }
}

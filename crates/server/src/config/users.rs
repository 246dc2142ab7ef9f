//! `[users]`: who is there from the first start.

use chinwag_core::Name;
use serde::{Deserialize, Serialize};

use super::Problems;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Users {
    /// Users whom only services act for. They are made at the start, and cannot sign in.
    pub(crate) special: Vec<String>,
}

impl Default for Users {
    fn default() -> Self {
        Self { special: ["admin", "system", "tournament"].map(str::to_owned).to_vec() }
    }
}

impl Users {
    /// The names, as far as they are names; what is not is a [problem](Users::check).
    pub(crate) fn special(&self) -> Vec<Name> {
        self.special.iter().filter_map(|name| Name::parse(name).ok()).collect()
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        for name in &self.special {
            if let Err(why) = Name::parse(name) {
                problems.add(format!("users.special: {name:?} is no name for a user: it {why}"));
            }
        }
        // Private groups are its own.
        if !self.special.iter().any(|name| name == "admin") {
            problems.add("users.special must hold admin, which owns private conversations");
        }
    }
}

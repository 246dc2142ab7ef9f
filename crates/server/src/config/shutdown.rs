//! `[shutdown]`: how long the end may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Shutdown {
    /// The time in which the server is not ready (`/readyz` 503) but still serves, so that a
    /// load balancer sends nobody any more when it stops.
    pub(crate) notice: Period,
    /// Over what time the sockets are sent away, so that they do not all return at once.
    pub(crate) drain: Period,
    /// The time for requests under way to finish.
    pub(crate) finish: Period,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { notice: Period::seconds(0), drain: Period::seconds(5), finish: Period::seconds(10) }
    }
}

impl Shutdown {
    pub(super) fn check(&self, problems: &mut Problems) {
        let bounds = Duration::ZERO..=Duration::from_secs(600);
        problems.period("shutdown.notice", self.notice, &bounds);
        problems.period("shutdown.drain", self.drain, &bounds);
        problems.period("shutdown.finish", self.finish, &bounds);
    }
}

//! `[shutdown]`: the durations of the phases of a graceful shutdown.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Shutdown {
    /// How long the server still serves while it reports that it is not ready (`/readyz` 503), so that load balancers
    /// stop sending requests before it stops listening.
    pub(crate) notice: Period,
    /// The time over which the sockets are closed, so that clients do not all reconnect at once.
    pub(crate) drain: Period,
    /// How long requests in flight may take to finish.
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

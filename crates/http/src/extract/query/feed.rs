//! Parameters of the event feed.

use std::time::Duration;

use chinwag_core::feed::FeedKind;
use chinwag_core::{Error, Result};

use super::{Query, digits};

/// The longest wait for an event, in seconds.
const WAIT_SECONDS: i64 = 60;

impl Query {
    /// The cursor of the last known event, if given.
    pub(crate) fn after_event(&self) -> Result<Option<&str>> {
        self.get("after")
    }

    /// The requested types of events, if given.
    pub(crate) fn feed_kinds(&self) -> Result<Option<Vec<FeedKind>>> {
        let Some(text) = self.get("types")? else { return Ok(None) };
        let named = |name: &str| {
            let unknown = || Error::field("types", format!("has {name:?}, which is not a type of the feed"));
            FeedKind::named(name).ok_or_else(unknown)
        };
        text.split(',').map(str::trim).map(named).collect::<Result<_>>().map(Some)
    }

    /// How long to wait for an event; zero by default.
    pub(crate) fn wait(&self) -> Result<Duration> {
        let Some(text) = self.get("wait")? else { return Ok(Duration::ZERO) };
        let seconds = digits(text).filter(|seconds| (0..=WAIT_SECONDS).contains(seconds));
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let refused =
            || Error::field("wait", format!("must be a number of seconds from 0 to {WAIT_SECONDS}"));
        seconds.map(Duration::from_secs).ok_or_else(refused)
    }
}

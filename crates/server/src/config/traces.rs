//! `[traces]`: the trace collector, and sampling.

use chinwag_http::{TraceOptions, TraceParents};
use serde::{Deserialize, Serialize};

use super::Problems;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Traces {
    /// The URL of the collector, which accepts OTLP as JSON.
    pub(crate) otlp: Option<String>,
    /// The sampled share of requests and events, 0 to 1.
    pub(crate) ratio: f64,
    /// The callers whose `traceparent` decides instead of the ratio.
    pub(crate) parents: Parents,
}

/// The callers whose `traceparent` decides whether a request is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Parents {
    None,
    Proxies,
    All,
}

impl Default for Traces {
    fn default() -> Self {
        Self { otlp: None, ratio: TraceOptions::RATIO, parents: Parents::None }
    }
}

impl Traces {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Some(Err(why)) = self.otlp.as_deref().map(TraceOptions::parse_url) {
            problems.add(format!("traces.otlp {why}"));
        }
        if !(0.0..=1.0).contains(&self.ratio) {
            problems.add(format!("traces.ratio must be 0 to 1, not {}", self.ratio));
        }
    }

    pub(crate) fn options(&self) -> Option<TraceOptions> {
        let url = TraceOptions::parse_url(self.otlp.as_deref()?).ok()?;
        let parents = match self.parents {
            Parents::None => TraceParents::None,
            Parents::Proxies => TraceParents::Proxies,
            Parents::All => TraceParents::All,
        };
        Some(TraceOptions { ratio: self.ratio, parents, ..TraceOptions::new(url) })
    }
}

//! `[traces]`: the collector to which traces are sent, and what is sampled.

use chinwag_http::{TraceOptions, TraceParents};
use serde::{Deserialize, Serialize};

use super::Problems;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Traces {
    /// The address of the collector, which takes OTLP in JSON.
    pub(crate) otlp: Option<String>,
    /// The share of requests and events that are sampled.
    pub(crate) ratio: f64,
    /// The callers whose `traceparent` decides instead.
    pub(crate) parents: Parents,
}

/// The callers whose `traceparent` decides.
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

    /// The settings of the tracer, if there is a collector.
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

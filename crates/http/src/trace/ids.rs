//! Ids of spans, as in W3C Trace Context.

use std::fmt;

/// The id of a trace, not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceId(pub(super) u128);

/// The id of a span, not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpanId(pub(super) u64);

/// The ids of a span and of its parent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lineage {
    pub(super) trace: TraceId,
    pub(super) parent: Option<SpanId>,
    pub(super) span: SpanId,
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

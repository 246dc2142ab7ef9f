//! Traces: a span for each sampled REST request, WebSocket handshake and client event, with a child span for each
//! store job, exported to an OpenTelemetry collector.
//!
//! These spans are separate from those of `tracing`: a span of the log exists for every request, is created before
//! sampling is decided, and has no remote parent. Requests and events that are not sampled create no span. Spans
//! contain names of routes and events, codes and times, but no data from callers.

mod exporter;
mod ids;
mod otlp;
mod parent;
mod span;
mod store;
mod tracer;

use axum::response::Response;

pub use self::exporter::{check, run};
pub(crate) use self::span::{ActiveSpan, carry, for_each, note_refusal};
pub use self::store::TracedStore;
pub use self::tracer::Tracer;

/// Runs a request within its span, if it has one.
pub(crate) async fn answered(span: Option<ActiveSpan>, answer: impl Future<Output = Response>) -> Response {
    let Some(span) = span else { return answer.await };
    let response = span.within(answer).await;
    span.note_answer(response.status().as_u16());
    response
}

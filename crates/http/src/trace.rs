//! Traces: a span for each sampled REST request, handshake of a WebSocket and client event, with a child for each job
//! of the store, sent to a collector of OpenTelemetry.
//!
//! The spans are made here, and not from those of the log: a span of the log is made for every request, before
//! anything is known of its sampling, and has no parent outside this process. A request or event that is not sampled
//! makes no span. A span has names of routes and events, codes and times, and nothing that a caller has sent.

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

/// Answers a request within its span, if it has one.
pub(crate) async fn answered(span: Option<ActiveSpan>, answer: impl Future<Output = Response>) -> Response {
    let Some(span) = span else { return answer.await };
    let response = span.within(answer).await;
    span.note_answer(response.status().as_u16());
    response
}

//! Sampling decisions, and the queue of finished spans.

use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName};
use chinwag_core::Clock;
use metrics::counter;
use tokio::sync::Notify;
use tracing::field::display;

use super::ids::{Lineage, SpanId, TraceId};
use super::parent::RemoteParent;
use super::span::{ActiveSpan, FinishedSpan, SERVER};
use crate::network::peer::trusts;
use crate::options::{Options, TraceOptions, TraceParents};

/// Finished spans that may wait to be exported. Further ones are dropped and counted.
const QUEUE: usize = 2048;
/// Spans in one request to the collector.
const BATCH: usize = 512;
/// The metric that counts spans by their outcome.
pub(super) const SPANS: &str = "chinwag_trace_spans_total";
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Decides what is sampled, and queues finished spans.
pub struct Tracer {
    pub(super) options: TraceOptions,
    pub(super) clock: Arc<dyn Clock>,
    /// A trace is sampled if the lower 56 bits of its id are below this threshold (W3C Trace Context Level 2).
    threshold: u64,
    /// The state of the id generator. Ids need not be unpredictable.
    ids: AtomicU64,
    queue: Mutex<Vec<FinishedSpan>>,
    /// Notified when a whole batch is queued.
    pub(super) is_full: Notify,
    /// Whether a span was dropped since the queue was last empty.
    has_dropped: AtomicBool,
}

impl Tracer {
    pub(crate) fn new(options: TraceOptions, clock: Arc<dyn Clock>) -> Self {
        let seed = clock.secret();
        Self {
            threshold: threshold(options.ratio),
            ids: AtomicU64::new(u64::from_le_bytes(*seed.first_chunk().expect("there are 32 bytes"))),
            options,
            clock,
            queue: Mutex::default(),
            is_full: Notify::new(),
            has_dropped: AtomicBool::new(false),
        }
    }

    /// The span of a request to a route, if it is sampled. Adds its trace id to the log entries of the request.
    pub(crate) fn request(
        self: &Arc<Self>,
        route: &'static str,
        request: &Request,
        options: &Options,
    ) -> Option<ActiveSpan> {
        let near = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let is_heard = match self.options.parents {
            TraceParents::None => false,
            TraceParents::Proxies => near.is_some_and(|near| trusts(options, near.to_canonical())),
            TraceParents::All => true,
        };
        let lineage = match is_heard.then(|| remote_parent(request.headers())).flatten() {
            Some(parent) if parent.is_sampled => self.lineage_of(&parent),
            Some(_) => return None,
            None => self.sample()?,
        };
        tracing::Span::current().record("trace", display(lineage.trace));
        let method = known_method(request.method().as_str());
        let span = self.begin(lineage, format!("{method} {route}").into(), SERVER);
        span.set("http.request.method", method);
        span.set("http.route", route);
        Some(span)
    }

    /// The span of a client event, if it is sampled.
    pub(crate) fn event(self: &Arc<Self>, name: &'static str) -> Option<ActiveSpan> {
        Some(self.begin(self.sample()?, name.into(), SERVER))
    }

    /// The next batch to export.
    pub(super) fn take(&self) -> Option<Vec<FinishedSpan>> {
        let mut queue = self.lock();
        if queue.is_empty() {
            self.has_dropped.store(false, Ordering::Relaxed);
            return None;
        }
        let count = queue.len().min(BATCH);
        let rest = queue.split_off(count);
        Some(mem::replace(&mut *queue, rest))
    }

    pub(super) fn finish(&self, span: FinishedSpan) {
        let mut queue = self.lock();
        if queue.len() >= QUEUE {
            drop(queue);
            counter!(SPANS, "result" => "dropped").increment(1);
            if !self.has_dropped.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    waiting = QUEUE,
                    "spans are dropped: the collector does not take them as fast as they come (traces.otlp, traces.ratio)"
                );
            }
            return;
        }
        queue.push(span);
        if queue.len() == BATCH {
            self.is_full.notify_one();
        }
    }

    /// The ids of a new trace, if it is sampled.
    fn sample(&self) -> Option<Lineage> {
        let low = self.random();
        (low & LOW_BITS < self.threshold).then(|| {
            let trace = TraceId(u128::from(self.random().max(1)) << 64 | u128::from(low));
            Lineage { trace, parent: None, span: self.span_id() }
        })
    }

    fn lineage_of(&self, parent: &RemoteParent) -> Lineage {
        Lineage { trace: parent.trace, parent: Some(parent.span), span: self.span_id() }
    }

    pub(super) fn span_id(&self) -> SpanId {
        SpanId(self.random().max(1))
    }

    /// The next number of `SplitMix64`.
    fn random(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let state = self.ids.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn lock(&self) -> MutexGuard<'_, Vec<FinishedSpan>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bits of a trace id that are treated as random.
const LOW_BITS: u64 = (1 << 56) - 1;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a ratio from 0 to 1 of 2^56"
)]
fn threshold(ratio: f64) -> u64 {
    (ratio.clamp(0.0, 1.0) * (LOW_BITS + 1) as f64) as u64
}

/// The remote parent in a request's header, if there is a valid one.
fn remote_parent(headers: &HeaderMap) -> Option<RemoteParent> {
    let mut values = headers.get_all(TRACEPARENT).into_iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    RemoteParent::parse(value.to_str().ok()?)
}

/// A known method, or another constant: unknown methods are data of the caller.
fn known_method(method: &str) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests {
    use chinwag_core::clock::SystemClock;

    use super::*;

    fn tracer(ratio: f64) -> Arc<Tracer> {
        let url = TraceOptions::parse_url("http://127.0.0.1:4318/v1/traces").expect("an address");
        Arc::new(Tracer::new(
            TraceOptions { ratio, ..TraceOptions::new(url) },
            Arc::new(SystemClock::default()),
        ))
    }

    #[test]
    fn ratio_is_the_share_of_sampled_events() {
        for (ratio, expected) in
            [(0.0, 0..=0), (0.01, 700..=1300), (0.5, 48_500..=51_500), (1.0, 100_000..=100_000)]
        {
            let tracer = tracer(ratio);
            let sampled = (0..100_000).filter(|_| tracer.sample().is_some()).count();
            assert!(expected.contains(&sampled), "{sampled} of 100000 at {ratio}");
        }
    }

    #[test]
    fn spans_beyond_the_queue_are_dropped() {
        let tracer = tracer(1.0);
        for _ in 0..QUEUE + 10 {
            drop(tracer.event("message.text"));
        }
        assert_eq!(tracer.lock().len(), QUEUE);
        let batches: Vec<_> = std::iter::from_fn(|| tracer.take()).map(|batch| batch.len()).collect();
        assert_eq!(batches, [BATCH; QUEUE / BATCH]);
        drop(tracer.event("message.text"));
        assert_eq!(tracer.take().map(|batch| batch.len()), Some(1), "there is room again");
    }
}

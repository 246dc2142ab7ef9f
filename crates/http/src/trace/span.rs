//! Spans under way, and the one that the present task works for.

use std::borrow::Cow;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chinwag_core::{Date, Error};
use futures_util::future::Either;
use tokio::task_local;

use super::ids::Lineage;
use super::tracer::Tracer;
use crate::error::code;

/// Kinds of spans, as OTLP numbers them: work within this process, and the answer to a caller.
pub(super) const INTERNAL: u8 = 1;
pub(super) const SERVER: u8 = 2;

task_local! {
    /// The spans that the present task works for.
    static CURRENT: Current;
}

#[derive(Clone)]
enum Current {
    One(ActiveSpan),
    /// Those of messages that are sent together, in their order.
    Each(Arc<[Option<ActiveSpan>]>),
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AttributeValue {
    Text(Cow<'static, str>),
    Number(i64),
}

/// A span that has ended.
#[derive(Debug)]
pub(super) struct FinishedSpan {
    pub(super) lineage: Lineage,
    pub(super) name: Cow<'static, str>,
    pub(super) kind: u8,
    /// Begin and end, in nanoseconds since 1970.
    pub(super) times: (u64, u64),
    pub(super) attributes: Vec<(&'static str, AttributeValue)>,
    /// Moments within it, by name.
    pub(super) moments: Vec<(&'static str, u64)>,
    /// Whether it failed by a fault of the server's.
    pub(super) has_failed: bool,
}

/// A span under way. It ends with [`ActiveSpan::end`], or else with its last copy.
#[derive(Clone)]
pub(crate) struct ActiveSpan(Arc<OpenSpan>);

struct OpenSpan {
    tracer: Arc<Tracer>,
    lineage: Lineage,
    /// The begin of the trace here, by the wall clock and by the monotonic one, by which all its times are measured.
    base: (Date, Duration),
    state: Mutex<SpanState>,
}

#[derive(Default)]
struct SpanState {
    name: Cow<'static, str>,
    kind: u8,
    begun: Duration,
    ended: Option<Duration>,
    attributes: Vec<(&'static str, AttributeValue)>,
    moments: Vec<(&'static str, Duration)>,
    has_failed: bool,
}

impl From<&'static str> for AttributeValue {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for AttributeValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl Tracer {
    /// Begins a span of a trace that begins here.
    pub(super) fn begin(self: &Arc<Self>, lineage: Lineage, name: Cow<'static, str>, kind: u8) -> ActiveSpan {
        let base = (self.clock.now(), self.clock.elapsed());
        let state = SpanState { name, kind, begun: base.1, ..SpanState::default() };
        ActiveSpan(Arc::new(OpenSpan { tracer: self.clone(), lineage, base, state: Mutex::new(state) }))
    }
}

impl ActiveSpan {
    /// Begins a part of this span.
    pub(super) fn child(&self, name: &'static str) -> Self {
        let OpenSpan { tracer, lineage, base, .. } = &*self.0;
        let lineage = Lineage { parent: Some(lineage.span), span: tracer.span_id(), ..*lineage };
        let begun = tracer.clock.elapsed();
        let state = SpanState { name: name.into(), kind: INTERNAL, begun, ..SpanState::default() };
        Self(Arc::new(OpenSpan { tracer: tracer.clone(), lineage, base: *base, state: Mutex::new(state) }))
    }

    /// Sets an attribute.
    pub(super) fn set(&self, key: &'static str, value: impl Into<AttributeValue>) {
        self.state().set(key, value.into());
    }

    /// Notes that something happens now, unless it has happened before.
    pub(super) fn mark_first(&self, what: &'static str) {
        let now = self.0.tracer.clock.elapsed();
        let mut state = self.state();
        if !state.moments.iter().any(|(known, _)| *known == what) {
            state.moments.push((what, now));
        }
    }

    /// Notes that something happens now, whenever it has happened before.
    pub(super) fn mark_last(&self, what: &'static str) {
        let now = self.0.tracer.clock.elapsed();
        let mut state = self.state();
        state.moments.retain(|(known, _)| *known != what);
        state.moments.push((what, now));
    }

    /// Notes that it was refused, or failed. The text of an error may repeat what a caller has sent, and is left out.
    pub(crate) fn note_error(&self, error: &Error) {
        self.note_code(code(error));
    }

    /// Notes the status of the answer to a request.
    pub(super) fn note_answer(&self, status: u16) {
        let mut state = self.state();
        state.set("http.response.status_code", i64::from(status).into());
        state.has_failed |= status >= 500;
    }

    /// Notes the code of a refusal or failure. Codes from 500 on are faults of the server's.
    fn note_code(&self, code: u16) {
        let mut state = self.state();
        state.set("chinwag.code", i64::from(code).into());
        state.has_failed |= code >= 500;
    }

    /// Ends it, whoever holds a copy.
    pub(crate) fn end(&self) {
        let now = self.0.tracer.clock.elapsed();
        self.state().ended.get_or_insert(now);
    }

    /// Works for this span.
    pub(crate) fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(Current::One(self.clone()), work)
    }

    /// The same for work that does not wait.
    pub(crate) fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(Current::One(self.clone()), work)
    }

    fn state(&self) -> MutexGuard<'_, SpanState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanState {
    fn set(&mut self, key: &'static str, value: AttributeValue) {
        self.attributes.retain(|(known, _)| *known != key);
        self.attributes.push((key, value));
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        let state = mem::take(self.state.get_mut().unwrap_or_else(PoisonError::into_inner));
        let ended = state.ended.unwrap_or_else(|| self.tracer.clock.elapsed());
        let at = |moment: Duration| nanoseconds(self.base.0, moment.saturating_sub(self.base.1));
        self.tracer.finish(FinishedSpan {
            lineage: self.lineage,
            times: (at(state.begun), at(ended)),
            moments: state.moments.iter().map(|(what, moment)| (*what, at(*moment))).collect(),
            name: state.name,
            kind: state.kind,
            attributes: state.attributes,
            has_failed: state.has_failed,
        });
    }
}

/// The span that the present task works for, if it is one.
pub(super) fn current() -> Option<ActiveSpan> {
    CURRENT
        .try_with(|current| match current {
            Current::One(span) => Some(span.clone()),
            Current::Each(_) => None,
        })
        .ok()
        .flatten()
}

/// The spans of so many messages that are sent together; none if none of them has one.
pub(super) fn current_of(messages: usize) -> Option<Vec<Option<ActiveSpan>>> {
    CURRENT
        .try_with(|current| match current {
            Current::One(span) if messages == 1 => Some(vec![Some(span.clone())]),
            Current::Each(spans) if messages == spans.len() => Some(spans.to_vec()),
            _ => None,
        })
        .ok()
        .flatten()
}

/// Begins the work for messages that are sent together, each of which may have a span.
pub(crate) fn for_each<'a, T>(
    spans: impl Iterator<Item = Option<&'a ActiveSpan>> + Clone,
    work: impl FnOnce() -> T,
) -> T {
    if spans.clone().all(|span| span.is_none()) {
        return work();
    }
    CURRENT.sync_scope(Current::Each(spans.map(Option::<&ActiveSpan>::cloned).collect()), work)
}

/// Takes the span of the present task along into another.
pub(crate) fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    match CURRENT.try_with(Clone::clone) {
        Ok(current) => Either::Left(CURRENT.scope(current, work)),
        Err(_) => Either::Right(work),
    }
}

/// Notes in the present span that an event was refused with this code.
pub(crate) fn note_refusal(code: u16) {
    if let Some(span) = current() {
        span.note_code(code);
    }
}

/// The nanoseconds since 1970 of the moment so long after a date.
fn nanoseconds(date: Date, after: Duration) -> u64 {
    let date = u64::try_from(date.micros()).unwrap_or(0).saturating_mul(1000);
    date.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX))
}

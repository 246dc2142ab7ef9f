//! Active spans, and the current span of a task.

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

/// Span kinds as numbered by OTLP: internal work, and the handling of a request.
pub(super) const INTERNAL: u8 = 1;
pub(super) const SERVER: u8 = 2;

task_local! {
    /// The current spans of this task.
    static CURRENT: Current;
}

#[derive(Clone)]
enum Current {
    One(ActiveSpan),
    /// The spans of messages that are sent together, in order.
    Each(Arc<[Option<ActiveSpan>]>),
}

/// The value of a span's attribute.
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
    /// The events of the span: names and times.
    pub(super) moments: Vec<(&'static str, u64)>,
    /// Whether it failed because of an internal fault.
    pub(super) has_failed: bool,
}

/// An active span. It ends with [`ActiveSpan::end`], or when its last clone is dropped.
#[derive(Clone)]
pub(crate) struct ActiveSpan(Arc<OpenSpan>);

struct OpenSpan {
    tracer: Arc<Tracer>,
    lineage: Lineage,
    /// The begin of the local trace by the wall clock and the monotonic clock. All of its times are measured by the
    /// latter.
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
    /// Begins the first local span of a trace.
    pub(super) fn begin(self: &Arc<Self>, lineage: Lineage, name: Cow<'static, str>, kind: u8) -> ActiveSpan {
        let base = (self.clock.now(), self.clock.elapsed());
        let state = SpanState { name, kind, begun: base.1, ..SpanState::default() };
        ActiveSpan(Arc::new(OpenSpan { tracer: self.clone(), lineage, base, state: Mutex::new(state) }))
    }
}

impl ActiveSpan {
    /// Begins a child span.
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

    /// Adds an event to the span, unless it has one of this name.
    pub(super) fn mark_first(&self, what: &'static str) {
        let now = self.0.tracer.clock.elapsed();
        let mut state = self.state();
        if !state.moments.iter().any(|(known, _)| *known == what) {
            state.moments.push((what, now));
        }
    }

    /// Adds an event to the span, in place of an earlier one of this name.
    pub(super) fn mark_last(&self, what: &'static str) {
        let now = self.0.tracer.clock.elapsed();
        let mut state = self.state();
        state.moments.retain(|(known, _)| *known != what);
        state.moments.push((what, now));
    }

    /// Records the error's code. Its text is left out, since it may repeat data of the caller.
    pub(crate) fn note_error(&self, error: &Error) {
        self.note_code(code(error));
    }

    /// Records the status of the response.
    pub(super) fn note_answer(&self, status: u16) {
        let mut state = self.state();
        state.set("http.response.status_code", i64::from(status).into());
        state.has_failed |= status >= 500;
    }

    /// Records the code of an error. Codes from 500 on are internal faults.
    fn note_code(&self, code: u16) {
        let mut state = self.state();
        state.set("chinwag.code", i64::from(code).into());
        state.has_failed |= code >= 500;
    }

    /// Ends the span, even if clones exist.
    pub(crate) fn end(&self) {
        let now = self.0.tracer.clock.elapsed();
        self.state().ended.get_or_insert(now);
    }

    /// Runs a future with this as the current span.
    pub(crate) fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(Current::One(self.clone()), work)
    }

    /// Like [`ActiveSpan::within`], for synchronous work.
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

/// The current span of this task, if there is exactly one.
pub(super) fn current() -> Option<ActiveSpan> {
    CURRENT
        .try_with(|current| match current {
            Current::One(span) => Some(span.clone()),
            Current::Each(_) => None,
        })
        .ok()
        .flatten()
}

/// The current spans of `messages` messages that are sent together; `None` if none of them has a span.
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

/// Runs work for messages that are sent together, each of which may have a span.
pub(crate) fn for_each<'a, T>(
    spans: impl Iterator<Item = Option<&'a ActiveSpan>> + Clone,
    work: impl FnOnce() -> T,
) -> T {
    if spans.clone().all(|span| span.is_none()) {
        return work();
    }
    CURRENT.sync_scope(Current::Each(spans.map(Option::<&ActiveSpan>::cloned).collect()), work)
}

/// Carries the current span over to another task.
pub(crate) fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    match CURRENT.try_with(Clone::clone) {
        Ok(current) => Either::Left(CURRENT.scope(current, work)),
        Err(_) => Either::Right(work),
    }
}

/// Records in the current span that an event was refused with this code.
pub(crate) fn note_refusal(code: u16) {
    if let Some(span) = current() {
        span.note_code(code);
    }
}

/// The time `after` a date, in nanoseconds since 1970.
fn nanoseconds(date: Date, after: Duration) -> u64 {
    let date = u64::try_from(date.micros()).unwrap_or(0).saturating_mul(1000);
    date.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX))
}

//! A decorator of the store that adds child spans for its jobs. It is only used if traces are exported.

use std::sync::Arc;

use chinwag_core::event::Event;
use chinwag_core::name::NameCase;
use chinwag_core::send::{SendRules, Sending, Sent};
use chinwag_core::store::{Answer, Done, ReadJob, Sends, Store, Tx, WriteJob};
use chinwag_core::{Date, MessageId, Result, forward_store};

use super::span::{ActiveSpan, current, current_of};
use crate::options::TraceOptions;

/// The moment when a store thread begins a job. Until then the job waited in the queue.
const BEGUN: &str = "begun";
/// The moment when its work is done. A write is committed and published after that, together with its batch.
const DONE: &str = "done";

/// A store that records a span for each job of a sampled request.
pub struct TracedStore {
    store: Arc<dyn Store>,
}

impl TracedStore {
    /// The store for the use cases: with spans if traces are exported.
    pub fn of(store: Arc<dyn Store>, traces: Option<&TraceOptions>) -> Arc<dyn Store> {
        match traces {
            Some(_) => Arc::new(Self { store }),
            None => store,
        }
    }
}

/// Awaits the outcome of a job, and ends its span.
async fn until<T>(span: ActiveSpan, answer: Answer<'_, T>) -> Result<T> {
    let outcome = answer.await;
    if let Err(error) = &outcome {
        span.note_error(error);
    }
    span.end();
    outcome
}

/// Like [`until`], for a job that may have no span.
fn until_any<'a, T: Send + 'a>(span: Option<ActiveSpan>, answer: Answer<'a, T>) -> Answer<'a, T> {
    match span {
        Some(span) => Box::pin(until(span, answer)),
        None => answer,
    }
}

/// The rules of a message, which record the moments of its job.
struct TracedRules {
    rules: Arc<dyn SendRules>,
    span: ActiveSpan,
}

impl SendRules for TracedRules {
    /// The begin of the work. A store that handles many messages in one statement calls this first.
    fn stamp(&self) -> (MessageId, Date) {
        self.span.mark_first(BEGUN);
        self.rules.stamp()
    }

    fn name_case(&self) -> NameCase {
        self.rules.name_case()
    }

    fn run(&self, sending: &Sending, tx: &mut dyn Tx, events: &mut Vec<Event>) -> Result<Sent> {
        self.span.mark_first(BEGUN);
        let outcome = self.rules.run(sending, tx, events);
        self.span.mark_last(DONE);
        outcome
    }
}

fn traced(job: WriteJob, span: ActiveSpan) -> WriteJob {
    Box::new(move |tx, events| {
        span.mark_first(BEGUN);
        let outcome = job(tx, events);
        span.mark_last(DONE);
        outcome
    })
}

impl Sends for TracedStore {
    fn submit_sends(&self, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>> {
        let Some(above) = current_of(sendings.len()) else { return self.store.submit_sends(sendings) };
        let spans: Vec<_> =
            above.iter().map(|span| span.as_ref().map(|span| span.child("store.send"))).collect();
        let traced = |(sending, span): (Sending, &Option<ActiveSpan>)| match span.clone() {
            Some(span) => sending.with_rules(|rules| Arc::new(TracedRules { rules, span })),
            None => sending,
        };
        let answers = self.store.submit_sends(sendings.into_iter().zip(&spans).map(traced).collect());
        let answers = answers.into_iter().zip(spans);
        answers.map(|(answer, span)| until_any(span, answer)).collect()
    }
}

impl Store for TracedStore {
    fn submit_write(&self, job: WriteJob) -> Done<'_> {
        let Some(span) = current() else { return self.store.submit_write(job) };
        let span = span.child("store.write");
        Box::pin(until(span.clone(), self.store.submit_write(traced(job, span))))
    }

    fn submit_writes(&self, jobs: Vec<WriteJob>) -> Vec<Done<'_>> {
        let Some(above) = current() else { return self.store.submit_writes(jobs) };
        let spans: Vec<_> = jobs.iter().map(|_| above.child("store.write")).collect();
        let jobs = jobs.into_iter().zip(&spans).map(|(job, span)| traced(job, span.clone())).collect();
        let done = self.store.submit_writes(jobs).into_iter().zip(spans);
        done.map(|(done, span)| -> Done<'_> { Box::pin(until(span, done)) }).collect()
    }

    fn submit_read(&self, job: ReadJob) -> Done<'_> {
        let Some(span) = current() else { return self.store.submit_read(job) };
        let span = span.child("store.read");
        let of_job = span.clone();
        let traced: ReadJob = Box::new(move |tx| {
            of_job.mark_first(BEGUN);
            let outcome = job(tx);
            of_job.mark_last(DONE);
            outcome
        });
        Box::pin(until(span, self.store.submit_read(traced)))
    }

    forward_store!(store);
}

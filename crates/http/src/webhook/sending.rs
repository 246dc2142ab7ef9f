//! The task that delivers to one webhook, in rounds: it reads the events to send, sends them, and stores the outcome.
//!
//! **Order.** The events of a lane (a group, or a single event of no group) are sent one after the other; a failed
//! event blocks those behind it in its lane, but no other lanes. **Loss.** None: an event counts as sent only when
//! the outcome of its round is stored, and is otherwise sent again. **Bound.** A round has at most [`PAGE`] events of
//! the feed, and [`RETRIES`] lanes with events that failed before; at most [`SLOTS`] requests for new events are in
//! flight, and as many retries as lanes. A request that takes longer than a round continues beside the next rounds,
//! and its lane waits for it.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use chinwag_core::app::webhook::{EventToSend, LaneEnd, LaneToSend, WebhookStep, WebhookWork, WorkQuery};
use chinwag_core::feed::FeedEvent;
use chinwag_core::webhook::{WaitingEvent, WebhookAttempt, WebhookLane, WebhookQueue, WebhookSecret};
use chinwag_core::{Date, Error, Result, WebhookId};
use futures_util::future::join_all;
use metrics::counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::client::WebhookRequest;
use super::follower::Steps;
use crate::state::ServerState;
use crate::wire::feed::{FeedCursor, FeedEntry};

/// Concurrent requests: for new events, and for retries.
const SLOTS: usize = 8;
const RETRIES: usize = 4;
/// The bounds of the number of feed events in a round. It shrinks after a round that takes too long.
const PAGE: std::ops::RangeInclusive<usize> = 8..=100;
/// The time limit of a round. After a round that takes less than a quarter of it, the number of events grows.
const ROUND: Duration = Duration::from_secs(1);
/// The bounds of the polling interval of a task that has nothing to send.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(1);
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// If a node dies, a request in flight at the end of a round is repeated so long after its timeout.
const SLACK: Duration = Duration::from_secs(5);

/// The task of one webhook.
pub(super) struct Sending {
    sender: LaneSender,
    steps: Arc<Steps>,
    id: WebhookId,
    /// Requests that take longer than a round.
    slow: JoinSet<(SlowRequest, WebhookAttempt)>,
    /// The lanes of these requests.
    busy: HashSet<WebhookLane>,
    /// Requests of `slow` that have ended since the last round.
    ended: Vec<(SlowRequest, WebhookAttempt)>,
    page: usize,
}

/// Sends the events of the lanes of one webhook, with bounded concurrency.
struct LaneSender {
    state: Arc<ServerState>,
    slots: Arc<Semaphore>,
    retries: Arc<Semaphore>,
}

/// An event whose request takes longer than a round.
#[derive(Clone, Copy)]
struct SlowRequest {
    queue: WebhookQueue,
    waiting: WaitingEvent,
}

/// The parameters of a round's requests.
struct Round {
    url: String,
    secrets: Vec<WebhookSecret>,
    end: Instant,
}

/// The outcome of one lane in a round.
struct LaneRun {
    /// Whether its events were stored as waiting before the round.
    is_retry: bool,
    end: LaneEnd,
    attempts: Vec<WebhookAttempt>,
    /// The positions of events that are given up.
    given_up: Vec<i64>,
    /// The request that is still in flight.
    slow: Option<(WaitingEvent, PendingRequest)>,
}

type PendingRequest = Pin<Box<dyn Future<Output = WebhookAttempt> + Send>>;

impl Sending {
    pub(super) fn new(state: Arc<ServerState>, steps: Arc<Steps>, id: WebhookId) -> Self {
        let (slots, retries) = (Arc::new(Semaphore::new(SLOTS)), Arc::new(Semaphore::new(RETRIES)));
        Self {
            sender: LaneSender { state, slots, retries },
            steps,
            id,
            slow: JoinSet::new(),
            busy: HashSet::new(),
            ended: Vec::new(),
            page: *PAGE.start(),
        }
    }

    /// Delivers until the webhook is deleted, or until the sender of `end` is dropped. `end`: the end of the feed.
    pub(super) async fn run(mut self, mut end: watch::Receiver<i64>) -> Result<()> {
        while end.has_changed().is_ok() {
            end.mark_unchanged();
            let Some(work) = self.sender.state.app.webhook_work(self.query()).await? else { return Ok(()) };
            self.steps.note_oldest(self.id, work.oldest);
            while let Some(ended) = self.slow.try_join_next() {
                self.ended.push(ended.map_err(Error::internal)?);
            }
            let is_idle = work.position == work.webhook.position && work.retries.is_empty();
            if !is_idle || !self.ended.is_empty() {
                self.round(work).await?;
                continue;
            }
            // While all slots for retries are in use, the end of a request wakes this task.
            let next_due = work.next_due.filter(|_| self.sender.retries.available_permits() > 0);
            let wait = next_due.map_or(MAX_POLL_INTERVAL, |due| self.until(due));
            tokio::select! {
                _ = end.changed() => {}
                Some(ended) = self.slow.join_next() => self.ended.push(ended.map_err(Error::internal)?),
                () = sleep(wait.clamp(MIN_POLL_INTERVAL, MAX_POLL_INTERVAL)) => {}
            }
        }
        Ok(())
    }

    fn query(&self) -> WorkQuery {
        WorkQuery {
            id: self.id,
            retries: self.sender.retries.available_permits(),
            // While no slot is free, read no new events: they would only wait in memory.
            fresh: if self.sender.slots.available_permits() == 0 { 0 } else { self.page },
            busy: self.busy.iter().copied().collect(),
        }
    }

    fn until(&self, due: chinwag_core::Date) -> Duration {
        let micros = due.micros() - self.sender.state.app.clock().now().micros();
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Runs one round: sends, and stores the outcome.
    async fn round(&mut self, work: WebhookWork) -> Result<()> {
        let WebhookWork { webhook, retries, fresh, behind, position, lost, .. } = work;
        let now = self.sender.state.app.clock().now();
        let begun = Instant::now();
        let secrets = webhook.secrets(now).into_iter().cloned().collect();
        let round = Round { url: webhook.url, secrets, end: begun + ROUND };
        let sender = &self.sender;
        let retries = retries.into_iter().map(|lane| sender.lane(&round, lane, true));
        let fresh = fresh.into_iter().map(|lane| sender.lane(&round, lane, false));
        let lanes: Vec<LaneRun> = join_all(retries.chain(fresh)).await;
        let took = begun.elapsed();
        let page = if took >= ROUND {
            self.page / 2
        } else if took < ROUND / 4 {
            self.page * 2
        } else {
            self.page
        };
        self.page = page.clamp(*PAGE.start(), *PAGE.end());

        let mut step = WebhookStep {
            id: self.id,
            queue: webhook.queue,
            lease: self.steps.lease,
            position: Some(position),
            behind,
            lanes: Vec::new(),
            attempts: Vec::new(),
        };
        let mut given_up = Vec::new();
        for (slow, attempt) in std::mem::take(&mut self.ended) {
            self.busy.remove(&slow.waiting.lane);
            let run = LaneRun::of_slow(slow.waiting, attempt, now);
            if slow.queue == webhook.queue {
                self.take_in(&mut step, &mut given_up, run);
            }
        }
        for run in lanes {
            self.take_in(&mut step, &mut given_up, run);
        }
        step.attempts.sort_by_key(|attempt| std::cmp::Reverse(attempt.date));
        self.steps.keep(step).await?;
        self.log_given_up(lost, &given_up);
        Ok(())
    }

    /// Adds the outcome of a lane to the step.
    fn take_in(&mut self, step: &mut WebhookStep, given_up: &mut Vec<i64>, run: LaneRun) {
        if let Some((waiting, request)) = run.slow {
            let slow = SlowRequest { queue: step.queue, waiting };
            self.busy.insert(waiting.lane);
            self.slow.spawn(async move { (slow, request.await) });
        }
        for attempt in &run.attempts {
            let result = if attempt.error.is_none() { "sent" } else { "failed" };
            counter!("chinwag_webhook_requests_total", "result" => result).increment(1);
        }
        step.attempts.extend(run.attempts);
        given_up.extend(run.given_up);
        step.lanes.push(run.end);
    }

    fn log_given_up(&self, lost: i64, given_up: &[i64]) {
        let history = self.sender.state.app.history();
        if lost > 0 {
            counter!("chinwag_webhook_given_up_total").increment(lost.unsigned_abs());
            tracing::error!(webhook = %self.id, events = lost, "events are not kept any more (events.keep) and were never sent");
        }
        counter!("chinwag_webhook_given_up_total").increment(given_up.len() as u64);
        for position in given_up {
            let event = FeedCursor::new(history, *position);
            tracing::error!(webhook = %self.id, %event, "an event is given up: it could not be sent in time");
        }
    }
}

impl LaneSender {
    /// Sends the events of a lane in order, until one fails or the round ends.
    async fn lane(&self, round: &Round, lane: LaneToSend, is_retry: bool) -> LaneRun {
        let mut run = LaneRun::new(lane.lane, is_retry);
        let slots = if is_retry { &self.retries } else { &self.slots };
        let mut events = lane.events.into_iter();
        let Ok(Ok(permit)) = timeout_at(round.end, slots.clone().acquire_owned()).await else {
            return run.cut(events, self.state.app.clock().now());
        };
        while let Some(EventToSend { waiting, event }) = events.next() {
            let Some(event) = event else {
                run.give_up(&waiting);
                continue;
            };
            let now = self.state.app.clock().now();
            if Instant::now() >= round.end {
                let unsent = EventToSend { waiting, event: Some(event) };
                return run.cut(std::iter::once(unsent).chain(events), now);
            }
            let mut request = self.request(round, &event);
            tokio::select! {
                attempt = &mut request => {
                    let now = self.state.app.clock().now();
                    if !run.attempted(&waiting, attempt, now) {
                        return run.behind(events);
                    }
                }
                () = sleep_until(round.end) => {
                    let again = now.plus(self.state.webhook_client.timeout() + SLACK);
                    run.end.waits.push(WaitingEvent { due: Some(again), ..waiting });
                    run.slow = Some((waiting, holding(request, permit)));
                    return run.behind(events);
                }
            }
        }
        run.done()
    }

    fn request(&self, round: &Round, event: &FeedEvent) -> PendingRequest {
        let history = self.state.app.history();
        let id = FeedCursor::new(history, event.position).to_string();
        let body = FeedEntry::new(history, event).and_then(|entry| serde_json::to_vec(&entry));
        let (state, url, secrets) = (self.state.clone(), round.url.clone(), round.secrets.clone());
        Box::pin(async move {
            let body = match body {
                Ok(body) => Bytes::from(body),
                Err(why) => return unwritten(id, state.app.clock().now(), &why),
            };
            let request = WebhookRequest { url: &url, secrets: &secrets, id, body };
            state.webhook_client.attempt(&**state.app.clock(), request).await
        })
    }
}

/// The attempt for an event that cannot be serialized. Nothing is sent.
fn unwritten(event: String, date: Date, why: &serde_json::Error) -> WebhookAttempt {
    tracing::error!(event, %why, "an event cannot be written for a webhook");
    WebhookAttempt { event, date, status: None, error: Some("the event cannot be written".to_owned()), ms: 0 }
}

/// The same request, which releases its permit when it ends.
fn holding(request: PendingRequest, permit: OwnedSemaphorePermit) -> PendingRequest {
    Box::pin(async move {
        let attempt = request.await;
        drop(permit);
        attempt
    })
}

impl LaneRun {
    fn new(lane: WebhookLane, is_retry: bool) -> Self {
        let end = LaneEnd { lane, ended: Vec::new(), waits: Vec::new(), wakes: false };
        Self { is_retry, end, attempts: Vec::new(), given_up: Vec::new(), slow: None }
    }

    /// The outcome of a slow request that has ended.
    fn of_slow(waiting: WaitingEvent, attempt: WebhookAttempt, now: chinwag_core::Date) -> Self {
        let mut run = Self::new(waiting.lane, true);
        run.attempted(&waiting, attempt, now);
        run.done()
    }

    /// Records an attempt. Returns whether the next event of the lane may be sent.
    fn attempted(
        &mut self,
        waiting: &WaitingEvent,
        attempt: WebhookAttempt,
        now: chinwag_core::Date,
    ) -> bool {
        let is_sent = attempt.error.is_none();
        self.attempts.push(attempt);
        if is_sent {
            self.ended(waiting);
            return true;
        }
        match waiting.failed(now) {
            Some(again) => self.end.waits.push(again),
            None => self.give_up(waiting),
        }
        self.end.waits.is_empty()
    }

    fn give_up(&mut self, waiting: &WaitingEvent) {
        self.given_up.push(waiting.position);
        self.ended(waiting);
    }

    fn ended(&mut self, waiting: &WaitingEvent) {
        if self.is_retry {
            self.end.ended.push(waiting.position);
        }
    }

    /// Defers events because the round ends. The first of them is due at once.
    fn cut(mut self, events: impl Iterator<Item = EventToSend>, now: chinwag_core::Date) -> Self {
        if !self.is_retry {
            for (index, EventToSend { waiting, .. }) in events.enumerate() {
                self.end.waits.push(WaitingEvent { due: (index == 0).then_some(now), ..waiting });
            }
        }
        self.done()
    }

    /// Defers events behind another one.
    fn behind(mut self, events: impl Iterator<Item = EventToSend>) -> Self {
        if !self.is_retry {
            self.end.waits.extend(events.map(|event| event.waiting));
        }
        self.done()
    }

    /// Finishes the outcome. If no event of a retried lane has a new due date, the next one becomes due.
    fn done(mut self) -> Self {
        self.end.wakes = self.is_retry && self.end.waits.is_empty();
        self
    }
}

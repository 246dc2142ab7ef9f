//! The store's side of webhook delivery: reads the events to send, and stores the outcome of attempts. A
//! follower calls it.

use std::collections::HashMap;

use super::super::feed::shown;
use super::super::{App, Context, Growth, Unit};
use crate::feed::{FeedEvent, FeedRow};
use crate::store::{Lease, Tx};
use crate::webhook::{WaitingEvent, Webhook, WebhookAttempt, WebhookLane, WebhookQueue};
use crate::{Date, Result, WebhookId};

/// The most events of one lane that are read for another attempt.
const LANE_EVENTS: usize = 20;

/// A request for events to send to a webhook.
#[derive(Debug, Clone)]
pub struct WorkQuery {
    pub id: WebhookId,
    /// The most lanes to retry.
    pub retries: usize,
    /// The most events of the feed to examine.
    pub fresh: usize,
    /// Lanes with a request in flight.
    pub busy: Vec<WebhookLane>,
}

/// The events to send to a webhook now.
#[derive(Debug)]
pub struct WebhookWork {
    pub webhook: Webhook,
    /// Events to send again after a failure.
    pub retries: Vec<LaneToSend>,
    /// Events to send for the first time.
    pub fresh: Vec<LaneToSend>,
    /// Events behind others of their lanes, which must go to the queue.
    pub behind: Vec<WaitingEvent>,
    /// The webhook's position after all of these events are sent or in the queue.
    pub position: i64,
    /// The date of the next retry.
    pub next_due: Option<Date>,
    /// The date of the oldest event to send for the first time.
    pub oldest: Option<Date>,
    /// The number of feed positions that were removed before their events were sent.
    pub lost: i64,
}

/// Events of one lane, in order.
#[derive(Debug)]
pub struct LaneToSend {
    pub lane: WebhookLane,
    pub events: Vec<EventToSend>,
}

/// An event to send.
#[derive(Debug)]
pub struct EventToSend {
    pub waiting: WaitingEvent,
    /// The current form of the event. None if the event has expired or was removed from the feed; it is then
    /// dropped.
    pub event: Option<FeedEvent>,
}

/// The outcome of attempts at a webhook.
#[derive(Debug, Clone)]
pub struct WebhookStep {
    pub id: WebhookId,
    pub queue: WebhookQueue,
    pub lease: Lease,
    /// The new position, if it moves.
    pub position: Option<i64>,
    /// Events to queue behind others of their lanes.
    pub behind: Vec<WaitingEvent>,
    pub lanes: Vec<LaneEnd>,
    /// The attempts, newest first.
    pub attempts: Vec<WebhookAttempt>,
}

/// The outcome of the attempts in one lane.
#[derive(Debug, Clone)]
pub struct LaneEnd {
    pub lane: WebhookLane,
    /// Positions of events to remove from the queue.
    pub ended: Vec<i64>,
    /// Events to put into the queue.
    pub waits: Vec<WaitingEvent>,
    /// Whether the next event of the lane in the queue becomes due.
    pub wakes: bool,
}

impl App {
    /// The events to send to a webhook now. None if the webhook no longer exists.
    pub async fn webhook_work(&self, query: WorkQuery) -> Result<Option<WebhookWork>> {
        let now = self.clock().now();
        self.read(&Context::server(), (query, now), |tx, _, (query, now)| work(tx, query, *now)).await
    }

    /// Stores the outcome of attempts, as a step of the lease. If a replay has started another queue in the
    /// meantime, stores nothing: the events will be sent again.
    pub async fn webhook_step(&self, step: WebhookStep) -> Result<()> {
        self.write(Growth::Bounded, &Context::server(), step, |unit, step| {
            keep(unit, step)?;
            unit.end_step(step.lease, None)
        })
        .await
    }

    /// Gives a sign of life for the lease. Returns the existing webhooks.
    pub async fn webhooks_beat(&self, lease: Lease) -> Result<Vec<WebhookId>> {
        self.write(Growth::Bounded, &Context::server(), lease, |unit, lease| {
            unit.end_step(*lease, None)?;
            Ok(unit.tx.webhooks()?.into_iter().map(|webhook| webhook.id).collect())
        })
        .await
    }
}

fn work(tx: &dyn Tx, query: &WorkQuery, now: Date) -> Result<Option<WebhookWork>> {
    let Some(webhook) = tx.webhook(query.id)? else { return Ok(None) };
    let next_due = tx.webhook_next_due(webhook.queue, now)?;
    let retries = match next_due {
        Some(due) if due <= now => retries(tx, &webhook, query, now)?,
        _ => Vec::new(),
    };
    let removed = tx.feed_bounds()?.removed;
    let (position, lost) = (webhook.position.max(removed), (removed - webhook.position).max(0));
    let rows = if query.fresh == 0 { Vec::new() } else { tx.feed_page(position, query.fresh)? };
    let upto = rows.last().map_or(position, |(last, _)| *last);
    let known = rows.into_iter().filter_map(|(position, row)| Some((position, row?)));
    let rows: Vec<_> = known.filter(|(_, row)| webhook.kinds.has(row.kind)).collect();
    let oldest = rows.first().map(|(_, row)| row.date);
    let (fresh, behind) = fresh(tx, &webhook, next_due.is_some(), rows, now)?;
    Ok(Some(WebhookWork { webhook, retries, fresh, behind, position: upto, next_due, oldest, lost }))
}

/// The lanes whose first event is due for another attempt.
fn retries(tx: &dyn Tx, webhook: &Webhook, query: &WorkQuery, now: Date) -> Result<Vec<LaneToSend>> {
    let due = tx.webhook_due(webhook.queue, now, query.retries + query.busy.len())?;
    let due = due.into_iter().filter(|event| !query.busy.contains(&event.lane)).take(query.retries);
    let mut lanes = Vec::new();
    for first in due {
        let mut events = Vec::new();
        for waiting in tx.webhook_lane(webhook.queue, first.lane, LANE_EVENTS)? {
            let stands = waiting.expires > now;
            let row = if stands { tx.feed_page(waiting.position - 1, 1)?.pop() } else { None };
            let row = row.filter(|(position, _)| *position == waiting.position);
            let row = row.and_then(|(position, row)| Some((position, row?)));
            events.push(EventToSend { waiting, event: shown(tx, row.into_iter().collect())?.pop() });
        }
        lanes.push(LaneToSend { lane: first.lane, events });
    }
    Ok(lanes)
}

/// Groups the events of the feed by lane. Events behind others that are in the queue are returned separately.
fn fresh(
    tx: &dyn Tx,
    webhook: &Webhook,
    some_wait: bool,
    rows: Vec<(i64, FeedRow)>,
    now: Date,
) -> Result<(Vec<LaneToSend>, Vec<WaitingEvent>)> {
    let (mut sent, mut waiting, mut behind) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_waiting: HashMap<WebhookLane, bool> = HashMap::new();
    for (position, row) in rows {
        let lane = WebhookLane::of(&row, position);
        let expires = webhook.expiry(position, row.date);
        let event = WaitingEvent { lane, position, expires, attempts: 0, due: None };
        let waits = match is_waiting.get(&lane) {
            Some(waits) => *waits,
            None => some_wait && !tx.webhook_lane(webhook.queue, lane, 1)?.is_empty(),
        };
        is_waiting.insert(lane, waits);
        if waits {
            behind.push(event);
        } else {
            waiting.push(event);
            sent.push((position, row));
        }
    }
    let mut lanes: Vec<LaneToSend> = Vec::new();
    let mut index: HashMap<WebhookLane, usize> = HashMap::new();
    for (waiting, event) in waiting.into_iter().zip(shown(tx, sent)?) {
        let event = EventToSend { waiting, event: (waiting.expires > now).then_some(event) };
        let at = *index.entry(waiting.lane).or_insert(lanes.len());
        match lanes.get_mut(at) {
            Some(lane) => lane.events.push(event),
            None => lanes.push(LaneToSend { lane: waiting.lane, events: vec![event] }),
        }
    }
    Ok((lanes, behind))
}

fn keep(unit: &mut Unit, step: &WebhookStep) -> Result<()> {
    let WebhookStep { id, queue, .. } = *step;
    let Some(webhook) = unit.tx.webhook(id)?.filter(|webhook| webhook.queue == queue) else { return Ok(()) };
    if let Some(position) = step.position.filter(|position| *position > webhook.position) {
        unit.tx.webhook_move(id, queue, position)?;
    }
    // Before lanes wake, so that waking finds the events of `behind`.
    for event in &step.behind {
        unit.tx.webhook_wait(queue, event)?;
    }
    let now = unit.now();
    for LaneEnd { lane, ended, waits, wakes } in &step.lanes {
        for position in ended {
            unit.tx.webhook_wait_end(queue, *lane, *position)?;
        }
        for event in waits {
            unit.tx.webhook_wait(queue, event)?;
        }
        if *wakes {
            unit.tx.webhook_wake(queue, *lane, now)?;
        }
    }
    unit.note_attempts(id, &step.attempts)
}

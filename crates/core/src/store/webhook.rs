//! Webhooks, and the events that wait for another attempt.

use crate::webhook::{WaitingEvent, Webhook, WebhookAttempt, WebhookLane, WebhookQueue};
use crate::{Date, Result, WebhookId};

/// Webhooks, in a transaction.
///
/// **Atomicity.** A webhook's position moves in the transaction that keeps the events before it that are still to be sent.
/// **Order.** Webhooks are in order of creation; waiting events of a lane in order of position, and only the first of them is
/// due. **Loss.** An event waits until it is removed. **Bound.** Each call
/// reads or changes at most as many rows as it is asked for; an event has at most one row for each webhook.
pub trait Webhooks {
    /// Whether there is a webhook.
    fn webhooks_exist(&self) -> Result<bool>;

    /// All webhooks.
    fn webhooks(&self) -> Result<Vec<Webhook>>;

    /// One webhook.
    fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>>;

    /// Keeps a new webhook.
    fn webhook_insert(&mut self, webhook: &Webhook) -> Result<()>;

    /// Replaces the values that callers set: the address, the types and the secrets.
    fn webhook_update(&mut self, webhook: &Webhook) -> Result<()>;

    /// Begins a new queue at a position.
    fn webhook_replay(&mut self, webhook: &Webhook) -> Result<()>;

    /// Moves a webhook's position, if its queue is this one. `false` if it is not.
    fn webhook_move(&mut self, id: WebhookId, queue: WebhookQueue, position: i64) -> Result<bool>;

    /// Removes a webhook.
    fn webhook_delete(&mut self, id: WebhookId) -> Result<()>;

    /// The newest attempts, the newest first.
    fn webhook_attempts(&self, id: WebhookId) -> Result<Vec<WebhookAttempt>>;

    /// Replaces the newest attempts.
    fn webhook_attempts_set(&mut self, id: WebhookId, attempts: &[WebhookAttempt]) -> Result<()>;

    /// Up to `limit` events that are due, the longest due first; then those whose date is further away than any
    /// [pause](crate::webhook::LONGEST_PAUSE).
    fn webhook_due(&self, queue: WebhookQueue, now: Date, limit: usize) -> Result<Vec<WaitingEvent>>;

    /// The date at which the next event is due, if one waits: `now` if there is one whose date is further away than any pause.
    fn webhook_next_due(&self, queue: WebhookQueue, now: Date) -> Result<Option<Date>>;

    /// The first position that waits.
    fn webhook_first_waiting(&self, queue: WebhookQueue) -> Result<Option<i64>>;

    /// Up to `limit` events of a lane, in order.
    fn webhook_lane(&self, queue: WebhookQueue, lane: WebhookLane, limit: usize)
    -> Result<Vec<WaitingEvent>>;

    /// Keeps an event that waits, in place of its row if it has one.
    fn webhook_wait(&mut self, queue: WebhookQueue, event: &WaitingEvent) -> Result<()>;

    /// Removes an event that waited.
    fn webhook_wait_end(&mut self, queue: WebhookQueue, lane: WebhookLane, position: i64) -> Result<()>;

    /// Makes the first event of a lane due, if one waits.
    fn webhook_wake(&mut self, queue: WebhookQueue, lane: WebhookLane, now: Date) -> Result<()>;

    /// Removes up to `limit` events of a queue; answers how many.
    fn webhook_queue_erase(&mut self, queue: WebhookQueue, limit: usize) -> Result<usize>;
}

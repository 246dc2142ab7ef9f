//! Webhooks, and their queues of events that wait for another attempt.

use crate::webhook::{WaitingEvent, Webhook, WebhookAttempt, WebhookLane, WebhookQueue};
use crate::{Date, Result, WebhookId};

/// Webhooks, in a transaction.
///
/// **Atomicity.** A webhook's position moves in the transaction that stores the unsent events before it in
/// the queue. **Order.** Webhooks are in order of creation. The events of a lane are in order of position,
/// and only the first one can be due. **Loss.** An event stays in the queue until it is removed. **Bound.**
/// Each call reads or changes at most as many rows as its parameters allow. An event has at most one row per
/// webhook.
pub trait Webhooks {
    /// Whether there is a webhook.
    fn webhooks_exist(&self) -> Result<bool>;

    /// All webhooks.
    fn webhooks(&self) -> Result<Vec<Webhook>>;

    fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>>;

    /// Stores a new webhook.
    fn webhook_insert(&mut self, webhook: &Webhook) -> Result<()>;

    /// Replaces the values that callers can set: URL, types and secrets.
    fn webhook_update(&mut self, webhook: &Webhook) -> Result<()>;

    /// Starts a new queue at a position.
    fn webhook_replay(&mut self, webhook: &Webhook) -> Result<()>;

    /// Moves a webhook's position, if it still has this queue. `false` if it does not.
    fn webhook_move(&mut self, id: WebhookId, queue: WebhookQueue, position: i64) -> Result<bool>;

    /// Removes a webhook.
    fn webhook_delete(&mut self, id: WebhookId) -> Result<()>;

    /// The latest attempts, newest first.
    fn webhook_attempts(&self, id: WebhookId) -> Result<Vec<WebhookAttempt>>;

    /// Replaces the latest attempts.
    fn webhook_attempts_set(&mut self, id: WebhookId, attempts: &[WebhookAttempt]) -> Result<()>;

    /// Up to `limit` events that are due, the longest due first. They are followed by those whose due date is
    /// further in the future than any [pause](crate::webhook::LONGEST_PAUSE), which happens after a clock was
    /// set back.
    fn webhook_due(&self, queue: WebhookQueue, now: Date, limit: usize) -> Result<Vec<WaitingEvent>>;

    /// When the next event of the queue is due. None if the queue is empty. `now` if there is an event whose
    /// due date is further in the future than any pause.
    fn webhook_next_due(&self, queue: WebhookQueue, now: Date) -> Result<Option<Date>>;

    /// The lowest position in the queue.
    fn webhook_first_waiting(&self, queue: WebhookQueue) -> Result<Option<i64>>;

    /// Up to `limit` events of a lane, in order.
    fn webhook_lane(&self, queue: WebhookQueue, lane: WebhookLane, limit: usize)
    -> Result<Vec<WaitingEvent>>;

    /// Puts an event into the queue, or replaces its row.
    fn webhook_wait(&mut self, queue: WebhookQueue, event: &WaitingEvent) -> Result<()>;

    /// Removes an event from the queue.
    fn webhook_wait_end(&mut self, queue: WebhookQueue, lane: WebhookLane, position: i64) -> Result<()>;

    /// Makes the first event of a lane due, if the lane has events in the queue.
    fn webhook_wake(&mut self, queue: WebhookQueue, lane: WebhookLane, now: Date) -> Result<()>;

    /// Removes up to `limit` events of a queue. Returns their number.
    fn webhook_queue_erase(&mut self, queue: WebhookQueue, limit: usize) -> Result<usize>;
}

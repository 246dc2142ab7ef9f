//! Subscriptions to notifications, and the queues of notifications.

use crate::push::{NotifyFacts, ServerKeys, Subscription, WaitingPush};
use crate::{Date, GroupId, PushId, Result, UserId};

/// Notifications, in a transaction.
///
/// **Atomicity.** A notification is taken and removed in the same transaction, so that no other node takes
/// it. **Order.** The longest due first. **Loss.** A notification stays in the queue until it is taken, a
/// newer one of its group replaces it, or its subscription ends. **Bound.** A subscription has one
/// notification per group, and at most [`PUSH_WAITING`](crate::push::PUSH_WAITING) in total. Each call reads
/// or changes at most as many rows as its parameters allow.
pub trait Pushes {
    /// The server's keys. None until they are set.
    fn push_keys(&self) -> Result<Option<ServerKeys>>;

    /// Stores the server's keys, unless it already has some.
    fn push_keys_set(&mut self, keys: &ServerKeys) -> Result<()>;

    /// The position in the feed before which no messages are pushed.
    fn push_begin(&self) -> Result<i64>;

    /// Sets the position of [`push_begin`](Self::push_begin).
    fn push_begin_set(&mut self, position: i64) -> Result<()>;

    /// The latest date on which a reader of the feed requested `notify` events.
    fn notify_asked(&self) -> Result<Option<Date>>;

    /// Sets the date of [`notify_asked`](Self::notify_asked).
    fn notify_asked_set(&mut self, date: Date) -> Result<()>;

    /// Whether there is a subscription.
    fn subscriptions_exist(&self) -> Result<bool>;

    /// The valid subscriptions of a user, in the order in which the clients last sent them.
    fn subscriptions(&self, user: UserId, now: Date) -> Result<Vec<Subscription>>;

    /// The subscription with this id. It may have expired.
    fn subscription(&self, id: PushId) -> Result<Option<Subscription>>;

    /// The subscription of an endpoint. It may have expired.
    fn subscription_of(&self, endpoint: &str) -> Result<Option<Subscription>>;

    /// Stores a subscription, and replaces one with the same id. No other subscription may have the same
    /// endpoint.
    fn subscription_set(&mut self, subscription: &Subscription) -> Result<()>;

    /// Removes a subscription and its queue.
    fn subscription_delete(&mut self, id: PushId) -> Result<()>;

    /// Removes up to 1000 subscriptions that expired before `now`. Returns their number.
    fn subscriptions_purge(&mut self, now: Date) -> Result<usize>;

    /// The facts about up to `limit` members of a group after a user, in order of id. Unless `all` is set,
    /// only members with a subscription. **Bound.** Examines at most as many rows as the group has members.
    fn notify_facts(
        &self,
        group: GroupId,
        after: UserId,
        all: bool,
        now: Date,
        limit: usize,
    ) -> Result<Vec<NotifyFacts>>;

    /// The notification of a group in the queue of a subscription.
    fn push_waiting(&self, subscription: PushId, group: GroupId) -> Result<Option<WaitingPush>>;

    /// Up to `limit` notifications that are due, either urgent ones or others, the longest due first. They
    /// are followed by those whose due date is further in the future than any
    /// [pause](crate::push::LONGEST_PAUSE), which happens after a clock was set back.
    fn pushes_due(&self, urgent: bool, now: Date, limit: usize) -> Result<Vec<WaitingPush>>;

    /// Puts a notification into the queue, and replaces the one of the same group. If the queue is full,
    /// drops the notification with the oldest message. Has no effect if the subscription no longer exists.
    fn push_set(&mut self, waiting: &WaitingPush) -> Result<()>;

    /// Removes a notification from the queue.
    fn push_delete(&mut self, subscription: PushId, group: GroupId) -> Result<()>;
}

//! Subscriptions to notifications, and the notifications that wait for them.

use crate::push::{NotifyFacts, ServerKeys, Subscription, WaitingPush};
use crate::{Date, GroupId, PushId, Result, UserId};

/// Notifications, in a transaction.
///
/// **Atomicity.** A notification that is taken is removed in the same transaction, so that nobody else takes it. **Order.**
/// The longest due first. **Loss.** A notification waits until it is taken, replaced by a newer one of its group, or its
/// subscription ends. **Bound.** A subscription has one notification for each group, and at most
/// [`PUSH_WAITING`](crate::push::PUSH_WAITING). Each call reads or changes at most as many rows as it is asked for.
pub trait Pushes {
    /// The keys of this server, once they were set.
    fn push_keys(&self) -> Result<Option<ServerKeys>>;

    /// Keeps the keys of this server, unless it has some.
    fn push_keys_set(&mut self, keys: &ServerKeys) -> Result<()>;

    /// The position in the feed before which no message is pushed.
    fn push_begin(&self) -> Result<i64>;

    /// Sets that position.
    fn push_begin_set(&mut self, position: i64) -> Result<()>;

    /// The date at which a reader of the feed last asked for `notify` events.
    fn notify_asked(&self) -> Result<Option<Date>>;

    /// Sets that date.
    fn notify_asked_set(&mut self, date: Date) -> Result<()>;

    /// Whether there is a subscription.
    fn subscriptions_exist(&self) -> Result<bool>;

    /// The subscriptions of a user that stand, in order of their last sending.
    fn subscriptions(&self, user: UserId, now: Date) -> Result<Vec<Subscription>>;

    /// One subscription, ended or not.
    fn subscription(&self, id: PushId) -> Result<Option<Subscription>>;

    /// The subscription of an endpoint, ended or not.
    fn subscription_of(&self, endpoint: &str) -> Result<Option<Subscription>>;

    /// Keeps a subscription, in place of that of the same id. No other may have its endpoint.
    fn subscription_set(&mut self, subscription: &Subscription) -> Result<()>;

    /// Ends a subscription, with the notifications that wait for it.
    fn subscription_delete(&mut self, id: PushId) -> Result<()>;

    /// Removes up to 1000 subscriptions that have ended before `now`; answers how many.
    fn subscriptions_purge(&mut self, now: Date) -> Result<usize>;

    /// The facts about up to `limit` members of a group, those after a user, in order of their numbers; unless `all`, of
    /// those alone who have a subscription. **Bound.** Up to as many members as the group has are looked at.
    fn notify_facts(
        &self,
        group: GroupId,
        after: UserId,
        all: bool,
        now: Date,
        limit: usize,
    ) -> Result<Vec<NotifyFacts>>;

    /// The notification of a group that waits for a subscription.
    fn push_waiting(&self, subscription: PushId, group: GroupId) -> Result<Option<WaitingPush>>;

    /// Up to `limit` notifications that are due, urgent ones or others, the longest due first; then those whose date is further
    /// away than any [pause](crate::push::LONGEST_PAUSE).
    fn pushes_due(&self, urgent: bool, now: Date, limit: usize) -> Result<Vec<WaitingPush>>;

    /// Keeps a notification, in place of that of its group if there is one. Beyond the bound of its subscription the one
    /// with the oldest message goes. Nothing is kept for a subscription that is no more.
    fn push_set(&mut self, waiting: &WaitingPush) -> Result<()>;

    /// Removes a notification.
    fn push_delete(&mut self, subscription: PushId, group: GroupId) -> Result<()>;
}

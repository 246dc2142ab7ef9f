//! The second part of the follower's work: takes notifications that are due from the queue, and stores the
//! outcome of attempts.

use std::time::Duration;

use super::super::{App, Context, Growth, Unit};
use crate::group::Group;
use crate::message::Message;
use crate::push::{NotifyingMessage, PushPayload, Subscription, WaitingPush};
use crate::relation::Relation;
use crate::store::{Lease, Tx};
use crate::{Date, Result, UserId};

/// The delay before the next attempt if too many requests to the push service, or for the user, are in flight.
const BUSY: Duration = Duration::from_secs(1);

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushResult {
    /// The push service accepted or permanently refused the notification, or the outcome is unknown. It is
    /// not sent again.
    Ended,
    /// The push service no longer knows the subscription.
    Gone,
    /// The attempt failed and may be repeated, after this pause if the push service requested one. Also if no
    /// attempt was made because earlier ones are not answered.
    Failed(Option<Duration>),
    /// Not attempted: too many requests to the push service or for the user are in flight, or this node was
    /// stalled since it took the notification.
    Busy,
}

#[derive(Debug, Clone, Copy)]
pub struct PushOutcome {
    pub waiting: WaitingPush,
    pub result: PushResult,
}

/// A step of the lease: the outcomes of attempts, and the most notifications to take.
#[derive(Debug, Clone)]
pub struct PushStep {
    pub lease: Lease,
    pub outcomes: Vec<PushOutcome>,
    pub take: usize,
}

/// A notification to send. It is already removed from the store.
#[derive(Debug, Clone)]
pub struct PushToSend {
    pub waiting: WaitingPush,
    pub subscription: Subscription,
    pub payload: PushPayload,
}

impl App {
    pub async fn pushes_are_due(&self) -> Result<bool> {
        let now = self.clock().now();
        self.read(&Context::server(), now, |tx, _, now| {
            Ok(!tx.pushes_due(true, *now, 1)?.is_empty() || !tx.pushes_due(false, *now, 1)?.is_empty())
        })
        .await
    }

    /// Whether notifications are active: there is a subscription, or somebody requests `notify` events.
    pub async fn notifies(&self) -> Result<bool> {
        let now = self.clock().now();
        self.read(&Context::server(), now, |tx, _, now| super::is_due(tx, *now)).await
    }

    /// Stores the outcomes of attempts, and takes notifications that are due, urgent ones first. The same
    /// transaction removes the taken ones, so that each is sent at most once.
    pub async fn push_step(&self, step: PushStep) -> Result<Vec<PushToSend>> {
        self.write(Growth::Bounded, &Context::server(), step, |unit, step| {
            let now = unit.now();
            step.outcomes.iter().try_for_each(|outcome| keep(unit, outcome, now))?;
            let mut taken = Vec::new();
            let mut left = if unit.rules.limits.push.enabled { step.take } else { 0 };
            for urgent in [true, false] {
                let due = unit.tx.pushes_due(urgent, now, left)?;
                left -= due.len();
                for waiting in due {
                    unit.tx.push_delete(waiting.subscription, waiting.group)?;
                    taken.extend(prepared(unit.tx, waiting, now)?);
                }
            }
            unit.end_step(step.lease, None)?;
            Ok(taken)
        })
        .await
    }

    /// Stores the last outcomes of attempts. That needs no lease, since only the node that took a notification
    /// has it.
    pub async fn push_outcomes(&self, outcomes: Vec<PushOutcome>) -> Result<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        self.write(Growth::Bounded, &Context::server(), outcomes, |unit, outcomes| {
            let now = unit.now();
            outcomes.iter().try_for_each(|outcome| keep(unit, outcome, now))
        })
        .await
    }
}

fn keep(unit: &mut Unit, PushOutcome { waiting, result }: &PushOutcome, now: Date) -> Result<()> {
    let again = match *result {
        PushResult::Ended => None,
        PushResult::Gone => {
            unit.tx.subscription_delete(waiting.subscription)?;
            None
        }
        PushResult::Failed(pause) => waiting.failed(now, pause),
        PushResult::Busy => Some(WaitingPush { due: now.plus(BUSY), ..*waiting }),
    };
    let Some(again) = again else { return Ok(()) };
    // A newer notification may have arrived in the meantime. It replaces this one, but inherits its due date,
    // attempts and urgency.
    let kept = match unit.tx.push_waiting(again.subscription, again.group)? {
        Some(newer) => WaitingPush {
            due: again.due,
            attempts: again.attempts,
            urgent: again.urgent || newer.urgent,
            ..newer
        },
        None => again,
    };
    unit.tx.push_set(&kept)
}

/// A notification with its payload. None if it should no longer be sent: the message is deleted or read, or
/// the user does not want it, may no longer read it, or has ended the subscription.
fn prepared(tx: &dyn Tx, waiting: WaitingPush, now: Date) -> Result<Option<PushToSend>> {
    let subscription = tx.subscription(waiting.subscription)?.filter(|found| found.expires > now);
    let (Some(subscription), Some(message)) = (subscription, tx.message(waiting.message)?) else {
        return Ok(None);
    };
    let (user, group) = (subscription.user, waiting.group);
    if tx.user_standing(user)?.is_none_or(|(_, standing)| standing.suspended_at(now).is_some()) {
        return Ok(None);
    }
    let facts = tx.notify_facts(group, UserId(user.0 - 1), true, now, 1)?.pop();
    let (Some(facts), Some(found)) = (facts.filter(|facts| facts.user == user), tx.group(group)?) else {
        return Ok(None);
    };
    let is_blocked = tx.pair(user, message.author)?.mine == Some(Relation::Block);
    let blocked_by = is_blocked.then_some(user).into_iter().collect();
    let notifying = NotifyingMessage::new(&message, found.private, blocked_by);
    if waiting.expires <= now || notifying.reason(&facts, now).is_none() {
        return Ok(None);
    }
    let mut payload = payload(tx, &message, &found)?;
    payload.unread = tx.mark(group, user)?.unread;
    Ok(Some(PushToSend { waiting, subscription, payload }))
}

/// The payload of a notification, without the number of unread messages.
pub(in crate::app) fn payload(tx: &dyn Tx, message: &Message, group: &Group) -> Result<PushPayload> {
    let title = if group.private {
        let profile = tx.details(&[message.author])?.pop().flatten();
        let shown = profile.and_then(|profile| profile.display_name);
        shown.unwrap_or_else(|| message.author_name.as_str().into())
    } else {
        group.name.clone()
    };
    Ok(PushPayload {
        group: group.id,
        message: message.id,
        seq: message.seq,
        title: Some(title),
        author: Some(message.author_name.clone()),
        body: Some(message.body.clone()),
        unread: 0,
        cut: false,
    })
}

//! The first part of the follower's work: decides which users are notified of messages whose delay has
//! passed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use uuid::Uuid;

use super::super::feed::notify_row;
use super::super::{App, Context, Growth, Unit};
use super::wants_events;
use crate::feed::{FeedKind, FeedRow};
use crate::push::{
    NOTIFICATION_TTL, NOTIFY_USERS, NotifyFacts, NotifyReason, NotifyingMessage, PushBatch, PushPosition,
    WaitingPush, collapse,
};
use crate::store::{Lease, Tx};
use crate::{Date, Error, GroupId, MessageId, PushId, Result, UserId};

/// The most rows of the feed per step.
const ROWS: usize = 500;
/// The most members per step.
const MEMBERS: usize = 500;

/// A request for one step.
#[derive(Debug, Clone, Copy)]
pub struct PushDecision {
    pub lease: Lease,
    /// Rows up to this position were committed at least one delay ago, whatever their dates say. Dates are
    /// not reliable because the clocks of nodes differ.
    pub settled: i64,
}

/// The outcome of a step.
#[derive(Debug)]
pub enum DecideOutcome {
    /// No message is due.
    Nothing,
    /// A step was decided, and there may be more. The members in the list are not notified while they are
    /// online.
    Some(Vec<OnlineMembers>),
    /// A row of the feed was skipped because of this error. There may be more rows.
    Skipped(Error),
}

/// Members of a group who were online when messages were decided, and who would otherwise be notified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlineMembers {
    pub group: GroupId,
    pub messages: Vec<MessageId>,
    pub users: Vec<UserId>,
}

/// Messages of one group whose delay has passed, and members who may be notified of them.
#[derive(Debug, Clone)]
struct GroupPart {
    group: GroupId,
    messages: Vec<NotifyingMessage>,
    members: Vec<NotifyFacts>,
}

/// The part of the feed that one step decides.
#[derive(Debug, Clone)]
struct FeedSlice {
    groups: Vec<GroupPart>,
    /// The position after this part. None if the step repeats an earlier decision.
    next: Option<PushPosition>,
    /// Whether `notify` events are requested.
    events: bool,
}

/// The decisions of one step, to be stored.
#[derive(Debug, Clone)]
struct Decision {
    lease: Lease,
    next: Option<PushPosition>,
    pushes: Vec<(UserId, WaitingPush)>,
    events: Vec<NotifyEvent>,
}

/// A message and some of the users who are notified of it.
#[derive(Debug, Clone)]
struct NotifyEvent {
    group: GroupId,
    message: NotifyingMessage,
    users: Vec<(UserId, NotifyReason)>,
}

impl App {
    /// Decides who is notified of the next messages whose delay has passed, as a step of the lease. For each
    /// of some users, `online` returns whether it has an online socket on any node.
    ///
    /// After an internal error, which would repeat, a step with half of the rows follows. A single row that fails is
    /// skipped, so that it does not stop the later ones.
    pub async fn push_decide(
        &self,
        decision: PushDecision,
        online: impl Fn(&[UserId]) -> Vec<bool>,
    ) -> Result<DecideOutcome> {
        let mut rows = ROWS;
        loop {
            match self.push_decide_rows(decision, rows, &online).await {
                Err(Error::Internal(_)) if rows > 1 => rows /= 2,
                Err(error @ Error::Internal(_)) => {
                    self.push_skip(decision.lease).await?;
                    return Ok(DecideOutcome::Skipped(error));
                }
                outcome => return outcome,
            }
        }
    }

    /// One step of [`push_decide`](Self::push_decide), with at most so many rows of the feed.
    async fn push_decide_rows(
        &self,
        decision: PushDecision,
        rows: usize,
        online: impl Fn(&[UserId]) -> Vec<bool>,
    ) -> Result<DecideOutcome> {
        let server = Context::server();
        let (now, delay) = (self.clock().now(), self.rules.limits.push.delay);
        let query = (decision, rows, now, now.minus(delay));
        let part = self.read(&server, query, |tx, _, (decision, rows, now, ripe)| {
            part(tx, decision, *rows, *now, *ripe)
        });
        let Some(mut part) = part.await? else { return Ok(DecideOutcome::Nothing) };
        self.silence(&mut part);
        let mut later = Vec::new();
        for group in &mut part.groups {
            let users: Vec<_> = group.members.iter().map(|member| member.user).collect();
            let mut online = online(&users).into_iter();
            let (present, away): (Vec<_>, _) =
                group.members.drain(..).partition(|_: &NotifyFacts| online.next().unwrap_or(false));
            group.members = away;
            later.extend(group.online_members(&present, part.events, now));
        }
        self.write(Growth::Bounded, &server, decide(decision.lease, &part, now), keep).await?;
        Ok(DecideOutcome::Some(later))
    }

    /// Moves the position of the lease's follower past the next row.
    async fn push_skip(&self, lease: Lease) -> Result<()> {
        self.write(Growth::Bounded, &Context::server(), lease, |unit, lease| {
            let PushPosition { position, batch } = position(unit.tx, lease)?;
            let position = (position + 1).min(unit.tx.feed_bounds()?.last);
            unit.end_step(*lease, Some(&PushPosition { position, batch }.within_batch().encode()))
        })
        .await
    }

    /// Repeats a decision for users who were online then and no longer are, as a step of the lease.
    pub async fn push_decide_again(&self, lease: Lease, members: OnlineMembers) -> Result<()> {
        let server = Context::server();
        let now = self.clock().now();
        let part = self.read(&server, (members, now), |tx, _, (members, now)| {
            let OnlineMembers { group, messages: ids, users } = members;
            let events = wants_events(tx, *now)?;
            let mut members = Vec::with_capacity(users.len());
            for user in users {
                let facts = tx.notify_facts(*group, UserId(user.0 - 1), events, *now, 1)?.pop();
                members.extend(facts.filter(|facts| facts.user == *user));
            }
            let messages = messages(tx, *group, ids, &members)?;
            let part = GroupPart { group: *group, messages, members };
            Ok(FeedSlice { groups: vec![part], next: None, events })
        });
        let mut part = part.await?;
        self.silence(&mut part);
        self.write(Growth::Bounded, &server, decide(lease, &part, now), keep).await
    }

    /// Ignores subscriptions if push notifications are disabled.
    fn silence(&self, part: &mut FeedSlice) {
        let enabled = self.rules.limits.push.enabled;
        let members = part.groups.iter_mut().flat_map(|group| &mut group.members);
        members.for_each(|member| member.subscribed &= enabled);
    }
}

impl GroupPart {
    /// The members in `online` who would be notified if they were offline. None if there are none.
    fn online_members(&self, online: &[NotifyFacts], events: bool, now: Date) -> Option<OnlineMembers> {
        let is_notified = |member: &NotifyFacts| {
            (member.subscribed || events) && collapse(&self.messages, member, now).is_some()
        };
        let users: Vec<_> =
            online.iter().filter(|member| is_notified(member)).map(|member| member.user).collect();
        let messages = self.messages.iter().map(|message| message.id).collect();
        (!users.is_empty()).then_some(OnlineMembers { group: self.group, messages, users })
    }
}

/// The position from which the lease's follower continues.
fn position(tx: &dyn Tx, lease: &Lease) -> Result<PushPosition> {
    let stored = PushPosition::decode(&tx.follower(lease.follower)?.position);
    let position = stored.position.max(tx.push_begin()?).max(tx.feed_bounds()?.removed);
    // If positions were skipped, the unfinished batch is obsolete.
    Ok(PushPosition { position, batch: stored.batch.filter(|_| stored.position == position) })
}

/// Reads the next part of the feed, at most `most` rows. None if no row is due.
fn part(
    tx: &dyn Tx,
    decision: &PushDecision,
    most: usize,
    now: Date,
    ripe: Date,
) -> Result<Option<FeedSlice>> {
    let PushPosition { position: first, batch } = position(tx, &decision.lease)?;
    let rows = tx.feed_page(first, most)?;
    let is_due = |position: i64, row: Option<&FeedRow>| match (batch, row) {
        (Some(batch), _) => position <= batch.upto,
        (None, Some(row)) if row.kind == FeedKind::MessageText => {
            row.date <= ripe || position <= decision.settled
        }
        (None, _) => true,
    };
    let due = rows.iter().take_while(|(position, row)| is_due(*position, row.as_ref()));
    let due: Vec<_> = due.collect();
    let Some((upto, _)) = due.last() else { return Ok(None) };
    let oldest = now.minus(NOTIFICATION_TTL);
    let mut wanted: BTreeMap<GroupId, Vec<&FeedRow>> = BTreeMap::new();
    for row in due.iter().filter_map(|(_, row)| row.as_ref()) {
        if row.kind == FeedKind::MessageText
            && row.date > oldest
            && let Some(group) = row.group
        {
            wanted.entry(group).or_default().push(row);
        }
    }
    let events = !wanted.is_empty() && wants_events(tx, now)?;
    let done = PushPosition { position: *upto, batch }.within_batch();
    let mut part = FeedSlice { groups: Vec::new(), next: Some(done), events };
    let mut left = MEMBERS;
    for (group, rows) in wanted {
        let after = match batch {
            Some(batch) if group < batch.group => continue,
            Some(batch) if group == batch.group => batch.user,
            _ => UserId(0),
        };
        let members = tx.notify_facts(group, after, events, now, left)?;
        let last = members.last().map(|member| member.user);
        left -= members.len();
        if !members.is_empty() {
            let ids: Vec<_> = rows.iter().filter_map(|row| row.message).collect();
            let messages = messages(tx, group, &ids, &members)?;
            part.groups.push(GroupPart { group, messages, members });
        }
        if left == 0 {
            let batch = PushBatch { upto: *upto, group, user: last.unwrap_or(after) };
            part.next = Some(PushPosition { position: first, batch: Some(batch) });
            break;
        }
    }
    Ok(Some(part))
}

/// The messages with these ids that still exist, for these members in order of id.
fn messages(
    tx: &dyn Tx,
    group: GroupId,
    ids: &[MessageId],
    members: &[NotifyFacts],
) -> Result<Vec<NotifyingMessage>> {
    let private = tx.group(group)?.is_some_and(|group| group.private);
    let mut found = tx.messages_by_id(Some(group), ids)?;
    found.sort_by_key(|message| message.seq);
    let mut blockers: BTreeMap<UserId, Vec<UserId>> = BTreeMap::new();
    let mut messages = Vec::with_capacity(found.len());
    for message in found {
        let author = message.author;
        if let Entry::Vacant(entry) = blockers.entry(author) {
            let mut all = tx.blockers(author)?;
            all.retain(|user| members.binary_search_by_key(user, |member| member.user).is_ok());
            entry.insert(all);
        }
        messages.push(NotifyingMessage::new(&message, private, blockers[&author].clone()));
    }
    Ok(messages)
}

fn decide(lease: Lease, part: &FeedSlice, now: Date) -> Decision {
    let mut decision = Decision { lease, next: part.next, pushes: Vec::new(), events: Vec::new() };
    for GroupPart { group, messages, members } in &part.groups {
        for member in members.iter().filter(|member| member.subscribed) {
            if let Some((message, reason)) = collapse(messages, member, now) {
                decision.pushes.push((member.user, waiting(*group, message, reason, now)));
            }
        }
        if part.events {
            decision.events.extend(messages.iter().flat_map(|message| events(*group, message, members, now)));
        }
    }
    decision
}

/// A notification that is due immediately. Its subscription is set later.
fn waiting(group: GroupId, message: &NotifyingMessage, reason: NotifyReason, now: Date) -> WaitingPush {
    WaitingPush {
        subscription: PushId(Uuid::nil()),
        group,
        message: message.id,
        seq: message.seq,
        urgent: reason.is_urgent(),
        due: now,
        expires: now.plus(NOTIFICATION_TTL),
        attempts: 0,
    }
}

fn events(
    group: GroupId,
    message: &NotifyingMessage,
    members: &[NotifyFacts],
    now: Date,
) -> impl Iterator<Item = NotifyEvent> + use<> {
    let users = members.iter().filter_map(|member| Some((member.user, message.reason(member, now)?)));
    let users: Vec<_> = users.collect();
    let message = message.clone();
    let parts: Vec<_> = users.chunks(NOTIFY_USERS).map(<[_]>::to_vec).collect();
    parts.into_iter().map(move |users| NotifyEvent { group, message: message.clone(), users })
}

fn keep(unit: &mut Unit, decision: &Decision) -> Result<()> {
    let now = unit.now();
    for (user, push) in &decision.pushes {
        for subscription in unit.tx.subscriptions(*user, now)? {
            let push = WaitingPush { subscription: subscription.id, ..*push };
            let earlier = unit.tx.push_waiting(push.subscription, push.group)?;
            if let Some(push) = replace(earlier, push) {
                unit.tx.push_set(&push)?;
            }
        }
    }
    for NotifyEvent { group, message, users } in &decision.events {
        let mut counted = Vec::with_capacity(users.len());
        for (user, reason) in users {
            counted.push((*user, *reason, unit.tx.mark(*group, *user)?.unread));
        }
        unit.tx.feed_insert(&notify_row(*group, message, &counted, now))?;
    }
    unit.end_step(decision.lease, decision.next.map(PushPosition::encode).as_deref())
}

/// Merges a notification with the one in the queue for the same subscription and group. The newer message
/// replaces the earlier one, but keeps its due date and attempts, and is urgent if either is. None if `newer` is
/// not in fact newer, so that the queue stays as it is.
fn replace(earlier: Option<WaitingPush>, newer: WaitingPush) -> Option<WaitingPush> {
    let Some(earlier) = earlier else { return Some(newer) };
    let WaitingPush { due, attempts, urgent, seq, .. } = earlier;
    (newer.seq > seq).then_some(WaitingPush { due, attempts, urgent: urgent || newer.urgent, ..newer })
}

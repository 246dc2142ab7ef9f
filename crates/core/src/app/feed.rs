//! The feed of events: what each change notes, and the events that are made of it when they are read.

mod note;
mod notify;
mod show;

pub(super) use note::report_row;
pub(super) use notify::notify_row;
pub(super) use show::shown;

use super::actor::service_only;
use super::{App, Context, Growth, Unit};
use crate::feed::{FeedEvent, FeedKind, FeedRow};
use crate::store::{Lease, Tx};
use crate::user::Caller;
use crate::{Date, Result};

/// Rows that are read, numbered or removed in one transaction.
const CHUNK: usize = 100;
const STEP: usize = 1000;
/// Steps of one [`App::feed_settle`], so that it ends however much is being written.
const STEPS: usize = 10;

/// A request for events.
#[derive(Debug, Clone)]
pub struct FeedQuery {
    /// The position after which to begin; none: at the oldest event that is kept.
    pub after: Option<i64>,
    /// The types that are wanted; none: all but `notify`.
    pub kinds: Option<Vec<FeedKind>>,
    /// The most events.
    pub limit: usize,
}

/// The answer to a request for events.
#[derive(Debug)]
pub enum FeedAnswer {
    /// Changes are not noted.
    Off,
    /// Events after the position are no longer kept, or never were.
    Gone,
    Part(FeedPart),
}

/// Some events in order. There may be fewer than were asked for.
#[derive(Debug)]
pub struct FeedPart {
    pub events: Vec<FeedEvent>,
    /// The position from which to go on.
    pub after: i64,
    /// Whether there may be more at once.
    pub has_more: bool,
}

impl App {
    /// Switches the feed on or off, as this node is configured. It is on while there is a webhook, or a subscription to
    /// notifications. Returns its new state if it has changed.
    pub async fn feed_prepare(&self) -> Result<Option<bool>> {
        let enabled = self.rules.limits.feed.enabled;
        let service = Context::new(Caller::Service);
        let (is_on, is_wanted) = self
            .read(&service, enabled, |tx, _, enabled| Ok((tx.feed_is_on()?, is_wanted(tx, *enabled)?)))
            .await?;
        if is_on == is_wanted {
            return Ok(None);
        }
        self.write(Growth::Bounded, &service, (), |unit, ()| unit.switch_feed()).await?;
        Ok(Some(is_wanted))
    }

    /// Whether changes are noted.
    pub async fn feed_is_on(&self) -> Result<bool> {
        self.read(&Context::new(Caller::Service), (), |tx, _, ()| tx.feed_is_on()).await
    }

    /// The last position that was given.
    pub async fn feed_end(&self) -> Result<i64> {
        self.read(&Context::new(Caller::Service), (), |tx, _, ()| Ok(tx.feed_bounds()?.last)).await
    }

    /// A part of the feed.
    pub async fn feed(&self, context: &Context, query: FeedQuery) -> Result<FeedAnswer> {
        self.read(context, query, |tx, caller, query| {
            service_only(caller)?;
            part(tx, query)
        })
        .await
    }

    /// Whether committed events have no positions yet.
    pub async fn feed_is_behind(&self, context: &Context) -> Result<bool> {
        self.read(context, (), |tx, caller, ()| {
            service_only(caller)?;
            tx.feed_is_behind()
        })
        .await
    }

    /// Gives committed events their positions. Readers call it before they read.
    pub async fn feed_settle(&self) -> Result<()> {
        let service = Context::new(Caller::Service);
        for _ in 0..STEPS {
            if !self.feed_is_behind(&service).await? {
                break;
            }
            self.write(Growth::Bounded, &service, (), |unit, ()| unit.tx.feed_number(STEP)).await?;
        }
        Ok(())
    }

    /// A step of the follower: gives some events their positions, and removes some that are too old. Returns their
    /// number; after 0 there is nothing left. Fails with [`LeaseEnded`](crate::Error::LeaseEnded) if another node has the lease.
    pub async fn feed_trim(&self, lease: Lease) -> Result<usize> {
        self.write(Growth::Bounded, &Context::new(Caller::Service), lease, |unit, lease| {
            let numbered = unit.tx.feed_number(STEP)?;
            let oldest = unit.rules.limits.feed.oldest(unit.now());
            let rows = unit.tx.feed_page(unit.tx.feed_bounds()?.removed, STEP)?;
            let is_old = |row: &Option<FeedRow>| row.as_ref().is_none_or(|row| row.date < oldest);
            let old = rows.iter().take_while(|(_, row)| is_old(row)).count();
            if let Some((upto, _)) = rows[..old].last() {
                unit.tx.feed_remove(*upto)?;
            }
            unit.end_step(*lease, None)?;
            Ok(numbered + old)
        })
        .await
    }
}

impl Unit<'_> {
    /// Switches the feed on if it is configured, or a webhook or a subscription needs it, and else off.
    pub(super) fn switch_feed(&mut self) -> Result<()> {
        let on = is_wanted(self.tx, self.rules.limits.feed.enabled)?;
        self.tx.feed_switch(on)
    }
}

fn is_wanted(tx: &dyn Tx, enabled: bool) -> Result<bool> {
    Ok(enabled || tx.webhooks_exist()? || tx.subscriptions_exist()?)
}

/// Whether the follower has work: events without a position, or too old ones.
pub(super) fn is_due(tx: &dyn Tx, oldest: Date) -> Result<bool> {
    let first = tx.feed_page(tx.feed_bounds()?.removed, 1)?.pop();
    Ok(first.is_some_and(|(_, row)| row.is_none_or(|row| row.date < oldest)) || tx.feed_is_behind()?)
}

fn part(tx: &dyn Tx, query: &FeedQuery) -> Result<FeedAnswer> {
    if !tx.feed_is_on()? {
        return Ok(FeedAnswer::Off);
    }
    let bounds = tx.feed_bounds()?;
    let mut after = query.after.unwrap_or(bounds.removed);
    if !(bounds.removed..=bounds.last).contains(&after) {
        return Ok(FeedAnswer::Gone);
    }
    let rows = tx.feed_page(after, CHUNK)?;
    let is_whole = rows.len() == CHUNK;
    let mut wanted = Vec::new();
    let mut left = rows.into_iter().peekable();
    while wanted.len() < query.limit
        && let Some((position, row)) = left.next()
    {
        after = position;
        let has =
            |kind: FeedKind| query.kinds.as_ref().map_or(kind.is_usual(), |kinds| kinds.contains(&kind));
        wanted.extend(row.filter(|row| has(row.kind)).map(|row| (position, row)));
    }
    let has_more = is_whole || left.peek().is_some();
    Ok(FeedAnswer::Part(FeedPart { events: shown(tx, wanted)?, after, has_more }))
}

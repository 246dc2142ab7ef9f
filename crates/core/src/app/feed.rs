//! The feed of events: which rows a change records, and how events are built from the rows when they are
//! read.

mod note;
mod notify;
mod show;

pub(super) use note::report_row;
pub(super) use notify::notify_row;
pub(super) use show::shown;

use super::actor::service_only;
use super::{App, Context, Growth, Unit};
use crate::feed::{FeedEvent, FeedKind};
use crate::store::{Lease, Tx};
use crate::{Date, Result};

/// The most rows that one transaction reads (`CHUNK`), or numbers and removes (`STEP`).
const CHUNK: usize = 100;
const STEP: usize = 1000;
/// The most steps of one [`App::feed_settle`], so that it ends even under a heavy write load.
const STEPS: usize = 10;

/// A request for events.
#[derive(Debug, Clone)]
pub struct FeedQuery {
    /// The position after which to begin. None: at the oldest stored event.
    pub after: Option<i64>,
    /// The requested types. None: all except `notify`.
    pub kinds: Option<Vec<FeedKind>>,
    pub limit: usize,
}

/// The answer to a request for events.
#[derive(Debug)]
pub enum FeedAnswer {
    /// The feed is off: changes are not recorded.
    Off,
    /// The events after the position were removed or never recorded.
    Gone,
    Part(FeedPart),
}

/// Events in order. There may be fewer than requested.
#[derive(Debug)]
pub struct FeedPart {
    pub events: Vec<FeedEvent>,
    /// The cursor of the next request.
    pub after: i64,
    /// Whether more events may be available immediately.
    pub has_more: bool,
}

impl App {
    /// Switches the feed on or off. It is on if this node's configuration enables it, if there is a webhook,
    /// or if there is a subscription to notifications. Returns the new state if it changed.
    pub async fn feed_prepare(&self) -> Result<Option<bool>> {
        let enabled = self.rules.limits.feed.enabled;
        let server = Context::server();
        let (is_on, is_wanted) = self
            .read(&server, enabled, |tx, _, enabled| Ok((tx.feed_is_on()?, is_wanted(tx, *enabled)?)))
            .await?;
        if is_on == is_wanted {
            return Ok(None);
        }
        self.write(Growth::Bounded, &server, (), |unit, ()| unit.switch_feed()).await?;
        Ok(Some(is_wanted))
    }

    /// Whether changes are recorded.
    pub async fn feed_is_on(&self) -> Result<bool> {
        self.read(&Context::server(), (), |tx, _, ()| tx.feed_is_on()).await
    }

    /// The last position in use.
    pub async fn feed_end(&self) -> Result<i64> {
        self.read(&Context::server(), (), |tx, _, ()| Ok(tx.feed_bounds()?.last)).await
    }

    /// Reads a part of the feed.
    pub async fn feed(&self, context: &Context, query: FeedQuery) -> Result<FeedAnswer> {
        self.read(context, query, |tx, caller, query| {
            service_only(caller)?;
            part(tx, query)
        })
        .await
    }

    /// Whether there are committed events without a position.
    pub async fn feed_is_behind(&self, context: &Context) -> Result<bool> {
        self.read(context, (), |tx, caller, ()| {
            service_only(caller)?;
            tx.feed_is_behind()
        })
        .await
    }

    /// Assigns positions to committed events. Call it before reading.
    pub async fn feed_settle(&self) -> Result<()> {
        let server = Context::server();
        for _ in 0..STEPS {
            if !self.feed_is_behind(&server).await? {
                break;
            }
            self.write(Growth::Bounded, &server, (), |unit, ()| unit.tx.feed_number(STEP)).await?;
        }
        Ok(())
    }

    /// A step of the follower: assigns positions to some events, and removes some events that are too old.
    /// Returns their number; 0 means that nothing is left to do. Fails with
    /// [`LeaseEnded`](crate::Error::LeaseEnded) if another node has the lease.
    pub async fn feed_trim(&self, lease: Lease) -> Result<usize> {
        self.write(Growth::Bounded, &Context::server(), lease, |unit, lease| {
            let numbered = unit.tx.feed_number(STEP)?;
            let oldest = unit.rules.limits.feed.oldest(unit.now());
            // Whatever comes before an old row is old, even if a clock that was ahead has dated it.
            let removed = match unit.tx.feed_last_before(oldest, STEP)? {
                Some(upto) => unit.tx.feed_remove(upto)?,
                None => 0,
            };
            unit.end_step(*lease, None)?;
            Ok(numbered + removed)
        })
        .await
    }
}

impl Unit<'_> {
    /// Switches the feed on if the configuration, a webhook or a subscription requires it, or else off.
    pub(super) fn switch_feed(&mut self) -> Result<()> {
        let on = is_wanted(self.tx, self.rules.limits.feed.enabled)?;
        self.tx.feed_switch(on)
    }
}

fn is_wanted(tx: &dyn Tx, enabled: bool) -> Result<bool> {
    Ok(enabled || tx.webhooks_exist()? || tx.subscriptions_exist()?)
}

/// Whether the follower has work: events without a position, or events that are too old.
pub(super) fn is_due(tx: &dyn Tx, oldest: Date) -> Result<bool> {
    Ok(tx.feed_last_before(oldest, 1)?.is_some() || tx.feed_is_behind()?)
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

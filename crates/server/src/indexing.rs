//! The search index. One node at a time adds new messages to it, merges its parts, and removes the words of erased
//! messages.

use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::{Candidate, Claim};
use chinwag_core::store::{Follower, Lease};
use chinwag_core::{Error, Result};
use tokio::time::{sleep, timeout};

/// The interval of checking whether this node has stored messages, or any node has erased some.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// The interval of a round in any case, for messages that a command or a lost node has stored.
const FORCED_ROUND_INTERVAL: Duration = Duration::from_secs(600);
/// How often within a lease a node checks whether its holder is alive.
const CHECKS_PER_LEASE: u32 = 4;
/// The pause after a step, as a multiple of the step's duration: indexing uses a tenth of the store's time. It is
/// bounded, so that the lease does not expire during a pause.
const PAUSE: u32 = 9;
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The minimum time between two cleanings while messages are erased in steps. Each cleaning rewrites the whole index.
const WHILE_ERASING: Duration = Duration::from_secs(30);

/// The messages that a node adds before it checks again whether the index needs a merge.
const ADDED: usize = 10_000;

/// Keeps the index up to date until the future is dropped. Without `adds` it only cleans the index.
pub(crate) async fn run(app: App, lease: Duration, adds: bool) {
    let candidate = app.candidate(Follower::SearchIndex, lease);
    let mut indexing = Indexing { candidate, lease, adds, added: ADDED, cleaned: app.clock().elapsed(), app };
    let (mut is_due, mut last) = (adds, indexing.app.clock().elapsed());
    loop {
        let app = &indexing.app;
        let is_late = app.clock().elapsed().saturating_sub(last) >= FORCED_ROUND_INTERVAL;
        is_due |= adds && (app.take_unindexed() || is_late);
        let wait = match indexing.round(is_due).await {
            Ok(Claim::Held) => lease / CHECKS_PER_LEASE,
            Ok(Claim::Idle) => POLL_INTERVAL,
            Ok(Claim::Mine { .. }) => {
                (is_due, last) = (false, indexing.app.clock().elapsed());
                POLL_INTERVAL
            }
            Err(Error::Full) => POLL_INTERVAL,
            Err(Error::LeaseEnded) => {
                tracing::warn!("another node has taken over the search index");
                lease / CHECKS_PER_LEASE
            }
            Err(error) => {
                tracing::warn!(%error, "the search index could not be brought up to date: it will be tried again");
                lease / CHECKS_PER_LEASE
            }
        };
        sleep(wait).await;
    }
}

struct Indexing {
    app: App,
    candidate: Candidate,
    /// How long a silent holder keeps the lease.
    lease: Duration,
    adds: bool,
    /// Messages added since the last check whether a merge is needed. Starts at [`ADDED`], so that the first round
    /// checks: the last process may have ended before it merged.
    added: usize,
    /// The time of this node's last cleaning, or of its start.
    cleaned: Duration,
}

impl Indexing {
    /// If no other node does the work: indexes all groups once if `is_due`, and cleans the index of erased words if
    /// necessary.
    async fn round(&mut self, is_due: bool) -> Result<Claim> {
        if !is_due && self.to_clean().await?.is_none() {
            return Ok(Claim::Idle);
        }
        let claim = self.candidate.take().await?;
        let Claim::Mine { lease, .. } = claim else { return Ok(claim) };
        if self.adds {
            self.add(lease).await?;
        }
        if let Some(removals) = self.to_clean().await? {
            self.clean(lease, removals).await?;
        } else if self.added >= ADDED && !self.app.has_work() {
            if self.app.index_is_scattered().await? {
                self.merge(lease).await?;
            }
            self.added = 0;
        }
        self.candidate.release(lease).await?;
        Ok(claim)
    }

    /// The removal count up to which the index must be cleaned now, if it must.
    async fn to_clean(&self) -> Result<Option<i64>> {
        let since = self.app.clock().elapsed().saturating_sub(self.cleaned);
        if self.app.has_work() && since < WHILE_ERASING { Ok(None) } else { self.app.index_to_clean().await }
    }

    async fn add(&mut self, lease: Lease) -> Result<()> {
        let app = self.app.clone();
        let is_first = app.index_progress().await?.is_none_or(|progress| !progress.is_complete);
        if is_first {
            tracing::info!("the search index is being built: until then a search reads more messages");
        }
        loop {
            let begun = app.clock().elapsed();
            let step = app.index_step(lease).await?;
            self.added += step.added;
            if step.is_last {
                break;
            }
            let took = app.clock().elapsed().saturating_sub(begun);
            // Pause longer: the erasure in progress may remove the same messages again.
            let pause = if app.has_work() { LONGEST_PAUSE } else { took * PAUSE };
            sleep(pause.min(LONGEST_PAUSE)).await;
            // Clean within the round, so that a long round does not delay the removal of erased words.
            if let Some(removals) = self.to_clean().await? {
                self.clean(lease, removals).await?;
            }
        }
        if is_first {
            tracing::info!("the search index is built");
        }
        Ok(())
    }

    /// Merges the parts of the index. Between two steps it pauses for the duration of a step, so that others can use
    /// the store.
    async fn merge(&self, lease: Lease) -> Result<()> {
        let clock = self.app.clock();
        loop {
            let step = clock.elapsed();
            if self.app.index_merge(lease).await? {
                return Ok(());
            }
            sleep(clock.elapsed().saturating_sub(step).min(LONGEST_PAUSE)).await;
        }
    }

    /// Cleans the index of erased words.
    async fn clean(&mut self, lease: Lease, removals: i64) -> Result<()> {
        let app = self.app.clone();
        let begun = app.clock().elapsed();
        self.merge(lease).await?;
        let renewal = app.index_renew();
        tokio::pin!(renewal);
        loop {
            match timeout(self.lease / CHECKS_PER_LEASE, &mut renewal).await {
                Ok(outcome) => break outcome?,
                Err(_) => app.index_hold(lease).await?,
            }
        }
        self.cleaned = app.clock().elapsed();
        let took = self.cleaned.saturating_sub(begun);
        app.index_cleaned(lease, removals, took).await
    }
}

//! The index of the search: one node at a time adds new messages to it, merges its parts, and cleans it of the words of erased
//! messages.

use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::{Candidate, Claim};
use chinwag_core::store::{Follower, Lease};
use chinwag_core::{Error, Result};
use tokio::time::{sleep, timeout};

/// The time between two looks whether this node has stored messages, or any has erased some.
const EVERY: Duration = Duration::from_secs(10);
/// The time after which a round is made in any case, for messages that a command or a lost node has stored.
const ANYWAY: Duration = Duration::from_secs(600);
/// A node looks so many times within a lease whether its holder lives.
const LOOKS: u32 = 4;
/// The pause after a step, as a multiple of its time: indexing takes a tenth of the store's time. Bounded, so that the lease
/// does not end in a pause.
const PAUSE: u32 = 9;
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// While messages are being erased in steps, the index is cleaned only this often: each time all of it is written.
const WHILE_ERASING: Duration = Duration::from_secs(30);

/// The messages that a node adds between two looks whether the index is to be merged.
const ADDED: usize = 10_000;

/// Keeps the index up to date until it is dropped. Adds nothing unless `adds`.
pub(crate) async fn run(app: App, lease: Duration, adds: bool) {
    let candidate = app.candidate(Follower::SearchIndex, lease);
    let mut indexing = Indexing { candidate, lease, adds, added: ADDED, cleaned: app.clock().elapsed(), app };
    let (mut is_due, mut last) = (adds, indexing.app.clock().elapsed());
    loop {
        let app = &indexing.app;
        let is_late = app.clock().elapsed().saturating_sub(last) >= ANYWAY;
        is_due |= adds && (app.take_unindexed() || is_late);
        let wait = match indexing.round(is_due).await {
            Ok(Claim::Held) => lease / LOOKS,
            Ok(Claim::Idle) => EVERY,
            Ok(Claim::Mine { .. }) => {
                (is_due, last) = (false, indexing.app.clock().elapsed());
                EVERY
            }
            Err(Error::Full) => EVERY,
            Err(Error::LeaseEnded) => {
                tracing::warn!("another node has taken over the index of the search");
                lease / LOOKS
            }
            Err(error) => {
                tracing::warn!(%error, "the index of the search could not be brought up to date: it will be tried again");
                lease / LOOKS
            }
        };
        sleep(wait).await;
    }
}

struct Indexing {
    app: App,
    candidate: Candidate,
    /// The time after which a silent holder counts as gone.
    lease: Duration,
    adds: bool,
    /// The messages that were added since the last look whether the index is to be merged. The first round looks, since the last
    /// process may have ended before.
    added: usize,
    /// The time of the last cleaning by this node, or of its start.
    cleaned: Duration,
}

impl Indexing {
    /// Goes once through all groups if that is due, and cleans the index if it has words to lose, if no other node does.
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

    /// The number of removals of which the index is to be cleaned now.
    async fn to_clean(&self) -> Result<Option<i64>> {
        let since = self.app.clock().elapsed().saturating_sub(self.cleaned);
        if self.app.has_work() && since < WHILE_ERASING { Ok(None) } else { self.app.index_to_clean().await }
    }

    async fn add(&mut self, lease: Lease) -> Result<()> {
        let app = self.app.clone();
        let is_first = app.index_progress().await?.is_none_or(|progress| !progress.is_complete);
        if is_first {
            tracing::info!("the index of the search is being built: until then a search reads more messages");
        }
        loop {
            let begun = app.clock().elapsed();
            let step = app.index_step(lease).await?;
            self.added += step.added;
            if step.is_last {
                break;
            }
            let took = app.clock().elapsed().saturating_sub(begun);
            // An erasure may be about to take the same messages out again.
            let pause = if app.has_work() { LONGEST_PAUSE } else { took * PAUSE };
            sleep(pause.min(LONGEST_PAUSE)).await;
            // A long round does not keep erased words for long.
            if let Some(removals) = self.to_clean().await? {
                self.clean(lease, removals).await?;
            }
        }
        if is_first {
            tracing::info!("the index of the search is built");
        }
        Ok(())
    }

    /// Merges the parts of the index. Between two steps others have the store for as long as a step.
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
            match timeout(self.lease / LOOKS, &mut renewal).await {
                Ok(outcome) => break outcome?,
                Err(_) => app.index_hold(lease).await?,
            }
        }
        self.cleaned = app.clock().elapsed();
        let took = self.cleaned.saturating_sub(begun);
        app.index_cleaned(lease, removals, took).await
    }
}

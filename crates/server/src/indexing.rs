//! The index of the search: one node at a time adds new messages to it.

use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::{Candidate, Claim};
use chinwag_core::store::Follower;
use chinwag_core::{Error, Result};
use tokio::time::sleep;

/// The time between two looks whether this node has stored messages.
const EVERY: Duration = Duration::from_secs(10);
/// The time after which a round is made in any case, for messages that a command or a lost node has stored.
const ANYWAY: Duration = Duration::from_secs(600);
/// A node looks so many times within a lease whether its holder lives.
const LOOKS: u32 = 4;
/// The pause after a step, as a multiple of its time: indexing takes a tenth of the store's time. Bounded, so that the lease
/// does not end in a pause.
const PAUSE: u32 = 9;
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Keeps the index up to date until it is dropped.
pub(crate) async fn run(app: App, lease: Duration) {
    let mut candidate = app.candidate(Follower::SearchIndex, lease);
    let (mut is_due, mut last) = (true, app.clock().elapsed());
    loop {
        is_due |= app.take_unindexed() || app.clock().elapsed().saturating_sub(last) >= ANYWAY;
        if !is_due {
            sleep(EVERY).await;
            continue;
        }
        let wait = match round(&app, &mut candidate).await {
            Ok(Claim::Held) => lease / LOOKS,
            Ok(Claim::Idle | Claim::Mine { .. }) => {
                (is_due, last) = (false, app.clock().elapsed());
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

/// Goes once through all groups, if no other node does.
async fn round(app: &App, candidate: &mut Candidate) -> Result<Claim> {
    let claim = candidate.take().await?;
    let Claim::Mine { lease, .. } = claim else { return Ok(claim) };
    let is_first = app.index_progress().await?.is_none_or(|progress| !progress.is_complete);
    if is_first {
        tracing::info!("the index of the search is being built: until then a search reads more messages");
    }
    loop {
        let begun = app.clock().elapsed();
        let step = app.index_step(lease).await?;
        if step.is_last {
            break;
        }
        let took = app.clock().elapsed().saturating_sub(begun);
        sleep((took * PAUSE).min(LONGEST_PAUSE)).await;
    }
    if is_first {
        tracing::info!("the index of the search is built");
    }
    candidate.release(lease).await?;
    Ok(claim)
}

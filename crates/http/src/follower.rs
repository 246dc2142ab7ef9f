//! The loop of a follower that holds its lease while there is work, as for webhooks and push notifications.

use std::time::Duration;

use chinwag_core::app::follower::Claim;
use chinwag_core::store::{Follower, Lease};
use chinwag_core::{Error, Result};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::state::ServerState;

/// The polling interval while there is work.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The polling interval for new work. Work that this node creates wakes it at once.
const IDLE_EVERY: Duration = Duration::from_secs(10);
/// Heartbeats within a lease. Other nodes check the lease as often.
const BEATS: u32 = 4;

/// The parameters of a follower.
pub(crate) struct FollowerParams<'a> {
    pub(crate) follower: Follower,
    /// How long a holder may be silent before it counts as dead.
    pub(crate) lease: Duration,
    /// A description of its work, for the log.
    pub(crate) about: &'static str,
    /// Notified when this node creates work. Work created while another node holds the lease is found by that node.
    pub(crate) changed: &'a Notify,
}

/// Follows until the server drains. `serve` gets each lease and the interval of heartbeats, and returns when there is
/// no work left.
pub(crate) async fn follow<F: Future<Output = Result<()>>>(
    state: &ServerState,
    following: FollowerParams<'_>,
    serve: impl Fn(Lease, Duration) -> F,
) {
    let FollowerParams { follower, lease, about, changed } = following;
    let mut candidate = state.app.candidate(follower, lease);
    while !state.is_draining() {
        let wait = match candidate.take().await {
            Ok(Claim::Idle) => IDLE_EVERY,
            Ok(Claim::Held) => lease / BEATS,
            Ok(Claim::Mine { lease: held, taken_over }) => {
                if taken_over {
                    tracing::info!("{about} was taken over from an unresponsive node");
                }
                match serve(held, lease / BEATS).await {
                    Ok(()) => {
                        // On failure, the lease expires by itself.
                        let _ = candidate.release(held).await;
                        IDLE_EVERY
                    }
                    Err(Error::LeaseEnded) => {
                        tracing::warn!("another node has taken over {about}");
                        lease / BEATS
                    }
                    Err(error) => {
                        tracing::warn!(%error, "{about} has failed: it will be tried again");
                        POLL_INTERVAL
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "{about} could not begin: it will be tried again");
                lease / BEATS
            }
        };
        if state.is_draining() {
            return;
        }
        let _ = timeout(wait, changed.notified()).await;
    }
}

//! The loop of a follower that works for as long as it has the lease: the sending to webhooks, and that of notifications.

use std::time::Duration;

use chinwag_core::app::follower::Claim;
use chinwag_core::store::{Follower, Lease};
use chinwag_core::{Error, Result};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::state::ServerState;

/// The time between two looks for events while there is work.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The time between two looks whether there is work, unless this node has made some.
const IDLE_EVERY: Duration = Duration::from_secs(10);
/// A holder gives so many signs of life within a lease, and other nodes look as often.
const BEATS: u32 = 4;

/// A follower, as this node takes part in it.
pub(crate) struct Following<'a> {
    pub(crate) follower: Follower,
    /// A holder that gives no sign of life for so long counts as gone.
    pub(crate) lease: Duration,
    /// Its work, as the log names it.
    pub(crate) about: &'static str,
    /// Notified when this node has made work. Work that is made while another node has the lease is found by that node.
    pub(crate) changed: &'a Notify,
}

/// Follows until the server drains. `serve` is given each lease, and the time between two signs of life; it ends when there
/// is no work.
pub(crate) async fn follow<F: Future<Output = Result<()>>>(
    state: &ServerState,
    following: Following<'_>,
    serve: impl Fn(Lease, Duration) -> F,
) {
    let Following { follower, lease, about, changed } = following;
    let mut candidate = state.app.candidate(follower, lease);
    while !state.is_draining() {
        let wait = match candidate.take().await {
            Ok(Claim::Idle) => IDLE_EVERY,
            Ok(Claim::Held) => lease / BEATS,
            Ok(Claim::Mine { lease: held, taken_over }) => {
                if taken_over {
                    tracing::info!("{about} was taken over from a node that is silent");
                }
                match serve(held, lease / BEATS).await {
                    Ok(()) => {
                        // If it fails, the lease ends by itself.
                        let _ = candidate.release(held).await;
                        IDLE_EVERY
                    }
                    Err(Error::LeaseEnded) => {
                        tracing::warn!("another node has taken over {about}");
                        lease / BEATS
                    }
                    Err(error) => {
                        tracing::warn!(%error, "{about} has failed: it will be tried again");
                        LOOK_EVERY
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

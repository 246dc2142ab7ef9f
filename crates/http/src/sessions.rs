//! Records the use of sessions: by requests and handshakes every few minutes, and by open sockets every hour.
//! Requests themselves write nothing.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::Result;
use chinwag_core::session::{TokenUse, USES_NOTED_EVERY};
use tokio::time::sleep;

use crate::state::ServerState;

/// The number of rounds after which the sessions of open sockets are recorded as well.
const ROUNDS: u32 = 12;
/// The interval of checking whether the server drains.
const DRAIN_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Records uses until the server drains, then the remaining ones.
pub async fn run(state: Arc<ServerState>) {
    let mut sockets = false;
    for round in 1_u32.. {
        for _ in 0..USES_NOTED_EVERY.as_secs() {
            if state.is_draining() {
                break;
            }
            sleep(DRAIN_POLL_INTERVAL).await;
        }
        sockets |= round.is_multiple_of(ROUNDS);
        match note(&state, sockets).await {
            Ok(()) => sockets = false,
            Err(error) => tracing::warn!(%error, "the last use of some sessions is not noted yet"),
        }
        if state.is_draining() {
            return;
        }
    }
}

/// Records the uses since the last call and, if `sockets`, those of open sockets. On failure, the next call records
/// them.
pub async fn note(state: &ServerState, sockets: bool) -> Result<()> {
    let mut uses = state.auth.take_uses();
    if sockets {
        uses.extend(state.hub.open_tokens().into_iter().map(|token| TokenUse { token, client: None }));
    }
    let noted = state.app.tokens_use(&uses).await;
    if noted.is_err() {
        state.auth.put_back_uses(uses);
    }
    noted
}

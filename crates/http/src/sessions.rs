//! Notes which sessions are in use: what requests and handshakes have used, every few minutes, and the sessions of open
//! sockets every hour. A request itself writes nothing.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::Result;
use chinwag_core::session::{TokenUse, USES_NOTED_EVERY};
use tokio::time::sleep;

use crate::state::ServerState;

/// After so many rounds those of open sockets are noted, too.
const ROUNDS: u32 = 12;
/// The pause between two looks whether the server drains.
const LOOK: Duration = Duration::from_secs(1);

/// Notes uses until the server drains, then those that are left.
pub async fn run(state: Arc<ServerState>) {
    for round in 1_u32.. {
        for _ in 0..USES_NOTED_EVERY.as_secs() {
            if state.is_draining() {
                break;
            }
            sleep(LOOK).await;
        }
        if let Err(error) = note(&state, round.is_multiple_of(ROUNDS)).await {
            tracing::warn!(%error, "the last use of some sessions is not noted");
        }
        if state.is_draining() {
            return;
        }
    }
}

/// Notes the uses since the last time, and those of open sockets if `sockets`.
pub async fn note(state: &ServerState, sockets: bool) -> Result<()> {
    let mut uses = state.auth.take_uses();
    if sockets {
        uses.extend(state.hub.open_tokens().into_iter().map(|token| TokenUse { token, client: None }));
    }
    state.app.tokens_use(uses).await
}

//! Tasks that the server does from time to time.

use std::time::Duration;

use chinwag_core::app::App;
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(600);
/// Transactions in one round, of up to 1000 tokens each; what is left waits for the next.
const ROUNDS: usize = 100;

/// Drops expired tokens every ten minutes, until it is dropped itself.
pub(crate) async fn run(app: App) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        purge(&app).await;
    }
}

async fn purge(app: &App) {
    let mut dropped = 0;
    for _ in 0..ROUNDS {
        match app.tokens_purge().await {
            Ok(0) => break,
            Ok(some) => dropped += some,
            Err(error) => {
                tracing::warn!(%error, "expired tokens could not be dropped");
                break;
            }
        }
    }
    if dropped > 0 {
        tracing::debug!(dropped, "expired tokens were dropped");
    }
}

//! The end: at the first signal the server sends everybody away in good order, at the second it
//! ends at once.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chinwag_http::ServerState;
use chinwag_hub::Hub;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::config::Shutdown;

/// The time beyond its own bounds after which the serving loop is given up.
const SLACK: Duration = Duration::from_secs(2);

/// The signals that ask a server to end: SIGTERM, and SIGINT as from a terminal.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Registers the signals, which are fatal until then.
    pub(crate) fn register() -> Result<Self> {
        let register = |kind| signal(kind).context("could not register the signal handlers");
        Ok(Self {
            terminate: register(SignalKind::terminate())?,
            interrupt: register(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        let received = tokio::select! {
            received = self.terminate.recv() => received,
            received = self.interrupt.recv() => received,
        };
        if received.is_none() {
            pending::<()>().await;
        }
    }
}

/// The parts to stop.
pub(crate) struct Serving {
    pub(crate) state: Arc<ServerState>,
    pub(crate) hub: Arc<Hub>,
    /// The loop that accepts and serves connections.
    pub(crate) task: JoinHandle<()>,
    /// Stops that loop.
    pub(crate) stop: oneshot::Sender<()>,
}

/// Brings it to its end: not ready any more, no new connections, sockets sent away one after the
/// other, requests under way finished. Bounded by the settings; cut short by a second signal.
pub(crate) async fn drain(serving: Serving, settings: &Shutdown, signals: &mut Signals) {
    tracing::info!("draining");
    serving.state.drain();
    let in_order = async {
        sleep(settings.notice.0).await;
        // The loop may have ended by itself.
        let _ = serving.stop.send(());
        serving.hub.drain(settings.drain.0).await;
        let finish = settings.finish.0 + SLACK;
        if timeout(finish, serving.task).await.is_err() {
            tracing::warn!("some requests did not finish in time");
        }
    };
    tokio::select! {
        () = in_order => {}
        () = signals.next() => {
            tracing::warn!("ended at once, by a second signal");
            std::process::exit(1);
        }
    }
}

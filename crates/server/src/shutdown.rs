//! Graceful shutdown. The first signal drains the server; the second one ends it at once.

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

/// The time that the accept loop may exceed its own timeout before the shutdown no longer waits for it.
const SLACK: Duration = Duration::from_secs(2);

/// The signals that begin a shutdown: SIGTERM, and SIGINT (Ctrl-C).
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Registers the handlers. Until then these signals kill the process.
    pub(crate) fn register() -> Result<Self> {
        let register = |kind| signal(kind).context("could not register the signal handlers");
        Ok(Self {
            terminate: register(SignalKind::terminate())?,
            interrupt: register(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal.
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

/// The parts that a shutdown stops.
pub(crate) struct Serving {
    pub(crate) state: Arc<ServerState>,
    pub(crate) hub: Arc<Hub>,
    /// The accept loop, which serves connections.
    pub(crate) task: JoinHandle<()>,
    /// Stops the accept loop.
    pub(crate) stop: oneshot::Sender<()>,
}

/// Drains the server: reports not ready, stops accepting connections, closes the sockets one after the other, and
/// waits for requests in flight. Each phase is bounded by the settings; a second signal skips the remainder.
pub(crate) async fn drain(serving: Serving, settings: &Shutdown, signals: &mut Signals) {
    tracing::info!("draining");
    serving.state.drain();
    let in_order = async {
        sleep(settings.notice.0).await;
        // The accept loop may have ended already.
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

//! Graceful shutdown. The first signal drains the server; the second one ends it at once.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use chinwag_http::ServerState;
use chinwag_hub::Hub;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::config::Shutdown;

/// The time that the accept loop may exceed its own timeout before the shutdown no longer waits for it.
const SLACK: Duration = Duration::from_secs(2);

/// The first SIGTERM or SIGINT, which starts the shutdown.
pub(crate) struct FirstSignal(oneshot::Receiver<()>);

impl FirstSignal {
    /// Registers the signals, which kill the process until then. A separate thread receives them, so that a second signal
    /// exits at once, even while the start or the shutdown blocks on the database.
    pub(crate) fn register() -> Result<Self> {
        const CANNOT: &str = "could not register the signal handlers";
        let runtime = Builder::new_current_thread().enable_all().build().context(CANNOT)?;
        let mut signals = runtime.block_on(async { Signals::register() }).context(CANNOT)?;
        let (first, received) = oneshot::channel();
        let thread = thread::Builder::new().name("signals".into());
        let receive = async move {
            signals.next().await;
            // The receiver may be gone after a failure.
            let _ = first.send(());
            signals.next().await;
            tracing::warn!("ended at once, by a second signal");
            std::process::exit(1);
        };
        thread.spawn(move || runtime.block_on(receive)).context(CANNOT)?;
        Ok(Self(received))
    }

    /// Ends the process at the signal with exit code 1, after a cleanup.
    pub(crate) fn exit_after(self, cleanup: impl FnOnce() + Send + 'static) {
        thread::spawn(move || {
            if self.0.blocking_recv().is_ok() {
                cleanup();
                std::process::exit(1);
            }
        });
    }

    /// Waits for the signal. Must not be called again after it has arrived.
    pub(crate) async fn received(&mut self) {
        if (&mut self.0).await.is_err() {
            pending::<()>().await;
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn register() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal.
    async fn next(&mut self) {
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

/// Drains the server: reports not ready, accepts no new connections, closes sockets one after the other, and finishes
/// requests in flight. The settings bound each phase.
pub(crate) async fn drain(serving: Serving, settings: &Shutdown) {
    tracing::info!("draining");
    serving.state.drain();
    sleep(settings.notice.0).await;
    // The server may have stopped already.
    let _ = serving.stop.send(());
    serving.hub.drain(settings.drain.0).await;
    let finish = settings.finish.0 + SLACK;
    if timeout(finish, serving.task).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

//! The background tasks of a running server.

use std::time::Duration;

use anyhow::anyhow;
use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::Config;
use crate::control::Control;
use crate::data::Folder;
use crate::wire_up::Node;
use crate::{followers, indexing, upkeep};

/// The timeout for the end of a task.
const LINGER: Duration = Duration::from_secs(5);

/// The tasks that run next to the accept loop.
pub(crate) struct Background {
    tasks: NamedTasks,
    /// Tasks that run until they are ended.
    endless: Vec<JoinHandle<()>>,
    sending: JoinHandle<()>,
    notifying: JoinHandle<()>,
    noting: JoinHandle<()>,
    /// The exporter of spans, and the sender that ends it when dropped.
    tracing: Option<(JoinHandle<()>, oneshot::Sender<()>)>,
    control: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts the tasks.
    pub(crate) fn start(config: &Config, folder: &Folder, node: &Node) -> Self {
        let Node { app, hub, state, files } = node;
        let (tasks, lease) = (NamedTasks::new(), config.presence.lease.0);
        let own = config.postgres().is_none().then(|| folder.clone());
        let watched = own.as_ref().map(|folder| folder.path().to_owned());
        let following = followers::run(app.clone(), files.clone(), own, lease);
        let indexing = indexing::run(app.clone(), lease, config.search.enabled);
        let upkeep = upkeep::run(app.clone(), watched, config.store.min_free);
        let delivering = hub.clone();
        let mut endless = vec![
            tasks.spawn("the removal of expired data", following),
            tasks.spawn("the search indexing", indexing),
            tasks.spawn("the upkeep of the store", upkeep),
            tasks.spawn("the work on tasks", chinwag_http::work::run(app.clone())),
            tasks.spawn("the delivery of events", async move { delivering.broken().await }),
        ];
        if let Some(acceptor) = state.options.tls_acceptor.clone() {
            endless.push(tasks.spawn("the renewal of the TLS certificate", acceptor.watch()));
        }
        let tracing = state.tracer.clone().map(|tracer| {
            let (flush, flushed) = oneshot::channel::<()>();
            let exporter = chinwag_http::trace::run(Some(tracer), flushed.map(drop));
            (tasks.spawn("the export of spans", exporter), flush)
        });
        let control = match Control::listen(&folder.socket()) {
            Ok(control) => Some(tasks.spawn("the control socket", control.serve(app.clone()))),
            Err(why) => {
                tracing::warn!(error = %why, "chinwag user cannot reach this server while it runs");
                None
            }
        };
        Self {
            endless,
            sending: tasks
                .spawn("the delivery to webhooks", chinwag_http::webhook::run(state.clone(), lease)),
            notifying: tasks
                .spawn("the sending of notifications", chinwag_http::push::run(state.clone(), lease)),
            noting: tasks.spawn("the recording of sessions", chinwag_http::sessions::run(state.clone())),
            tracing,
            control,
            tasks,
        }
    }

    /// Waits until a task ends unexpectedly. Otherwise the server would continue without it, unnoticed.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        self.tasks.failed().await
    }

    /// Ends the tasks after the drain.
    pub(crate) async fn end(self) {
        // It ends by itself and releases its lease, so that another node need not wait for the lease to expire.
        wait_for(self.sending, "the sending to webhooks did not end in time").await;
        wait_for(self.notifying, "the notifying did not end in time").await;
        wait_for(self.noting, "the last use of some sessions is not noted").await;
        if let Some((tracing, flush)) = self.tracing {
            drop(flush);
            wait_for(tracing, "the last spans were not sent in time (traces.otlp)").await;
        }
        self.endless.iter().for_each(JoinHandle::abort);
        if let Some(control) = self.control {
            control.abort();
            // Wait until it has removed the socket's file.
            let _ = control.await;
        }
    }
}

/// Waits for a task that is about to end, up to a timeout.
async fn wait_for(task: JoinHandle<()>, late: &str) {
    if timeout(LINGER, task).await.is_err() {
        tracing::warn!("{late}");
    }
}

/// Starts tasks, and reports the first one that ends.
struct NamedTasks {
    end: mpsc::Sender<&'static str>,
    ended: mpsc::Receiver<&'static str>,
}

impl NamedTasks {
    fn new() -> Self {
        let (end, ended) = mpsc::channel(1);
        Self { end, ended }
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let end = EndNotice { name, end: self.end.clone() };
        tokio::spawn(async move {
            let _end = end;
            task.await;
        })
    }

    async fn failed(&mut self) -> anyhow::Error {
        let name = self.ended.recv().await.expect("this holds a sender");
        anyhow!("{name} ended by itself: see the log")
    }
}

/// Reports the end of a task on drop, also after a panic.
struct EndNotice {
    name: &'static str,
    end: mpsc::Sender<&'static str>,
}

impl Drop for EndNotice {
    fn drop(&mut self) {
        // Only the first end is reported.
        let _ = self.end.try_send(self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn task_that_panics_is_noticed_and_named() {
        let mut tasks = NamedTasks::new();
        tasks.spawn("the first", pending());
        tasks.spawn("the second", async { panic!("a fault") });
        assert!(tasks.failed().await.to_string().starts_with("the second ended by itself"));
    }
}

//! The follower that delivers to webhooks: holds the lease, sends heartbeats, and runs a task for each webhook.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use chinwag_core::app::Context;
use chinwag_core::app::webhook::WebhookStep;
use chinwag_core::store::{Follower, Lease};
use chinwag_core::{Date, Error, Result, WebhookId};
use metrics::gauge;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::sending::Sending;
use crate::follower::{FollowerParams, POLL_INTERVAL, follow};
use crate::state::ServerState;

/// How long the tasks may take to store the outcome of their last round when the node stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Delivers events to webhooks, on one node at a time, until the server drains. A holder that gives no sign of life
/// for `lease` counts as dead. Without webhooks it only polls one row.
pub async fn run(state: Arc<ServerState>, lease: Duration) {
    let (follower, changed) = (Follower::Webhooks, &state.webhooks_changed);
    let following = FollowerParams { follower, lease, about: "the sending to webhooks", changed };
    let state = &state;
    follow(state, following, |lease, beat_every| async move {
        let ended = serve(state, lease, beat_every).await;
        gauge!("chinwag_webhook_lag_seconds").set(0.0);
        ended
    })
    .await;
}

/// Stores the steps of all tasks of a lease, one at a time: each of them updates the row of the lease.
pub(super) struct Steps {
    state: Arc<ServerState>,
    pub(super) lease: Lease,
    turn: Mutex<()>,
    /// For each webhook, the date of the oldest event that was not attempted yet.
    oldest: StdMutex<HashMap<WebhookId, Date>>,
}

impl Steps {
    /// Stores the outcome of attempts.
    pub(super) async fn keep(&self, step: WebhookStep) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.state.app.webhook_step(step).await
    }

    /// Records how far a webhook is behind.
    pub(super) fn note_oldest(&self, id: WebhookId, oldest: Option<Date>) {
        let mut all = self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        match oldest {
            Some(date) => all.insert(id, date),
            None => all.remove(&id),
        };
    }

    async fn beat(&self) -> Result<Vec<WebhookId>> {
        let _turn = self.turn.lock().await;
        self.state.app.webhooks_beat(self.lease).await
    }

    fn show_lag(&self) {
        let oldest = self.oldest.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied();
        let now = self.state.app.clock().now();
        let micros = oldest.map_or(0, |oldest| (now.micros() - oldest.micros()).max(0));
        #[expect(clippy::cast_precision_loss, reason = "a figure")]
        gauge!("chinwag_webhook_lag_seconds").set(micros as f64 / 1e6);
    }
}

/// The tasks that deliver, one for each webhook.
struct SendTasks {
    state: Arc<ServerState>,
    steps: Arc<Steps>,
    running: JoinSet<(WebhookId, Result<()>)>,
    known: HashSet<WebhookId>,
}

/// Delivers while this node holds the lease, there is a webhook, and the server does not drain.
async fn serve(state: &Arc<ServerState>, lease: Lease, beat_every: Duration) -> Result<()> {
    let server = Context::server();
    let steps = Steps { state: state.clone(), lease, turn: Mutex::default(), oldest: StdMutex::default() };
    let steps = Arc::new(steps);
    let mut tasks = SendTasks {
        state: state.clone(),
        steps: steps.clone(),
        running: JoinSet::new(),
        known: HashSet::new(),
    };
    let (tell, end) = watch::channel(0);
    let mut beat_at = Instant::now();
    while !state.is_draining() {
        if Instant::now() >= beat_at {
            let webhooks = steps.beat().await?;
            if webhooks.is_empty() {
                break;
            }
            tasks.begin(&webhooks, &end);
            beat_at = Instant::now() + beat_every;
        }
        state.settle_feed(&server).await?;
        let last = state.app.feed_end().await?;
        tell.send_if_modified(|end| std::mem::replace(end, last) != last);
        steps.show_lag();
        tokio::select! {
            Some(ended) = tasks.running.join_next() => tasks.ended(ended)?,
            () = state.webhooks_changed.notified() => beat_at = Instant::now(),
            () = sleep(POLL_INTERVAL) => {}
        }
    }
    drop(tell);
    // The next holder repeats requests that are still in flight then.
    let _ = timeout(STOP_TIMEOUT, async { while tasks.running.join_next().await.is_some() {} }).await;
    Ok(())
}

impl SendTasks {
    fn begin(&mut self, webhooks: &[WebhookId], end: &watch::Receiver<i64>) {
        for id in webhooks {
            if self.known.insert(*id) {
                let (id, end) = (*id, end.clone());
                let sending = Sending::new(self.state.clone(), self.steps.clone(), id);
                self.running.spawn(async move { (id, sending.run(end).await) });
            }
        }
    }

    /// Handles the end of a task. A failed one is restarted with the next heartbeat.
    fn ended(&mut self, ended: Result<(WebhookId, Result<()>), tokio::task::JoinError>) -> Result<()> {
        let (id, outcome) = ended.map_err(Error::internal)?;
        self.known.remove(&id);
        self.steps.note_oldest(id, None);
        match outcome {
            Err(Error::LeaseEnded) => Err(Error::LeaseEnded),
            Err(error) => {
                tracing::warn!(%error, webhook = %id, "a webhook is not sent to: it will be tried again");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

//! The follower that pushes notifications: holds the lease, sends heartbeats, decides who is notified, and sends.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::Context;
use chinwag_core::app::push::{DecideOutcome, PushDecision, PushStep};
use chinwag_core::presence::Status;
use chinwag_core::store::{Follower, Lease};
use chinwag_core::{Date, Error, Result, UserId};
use tokio::time::{Instant, sleep};

use super::online::OnlineUsers;
use super::sending::PushSender;
use super::vapid::Signer;
use crate::follower::{FollowerParams, POLL_INTERVAL, follow};
use crate::state::ServerState;

/// Steps of deciding before due notifications are taken again.
const DECISIONS: usize = 8;
/// How long requests may take to end when the node stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Pushes notifications about messages, on one node at a time, until the server drains. A holder that gives no sign
/// of life for `lease` counts as dead. While there are no subscriptions it only polls two rows.
pub async fn run(state: Arc<ServerState>, lease: Duration) {
    let (follower, changed) = (Follower::Notifications, &state.push_changed);
    let following = FollowerParams { follower, lease, about: "the sending of notifications", changed };
    follow(&state, following, |lease, beat_every| serve(&state, lease, beat_every)).await;
}

/// The state of this node while it holds the lease.
struct Notifying {
    sending: PushSender,
    settled: Settled,
    online: OnlineUsers,
}

impl Notifying {
    async fn begin(state: &Arc<ServerState>) -> Result<Self> {
        let keys = state.app.push_keys(&Context::server()).await?;
        let signer = Signer::new(&keys, state.push_client.subject.clone())?;
        let settled = Settled { upto: 0, next: 0, since: state.app.clock().now() };
        let sending = PushSender::new(state.clone(), signer);
        Ok(Self { sending, settled, online: OnlineUsers::new() })
    }
}

/// The position up to which events have been in the feed for at least the delay. The age is measured by this node's
/// clock alone, since the clocks of other nodes may differ.
struct Settled {
    upto: i64,
    next: i64,
    since: Date,
}

impl Settled {
    /// Records the current end of the feed. Returns the position up to which events are older than the delay.
    fn advance(&mut self, end: i64, now: Date, delay: Duration) -> i64 {
        let waited = (now.micros() - self.since.micros()).unsigned_abs();
        if u128::from(waited) >= delay.as_micros() {
            (self.upto, self.next, self.since) = (self.next, end, now);
        }
        self.upto
    }
}

/// Notifies while this node holds the lease, there is someone to notify, and the server does not drain.
async fn serve(state: &Arc<ServerState>, lease: Lease, beat_every: Duration) -> Result<()> {
    let mut notifying = Notifying::begin(state).await?;
    let served = rounds(state, lease, beat_every, &mut notifying).await;
    let mut sending = notifying.sending;
    sending.end(STOP_TIMEOUT).await;
    // If this node was suspended and lost the lease, some were not sent. The node that has it now sends them.
    served.and(state.app.push_outcomes(sending.outcomes).await)
}

/// Notifies in rounds. Returns when there is nobody to notify any more, or the server drains.
async fn rounds(
    state: &Arc<ServerState>,
    lease: Lease,
    beat_every: Duration,
    notifying: &mut Notifying,
) -> Result<()> {
    let mut beat_at = Instant::now();
    while !state.is_draining() {
        let is_beat = Instant::now() >= beat_at;
        // If the store does not answer, the round fails, too, and the requests in flight continue.
        if is_beat && !state.app.notifies().await.unwrap_or(true) {
            break;
        }
        match round(state, lease, notifying, is_beat).await {
            Ok(true) => beat_at = Instant::now() + beat_every,
            Ok(false) => {}
            Err(Error::LeaseEnded) => return Err(Error::LeaseEnded),
            // The outcomes are kept for the next round.
            Err(error) => tracing::warn!(%error, "notifications are not kept: it will be tried again"),
        }
        tokio::select! {
            () = notifying.sending.next() => {}
            () = state.push_changed.notified() => {}
            () = sleep(POLL_INTERVAL) => {}
        }
    }
    Ok(())
}

/// Decides who is notified, and sends. Returns whether it renewed the lease. The notifications that wait are sent
/// even if deciding fails.
async fn round(
    state: &Arc<ServerState>,
    lease: Lease,
    Notifying { sending, settled, online }: &mut Notifying,
    is_beat: bool,
) -> Result<bool> {
    let decided = decide(state, lease, settled, online).await;
    if let Err(Error::LeaseEnded) = decided {
        return Err(Error::LeaseEnded);
    }
    let (app, take) = (&state.app, sending.free());
    let is_due = take > 0 && app.pushes_are_due().await?;
    if !is_beat && !is_due && sending.outcomes.is_empty() {
        return decided.map(|()| false);
    }
    let outcomes = sending.outcomes.clone();
    let since = Instant::now();
    let taken = app.push_step(PushStep { lease, outcomes, take }).await?;
    sending.outcomes.clear();
    sending.send(taken, since);
    decided.map(|()| true)
}

/// Decides who is notified of new messages, and who of earlier ones because it has gone offline since.
async fn decide(
    state: &Arc<ServerState>,
    lease: Lease,
    settled: &mut Settled,
    online: &mut OnlineUsers,
) -> Result<()> {
    let app = &state.app;
    state.settle_feed(&Context::server()).await?;
    let (end, delay) = (app.feed_end().await?, app.limits().push.delay);
    let settled = settled.advance(end, app.clock().now(), delay);
    let hub = state.hub.clone();
    let is_online =
        |users: &[UserId]| hub.status_of(users).into_iter().map(|status| status == Status::Online).collect();
    for _ in 0..DECISIONS {
        match app.push_decide(PushDecision { lease, settled }, is_online).await? {
            DecideOutcome::Nothing => break,
            DecideOutcome::Some(members) => online.watch(members),
            DecideOutcome::Skipped(error) => {
                tracing::error!(%error, "an event is skipped: nobody is notified of its message");
            }
        }
    }
    online.check_offline(delay, is_online);
    for _ in 0..DECISIONS {
        let Some(members) = online.take_gone() else { break };
        match app.push_decide_again(lease, members.clone()).await {
            Ok(()) => {}
            // It would fail again.
            Err(error @ Error::Internal(_)) => {
                tracing::error!(%error, group = %members.group, "users who went offline are not notified of a message");
            }
            Err(error) => {
                online.put_back(members);
                return Err(error);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chinwag_core::app::follower::Claim;
    use chinwag_core::app::push::{OnlineMembers, Subscribe};
    use chinwag_core::push::DeviceKeys;
    use chinwag_core::{GroupId, Name};
    use uuid::Uuid;

    use super::super::vapid::prepare;
    use super::*;
    use crate::state::tests::state;

    #[tokio::test]
    async fn failing_decision_does_not_stop_the_sending() {
        let (state, server) = (state(|_| {}), Context::server());
        prepare(&state.app).await.expect("keys");
        let ann = Name::parse("ann").expect("a name");
        state.app.user_create(&server, ann.clone()).await.expect("a user");
        let keys = DeviceKeys { public: vec![4; 65], secret: vec![7; 16] };
        let phone = Subscribe { author: Some(ann), endpoint: "https://push.example/".into(), keys };
        state.app.subscribe(&server, phone).await.expect("a subscription");
        let mut candidate = state.app.candidate(Follower::Notifications, Duration::from_secs(15));
        let Ok(Claim::Mine { lease, .. }) = candidate.take().await else { panic!("nobody has the lease") };
        let mut notifying = Notifying::begin(&state).await.expect("keys");
        // The job computes the id before this one, and panics.
        let users = vec![UserId(i64::MIN)];
        let broken = OnlineMembers { group: GroupId(Uuid::nil()), messages: vec![], users };
        notifying.online.put_back(broken);
        assert!(matches!(round(&state, lease, &mut notifying, true).await, Ok(true)));
        assert_eq!(notifying.online.take_gone(), None, "it is not tried again");
    }
}

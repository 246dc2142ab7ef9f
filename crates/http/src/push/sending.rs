//! The requests to push services in flight.
//!
//! **Order.** Urgent notifications are taken first. **Loss.** A notification is removed from the store before it is
//! sent, so it is sent at most once: those in flight are lost if the node dies. **Bound.** At most [`MAX_IN_FLIGHT`]
//! requests are in flight, of which one push service, one user and one device may have a part.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chinwag_core::app::push::{PushOutcome, PushResult, PushToSend};
use chinwag_core::push::{PAYLOAD_BYTES, Subscription, WaitingPush};
use chinwag_core::{Date, Error, PushId, Result, UserId};
use reqwest::Url;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::authorizations::Authorizations;
use super::client::PushRequest;
use super::encrypt::{SALT, encrypt};
use super::slots::Slots;
use super::vapid::Signer;
use crate::state::ServerState;
use crate::wire::push::payload_bytes;

/// Concurrent requests.
const MAX_IN_FLIGHT: usize = 64;
/// Concurrent requests to one push service, so that a slow one cannot use all slots.
const MAX_OF_SERVICE: usize = 16;
/// Concurrent requests for one user, who may have endpoints at many silent hosts; and for one device, so that a silent
/// one does not use all slots of its user.
const MAX_OF_USER: usize = 8;
const MAX_OF_DEVICE: usize = 4;
/// A notification that was taken longer ago is put back instead of sent: the node was suspended, and the message may
/// have been read meanwhile.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// The requests of this node, and the outcomes that are not stored yet.
pub(super) struct PushSender {
    state: Arc<ServerState>,
    authorizations: Authorizations,
    services: Slots<String>,
    users: Slots<UserId>,
    devices: Slots<PushId>,
    running: JoinSet<PushOutcome>,
    pub(super) outcomes: Vec<PushOutcome>,
}

impl PushSender {
    pub(super) fn new(state: Arc<ServerState>, signer: Signer) -> Self {
        Self {
            state,
            authorizations: Authorizations::new(signer),
            services: Slots::new(MAX_OF_SERVICE),
            users: Slots::new(MAX_OF_USER),
            devices: Slots::new(MAX_OF_DEVICE),
            running: JoinSet::new(),
            outcomes: Vec::new(),
        }
    }

    /// The number of further notifications that may be sent now.
    pub(super) fn free(&self) -> usize {
        MAX_IN_FLIGHT.saturating_sub(self.running.len() + self.outcomes.len())
    }

    /// Sends notifications that were removed from the store at `since`.
    pub(super) fn send(&mut self, taken: Vec<PushToSend>, since: Instant) {
        self.services.sweep();
        self.users.sweep();
        self.devices.sweep();
        for push in taken {
            let waiting = push.waiting;
            match self.begin(push, since) {
                Ok(None) => {}
                Ok(Some(result)) => self.outcomes.push(PushOutcome { waiting, result }),
                Err(error) => {
                    tracing::warn!(%error, "a notification cannot be encrypted");
                    self.outcomes.push(PushOutcome { waiting, result: PushResult::Ended });
                }
            }
        }
    }

    /// Waits until a request ends; forever if none is in flight.
    pub(super) async fn next(&mut self) {
        match self.running.join_next().await {
            Some(ended) => self.outcomes.extend(ended.ok()),
            None => std::future::pending().await,
        }
        while let Some(ended) = self.running.try_join_next() {
            self.outcomes.extend(ended.ok());
        }
    }

    /// Waits up to `within` until all requests have ended.
    pub(super) async fn end(&mut self, within: Duration) {
        // The notifications still in flight then are lost.
        let _ = timeout(within, async {
            while let Some(ended) = self.running.join_next().await {
                self.outcomes.extend(ended.ok());
            }
        })
        .await;
    }

    /// Begins a request. Returns the outcome if there is no slot for it.
    fn begin(&mut self, push: PushToSend, taken: Instant) -> Result<Option<PushResult>> {
        let PushToSend { waiting, subscription, payload } = push;
        let now = self.state.app.clock().now();
        let url = Url::parse(&subscription.endpoint).map_err(Error::internal)?;
        let origin = url.origin().ascii_serialization();
        let slots = match self.take_slots(&subscription, &origin) {
            Ok(slots) => slots,
            Err(result) => return Ok(Some(result)),
        };
        let authorization = self.authorizations.get(&origin, now)?;
        let payload = payload.showing(self.state.options.push.content).fit(PAYLOAD_BYTES, payload_bytes);
        let mut salt = [0; SALT];
        salt.copy_from_slice(&self.state.app.clock().secret()[..SALT]);
        let body = encrypt(&subscription.keys, salt, &payload).map_err(Error::internal)?;
        let request = PushRequest {
            url,
            authorization,
            topic: URL_SAFE_NO_PAD.encode(waiting.group.0),
            urgency: if waiting.urgent { "high" } else { "normal" },
            ttl: seconds_left(&waiting, now),
            body,
        };
        let state = self.state.clone();
        self.running.spawn(async move {
            let result = match taken.elapsed() {
                stale if stale > FRESH_FOR => PushResult::Busy,
                _ => state.push_client.attempt(request).await,
            };
            drop(slots);
            PushOutcome { waiting, result }
        });
        Ok(None)
    }

    /// The slots of a request.
    fn take_slots(
        &mut self,
        subscription: &Subscription,
        origin: &str,
    ) -> Result<[OwnedSemaphorePermit; 3], PushResult> {
        Ok([
            self.devices.take(subscription.id)?,
            self.users.take(subscription.user)?,
            self.services.take(origin.to_owned())?,
        ])
    }
}

fn seconds_left(waiting: &WaitingPush, now: Date) -> u64 {
    u64::try_from((waiting.expires.micros() - now.micros()) / 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use chinwag_core::app::Context;
    use chinwag_core::push::{DeviceKeys, PushPayload};
    use chinwag_core::{GroupId, MessageId, Seq};
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::super::vapid::prepare;
    use super::*;
    use crate::state::tests::state;

    /// A notification for a user's device.
    fn taken(user: i64, device: u128, endpoint: &str) -> PushToSend {
        // The point on P-256 from RFC 8291.
        let public = URL_SAFE_NO_PAD.decode(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        );
        let id = PushId(Uuid::from_u128(device));
        let (group, message) = (GroupId(Uuid::nil()), MessageId(Uuid::nil()));
        let keys = DeviceKeys { public: public.expect("base64url"), secret: vec![7; 16] };
        let (now, seq) = (Date::from_micros(0), Seq(1));
        PushToSend {
            waiting: WaitingPush {
                subscription: id,
                group,
                message,
                seq,
                urgent: false,
                due: now,
                expires: now,
                attempts: 0,
            },
            subscription: Subscription {
                id,
                user: UserId(user),
                endpoint: endpoint.into(),
                keys,
                token: None,
                created: now,
                sent: now,
                expires: now,
            },
            payload: PushPayload {
                group,
                message,
                seq,
                title: None,
                author: None,
                body: None,
                unread: 1,
                cut: false,
            },
        }
    }

    async fn sender() -> PushSender {
        let state = state(|options| options.push.private = true);
        prepare(&state.app).await.expect("keys");
        let keys = state.app.push_keys(&Context::server()).await.expect("keys");
        PushSender::new(state, Signer::new(&keys, None).expect("keys"))
    }

    #[tokio::test]
    async fn notification_that_was_taken_long_ago_is_not_sent() {
        // Nothing listens there.
        let (mut sender, push) = (sender().await, taken(1, 1, "http://127.0.0.1:1/"));
        let long_ago = Instant::now().checked_sub(2 * FRESH_FOR).expect("the machine runs longer");
        for (since, expected) in [(Instant::now(), PushResult::Failed(None)), (long_ago, PushResult::Busy)] {
            sender.send(vec![push.clone()], since);
            sender.next().await;
            assert_eq!(sender.outcomes.pop().map(|outcome| outcome.result), Some(expected));
        }
    }

    #[tokio::test]
    async fn user_with_silent_endpoints_leaves_slots_for_others() {
        let mut sender = sender().await;
        let (mut silent, mut endpoints) = (Vec::new(), Vec::new());
        for _ in 0..=MAX_OF_USER {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            endpoints.push(format!("http://{}/", listener.local_addr().expect("an address")));
            silent.push(listener);
        }
        let mut send = |pushes: Vec<PushToSend>| {
            let before = sender.running.len();
            sender.send(pushes, Instant::now());
            (sender.running.len() - before, sender.outcomes.drain(..).count())
        };
        // One device cannot take all slots of its user.
        let one_device = vec![taken(1, 0, &endpoints[0]); MAX_OF_USER];
        assert_eq!(send(one_device), (MAX_OF_DEVICE, MAX_OF_USER - MAX_OF_DEVICE));
        let others = (1..).zip(&endpoints[1..]);
        let others = others.map(|(device, endpoint)| taken(1, device, endpoint)).collect();
        assert_eq!(send(others), (MAX_OF_USER - MAX_OF_DEVICE, MAX_OF_DEVICE));
        assert_eq!(send(vec![taken(2, 99, &endpoints[0])]), (1, 0));
    }
}

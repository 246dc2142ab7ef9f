//! The requests to push services in flight.
//!
//! **Order.** Urgent notifications are taken first. **Loss.** A notification is removed from the store before it is
//! sent, so it is sent at most once: those in flight are lost if the node dies. **Bound.** At most [`MAX_IN_FLIGHT`]
//! requests are in flight, of which one push service may have a part.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chinwag_core::app::push::{PushOutcome, PushResult, PushToSend};
use chinwag_core::push::{PAYLOAD_BYTES, WaitingPush};
use chinwag_core::{Date, Error, Result};
use reqwest::Url;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::client::PushRequest;
use super::encrypt::{SALT, encrypt};
use super::origins::Origins;
use super::vapid::Signer;
use crate::state::ServerState;
use crate::wire::push::payload_bytes;

/// Concurrent requests.
const MAX_IN_FLIGHT: usize = 64;
/// A notification that was taken longer ago is put back instead of sent: the node was suspended, and the message may
/// have been read meanwhile.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// The requests of this node, and the outcomes that are not stored yet.
pub(super) struct PushSender {
    state: Arc<ServerState>,
    origins: Origins,
    running: JoinSet<PushOutcome>,
    pub(super) outcomes: Vec<PushOutcome>,
}

impl PushSender {
    pub(super) fn new(state: Arc<ServerState>, signer: Signer) -> Self {
        let origins = Origins::new(signer);
        Self { state, origins, running: JoinSet::new(), outcomes: Vec::new() }
    }

    /// The number of further notifications that may be sent now.
    pub(super) fn free(&self) -> usize {
        MAX_IN_FLIGHT.saturating_sub(self.running.len() + self.outcomes.len())
    }

    /// Sends notifications that were removed from the store at `since`.
    pub(super) fn send(&mut self, taken: Vec<PushToSend>, since: Instant) {
        for push in taken {
            let waiting = push.waiting;
            match self.begin(push, since) {
                Ok(true) => {}
                Ok(false) => self.outcomes.push(PushOutcome { waiting, result: PushResult::Busy }),
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

    /// Begins a request, unless its push service has the maximum in flight.
    fn begin(&mut self, push: PushToSend, taken: Instant) -> Result<bool> {
        let PushToSend { waiting, subscription, payload } = push;
        let now = self.state.app.clock().now();
        let url = Url::parse(&subscription.endpoint).map_err(Error::internal)?;
        let origin = url.origin().ascii_serialization();
        let Some((permit, authorization)) = self.origins.admit(&origin, now)? else { return Ok(false) };
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
            drop(permit);
            PushOutcome { waiting, result }
        });
        Ok(true)
    }
}

fn seconds_left(waiting: &WaitingPush, now: Date) -> u64 {
    u64::try_from((waiting.expires.micros() - now.micros()) / 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use chinwag_core::app::Context;
    use chinwag_core::push::{DeviceKeys, PushPayload, Subscription};
    use chinwag_core::user::Caller;
    use chinwag_core::{GroupId, MessageId, PushId, Seq, UserId};
    use uuid::Uuid;

    use super::super::vapid::prepare;
    use super::*;
    use crate::state::tests::state;

    /// A notification for an address on which nothing listens.
    fn taken(now: Date) -> PushToSend {
        // The point on P-256 from RFC 8291.
        let public = URL_SAFE_NO_PAD.decode(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        );
        let (id, group, message) = (PushId(Uuid::nil()), GroupId(Uuid::nil()), MessageId(Uuid::nil()));
        let keys = DeviceKeys { public: public.expect("base64url"), secret: vec![7; 16] };
        let endpoint = "http://127.0.0.1:1/".into();
        let (due, expires, seq) = (now, now, Seq(1));
        PushToSend {
            waiting: WaitingPush {
                subscription: id,
                group,
                message,
                seq,
                urgent: false,
                due,
                expires,
                attempts: 0,
            },
            subscription: Subscription {
                id,
                user: UserId(1),
                endpoint,
                keys,
                token: None,
                created: now,
                sent: now,
                expires,
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

    #[tokio::test]
    async fn notification_that_was_taken_long_ago_is_not_sent() {
        let state = state(|options| options.push.private = true);
        prepare(&state.app).await.expect("keys");
        let keys = state.app.push_keys(&Context::new(Caller::Service)).await.expect("keys");
        let push = taken(state.app.clock().now());
        let mut sender = PushSender::new(state, Signer::new(&keys, None).expect("keys"));
        let long_ago = Instant::now().checked_sub(2 * FRESH_FOR).expect("the machine runs longer");
        for (since, expected) in [(Instant::now(), PushResult::Failed(None)), (long_ago, PushResult::Busy)] {
            sender.send(vec![push.clone()], since);
            sender.next().await;
            assert_eq!(sender.outcomes.pop().map(|outcome| outcome.result), Some(expected));
        }
    }
}

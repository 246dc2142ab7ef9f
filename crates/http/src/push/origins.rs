//! The push services to which this node sends, with the bound on requests to each and this server's authorization.

use std::collections::HashMap;
use std::sync::Arc;

use chinwag_core::{Date, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::vapid::Signer;

/// Concurrent requests to one push service, so that a slow one cannot use all slots.
const MAX_IN_FLIGHT: usize = 16;
/// The number of push services that are remembered.
const REMEMBERED: usize = 4096;
/// How long an authorization is reused, in microseconds.
const FRESH: i64 = 6 * 3600 * 1_000_000;

/// Push services, by origin.
pub(super) struct Origins {
    signer: Signer,
    known: HashMap<String, PushService>,
}

struct PushService {
    slots: Arc<Semaphore>,
    authorization: String,
    signed: Date,
}

impl Origins {
    pub(super) fn new(signer: Signer) -> Self {
        Self { signer, known: HashMap::new() }
    }

    /// A permit for a request to a push service, and the authorization; `None` if the maximum is in flight there.
    pub(super) fn admit(
        &mut self,
        origin: &str,
        now: Date,
    ) -> Result<Option<(OwnedSemaphorePermit, String)>> {
        if self.known.len() >= REMEMBERED && !self.known.contains_key(origin) {
            self.known.retain(|_, service| service.slots.available_permits() < MAX_IN_FLIGHT);
        }
        let is_fresh = |service: &PushService| (now.micros() - service.signed.micros()).abs() < FRESH;
        if !self.known.get(origin).is_some_and(is_fresh) {
            let slots = self.known.get(origin).map(|service| service.slots.clone());
            let slots = slots.unwrap_or_else(|| Arc::new(Semaphore::new(MAX_IN_FLIGHT)));
            let authorization = self.signer.authorization(origin, now)?;
            self.known.insert(origin.to_owned(), PushService { slots, authorization, signed: now });
        }
        let service = &self.known[origin];
        let permit = service.slots.clone().try_acquire_owned().ok();
        Ok(permit.map(|permit| (permit, service.authorization.clone())))
    }
}

//! The push services to which this node sends: the requests under way to each, and how this server is identified there.

use std::collections::HashMap;
use std::sync::Arc;

use chinwag_core::{Date, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::vapid::Signer;

/// Requests to one push service that are under way at a time, so that a slow one takes only a part of all.
const UNDER_WAY: usize = 16;
/// Push services that are remembered.
const REMEMBERED: usize = 4096;
/// An identification is used for so long, in microseconds.
const FRESH: i64 = 6 * 3600 * 1_000_000;

/// Push services, by their origins.
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

    /// The right to a request to a push service, with the identification; none if it has enough requests under way.
    pub(super) fn admit(
        &mut self,
        origin: &str,
        now: Date,
    ) -> Result<Option<(OwnedSemaphorePermit, String)>> {
        if self.known.len() >= REMEMBERED && !self.known.contains_key(origin) {
            self.known.retain(|_, service| service.slots.available_permits() < UNDER_WAY);
        }
        let is_fresh = |service: &PushService| (now.micros() - service.signed.micros()).abs() < FRESH;
        if !self.known.get(origin).is_some_and(is_fresh) {
            let slots = self.known.get(origin).map(|service| service.slots.clone());
            let slots = slots.unwrap_or_else(|| Arc::new(Semaphore::new(UNDER_WAY)));
            let authorization = self.signer.authorization(origin, now)?;
            self.known.insert(origin.to_owned(), PushService { slots, authorization, signed: now });
        }
        let service = &self.known[origin];
        let permit = service.slots.clone().try_acquire_owned().ok();
        Ok(permit.map(|permit| (permit, service.authorization.clone())))
    }
}

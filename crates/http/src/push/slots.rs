//! Slots for requests: bounds on the concurrent requests to one push service, for one user and for one device.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::Result;
use chinwag_core::app::push::PushResult;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// If no slot has come free for so long, the requests that hold them are probably not answered.
const STALL: Duration = Duration::from_secs(2);

/// Slots by key.
pub(super) struct Slots<K> {
    most: usize,
    taken: HashMap<K, KeySlots>,
}

struct KeySlots {
    free: Arc<Semaphore>,
    /// When the latest slot was taken.
    last: Instant,
}

impl<K: Eq + Hash> Slots<K> {
    /// At most `most` slots for each key.
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: HashMap::new() }
    }

    /// Forgets keys without requests in flight.
    pub(super) fn sweep(&mut self) {
        let most = self.most;
        self.taken.retain(|_, slots| slots.free.available_permits() < most);
    }

    /// A slot, which is free again once it is dropped. If there is none, the outcome of the notification: one for
    /// which requests are not answered waits longer each time, so that such notifications do not delay others.
    pub(super) fn take(&mut self, key: K) -> Result<OwnedSemaphorePermit, PushResult> {
        let (most, now) = (self.most, Instant::now());
        let new = || KeySlots { free: Arc::new(Semaphore::new(most)), last: now };
        let slots = self.taken.entry(key).or_insert_with(new);
        match slots.free.clone().try_acquire_owned() {
            Ok(slot) => {
                slots.last = now;
                Ok(slot)
            }
            Err(_) if now - slots.last < STALL => Err(PushResult::Busy),
            Err(_) => Err(PushResult::Failed(None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn notification_for_a_silent_service_waits_with_backoff() {
        let mut slots = Slots::new(2);
        let (first, second) = (slots.take("silent").expect("a slot"), slots.take("silent").expect("a slot"));
        assert_eq!(slots.take("silent").err(), Some(PushResult::Busy));
        tokio::time::advance(STALL).await;
        assert_eq!(slots.take("silent").err(), Some(PushResult::Failed(None)));
        assert!(slots.take("another").is_ok());
        drop(first);
        let _third = slots.take("silent").expect("one came free");
        assert_eq!(slots.take("silent").err(), Some(PushResult::Busy));
        drop(second);
        slots.sweep();
        assert_eq!(slots.taken.len(), 1);
    }
}

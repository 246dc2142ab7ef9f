//! Bounds concurrent TLS handshakes, since a client can open a connection and send nothing.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::permits::network;

/// The handshakes in progress. At the maximum, a new handshake displaces the oldest one of the address that has the
/// most.
pub(crate) struct Handshakes {
    most: usize,
    pending: Arc<Mutex<PendingHandshakes>>,
}

/// The handshakes of each address, oldest first. Removing one drops its sender, which ends it.
#[derive(Default)]
struct PendingHandshakes {
    last: u64,
    count: usize,
    by_address: HashMap<IpAddr, BTreeMap<u64, oneshot::Sender<()>>>,
}

/// A handshake in progress. Its slot is freed on drop.
pub(crate) struct HandshakeSlot {
    address: IpAddr,
    number: u64,
    pending: Arc<Mutex<PendingHandshakes>>,
    displaced: oneshot::Receiver<()>,
}

impl Handshakes {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), pending: Arc::default() }
    }

    /// Begins a handshake from `address`, and displaces another one if necessary.
    pub(crate) fn begin(&self, address: IpAddr) -> HandshakeSlot {
        let address = network(address);
        let (sender, displaced) = oneshot::channel();
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.count >= self.most {
            pending.displace();
        }
        pending.last += 1;
        pending.count += 1;
        let number = pending.last;
        pending.by_address.entry(address).or_default().insert(number, sender);
        HandshakeSlot { address, number, pending: self.pending.clone(), displaced }
    }
}

impl HandshakeSlot {
    /// Waits until this handshake is displaced by a newer one.
    pub(crate) async fn displaced(&mut self) {
        let _ = (&mut self.displaced).await;
    }
}

impl Drop for HandshakeSlot {
    fn drop(&mut self) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(self.address, self.number);
    }
}

impl PendingHandshakes {
    fn displace(&mut self) {
        let oldest = |handshakes: &BTreeMap<u64, _>| handshakes.keys().next().copied().unwrap_or(u64::MAX);
        let most = self.by_address.iter().map(|(address, all)| (all.len(), u64::MAX - oldest(all), *address));
        if let Some((_, age, address)) = most.max() {
            self.remove(address, u64::MAX - age);
        }
    }

    fn remove(&mut self, address: IpAddr, number: u64) {
        let Some(all) = self.by_address.get_mut(&address) else { return };
        self.count -= usize::from(all.remove(&number).is_some());
        if all.is_empty() {
            self.by_address.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn begin(handshakes: &Handshakes, address: u8) -> HandshakeSlot {
        handshakes.begin(IpAddr::from([10, 0, 0, address]))
    }

    fn is_displaced(slot: &mut HandshakeSlot) -> bool {
        slot.displaced().now_or_never().is_some()
    }

    #[test]
    fn next_handshake_ends_the_oldest_of_the_busiest_address() {
        let handshakes = Handshakes::new(4);
        let mut lone = begin(&handshakes, 1);
        let [mut first, mut second, mut third] = [2; 3].map(|address| begin(&handshakes, address));
        let mut other = begin(&handshakes, 3);
        assert!(is_displaced(&mut first));
        assert!(![&mut lone, &mut second, &mut third, &mut other].into_iter().any(is_displaced));
        drop(second);
        let mut more = begin(&handshakes, 3);
        assert!(
            ![&mut lone, &mut third, &mut other, &mut more].into_iter().any(is_displaced),
            "a slot came free"
        );
        drop((first, third, more));
        assert_eq!(handshakes.pending.lock().unwrap().count, 2);
        drop((lone, other));
        assert!(handshakes.pending.lock().unwrap().by_address.is_empty(), "addresses are forgotten");
    }

    #[test]
    fn oldest_handshake_ends_where_all_addresses_have_one() {
        let handshakes = Handshakes::new(2);
        let [mut first, mut second, mut third] = [1, 2, 3].map(|address| begin(&handshakes, address));
        assert!(is_displaced(&mut first) && !is_displaced(&mut second) && !is_displaced(&mut third));
    }
}

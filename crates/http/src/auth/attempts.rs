//! Limits on password attempts per minute: for each pair of name and address, and for each address. Many attempts at
//! a name from elsewhere only delay addresses that have not signed in to it before.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chinwag_core::rate::{Key, LimitKind, Rates};
use chinwag_core::{Error, Result};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::device::Device;
use crate::permits::SharedPermits;

/// The maximum delay of an address that is new to a name under attack.
const MAX_DELAY: Duration = Duration::from_secs(5);
/// The number of pairs of name and address that are remembered.
const FAMILIAR: usize = 64 * 1024;

/// Counts and limits attempts.
pub(super) struct Attempts {
    rates: Arc<Rates>,
    waiting: SharedPermits,
    familiar: Mutex<Familiar>,
}

/// Hashes of pairs of a name and an address that has signed in to it. When `young` is full it replaces `old`, so that
/// the least recently seen pairs are dropped.
#[derive(Default)]
struct Familiar {
    young: HashSet<[u8; 16]>,
    old: HashSet<[u8; 16]>,
}

impl Attempts {
    /// `waiting`: how many attempts may be delayed at a time.
    pub(super) fn new(rates: Arc<Rates>, waiting: usize) -> Self {
        Self { rates, waiting: SharedPermits::new(waiting), familiar: Mutex::default() }
    }

    /// Counts an attempt that belongs to no name, such as one with an impossible name.
    pub(super) fn count_nameless(&self, from: IpAddr) -> Result<()> {
        self.rates.take(Key::Address(from), &[LimitKind::SignIns])
    }

    /// Refuses an address that has no attempts left. Counts nothing.
    pub(super) fn may_try(&self, from: IpAddr) -> Result<()> {
        self.rates.check(Key::Address(from), &[LimitKind::SignIns])
    }

    /// Counts a sign-up.
    pub(super) fn sign_up(&self, from: IpAddr) -> Result<()> {
        self.rates.take(Key::Address(from), &[LimitKind::SignUps])
    }

    /// Counts an attempt at a name, and refuses it if its pair of name and address, or its address, has no attempts
    /// left. If the name itself is tried too often, an unfamiliar address is delayed. A browser with the device
    /// cookie of an earlier sign-in is counted per device, and with all devices of the name, so that attempts without
    /// one cannot lock it out.
    pub(super) async fn sign_in(&self, fold: &str, from: IpAddr, device: Option<Device>) -> Result<()> {
        let name = Key::Name(hash(fold, b""));
        // Check one bucket before taking from the other, so that a refusal consumes nothing.
        if let Some(device) = device {
            let device = Key::Attempt(hash(fold, &device.id()));
            self.rates.check(device, &[LimitKind::Attempts])?;
            self.rates.take(name, &[LimitKind::DeviceAttempts])?;
            return self.rates.take(device, &[LimitKind::Attempts]);
        }
        let pair = hash_from(fold, from);
        self.rates.check(Key::Attempt(pair), &[LimitKind::Attempts])?;
        self.rates.take(Key::Address(from), &[LimitKind::SignIns])?;
        self.rates.take(Key::Attempt(pair), &[LimitKind::Attempts])?;
        if self.is_familiar(pair) {
            return Ok(());
        }
        match self.rates.take(name, &[LimitKind::NameAttempts]) {
            Err(Error::TooMany(wait)) => {
                let _share = self.waiting.take(Some(from), None)?;
                sleep(wait.min(MAX_DELAY)).await;
                Ok(())
            }
            counted => counted,
        }
    }

    /// Remembers an address that has signed in to a name.
    pub(super) fn succeeded(&self, fold: &str, from: IpAddr) {
        self.familiar().insert(hash_from(fold, from));
    }

    fn is_familiar(&self, pair: [u8; 16]) -> bool {
        let mut familiar = self.familiar();
        let known = familiar.young.contains(&pair) || familiar.old.contains(&pair);
        if known {
            familiar.insert(pair);
        }
        known
    }

    fn familiar(&self) -> std::sync::MutexGuard<'_, Familiar> {
        self.familiar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Familiar {
    fn insert(&mut self, pair: [u8; 16]) {
        if self.young.len() >= FAMILIAR / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(pair);
    }
}

fn hash_from(fold: &str, from: IpAddr) -> [u8; 16] {
    hash(fold, from.to_string().as_bytes())
}

fn hash(fold: &str, from: &[u8]) -> [u8; 16] {
    let hash = Sha256::new().chain_update(fold).chain_update([0]).chain_update(from).finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    short
}

#[cfg(test)]
mod tests {
    use chinwag_core::clock::SystemClock;
    use chinwag_core::limits::RateLimits;
    use tokio::time::Instant;

    use super::*;

    fn attempts(per_name: u32, per_address: u32) -> Attempts {
        let limits = RateLimits {
            attempts_per_name: per_name,
            attempts_per_address: per_address,
            ..RateLimits::lifted()
        };
        Attempts::new(Arc::new(Rates::new(&limits, Arc::new(SystemClock::default()))), 100)
    }

    fn address(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_is_refused_and_another_is_not() {
        let attempts = attempts(2, 100);
        for _ in 0..2 {
            attempts.sign_in("arlan", address(1), None).await.expect("within the limit");
        }
        let Err(Error::TooMany(wait)) = attempts.sign_in("arlan", address(1), None).await else {
            panic!("not refused")
        };
        assert!(wait <= Duration::from_secs(30), "{wait:?}");
        attempts.sign_in("astra", address(1), None).await.expect("another name");
        attempts.sign_in("arlan", address(2), None).await.expect("another address");
    }

    #[tokio::test(start_paused = true)]
    async fn only_unfamiliar_addresses_are_delayed() {
        let attempts = attempts(2, 100);
        attempts.succeeded("arlan", address(9));
        for n in 1..3 {
            attempts.sign_in("arlan", address(n), None).await.expect("within the limit");
        }
        let took = async |n| {
            let begun = Instant::now();
            attempts.sign_in("arlan", address(n), None).await.expect("never refused for the name");
            begun.elapsed()
        };
        assert_eq!(took(3).await, MAX_DELAY);
        assert_eq!(took(9).await, Duration::ZERO);
    }

    #[tokio::test]
    async fn refused_attempts_at_a_name_do_not_charge_the_address() {
        let attempts = attempts(1, 2);
        attempts.sign_in("arlan", address(1), None).await.expect("the first");
        for _ in 0..5 {
            attempts.sign_in("arlan", address(1), None).await.expect_err("its second");
        }
        attempts.sign_in("astra", address(1), None).await.expect("the address has one left");
        attempts.count_nameless(address(1)).expect_err("and no more");
    }

    #[test]
    fn what_is_familiar_is_bounded() {
        let mut familiar = Familiar::default();
        for n in 0..u32::try_from(FAMILIAR).unwrap() * 2 {
            familiar.insert(hash(&n.to_string(), b""));
        }
        assert!(familiar.young.len() + familiar.old.len() <= FAMILIAR);
    }
}

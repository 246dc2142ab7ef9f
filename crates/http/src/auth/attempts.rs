//! How often a password may be tried: so many times a minute for each name and each address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chinwag_core::{Date, Error, Result};

use crate::places::network;

/// Names, and addresses, that are remembered at a time. When there are more, those that may try
/// freely again are forgotten first; where none may, all are.
const REMEMBERED: usize = 50_000;
const MINUTE: i64 = 60_000_000;

/// Counts attempts.
pub(super) struct Attempts {
    names: Counted<String>,
    addresses: Counted<IpAddr>,
}

impl Attempts {
    pub(super) fn new(per_name: u32, per_address: u32) -> Self {
        Self { names: Counted::new(per_name), addresses: Counted::new(per_address) }
    }

    /// Counts an attempt from an address, and refuses the one too many.
    pub(super) fn from(&self, address: IpAddr, now: Date) -> Result<()> {
        self.addresses.take(network(address), now)
    }

    /// Counts an attempt at a name, and refuses the one too many.
    pub(super) fn at(&self, name: &str, now: Date) -> Result<()> {
        self.names.take(name.to_owned(), now)
    }

    /// Forgets the attempts at a name that has been signed in to.
    pub(super) fn succeeded(&self, name: &str) {
        self.names.forget(&name.to_owned());
    }
}

/// When each key's count will be at nothing again, in microseconds: a leaky bucket.
struct Counted<K> {
    empty_at: Mutex<HashMap<K, i64>>,
    /// What one attempt adds.
    step: i64,
}

impl<K: Hash + Eq> Counted<K> {
    fn new(per_minute: u32) -> Self {
        Self { empty_at: Mutex::default(), step: MINUTE / i64::from(per_minute.max(1)) }
    }

    fn take(&self, key: K, now: Date) -> Result<()> {
        let now = now.micros();
        let mut all = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = all.get(&key).copied().unwrap_or(now).max(now) + self.step;
        let over = filled - now - MINUTE;
        if over > 0 {
            return Err(Error::TooMany(Duration::from_micros(over.unsigned_abs())));
        }
        if all.len() >= REMEMBERED && !all.contains_key(&key) {
            all.retain(|_, empty_at| *empty_at > now);
            if all.len() >= REMEMBERED {
                tracing::warn!("more sign-ins are tried than can be remembered");
                all.clear();
            }
        }
        all.insert(key, filled);
        Ok(())
    }

    fn forget(&self, key: &K) {
        self.empty_at.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: i64) -> Date {
        Date::from_micros(n * 1_000_000)
    }

    #[test]
    fn so_many_attempts_a_minute_then_a_wait_that_is_told() {
        let attempts = Attempts::new(10, 100);
        for _ in 0..10 {
            attempts.at("arlan", second(0)).expect("within the limit");
        }
        let Err(Error::TooMany(wait)) = attempts.at("arlan", second(0)) else { panic!("not refused") };
        assert_eq!(wait, Duration::from_secs(6));
        attempts.at("astra", second(0)).expect("another name");
        attempts.at("arlan", second(6)).expect("one more after the wait");
        attempts.at("arlan", second(6)).expect_err("and no second");
        attempts.succeeded("arlan");
        attempts.at("arlan", second(6)).expect("a success is forgiven");
    }

    #[test]
    fn the_addresses_of_one_network_count_together() {
        let attempts = Attempts::new(10, 1);
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        attempts.from(address("2001:db8::1"), second(0)).expect("the first");
        attempts.from(address("2001:db8::2"), second(0)).expect_err("the same network");
        attempts.from(address("2001:db8:0:1::1"), second(0)).expect("another network");
        attempts.from(address("10.0.0.1"), second(0)).expect("the first");
        attempts.from(address("10.0.0.2"), second(0)).expect("another address");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let attempts = Attempts::new(1, 1);
        for n in 0..REMEMBERED + 10 {
            attempts.at(&n.to_string(), second(0)).expect("the first of its name");
        }
        assert!(attempts.names.empty_at.lock().unwrap().len() <= REMEMBERED);
    }
}

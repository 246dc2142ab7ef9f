//! Permits with a bound for each address and each user, for connections, sockets and other resources.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chinwag_core::rate::Key;
use chinwag_core::{Error, Result, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits with a maximum for each address and each user.
pub(crate) struct PermitsByHolder {
    most: usize,
    taken: Taken,
}

/// The number of permits of each address or user that holds any.
type Taken = Arc<Mutex<HashMap<Key, usize>>>;

/// A permit of one address or user, released on drop.
pub(crate) struct HolderPermit {
    holder: Key,
    taken: Taken,
}

impl PermitsByHolder {
    /// At most `most` permits for each address and each user.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A permit for `address`, or `None` if it holds the maximum.
    pub(crate) fn take(&self, address: IpAddr) -> Option<HolderPermit> {
        self.take_for(Key::Address(network(address)))
    }

    /// A permit for `user`, or `None` if it holds the maximum.
    fn take_of_user(&self, user: UserId) -> Option<HolderPermit> {
        self.take_for(Key::User(user))
    }

    fn take_for(&self, holder: Key) -> Option<HolderPermit> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(holder).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(HolderPermit { holder, taken: self.taken.clone() })
    }
}

impl Drop for HolderPermit {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.holder);
            }
        }
    }
}

/// Permits shared by all callers, of which one address, and one user at any addresses, may hold at most a tenth.
pub(crate) struct SharedPermits {
    all: Arc<Semaphore>,
    by_holder: PermitsByHolder,
}

/// A shared permit, released on drop.
pub(crate) struct SharedPermit {
    _one: OwnedSemaphorePermit,
    _of_address: Option<HolderPermit>,
    _of_user: Option<HolderPermit>,
}

impl SharedPermits {
    pub(crate) fn new(all: usize) -> Self {
        let by_holder = PermitsByHolder::new((all / 10).max(1));
        Self { all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))), by_holder }
    }

    /// A permit, which counts for `address` and for `user`, if they are given. Fails if one of them holds its tenth, or
    /// no permit is left.
    pub(crate) fn take(&self, address: Option<IpAddr>, user: Option<UserId>) -> Result<SharedPermit> {
        let too_many = || Error::TooMany(Duration::from_secs(1));
        let of_address =
            address.map(|address| self.by_holder.take(address).ok_or_else(too_many)).transpose()?;
        let of_user = user.map(|user| self.by_holder.take_of_user(user).ok_or_else(too_many)).transpose()?;
        let one = self.all.clone().try_acquire_owned().map_err(|_| Error::unavailable())?;
        Ok(SharedPermit { _one: one, _of_address: of_address, _of_user: of_user })
    }
}

/// The network by which an address is counted: of IPv6 the /64 prefix, of IPv4 the address itself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_tenth_of_the_shares() {
        let shares = SharedPermits::new(20);
        let address = |n: u8| Some(IpAddr::from([10, 0, 0, n]));
        let _two = [(); 2].map(|()| shares.take(address(1), None).expect("within its tenth"));
        assert!(matches!(shares.take(address(1), None), Err(Error::TooMany(_))));
        let _rest: Vec<_> =
            (2..11).flat_map(|n| [n; 2]).map(|n| shares.take(address(n), None).expect("a share")).collect();
        assert!(matches!(shares.take(address(11), None), Err(Error::Unavailable(_))));
    }

    #[test]
    fn a_user_at_many_addresses_has_a_tenth_of_the_shares() {
        let shares = SharedPermits::new(20);
        let take = |n: u8, user| shares.take(Some(IpAddr::from([10, 0, 0, n])), Some(UserId(user)));
        let _two = [1, 2].map(|n| take(n, 1).expect("within its tenth"));
        assert!(matches!(take(3, 1), Err(Error::TooMany(_))));
        let _others = [2, 3].map(|user| take(3, user).expect("the refusal took none of the address"));
    }

    #[test]
    fn permits_are_limited_per_address_and_returned() {
        let places = PermitsByHolder::new(1);
        let take = |text: &str| places.take(text.parse().expect("an address"));
        let one = take("10.0.0.1").expect("a place");
        assert!(take("10.0.0.1").is_none(), "a second of one address");
        assert!(take("::ffff:10.0.0.1").is_none(), "the same address");
        let _two = take("10.0.0.2").expect("a place");
        let _six = take("2001:db8::1").expect("a place");
        assert!(take("2001:db8::2").is_none(), "the same network");
        drop(one);
        assert!(take("10.0.0.1").is_some(), "a place came free");
        assert_eq!(places.taken.lock().unwrap().len(), 2, "and is forgotten");
    }
}

//! Permits with a bound for each address, for connections, sockets and other resources.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chinwag_core::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits with a maximum for each address.
pub(crate) struct PermitsByAddress {
    most: usize,
    taken: Taken,
}

/// The number of permits of each address that holds any.
type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A permit of one address, released on drop.
pub(crate) struct AddressPermit {
    address: IpAddr,
    taken: Taken,
}

impl PermitsByAddress {
    /// At most `most` permits for each address.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A permit for `address`, or `None` if it holds the maximum.
    pub(crate) fn take(&self, address: IpAddr) -> Option<AddressPermit> {
        let address = network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(AddressPermit { address, taken: self.taken.clone() })
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

/// Permits shared by all addresses, of which one address may hold at most a tenth.
pub(crate) struct SharedPermits {
    all: Arc<Semaphore>,
    by_address: PermitsByAddress,
}

/// A shared permit, released on drop.
pub(crate) struct SharedPermit {
    _one: OwnedSemaphorePermit,
    _of_address: Option<AddressPermit>,
}

impl SharedPermits {
    pub(crate) fn new(all: usize) -> Self {
        let by_address = PermitsByAddress::new((all / 10).max(1));
        Self { all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))), by_address }
    }

    /// A permit, which counts for `address` if one is given. Fails if that address holds its tenth, or no permit is
    /// left.
    pub(crate) fn take(&self, address: Option<IpAddr>) -> Result<SharedPermit> {
        let of_address = match address {
            Some(address) => {
                let permit = self.by_address.take(address);
                Some(permit.ok_or(Error::TooMany(Duration::from_secs(1)))?)
            }
            None => None,
        };
        let one = self.all.clone().try_acquire_owned().map_err(|_| Error::unavailable())?;
        Ok(SharedPermit { _one: one, _of_address: of_address })
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
        let _two = [(); 2].map(|()| shares.take(address(1)).expect("within its tenth"));
        assert!(matches!(shares.take(address(1)), Err(Error::TooMany(_))));
        let _rest: Vec<_> =
            (2..11).flat_map(|n| [n; 2]).map(|n| shares.take(address(n)).expect("a share")).collect();
        assert!(matches!(shares.take(address(11)), Err(Error::Unavailable(_))));
    }

    #[test]
    fn permits_are_limited_per_address_and_returned() {
        let places = PermitsByAddress::new(1);
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

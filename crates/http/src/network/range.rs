//! Ranges of addresses.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// An address, or a range such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether the address is in the range.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self)
            .map_err(|_| "is not an address, or a range such as 10.0.0.0/8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_or_a_range() {
        assert!("10.0.0.0/8".parse::<Network>().unwrap().holds("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!"10.0.0.1".parse::<Network>().unwrap().holds("10.0.0.2".parse().unwrap()));
        assert!("10.0.0".parse::<Network>().is_err());
    }
}

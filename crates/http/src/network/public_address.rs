//! Protection against SSRF: requests to user-supplied URLs must not reach private addresses, unless the operator
//! allows it. Names are resolved here, so that the address that was checked is the one that is connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// IPv4 networks that are not public, as address and prefix length, from IANA's special-purpose registry.
const PRIVATE_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// The error for a private address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PrivateAddress;

impl fmt::Display for PrivateAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the address is private")
    }
}

impl std::error::Error for PrivateAddress {}

/// Whether an address is public. An IPv6 address that embeds an IPv4 address counts as the latter.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

/// Whether a URL's host may be public. Names are checked again when they are resolved.
pub(crate) fn may_be_public(url: &Url) -> bool {
    match url.host_str().unwrap_or_default() {
        host if host.starts_with('[') => host.trim_matches(['[', ']']).parse().is_ok_and(is_public),
        host => match host.parse() {
            Ok(address) => is_public(address),
            Err(_) => !is_local_name(host),
        },
    }
}

fn is_local_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.is_empty() || host == "localhost" || host.ends_with(".localhost")
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !PRIVATE_V4
        .iter()
        .any(|(network, length)| (bits ^ u32::from(Ipv4Addr::from(*network))) >> (32 - length) == 0)
}

/// The IPv4 address embedded in an IPv6 address: mapped, compatible, NAT64 or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

/// Whether an address is global unicast, and not reserved for protocols (such as Teredo) or documentation.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000
        && !(first == 0x2001 && (second & 0xfe00 == 0 || second == 0xdb8))
        && !(first == 0x3fff && second & 0xf000 == 0)
}

/// A DNS resolver that omits private addresses, unless they are allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublicResolver {
    pub(crate) allow_private: bool,
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> =
                found.filter(|address| allow_private || is_public(address.ip())).collect();
            if found.is_empty() {
                return Err(PrivateAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(url: &str) -> bool {
        may_be_public(&Url::parse(url).expect("a URL"))
    }

    #[test]
    fn private_hosts_are_known_in_every_form() {
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "198.19.255.255",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::7f00:1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001:0:7f00:1::]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[fc00::1]",
            "[fd12::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[100::1]",
        ] {
            assert!(!public(&format!("http://{host}/")), "{host}");
        }
    }

    #[test]
    fn public_hosts_are_not_refused() {
        for host in [
            "1.1.1.1",
            "100.63.255.255",
            "172.32.0.1",
            "198.20.0.1",
            "hooks.example",
            "localhost.example",
            "[2606:4700::1111]",
            "[2001:4860::1]",
            "[::ffff:1.1.1.1]",
            "[64:ff9b::101:101]",
            "[2002:101:101::]",
        ] {
            assert!(public(&format!("https://{host}:8443/path?query")), "{host}");
        }
    }

    #[tokio::test]
    async fn name_of_a_private_address_is_not_looked_up() {
        let name = || "localhost".parse().expect("a name");
        let refused = PublicResolver { allow_private: false }.resolve(name()).await;
        assert!(refused.is_err_and(|why| why.is::<PrivateAddress>()));
        assert!(PublicResolver { allow_private: true }.resolve(name()).await.is_ok());
    }
}

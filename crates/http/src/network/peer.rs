//! The origin of a request: client address, scheme and host, from the connection or a trusted proxy.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::client_stream::OverTls;
use super::hosts;
use crate::options::{Options, Tls};

/// The client of a request, with the scheme and host that it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The client's address.
    pub(crate) address: IpAddr,
    /// Whether the client uses TLS.
    pub(crate) tls: bool,
    /// The host, with its port if given, under which the client reached this server.
    pub(crate) host: Option<String>,
}

impl Peer {
    /// The peer of a request. `X-Forwarded-*` headers are used only if they come from trusted proxies, and
    /// `http.public_url` takes precedence over them.
    pub(crate) fn of(parts: &Parts, options: &Options) -> Self {
        let near = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let proxied = near.is_some_and(|address| trusts(options, address));
        let headers = &parts.headers;
        let said = |name| if proxied { last(headers, name) } else { None };
        let tls = match (&options.public_url, options.tls) {
            (Some(url), _) => url.tls(),
            (None, Tls::Always) => true,
            (None, Tls::Never) => false,
            (None, Tls::Auto) => {
                parts.extensions.get::<OverTls>().is_some()
                    || said("x-forwarded-proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
            }
        };
        let host = match &options.public_url {
            Some(url) => Some(url.authority()),
            None => forwarded_host(headers, near, options).or_else(|| hosts::named(headers, &parts.uri).ok()),
        };
        let host = host.map(str::to_owned);
        Self { address: Self::address_of(parts, options), tls, host }
    }

    /// Like [`Peer::of`], but only the address.
    pub(crate) fn address_of(parts: &Parts, options: &Options) -> IpAddr {
        let near = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let near = near.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        if trusts(options, near) { client(&parts.headers, options).unwrap_or(near) } else { near }
    }
}

/// The host in a trusted proxy's `X-Forwarded-Host`, if that is trusted.
pub(crate) fn forwarded_host<'h>(
    headers: &'h HeaderMap,
    near: Option<IpAddr>,
    options: &Options,
) -> Option<&'h str> {
    let believed = options.trust_forwarded_host && near.is_some_and(|address| trusts(options, address));
    if believed { last(headers, "x-forwarded-host") } else { None }
}

/// Whether an address belongs to a trusted proxy.
pub(crate) fn trusts(options: &Options, address: IpAddr) -> bool {
    options.trusted_proxies.iter().any(|network| network.holds(address))
}

/// The client address, as seen by the outermost trusted proxy: each proxy appends a hop at the right. Values are read
/// as bytes, since a proxy appends its hop to whatever the client has sent.
fn client(headers: &HeaderMap, options: &Options) -> Option<IpAddr> {
    let values = headers.get_all("x-forwarded-for").into_iter().rev();
    let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')).map(hop_address);
    let mut seen = None;
    for hop in hops {
        // Hops beyond an invalid one were not written by a trusted proxy.
        let Some(address) = hop else { break };
        seen = Some(address);
        if !trusts(options, address) {
            break;
        }
    }
    seen
}

/// Parses a hop's address, which some proxies write with a port, or in brackets.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse::<IpAddr>().or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).into_iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::key::ServiceKey;

    fn options(trusted: &[&str]) -> Options {
        let key = ServiceKey::parse("0123456789abcdef").expect("long enough");
        let trusted_proxies = trusted.iter().map(|text| text.parse().expect("a network")).collect();
        Options { trusted_proxies, ..Options::new(key) }
    }

    fn parts(from: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().header("host", "chat.example");
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        let mut parts = request.body(()).expect("a request").into_parts().0;
        let address: SocketAddr = from.parse().expect("an address");
        parts.extensions.insert(ConnectInfo(address));
        parts
    }

    #[test]
    fn forwarded_headers_of_untrusted_peers_are_ignored() {
        let said =
            [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil")];
        let peer = Peer::of(&parts("9.9.9.9:1", &said), &options(&["10.0.0.0/8"]));
        let believed =
            Peer { address: "9.9.9.9".parse().unwrap(), tls: false, host: Some("chat.example".into()) };
        assert_eq!(peer, believed);
    }

    #[test]
    fn a_trusted_proxy_is_believed_in_its_own_hop_and_no_further() {
        for (hops, address) in [
            (&["1.2.3.4"][..], "1.2.3.4"),
            (&["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            (&["6.6.6.6", "1.2.3.4, 10.0.0.7"], "1.2.3.4"),
            (&["6.6.6.6, unknown, 10.0.0.7"], "10.0.0.7"),
            (&[""], "10.0.0.1"),
            (&["::ffff:1.2.3.4"], "1.2.3.4"),
            (&["1.2.3.4:5678"], "1.2.3.4"),
            (&["[2001:db8::1]:5678"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["é, 1.2.3.4"], "1.2.3.4"),
        ] {
            let headers: Vec<_> = hops.iter().map(|hop| ("x-forwarded-for", *hop)).collect();
            let peer = Peer::of(&parts("10.0.0.1:1", &headers), &options(&["10.0.0.0/8"]));
            assert_eq!(peer.address.to_string(), address, "{hops:?}");
        }
        let said = [("x-forwarded-proto", "http, https"), ("x-forwarded-host", "evil, chat.test")];
        let (parts, mut options) = (parts("10.0.0.1:1", &said), options(&["10.0.0.1"]));
        let peer = Peer::of(&parts, &options);
        assert_eq!((peer.tls, peer.host.as_deref()), (true, Some("chat.example")));
        options.trust_forwarded_host = true;
        assert_eq!(Peer::of(&parts, &options).host.as_deref(), Some("chat.test"));
        options.public_url = Some("http://chat.example:8080".parse().expect("an address"));
        let peer = Peer::of(&parts, &options);
        assert_eq!((peer.tls, peer.host.as_deref()), (false, Some("chat.example:8080")));
    }
}

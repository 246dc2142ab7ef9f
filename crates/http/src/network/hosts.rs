//! Host names: the names in requests, and those that this server accepts.
//!
//! DNS rebinding: a page of another site can make a browser call this server under a name of that site, which then
//! counts as the same origin. So only configured names are served.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, Uri, header};

use crate::options::Options;

/// The error for a malformed `Host` (RFC 9112, section 3.2).
pub(crate) const MALFORMED: &str = "a request must have exactly one Host header, such as chat.example:8000";

/// A parsed host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Host<'a> {
    /// The name or address. An IPv6 address is in brackets.
    pub(crate) name: &'a str,
    /// The digits after the colon, if any.
    pub(crate) port: Option<&'a str>,
}

/// The host, with its port if given, to which a request is sent. Refuses a request whose `Host` header is missing,
/// repeated or malformed.
pub(crate) fn named<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> Result<&'r str, &'static str> {
    let mut values = headers.get_all(header::HOST).into_iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(MALFORMED) };
    let text = value.to_str().map_err(|_| MALFORMED)?;
    parse(text)?;
    // An absolute request target takes precedence over the header.
    match uri.authority() {
        Some(authority) => parse(authority.as_str()).map(|_| authority.as_str()),
        None => Ok(text),
    }
}

/// Parses `host` or `host:port`.
pub(crate) fn parse(text: &str) -> Result<Host<'_>, &'static str> {
    let end = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, _) = rest.split_once(']').ok_or(MALFORMED)?;
            address.parse::<Ipv6Addr>().map_err(|_| MALFORMED)?;
            address.len() + 2
        }
        None => text.find(':').unwrap_or(text.len()),
    };
    let (name, rest) = text.split_at(end);
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits),
        _ => return Err(MALFORMED),
    };
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    let named = !name.is_empty() && (name.starts_with('[') || name.bytes().all(valid));
    let reachable = port.is_none_or(|digits| digits.is_empty() || digits.parse::<u16>().is_ok());
    if named && reachable { Ok(Host { name, port }) } else { Err(MALFORMED) }
}

/// Whether a host is served. IP addresses always are, since they cannot be another site's name.
pub(crate) fn is_served(host: &str, options: &Options) -> bool {
    let Ok(Host { name, .. }) = parse(host) else { return false };
    if name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    same("localhost")
        || options.public_url.as_ref().is_some_and(|url| same(url.host()))
        || options.hosts.iter().any(|host| same(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::ServiceKey;

    fn headers(hosts: &[&str]) -> HeaderMap {
        hosts.iter().map(|host| (header::HOST, host.parse().expect("a header"))).collect()
    }

    #[test]
    fn request_has_one_well_formed_host() {
        let uri = Uri::from_static("/");
        for good in ["chat.example", "chat.example:8000", "127.0.0.1:1", "[::1]:8000", "[::1]", "a_b", "x:"] {
            assert_eq!(named(&headers(&[good]), &uri), Ok(good));
        }
        let bad: [&[&str]; 13] = [
            &[],
            &["a", "a"],
            &["a", "b"],
            &[""],
            &["a b"],
            &["a/b"],
            &["user:pw@h"],
            &["[::1"],
            &["[::1]x"],
            &["[127.0.0.1]"],
            &["a:b"],
            &["a:99999"],
            &["a,b:1:2"],
        ];
        for hosts in bad {
            assert_eq!(named(&headers(hosts), &uri), Err(MALFORMED), "{hosts:?}");
        }
    }

    #[test]
    fn absolute_address_goes_before_the_header() {
        let uri = Uri::from_static("http://evil.example/x");
        assert_eq!(named(&headers(&["localhost"]), &uri), Ok("evil.example"));
        assert_eq!(named(&headers(&[]), &uri), Err(MALFORMED));
    }

    #[test]
    fn only_addresses_and_named_hosts_are_served() {
        let key = ServiceKey::parse("0123456789abcdef").expect("long enough");
        let options = Options {
            hosts: vec!["chat".into()],
            public_url: Some("https://chat.example/x".parse().expect("an address")),
            ..Options::new(key)
        };
        for host in [
            "127.0.0.1",
            "10.1.2.3:80",
            "[2001:db8::1]:1",
            "localhost:8000",
            "LocalHost.",
            "Chat:8000",
            "chat.example",
        ] {
            assert!(is_served(host, &options), "{host}");
        }
        for host in
            ["evil.example", "chat.example.evil.example", "xchat", "127.0.0.1.evil.example", "0x7f.1", ""]
        {
            assert!(!is_served(host, &options), "{host}");
        }
    }
}

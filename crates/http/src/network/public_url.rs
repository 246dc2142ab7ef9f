//! `http.public_url`: the URL by which browsers reach this server, and the values derived from it.

use std::fmt;
use std::str::FromStr;

use axum::http::uri::Authority;

/// The URL by which browsers reach this server, such as `https://chat.example/chinwag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    tls: bool,
    authority: Authority,
    base: String,
}

impl PublicUrl {
    /// Whether browsers use TLS.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The host, with its port if the URL has one.
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The host without the port.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The path below which everything is served, without a trailing slash: `""` or `/chinwag`.
    pub fn base(&self) -> &str {
        &self.base
    }
}

impl fmt::Display for PublicUrl {
    /// The URL without a trailing slash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.base)
    }
}

impl FromStr for PublicUrl {
    type Err = &'static str;

    /// Parses a URL. The error completes a sentence that begins with the URL.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").ok_or("must be like https://chat.example/chinwag")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err("must begin with http:// or https://"),
        };
        if rest.contains(['?', '#']) {
            return Err("must have no query and no fragment");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = authority.to_ascii_lowercase();
        let host = super::hosts::parse(&authority).map_err(|_| "has no host, or an invalid one")?;
        if host.port == Some("") {
            return Err("has no port after its colon");
        }
        let base = path.trim_end_matches('/');
        if !base.split('/').skip(1).all(plain_segment) {
            return Err(
                "must have a path of letters, digits and -._~%+@ alone, without empty or dot segments",
            );
        }
        let authority = authority.parse().map_err(|_| "has no host, or an invalid one")?;
        Ok(Self { tls, authority, base: base.to_owned() })
    }
}

/// Whether a path segment is interpreted alike in cookies, in pages and by proxies.
fn plain_segment(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%+@".contains(&byte);
    let dots = segment.to_ascii_lowercase().replace("%2e", ".");
    !segment.is_empty() && dots != "." && dots != ".." && segment.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_gives_tls_host_and_base() {
        for (text, tls, authority, base, shown) in [
            ("https://Chat.Example", true, "chat.example", "", "https://chat.example"),
            ("http://chat.example:8080/", false, "chat.example:8080", "", "http://chat.example:8080"),
            (
                "HTTPS://chat.example/a/chinwag/",
                true,
                "chat.example",
                "/a/chinwag",
                "https://chat.example/a/chinwag",
            ),
            ("https://[::1]:8443/x", true, "[::1]:8443", "/x", "https://[::1]:8443/x"),
        ] {
            let url: PublicUrl = text.parse().expect(text);
            assert_eq!((url.tls(), url.authority(), url.base()), (tls, authority, base), "{text}");
            assert_eq!(url.to_string(), shown);
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in [
            "",
            "chat.example",
            "/chinwag",
            "ftp://chat.example",
            "wss://chat.example",
            "https://",
            "https:///chinwag",
            "https://ann@chat.example",
            "https://chat.example:",
            "https://chat.example:99999",
            "https://chat example",
            "https://chat.example?x",
            "https://chat.example/#x",
            "https://chat.example/a?b",
            "https://chat.example/../a",
            "https://chat.example/./a",
            "https://chat.example/%2E%2e/a",
            "https://chat.example//a",
            "https://chat.example/a b",
            "https://chat.example/a;b",
            "https://chat.example/\"a",
            "https://chat.example/é",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}

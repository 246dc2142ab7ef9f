//! Web origins: the sites whose pages may call this server from a browser.

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use chinwag_core::{Error, Result};

use super::peer::Peer;
use crate::options::Options;

/// A web origin: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
}

/// The schemes of origins: those of the web, and those of pages in an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    Capacitor,
    Ionic,
    Tauri,
}

impl WebOrigin {
    /// Parses an origin as browsers serialize it: `https://chat.example`, with a port if it is not the default one.
    /// `null` is refused.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "capacitor" => Scheme::Capacitor,
            "ionic" => Scheme::Ionic,
            "tauri" => Scheme::Tauri,
            _ => return None,
        };
        Self::at(scheme, rest)
    }

    /// Parses a configured origin. The error completes a sentence that begins with the origin.
    pub fn configured(text: &str) -> Result<Self, &'static str> {
        if text.contains('*') {
            return Err("has a wildcard, which is not supported: name each origin by itself");
        }
        Self::parse(text).ok_or(
            "is no origin such as https://chat.example: a scheme (http, https, capacitor, ionic, tauri), \
             a host, a port if need be, and nothing after them",
        )
    }

    /// The origin of a host, with or without a port.
    fn at(scheme: Scheme, host: &str) -> Option<Self> {
        let authority: Authority = host.parse().ok()?;
        if host.contains('@') || authority.host().is_empty() {
            return None;
        }
        let port = match host.strip_prefix(authority.host())? {
            "" => match scheme {
                Scheme::Http => Some(80),
                Scheme::Https => Some(443),
                _ => None,
            },
            _ => Some(authority.port_u16()?),
        };
        Some(Self { scheme, host: authority.host().to_ascii_lowercase(), port })
    }
}

/// Refuses a request whose `Origin` is neither this host's nor configured. A missing `Origin` is accepted.
pub fn check(parts: &Parts, options: &Options) -> Result<()> {
    match sent(&parts.headers)? {
        None => Ok(()),
        Some(origin) if is_configured(&origin, options) || is_own(&origin, parts, options) => Ok(()),
        Some(_) => Err(foreign()),
    }
}

/// Refuses a request whose `Origin` is not this host's. A missing `Origin` is accepted.
pub fn own(parts: &Parts, options: &Options) -> Result<()> {
    match sent(&parts.headers)? {
        Some(origin) if !is_own(&origin, parts, options) => Err(foreign()),
        _ => Ok(()),
    }
}

/// The `Origin` of a request, if it is a configured one.
pub fn configured(headers: &HeaderMap, options: &Options) -> Option<header::HeaderValue> {
    let origin = sent(headers).ok().flatten()?;
    let value = is_configured(&origin, options).then(|| headers.get(header::ORIGIN));
    value.flatten().cloned()
}

fn sent(headers: &HeaderMap) -> Result<Option<WebOrigin>> {
    let mut values = headers.get_all(header::ORIGIN).into_iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let origin = value.to_str().ok().and_then(WebOrigin::parse);
            origin.map(Some).ok_or_else(foreign)
        }
        (Some(_), Some(_)) => Err(foreign()),
    }
}

fn is_own(origin: &WebOrigin, parts: &Parts, options: &Options) -> bool {
    let peer = Peer::of(parts, options);
    let scheme = if peer.tls { Scheme::Https } else { Scheme::Http };
    let own = peer.host.as_deref().and_then(|host| WebOrigin::at(scheme, host));
    own.as_ref() == Some(origin)
}

fn is_configured(origin: &WebOrigin, options: &Options) -> bool {
    options.origins.iter().any(|allowed| WebOrigin::parse(allowed).as_ref() == Some(origin))
}

fn foreign() -> Error {
    Error::forbidden("pages of this origin may not use this server")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::http::Request;

    use super::*;
    use crate::key::ServiceKey;
    use crate::options::Tls;

    fn options() -> Options {
        let key = ServiceKey::parse("0123456789abcdef").expect("long enough");
        let trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
        let origins = vec!["https://app.example".into(), "capacitor://localhost".into()];
        Options { origins, trusted_proxies, ..Options::new(key) }
    }

    fn parts(host: &str, origins: &[&str], proto: Option<&str>) -> Parts {
        let mut request = Request::builder().header("host", host);
        for origin in origins {
            request = request.header("origin", *origin);
        }
        if let Some(proto) = proto {
            request = request.header("x-forwarded-proto", proto);
        }
        let mut parts = request.body(()).expect("a request").into_parts().0;
        parts.extensions.insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        parts
    }

    #[test]
    fn this_hosts_own_and_configured_origins_may_call() {
        for (host, origin) in [
            ("chat.example", "http://chat.example"),
            ("Chat.Example", "http://chat.example"),
            ("chat.example:80", "http://chat.example"),
            ("chat.example:8000", "http://chat.example:8000"),
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("[::1]:8000", "http://[::1]:8000"),
            ("chat.example", "https://app.example"),
            ("chat.example", "https://app.example:443"),
            ("chat.example", "capacitor://localhost"),
        ] {
            assert!(check(&parts(host, &[origin], None), &options()).is_ok(), "{host} {origin}");
        }
        assert!(check(&parts("chat.example", &[], None), &options()).is_ok());
    }

    #[test]
    fn foreign_and_look_alike_origins_are_refused() {
        for origin in [
            "null",
            "",
            "chat.example",
            "https://chat.example",
            "http://chat.example:8000",
            "http://evil.example",
            "http://chat.example.evil.example",
            "http://evilchat.example",
            "http://chat.example@evil.example",
            "http://evil.example#chat.example",
            "http://evil.example/chat.example",
            "http://chat.example/",
            "http://chat.example:",
            "http://chat.example:99999",
            "HTTP://chat.example",
            "file://chat.example",
            "http://",
            "http://app.example",
            "https://app.example.evil.example",
            "ionic://localhost",
            "capacitor://localhost:1",
        ] {
            let found = check(&parts("chat.example", &[origin], None), &options());
            assert!(matches!(found, Err(Error::Forbidden(_))), "{origin}");
        }
        let two = ["http://chat.example", "http://chat.example"];
        assert!(check(&parts("chat.example", &two, None), &options()).is_err());
    }

    #[test]
    fn over_tls_only_the_https_origin_is_ours() {
        let secure = |origin| check(&parts("chat.example", &[origin], Some("https")), &options());
        assert!(secure("https://chat.example").is_ok());
        assert!(secure("http://chat.example").is_err());
        let always = Options { tls: Tls::Always, ..options() };
        assert!(check(&parts("chat.example", &["https://chat.example"], None), &always).is_ok());
    }

    #[test]
    fn public_url_is_the_own_origin_whatever_host_is_sent() {
        let url = Some("https://chat.example:8443/chinwag".parse().expect("an address"));
        let options = Options { public_url: url, ..options() };
        for host in ["chat.example", "127.0.0.1:8000", "chat.example:8443"] {
            assert!(own(&parts(host, &["https://chat.example:8443"], None), &options).is_ok(), "{host}");
            let by_host = format!("http://{host}");
            assert!(own(&parts(host, &[&by_host], None), &options).is_err(), "{host}");
        }
    }

    #[test]
    fn wildcards_and_what_is_no_origin_are_refused_with_the_reason() {
        for origin in ["https://*.app.example", "https://*", "*"] {
            assert!(WebOrigin::configured(origin).is_err_and(|why| why.contains("wildcard")), "{origin}");
        }
        for origin in ["app.example", "https://app.example/", "ftp://app.example", "null", "https://"] {
            assert!(WebOrigin::configured(origin).is_err_and(|why| why.contains("no origin")), "{origin}");
        }
        for origin in
            ["capacitor://localhost", "ionic://localhost", "tauri://localhost", "http://tauri.localhost"]
        {
            assert!(WebOrigin::configured(origin).is_ok(), "{origin}");
        }
    }

    #[test]
    fn a_configured_origin_is_not_our_own() {
        let parts = parts("chat.example", &["https://app.example"], None);
        assert!(own(&parts, &options()).is_err());
        assert_eq!(configured(&parts.headers, &options()).unwrap(), "https://app.example");
    }
}

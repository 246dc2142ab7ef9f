//! Origins: from which sites' pages browsers may call.

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use chinwag_core::{Error, Result};

use super::peer::Peer;
use crate::doors::Options;

/// A web origin: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    tls: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Reads an origin as browsers write it: `https://chat.example`, with a port if it is not
    /// the scheme's own. `null` is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        Self::at(tls, rest)
    }

    /// The origin at a host, with or without a port.
    fn at(tls: bool, host: &str) -> Option<Self> {
        let authority: Authority = host.parse().ok()?;
        if host.contains('@') || authority.host().is_empty() {
            return None;
        }
        let port = match host.strip_prefix(authority.host())? {
            "" => {
                if tls {
                    443
                } else {
                    80
                }
            }
            _ => authority.port_u16()?,
        };
        Some(Self { tls, host: authority.host().to_ascii_lowercase(), port })
    }
}

/// Refuses an `Origin`, if one was sent, that is neither this host's nor configured.
pub fn check(parts: &Parts, options: &Options) -> Result<()> {
    match sent(&parts.headers)? {
        None => Ok(()),
        Some(origin) if is_configured(&origin, options) || is_own(&origin, parts, options) => Ok(()),
        Some(_) => Err(foreign()),
    }
}

/// Refuses an `Origin`, if one was sent, that is not this host's.
pub fn own(parts: &Parts, options: &Options) -> Result<()> {
    match sent(&parts.headers)? {
        Some(origin) if !is_own(&origin, parts, options) => Err(foreign()),
        _ => Ok(()),
    }
}

/// The `Origin` that was sent, if it is a configured one.
pub fn configured(headers: &HeaderMap, options: &Options) -> Option<header::HeaderValue> {
    let origin = sent(headers).ok().flatten()?;
    let value = is_configured(&origin, options).then(|| headers.get(header::ORIGIN));
    value.flatten().cloned()
}

fn sent(headers: &HeaderMap) -> Result<Option<Origin>> {
    let mut values = headers.get_all(header::ORIGIN).into_iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let origin = value.to_str().ok().and_then(Origin::parse);
            origin.map(Some).ok_or_else(foreign)
        }
        (Some(_), Some(_)) => Err(foreign()),
    }
}

fn is_own(origin: &Origin, parts: &Parts, options: &Options) -> bool {
    let peer = Peer::of(parts, options);
    let own = peer.host.as_deref().and_then(|host| Origin::at(peer.tls, host));
    own.as_ref() == Some(origin)
}

fn is_configured(origin: &Origin, options: &Options) -> bool {
    options.origins.iter().any(|allowed| Origin::parse(allowed).as_ref() == Some(origin))
}

fn foreign() -> Error {
    Error::forbidden("pages of this origin may not call here")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::http::Request;

    use super::*;
    use crate::auth::ServiceKey;
    use crate::doors::Tls;

    fn options() -> Options {
        let key = ServiceKey::parse("0123456789abcdef").expect("long enough");
        Options { origins: vec!["https://app.example".into()], ..Options::new(key) }
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
        ] {
            assert!(check(&parts(host, &[origin], None), &options()).is_ok(), "{host} {origin}");
        }
        assert!(check(&parts("chat.example", &[], None), &options()).is_ok());
    }

    #[test]
    fn foreign_origins_and_those_that_only_look_like_ours_are_refused() {
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
    fn a_configured_origin_is_not_our_own() {
        let parts = parts("chat.example", &["https://app.example"], None);
        assert!(own(&parts, &options()).is_err());
        assert_eq!(configured(&parts.headers, &options()).unwrap(), "https://app.example");
    }
}

//! `[http]`: connections and requests.

use std::time::Duration;

use chinwag_http::network::origins::WebOrigin;
use chinwag_http::{Network, PublicUrl};
use serde::{Deserialize, Serialize};

use super::{Period, Problems};
use crate::memory;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Http {
    /// Whether requests with unknown keys or query parameters are refused. Otherwise the response names them.
    pub(crate) strict: bool,
    /// The maximum size of a request body, in bytes. A larger one is answered with 413.
    pub(crate) max_body: usize,
    /// The timeout for a request's head, and for an idle connection.
    pub(crate) header_timeout: Period,
    /// The timeout for a request's body.
    pub(crate) body_timeout: Period,
    /// The timeout for a client to read one chunk of a list.
    pub(crate) list_timeout: Period,
    /// Concurrent requests. Further ones are answered with 503.
    pub(crate) requests: usize,
    /// Unread response bytes of one user. Its further requests are answered with 429.
    pub(crate) user_bytes: usize,
    /// Unread response bytes of all clients; a quarter of the available memory if unset.
    pub(crate) total_bytes: Option<usize>,
    /// Concurrent connections. Further ones are closed at once.
    pub(crate) connections: usize,
    /// Concurrent connections of one address. Further ones are closed at once.
    pub(crate) connections_per_address: usize,
    /// The URL by which browsers reach this server, such as `https://chat.example/chinwag`.
    pub(crate) public_url: Option<String>,
    /// Accepted host names, in addition to IP addresses, `localhost`, the listening address and the host of
    /// `public_url`.
    pub(crate) hosts: Vec<String>,
    /// Trusted proxies, whose `X-Forwarded-*` headers are used: addresses, or ranges (`10.0.0.0/8`).
    pub(crate) trusted_proxies: Vec<String>,
    /// Whether their `X-Forwarded-Host` is trusted as well.
    pub(crate) trust_forwarded_host: bool,
    /// Allowed origins of pages, such as `https://chat.example`, in addition to this server's own.
    pub(crate) origins: Vec<String>,
    /// Whether browsers reach this server over TLS.
    pub(crate) tls: Tls,
}

/// Whether browsers reach the server over TLS. If so, its cookie is `Secure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tls {
    /// According to the header of a trusted proxy.
    Auto,
    Always,
    Never,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            strict: false,
            max_body: 256 * 1024,
            header_timeout: Period::seconds(10),
            body_timeout: Period::seconds(30),
            list_timeout: Period::seconds(30),
            requests: 1024,
            user_bytes: 8 * 1024 * 1024,
            total_bytes: None,
            connections: 50_000,
            connections_per_address: 1024,
            public_url: None,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            trust_forwarded_host: false,
            origins: Vec::new(),
            tls: Tls::Auto,
        }
    }
}

impl Http {
    /// The valid entries of `trusted_proxies`. Invalid ones are a [problem](Http::check).
    pub(crate) fn trusted_proxies(&self) -> Vec<Network> {
        self.trusted_proxies.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// The public URL, if it is valid. An invalid one is a [problem](Http::check).
    pub(crate) fn public_url(&self) -> Option<PublicUrl> {
        self.public_url.as_ref().and_then(|text| text.parse().ok())
    }

    pub(crate) fn tls(&self) -> chinwag_http::Tls {
        match self.tls {
            Tls::Auto => chinwag_http::Tls::Auto,
            Tls::Always => chinwag_http::Tls::Always,
            Tls::Never => chinwag_http::Tls::Never,
        }
    }

    pub(crate) fn total_bytes(&self) -> usize {
        self.total_bytes.unwrap_or_else(memory::quarter)
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let bounds = Duration::from_secs(1)..=Duration::from_secs(600);
        problems.number("http.max_body", self.max_body, &(1024..=64 * 1024 * 1024), "bytes");
        problems.period("http.header_timeout", self.header_timeout, &bounds);
        problems.period("http.body_timeout", self.body_timeout, &bounds);
        problems.period("http.list_timeout", self.list_timeout, &bounds);
        problems.number("http.requests", self.requests, &(1..=1_000_000), "requests");
        problems.number("http.user_bytes", self.user_bytes, &(256 * 1024..=64 * 1024 * 1024 * 1024), "bytes");
        if let Some(bytes) = self.total_bytes {
            problems.number("http.total_bytes", bytes, &(1024 * 1024..=1024 * 1024 * 1024 * 1024), "bytes");
        }
        problems.number("http.connections", self.connections, &(1..=10_000_000), "connections");
        let each = self.connections_per_address;
        problems.number("http.connections_per_address", each, &(1..=10_000_000), "connections");
        for text in &self.trusted_proxies {
            if let Err(why) = text.parse::<Network>() {
                problems.add(format!("http.trusted_proxies: {text:?} {why}"));
            }
        }
        for text in &self.origins {
            if let Err(why) = WebOrigin::configured(text) {
                problems.add(format!("http.origins: {text:?} {why}"));
            }
        }
        for text in self.hosts.iter().filter(|text| !is_host_name(text)) {
            problems.add(format!(
                "http.hosts: {text:?} is no host's name such as chat.example, without a port and without wildcards"
            ));
        }
        self.check_public_url(problems);
    }

    fn check_public_url(&self, problems: &mut Problems) {
        let Some(text) = &self.public_url else { return };
        match (text.parse::<PublicUrl>(), self.tls) {
            (Err(why), _) => problems.add(format!("http.public_url: {text:?} {why}")),
            (Ok(url), Tls::Always) if !url.tls() => {
                problems.add("http.tls is always, and http.public_url is not https: leave http.tls out");
            }
            (Ok(url), Tls::Never) if url.tls() => {
                problems.add("http.tls is never, and http.public_url is https: leave http.tls out");
            }
            _ => {}
        }
    }
}

fn is_host_name(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty() && text.bytes().all(valid)
}

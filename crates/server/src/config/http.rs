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
    /// Whether unknown keys and query parameters are refused, and not only named.
    pub(crate) strict: bool,
    /// The longest body of a request, in bytes. A longer one is answered with 413.
    pub(crate) max_body: usize,
    /// The time that a connection may be idle, or take to send a request's head.
    pub(crate) header_timeout: Period,
    /// The time for receiving a request's body.
    pub(crate) body_timeout: Period,
    /// The time for a client to read one part of a list.
    pub(crate) list_timeout: Period,
    /// Requests under way at a time. More are answered with 503.
    pub(crate) requests: usize,
    /// Bytes of answers that may wait to be read by one user. Its further requests are answered with 429.
    pub(crate) user_bytes: usize,
    /// Bytes of answers that may wait to be read in all, if not a quarter of the memory that there is.
    pub(crate) total_bytes: Option<usize>,
    /// Connections at a time. More are closed at once.
    pub(crate) connections: usize,
    /// Connections of one address at a time. More are closed at once.
    pub(crate) connections_per_address: usize,
    /// The address by which browsers reach this server, such as `https://chat.example/chinwag`.
    pub(crate) public_url: Option<String>,
    /// Names of hosts that are served beside addresses, `localhost`, the listening address and the
    /// host of `public_url`.
    pub(crate) hosts: Vec<String>,
    /// Proxies whose `X-Forwarded-*` headers are believed: addresses, or ranges (`10.0.0.0/8`).
    pub(crate) trusted_proxies: Vec<String>,
    /// Whether their `X-Forwarded-Host` is, too.
    pub(crate) trust_forwarded_host: bool,
    /// Origins of pages, such as `https://chat.example`, allowed beside this server's own.
    pub(crate) origins: Vec<String>,
    /// Whether browsers reach this server over TLS.
    pub(crate) tls: Tls,
}

/// Whether browsers reach the server over TLS, and its cookie is for TLS alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tls {
    /// As a trusted proxy says.
    Auto,
    /// They do.
    Always,
    /// They do not.
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
    /// The proxies, as far as they are addresses; what is not is a [problem](Http::check).
    pub(crate) fn trusted_proxies(&self) -> Vec<Network> {
        self.trusted_proxies.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// The address that browsers use, if it is one; what is not is a [problem](Http::check).
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

    /// Bytes of answers that may wait to be read in all.
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

//! `[tls]`: TLS that the server terminates itself.

use std::path::{Path, PathBuf};

use chinwag_http::AcmeOptions;
use serde::{Deserialize, Serialize};

use super::{Config, Problems};
use crate::data::ACME_FILE;

/// The maximum number of names in a certificate.
const MAX_NAMES: usize = 100;
/// Let's Encrypt's ACME directory.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// A certificate with its key, or the names for which a certificate is requested by ACME. If neither is set,
/// connections are plain HTTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TlsSettings {
    /// The PEM file of the certificate chain.
    pub(crate) cert: Option<PathBuf>,
    /// The PEM file of the private key.
    pub(crate) key: Option<PathBuf>,
    /// The names for which a certificate is requested by ACME.
    pub(crate) acme: Vec<String>,
    /// The URL of the ACME directory.
    pub(crate) acme_directory: String,
    /// Concurrent TLS handshakes.
    pub(crate) handshakes: usize,
}

impl Default for TlsSettings {
    fn default() -> Self {
        let (acme, acme_directory) = (Vec::new(), LETS_ENCRYPT.to_owned());
        Self { cert: None, key: None, acme, acme_directory, handshakes: 512 }
    }
}

impl TlsSettings {
    /// The paths of certificate and key, if both are set.
    pub(crate) fn both(&self) -> Option<(PathBuf, PathBuf)> {
        self.cert.clone().zip(self.key.clone())
    }

    /// Whether the server terminates TLS.
    pub(crate) fn is_on(&self) -> bool {
        self.both().is_some() || !self.acme.is_empty()
    }

    /// The options of ACME, if names for it are set.
    pub(crate) fn acme(&self, data: &Path) -> Option<AcmeOptions> {
        let directory = AcmeOptions::parse_directory(&self.acme_directory).ok()?;
        let file = data.join(ACME_FILE);
        (!self.acme.is_empty()).then(|| AcmeOptions { names: self.acme.clone(), directory, file })
    }

    fn check_acme(&self, problems: &mut Problems) {
        for name in &self.acme {
            if !is_host_name(name) {
                problems.add(format!(
                    "tls.acme must hold names like chat.example, without a scheme, port or *, in small letters, not {name:?}"
                ));
            }
        }
        if self.acme.len() > MAX_NAMES {
            problems.add(format!("tls.acme may hold at most {MAX_NAMES} names"));
        }
        if self.cert.is_some() || self.key.is_some() {
            problems.add(
                "tls.acme requests a certificate, and tls.cert or tls.key names one: leave one of them out",
            );
        }
        if let Err(why) = AcmeOptions::parse_directory(&self.acme_directory) {
            problems.add(format!("tls.acme_directory {why}"));
        }
    }
}

/// Whether a text is a valid DNS name for a certificate.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    // A last label of digits is that of an IP address.
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253 && name.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

impl Config {
    /// Reports TLS settings that are out of bounds or contradictory.
    pub(super) fn check_tls(&self, problems: &mut Problems) {
        let TlsSettings { cert, key, acme, handshakes, .. } = &self.tls;
        problems.number("tls.handshakes", *handshakes, &(1..=100_000), "handshakes");
        if !acme.is_empty() {
            self.tls.check_acme(problems);
            if self.redis.is_some() {
                problems.add(
                    "tls.acme is for a single node, as an authority may reach another one: use tls.cert, or a proxy that terminates TLS",
                );
            }
        }
        match (cert, key) {
            (Some(_), None) => problems.add("tls.cert needs tls.key, the file of its private key"),
            (None, Some(_)) => problems.add("tls.key needs tls.cert, the file of the certificate"),
            (None, None) if acme.is_empty() => return,
            _ => {}
        }
        let setting = if acme.is_empty() { "tls.cert" } else { "tls.acme" };
        if self.http.tls() == chinwag_http::Tls::Never {
            problems.add(format!("http.tls is never, and {setting} is set: leave http.tls out"));
        }
        let Some(url) = self.http.public_url() else { return };
        if !url.tls() {
            problems.add(format!(
                "http.public_url is not https, and {setting} is set: browsers reach this server over TLS"
            ));
        }
        if !acme.is_empty() && !acme.iter().any(|name| name == url.host()) {
            problems.add(format!("tls.acme needs {}, the host of http.public_url", url.host()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_certificates_are_host_names() {
        for name in ["chat.example", "localhost", "a-1.b2.example", "xn--bcher-kva.example", "4.example"] {
            assert!(is_host_name(name), "{name}");
        }
        let long = "a".repeat(64);
        for name in [
            "",
            "*.example",
            "Chat.example",
            "chat.example:443",
            "a..b",
            "-a.b",
            "a-.b",
            "a_b.c",
            "10.0.0.1",
            "::1",
            "a/b",
            &long,
        ] {
            assert!(!is_host_name(name), "{name}");
        }
    }
}

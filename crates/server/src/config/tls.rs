//! `[tls]`: TLS of the server's own.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Config, Problems};

/// The certificate with its key, both or none: without them connections are plain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TlsSettings {
    /// The file of the certificate with its chain, in PEM.
    pub(crate) cert: Option<PathBuf>,
    /// The file of its private key, in PEM.
    pub(crate) key: Option<PathBuf>,
    /// Handshakes under way at a time.
    pub(crate) handshakes: usize,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self { cert: None, key: None, handshakes: 512 }
    }
}

impl TlsSettings {
    /// Both files, if they are set.
    pub(crate) fn both(&self) -> Option<(PathBuf, PathBuf)> {
        self.cert.clone().zip(self.key.clone())
    }
}

impl Config {
    /// Settings of TLS that are out of bounds, or contradict each other.
    pub(super) fn check_tls(&self, problems: &mut Problems) {
        let TlsSettings { cert, key, handshakes } = &self.tls;
        problems.number("tls.handshakes", *handshakes, &(1..=100_000), "handshakes");
        match (cert, key) {
            (None, None) => return,
            (Some(_), None) => problems.add("tls.cert needs tls.key, the file of its private key"),
            (None, Some(_)) => problems.add("tls.key needs tls.cert, the file of the certificate"),
            (Some(_), Some(_)) => {}
        }
        if self.http.tls() == chinwag_http::Tls::Never {
            problems.add("http.tls is never, and tls.cert is set: leave http.tls out");
        }
        if self.http.public_url().is_some_and(|url| !url.tls()) {
            problems.add(
                "http.public_url is not https, and tls.cert is set: browsers reach this server over TLS",
            );
        }
    }
}

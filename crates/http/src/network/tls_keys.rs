//! The certificate for new connections, and the certificates that answer ACME challenges.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chinwag_core::Date;
use rcgen::{Certificate as Certified, CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// The ALPN protocol of TLS-ALPN-01 challenges (RFC 8737).
pub(super) const ACME_TLS: &[u8] = b"acme-tls/1";

/// The pair in use, and the answers to ACME challenges.
pub(super) struct TlsKeys {
    current: RwLock<Arc<CertifiedKey>>,
    /// By the name whose control they prove.
    challenges: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

/// A PEM text, with its name for errors.
pub(super) struct Pem<'a> {
    pub(super) name: &'a dyn fmt::Display,
    pub(super) content: &'a [u8],
}

/// The validity period of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: Date,
    pub(super) until: Date,
}

impl TlsKeys {
    pub(super) fn new(pair: Arc<CertifiedKey>) -> Self {
        Self { current: RwLock::new(pair), challenges: RwLock::default() }
    }

    /// Uses another pair for new connections.
    pub(super) fn replace(&self, pair: Arc<CertifiedKey>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair;
    }

    pub(super) fn current(&self) -> Arc<CertifiedKey> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the answer to the challenge for a name.
    pub(super) fn answer(&self, name: String, pair: Arc<CertifiedKey>) {
        self.challenges.write().unwrap_or_else(PoisonError::into_inner).insert(name, pair);
    }

    /// Removes all answers to challenges.
    pub(super) fn forget_challenges(&self) {
        self.challenges.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl ResolvesServerCert for TlsKeys {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_challenge = hello.alpn().is_some_and(|protocols| protocols.eq([ACME_TLS]));
        if is_challenge {
            let challenges = self.challenges.read().unwrap_or_else(PoisonError::into_inner);
            return challenges.get(hello.server_name()?).cloned();
        }
        Some(self.current())
    }
}

impl fmt::Debug for TlsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsKeys").finish_non_exhaustive()
    }
}

/// Parses a certificate chain and its key. The error names the invalid text, and is a sentence of its own.
pub(super) fn pair(cert: &Pem<'_>, key: &Pem<'_>) -> Result<Arc<CertifiedKey>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert.content).collect();
    let chain = chain.map_err(|why| format!("{} is not a certificate in PEM: {why}", cert.name))?;
    if chain.is_empty() {
        return Err(format!("{} has no certificate in PEM", cert.name));
    }
    let private = PrivateKeyDer::from_pem_slice(key.content);
    let private = private.map_err(|why| format!("{} is not a private key in PEM: {why}", key.name))?;
    let pair = CertifiedKey::from_der(chain, private, &ring::default_provider());
    pair.map(Arc::new).map_err(|why| format!("{} and {} do not belong together: {why}", cert.name, key.name))
}

/// A self-signed certificate and its key.
pub(super) fn self_signed(
    names: &[String],
    extensions: Vec<CustomExtension>,
) -> Result<(Certified, KeyPair), String> {
    let made = || {
        let mut params = CertificateParams::new(names)?;
        params.custom_extensions = extensions;
        let key = KeyPair::generate()?;
        Ok((params.self_signed(&key)?, key))
    };
    made().map_err(|why: rcgen::Error| why.to_string())
}

/// Parses a pair that this program has created.
pub(super) fn made_pair(chain: &str, key: &str) -> Result<Arc<CertifiedKey>, String> {
    pair(
        &Pem { name: &"the certificate", content: chain.as_bytes() },
        &Pem { name: &"its key", content: key.as_bytes() },
    )
}

/// The validity period of a certificate, if it can be parsed.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let validity = Certificate::from_der(certificate).ok()?.tbs_certificate.validity;
    let date = |since: Duration| i64::try_from(since.as_micros()).ok().map(Date::from_micros);
    let (from, until) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    Some(Validity { from: date(from)?, until: date(until)? })
}

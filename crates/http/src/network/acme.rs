//! Requests and renews the server's certificate by ACME (RFC 8555). The authority validates the names by TLS-ALPN-01
//! (RFC 8737) on this server's own port, so no other port is needed.
//!
//! An attempt is recorded in the data folder before it begins, so that a server in a restart loop backs off like one
//! that stays up.

mod client;
mod options;
mod order;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chinwag_core::Date;
use chinwag_core::clock::{Clock, SystemClock};
use rustls::sign::CertifiedKey;
use tokio::time::{sleep, timeout};

use self::client::AcmeClient;
pub use self::options::AcmeOptions;
use self::order::OrderError;
use self::state::{AcmeState, IssuedCertificate};
use super::tls_keys::{self, TlsKeys};

/// The timeout of an attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest sleep, so that a change of the system clock takes effect soon.
const MAX_SLEEP: Duration = Duration::from_secs(600);

/// The state of the certificate requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeStatus {
    /// The expiry of the certificate in use, if there is one.
    pub expires: Option<Date>,
    /// Failed attempts since the last certificate was issued.
    pub failures: u32,
    pub problem: Option<String>,
    pub next: Date,
}

/// Requests a certificate, and renews it.
pub(super) struct Acme {
    options: AcmeOptions,
    client: AcmeClient,
    clock: SystemClock,
    state: Mutex<AcmeState>,
}

impl Acme {
    /// Loads the account, the certificate and the attempts. Returns the last issued certificate with its key, or a
    /// self-signed placeholder.
    pub(super) fn load(options: AcmeOptions) -> Result<(Self, Arc<CertifiedKey>), String> {
        let state = AcmeState::load(&options);
        let pair = match state.certificate.as_ref().map(IssuedCertificate::pair) {
            Some(Ok(pair)) => pair,
            _ => makeshift(&options.names)?,
        };
        let client = AcmeClient::new().map_err(|why| why.to_string())?;
        Ok((Self { options, client, clock: SystemClock::default(), state: Mutex::new(state) }, pair))
    }

    pub(super) fn status(&self) -> AcmeStatus {
        let mut state = self.state();
        state.drop_long_wait(self.clock.now());
        AcmeStatus {
            expires: state
                .certificate
                .as_ref()
                .and_then(IssuedCertificate::validity)
                .map(|valid| valid.until),
            failures: state.failures,
            problem: state.problem.clone(),
            next: state.next(),
        }
    }

    /// Requests a certificate whenever one is due, until the future is dropped.
    pub(super) async fn run(&self, keys: &TlsKeys) {
        loop {
            let wait = self.status().next.micros() - self.clock.now().micros();
            match u64::try_from(wait) {
                Ok(wait) if wait > 0 => sleep(Duration::from_micros(wait).min(MAX_SLEEP)).await,
                _ => self.attempt(keys).await,
            }
        }
    }

    async fn attempt(&self, keys: &TlsKeys) {
        let names = &self.options.names;
        self.state().begin(self.clock.now());
        if let Err(why) = self.save().await {
            let file = self.options.file.display();
            tracing::error!(%file, why, "no certificate is requested, as the attempt cannot be noted");
            return;
        }
        tracing::info!(?names, directory = %self.options.directory, "requesting a certificate");
        let late = || Err(OrderError::from(format!("the authority took longer than {ATTEMPT_TIMEOUT:?}")));
        let issued = timeout(ATTEMPT_TIMEOUT, self.request(keys)).await.unwrap_or_else(|_| late());
        keys.forget_challenges();
        let issued = issued.and_then(|issued| Ok((issued.pair()?, issued)));
        match issued {
            Ok((pair, issued)) => {
                keys.replace(pair);
                self.state().succeed(issued, self.clock.now());
                let AcmeStatus { expires, next, .. } = self.status();
                let expires = expires.map(|date| date.to_string());
                tracing::info!(?names, expires, renewal = %next, "a new TLS certificate is in use");
            }
            Err(error) => {
                if error.account_is_gone {
                    self.state().account = None;
                }
                self.state().fail(error.text.clone(), self.client.retry_after(), self.clock.now());
                let AcmeStatus { failures, next, .. } = self.status();
                tracing::error!(?names, problem = error.text, failures, %next, "no certificate was issued");
            }
        }
        if let Err(why) = self.save().await {
            tracing::error!(file = %self.options.file.display(), why, "the certificate is not preserved over a restart");
        }
    }

    /// Opens the account, or creates it the first time, and orders the certificate.
    async fn request(&self, keys: &TlsKeys) -> Result<IssuedCertificate, OrderError> {
        let kept = self.state().account.clone();
        let (account, made) = order::account(&self.client, &self.options.directory, kept).await?;
        if made.is_some() {
            self.state().account = made;
            self.save().await?;
        }
        order::certificate(&account, &self.options.names, keys).await
    }

    /// Replaces the stored state atomically.
    async fn save(&self) -> Result<(), String> {
        let (state, file) = (self.state().clone(), self.options.file.clone());
        let saved = tokio::task::spawn_blocking(move || state.save(&file)).await;
        saved.map_err(|why| why.to_string())?.map_err(|why| why.to_string())
    }

    fn state(&self) -> MutexGuard<'_, AcmeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A self-signed certificate. With it the server can answer its own `health`, and a browser shows a certificate
/// warning instead of a failed connection.
fn makeshift(names: &[String]) -> Result<Arc<CertifiedKey>, String> {
    let (cert, key) = tls_keys::self_signed(names, Vec::new())?;
    tls_keys::made_pair(&cert.pem(), &key.serialize_pem())
}

//! A certificate that this server requests from an authority and renews (ACME, RFC 8555). The authority checks the names by
//! TLS-ALPN-01 (RFC 8737) at the address of this server, so that it needs no other port.
//!
//! An attempt is noted in the data folder before it begins. A server that is started again and again therefore waits as long
//! as one that stays up.

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

/// The longest time for an attempt.
const WITHIN: Duration = Duration::from_secs(300);
/// The longest sleep, so that a clock that is set counts soon.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// The course of the requests to the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeStatus {
    /// The end of the certificate in use, if there is one.
    pub expires: Option<Date>,
    /// The attempts that have failed since a certificate was issued.
    pub failures: u32,
    /// The reason of the last failure.
    pub problem: Option<String>,
    /// The time of the next attempt.
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
    /// Reads the account, the certificate and the attempts. The pair is the one that was issued last, else a makeshift that no
    /// browser trusts.
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
        let state = self.state();
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

    /// Requests a certificate whenever one is due, until it is dropped.
    pub(super) async fn run(&self, keys: &TlsKeys) {
        loop {
            let wait = self.state().next().micros() - self.clock.now().micros();
            match u64::try_from(wait) {
                Ok(wait) if wait > 0 => sleep(Duration::from_micros(wait).min(LOOK_EVERY)).await,
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
        let late = || Err(OrderError::from(format!("the authority took longer than {WITHIN:?}")));
        let issued = timeout(WITHIN, self.request(keys)).await.unwrap_or_else(|_| late());
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
            tracing::error!(file = %self.options.file.display(), why, "the certificate is not kept over a restart");
        }
    }

    /// Opens the account, which is made the first time, and orders the certificate.
    async fn request(&self, keys: &TlsKeys) -> Result<IssuedCertificate, OrderError> {
        let kept = self.state().account.clone();
        let (account, made) = order::account(&self.client, &self.options.directory, kept).await?;
        if made.is_some() {
            self.state().account = made;
            self.save().await?;
        }
        order::certificate(&account, &self.options.names, keys).await
    }

    /// Writes the state in place of the former one.
    async fn save(&self) -> Result<(), String> {
        let (state, file) = (self.state().clone(), self.options.file.clone());
        let saved = tokio::task::spawn_blocking(move || state.save(&file)).await;
        saved.map_err(|why| why.to_string())?.map_err(|why| why.to_string())
    }

    fn state(&self) -> MutexGuard<'_, AcmeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pair that no authority has signed. With it the server answers its own `health`, and a browser says why it warns.
fn makeshift(names: &[String]) -> Result<Arc<CertifiedKey>, String> {
    let (cert, key) = tls_keys::self_signed(names, Vec::new())?;
    tls_keys::made_pair(&cert.pem(), &key.serialize_pem())
}

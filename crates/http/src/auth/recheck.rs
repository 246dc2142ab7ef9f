//! Revalidation of open sockets by the host's validator: one request per credential, however many sockets use it,
//! evenly spread over time. A refusal or another user closes the sockets; while the validator does not answer, they
//! stay open for a grace period.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use chinwag_core::app::App;
use chinwag_core::app::identity::ExternalUser;
use chinwag_core::{Error, UserId};
use chinwag_hub::{Close, Hub, Socket};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::validator::{Validated, Validator};

/// Concurrent questions. New connections have permits of their own.
const MAX_IN_FLIGHT: usize = 64;
/// The minimum and maximum backoff while the validator does not answer.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(30));

/// Revalidates the credentials of open sockets.
pub(crate) struct Recheck {
    app: App,
    hub: Arc<Hub>,
    validator: Arc<Validator>,
    every: Duration,
    grace: Duration,
    asking: Semaphore,
    watched: Mutex<HashMap<Key, Vec<Weak<Socket>>>>,
}

/// The hash of a credential, and the user whom it identified.
type Key = ([u8; 32], UserId);

/// The state of a credential after a question.
enum Standing {
    Good,
    Silent,
    Ended,
}

impl Recheck {
    pub(super) fn new(
        app: App,
        hub: Arc<Hub>,
        validator: Arc<Validator>,
        (every, grace): (Duration, Duration),
    ) -> Arc<Self> {
        let asking = Semaphore::new(MAX_IN_FLIGHT);
        Arc::new(Self { app, hub, validator, every, grace, asking, watched: Mutex::default() })
    }

    /// Revalidates a socket of this user while it is open, with the headers of its handshake.
    pub(crate) fn watch(self: &Arc<Self>, socket: &Arc<Socket>, headers: &HeaderMap) {
        let shown = shown(headers);
        let key = (digest(&shown), socket.user());
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // An existing entry has a task, which removes the entry when it ends.
        let is_new = !watched.contains_key(&key);
        let sockets = watched.entry(key).or_default();
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.push(Arc::downgrade(socket));
        if is_new {
            tokio::spawn(self.clone().ask_on(key, shown));
        }
    }

    /// Revalidates one credential until its last socket is closed.
    async fn ask_on(self: Arc<Self>, key: Key, shown: HeaderMap) {
        let mut due = Instant::now() + self.every.mul_f64(phase(&key.0));
        let mut silent_since = None;
        loop {
            sleep_until(due).await;
            if !self.is_watched(&key) {
                return;
            }
            match self.ask(&key, &shown).await {
                Standing::Good => {
                    silent_since = None;
                    due = (due + self.every).max(Instant::now());
                }
                Standing::Silent => {
                    let gives_up = *silent_since.get_or_insert(due) + self.grace;
                    if Instant::now() >= gives_up {
                        tracing::warn!(
                            "the validator did not answer during auth.validate_grace: a user's sockets are closed"
                        );
                        return self.close(&key);
                    }
                    let pause = (self.grace / 20).clamp(RETRY.0, RETRY.1).min(self.every);
                    due = (Instant::now() + pause).min(gives_up);
                }
                Standing::Ended => return self.close(&key),
            }
        }
    }

    async fn ask(&self, key: &Key, shown: &HeaderMap) -> Standing {
        let Ok(_permit) = self.asking.acquire().await else { return Standing::Silent };
        let name = match self.validator.ask(shown, self.app.clock().now()).await {
            Validated::Named(name) => name,
            Validated::Refused => return Standing::Ended,
            Validated::Silent | Validated::NoName(_) => return Standing::Silent,
        };
        match self.app.external_user(name, false).await {
            Ok(ExternalUser::For(user)) if user.id == key.1 => Standing::Good,
            Ok(_) | Err(Error::Invalid(_) | Error::Unauthenticated(_) | Error::Forbidden(_)) => {
                Standing::Ended
            }
            Err(_) => Standing::Silent,
        }
    }

    /// Whether a socket of the credential is open. If not, removes the entry.
    fn is_watched(&self, key: &Key) -> bool {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let open = watched.get(key).is_some_and(|all| all.iter().any(|socket| socket.strong_count() > 0));
        if !open {
            watched.remove(key);
        }
        open
    }

    fn close(&self, key: &Key) {
        let sockets = self.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        for socket in sockets.into_iter().flatten().filter_map(|socket| socket.upgrade()) {
            self.hub.close(&socket, Close::CredentialEnded);
        }
    }
}

/// The headers of a handshake that the validator receives.
fn shown(headers: &HeaderMap) -> HeaderMap {
    let names = [header::COOKIE, header::AUTHORIZATION];
    let values = names
        .iter()
        .flat_map(|name| headers.get_all(name).into_iter().map(|value| (name.clone(), value.clone())));
    values.fold(HeaderMap::new(), |mut shown, (name, value)| {
        shown.append(name, value);
        shown
    })
}

fn digest(shown: &HeaderMap) -> [u8; 32] {
    let hash = shown.iter().fold(Sha256::new(), |hash, (name, value)| {
        hash.chain_update(name.as_str()).chain_update([0]).chain_update(value.as_bytes()).chain_update([0])
    });
    hash.finalize().into()
}

/// An offset within the period, as a fraction between 0 and 1, which spreads credentials evenly.
fn phase(digest: &[u8; 32]) -> f64 {
    (f64::from(u16::from_be_bytes([digest[0], digest[1]])) + 1.0) / 65536.0
}

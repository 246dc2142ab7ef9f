//! Asking the host's validator again about those who have a socket open by what it said: once for
//! each credential, however many sockets it has, in even measure over time. Only a refusal or
//! another user ends them; while the validator is silent they stay for a grace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use chinwag_core::app::App;
use chinwag_core::app::identity::Vouched;
use chinwag_core::{Error, UserId};
use chinwag_hub::{Close, Hub, Socket};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::validator::{Validated, Validator};

/// Questions at a time. New connections have permits of their own.
const AT_ONCE: usize = 64;
/// Between two questions while the validator is silent, at least and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(30));

/// Asks again.
pub(crate) struct Recheck {
    app: App,
    hub: Arc<Hub>,
    validator: Arc<Validator>,
    every: Duration,
    grace: Duration,
    asking: Semaphore,
    watched: Mutex<HashMap<Key, Vec<Weak<Socket>>>>,
}

/// A credential, as a hash, and the user whom it stood for.
type Key = ([u8; 32], UserId);

/// The validator's last answer.
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
        let asking = Semaphore::new(AT_ONCE);
        Arc::new(Self { app, hub, validator, every, grace, asking, watched: Mutex::default() })
    }

    /// Asks again about a socket of this user for as long as it is open, with what it was opened with.
    pub(crate) fn watch(self: &Arc<Self>, socket: &Arc<Socket>, headers: &HeaderMap) {
        let shown = shown(headers);
        let key = (digest(&shown), socket.user());
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Whatever is there has a task, which takes it out when it ends.
        let is_new = !watched.contains_key(&key);
        let sockets = watched.entry(key).or_default();
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.push(Arc::downgrade(socket));
        if is_new {
            tokio::spawn(self.clone().ask_on(key, shown));
        }
    }

    /// Asks about one credential until its last socket is closed.
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
                            "the validator was silent for all of auth.validate_grace: a user's sockets are closed"
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
        match self.app.vouched_for(name, false).await {
            Ok(Vouched::For(user)) if user.id == key.1 => Standing::Good,
            Ok(_) | Err(Error::Invalid(_) | Error::Unauthenticated(_) | Error::Forbidden(_)) => {
                Standing::Ended
            }
            Err(_) => Standing::Silent,
        }
    }

    /// Whether the credential has a socket open. If it has none it is forgotten.
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

/// The parts of a handshake that the validator receives.
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

/// A place in the period, between 0 and 1, that spreads credentials evenly.
fn phase(digest: &[u8; 32]) -> f64 {
    (f64::from(u16::from_be_bytes([digest[0], digest[1]])) + 1.0) / 65536.0
}

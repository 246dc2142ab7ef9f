//! The public keys of the host application, or of a provider of OpenID Connect (RFC 7517), from a file or a URL.
//!
//! They are read again when a token names one that is not known, and now and then; but never more
//! often than their pause allows, whatever tokens come. While they cannot be read, those that are known
//! go on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use crate::network::outside;

/// For how many pauses keys are taken as they were read. One that the host has taken back is good
/// until then.
const FRESH: u32 = 20;
/// Keys that are looked at.
const MOST: usize = 100;

/// The location of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file.
    File(PathBuf),
    /// An `http` or `https` URL.
    Url(Url),
}

impl KeySource {
    /// A URL if it begins like one, else a file's path.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        outside::http_url(text).map(Self::Url).ok_or("must be a file or an http:// or https:// address")
    }
}

/// The keys that are known, and where there are more.
pub(crate) struct Jwks {
    source: KeySource,
    client: Client,
    /// Between two readings, at least.
    pause: Duration,
    known: RwLock<KnownKeys>,
    /// When they were last read, or that was tried.
    tried: Arc<Mutex<Option<Instant>>>,
}

/// The keys could not be read when that was tried last: whether there is such a key, nobody can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnreadKeys;

struct KnownKeys {
    keys: Vec<Key>,
    /// When they are to be read again.
    until: Instant,
    /// Whether the last attempt to read them failed.
    is_unread: bool,
}

/// A set as it is read: what one key is must not spoil the others.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    opens: DecodingKey,
}

impl Jwks {
    /// The keys of a source. A file is read at once; a URL when the first token comes, since who
    /// is there may start later.
    pub(crate) fn new(source: KeySource, pause: Duration) -> Result<Self, String> {
        let keys = match &source {
            KeySource::File(path) => file(path)?,
            KeySource::Url(_) => Vec::new(),
        };
        let until = Instant::now() + pause * FRESH;
        let client = outside::client(outside::WITHIN).map_err(|why| why.to_string())?;
        let known = RwLock::new(KnownKeys { keys, until, is_unread: false });
        Ok(Self { source, client, pause, known, tried: Arc::default() })
    }

    /// The key for an algorithm with this id; without one, the only key there is for it.
    pub(crate) async fn key(
        self: &Arc<Self>,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<Option<DecodingKey>, UnreadKeys> {
        match self.find(algorithm, id) {
            (Some(key), true) => Ok(Some(key)),
            (Some(key), false) => {
                // Whoever has a good key does not wait for the next reading.
                if let Ok(tried) = self.tried.clone().try_lock_owned() {
                    tokio::spawn(self.clone().read_again(tried));
                }
                Ok(Some(key))
            }
            (None, _) => {
                let tried = self.tried.clone().lock_owned().await;
                // By itself: a caller who goes must not end what all wait for.
                tokio::spawn(self.clone().read_again(tried)).await.map_err(|_| UnreadKeys)?;
                match self.find(algorithm, id).0 {
                    Some(key) => Ok(Some(key)),
                    None if self.known.read().unwrap_or_else(PoisonError::into_inner).is_unread => {
                        Err(UnreadKeys)
                    }
                    None => Ok(None),
                }
            }
        }
    }

    /// The key, and whether what is known is fresh.
    fn find(&self, algorithm: Algorithm, id: Option<&str>) -> (Option<DecodingKey>, bool) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut fit = known.keys.iter().filter(|key| key.algorithm == algorithm);
        let found = match id {
            Some(_) => fit.find(|key| key.id.as_deref() == id),
            None => fit.next().filter(|_| fit.next().is_none()),
        };
        (found.map(|found| found.opens.clone()), Instant::now() < known.until)
    }

    /// Reads the keys again, unless that was tried a moment ago. Those with an unknown key who come
    /// meanwhile wait.
    async fn read_again(self: Arc<Self>, mut tried: OwnedMutexGuard<Option<Instant>>) {
        if tried.is_some_and(|tried| tried.elapsed() < self.pause) {
            return;
        }
        *tried = Some(Instant::now());
        match self.read().await {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "the JWKS was read");
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                *known = KnownKeys { keys, until: Instant::now() + self.pause * FRESH, is_unread: false };
            }
            Err(why) => {
                tracing::warn!(why, "the JWKS could not be read: the keys that are known go on");
                self.known.write().unwrap_or_else(PoisonError::into_inner).is_unread = true;
            }
        }
    }

    async fn read(&self) -> Result<Vec<Key>, String> {
        match &self.source {
            KeySource::File(path) => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || file(&path)).await.map_err(|why| why.to_string())?
            }
            KeySource::Url(url) => {
                let fetch = async {
                    let response = self.client.get(url.clone()).send().await?;
                    match response.status() {
                        StatusCode::OK => outside::body(response).await,
                        _ => Ok(None),
                    }
                };
                // The rest of the address may hold a credential.
                let host = url.origin().ascii_serialization();
                let body =
                    fetch.await.map_err(|why| format!("{host} does not answer: {}", why.without_url()))?;
                let body = body.ok_or_else(|| format!("{host} does not answer with a JWKS"))?;
                parse(&body).map_err(|why| format!("what {host} answers {why}"))
            }
        }
    }

    /// Reads the keys; which there are, for an operator.
    pub(crate) async fn check(&self) -> Result<String, String> {
        let keys = self.read().await?;
        let algorithms: Vec<String> = keys.iter().map(|key| format!("{:?}", key.algorithm)).collect();
        Ok(algorithms.join(", "))
    }
}

fn file(path: &Path) -> Result<Vec<Key>, String> {
    let document = std::fs::read(path).map_err(|why| format!("{} cannot be read: {why}", path.display()))?;
    parse(&document).map_err(|why| format!("{} {why}", path.display()))
}

/// The keys of a document that are of use here.
fn parse(document: &[u8]) -> Result<Vec<Key>, String> {
    let set: Set = serde_json::from_slice(document).map_err(|why| format!("is no JWKS: {why}"))?;
    let jwks = set.keys.into_iter().take(MOST).filter_map(|jwk| serde_json::from_value(jwk).ok());
    let keys: Vec<_> = jwks.filter_map(|jwk| key(&jwk)).collect();
    if keys.is_empty() {
        return Err("holds no public key for RS256, ES256 or EdDSA".into());
    }
    Ok(keys)
}

/// A public key for signatures, of one of the three kinds. Never a secret: what is fetched as public
/// must not be able to make a token.
fn key(jwk: &Jwk) -> Option<Key> {
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(point) if point.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let fits = jwk.common.key_algorithm.is_none_or(|its| its == named);
    let opens = DecodingKey::from_jwk(jwk).ok().filter(|_| signs && fits)?;
    Some(Key { id: jwk.common.key_id.clone(), algorithm, opens })
}

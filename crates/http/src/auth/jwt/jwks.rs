//! The public keys (JWKS, RFC 7517) of the host application or of an OpenID Connect provider, from a file or a URL.
//!
//! Keys are fetched again when a token names an unknown key, and periodically, but never more often than the pause
//! allows, so that tokens cannot cause a flood of fetches. If a fetch fails, the known keys stay in use.

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

/// The number of pauses after which the keys are stale. A key that the host has revoked stays valid until then.
const PAUSES_UNTIL_STALE: u32 = 20;
/// The maximum number of keys in a set; further ones are ignored.
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
    /// Parses a URL if there is a scheme, else the path of a file.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        outside::http_url(text).map(Self::Url).ok_or("must be a file or an http:// or https:// address")
    }
}

/// The known keys, and the source from which they are refreshed.
pub(crate) struct Jwks {
    source: KeySource,
    client: Client,
    /// The minimum time between two fetches.
    pause: Duration,
    known: RwLock<KnownKeys>,
    /// The time of the last attempt to fetch the keys. Holding the lock is the right to fetch.
    tried: Arc<Mutex<Option<Instant>>>,
}

/// The last fetch failed, so whether the key exists is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnreadKeys;

struct KnownKeys {
    keys: Vec<Key>,
    /// When the keys become stale.
    until: Instant,
    /// Whether the last fetch failed.
    is_unread: bool,
}

/// A JWKS with unparsed keys, so that one invalid key does not invalidate the set.
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
    /// The keys of a source. A file is read at once; a URL is fetched when the first token arrives, since its server
    /// may start later.
    pub(crate) fn new(source: KeySource, pause: Duration) -> Result<Self, String> {
        let keys = match &source {
            KeySource::File(path) => file(path)?,
            KeySource::Url(_) => Vec::new(),
        };
        let until = Instant::now() + pause * PAUSES_UNTIL_STALE;
        let client = outside::client(outside::REQUEST_TIMEOUT).map_err(|why| why.to_string())?;
        let known = RwLock::new(KnownKeys { keys, until, is_unread: false });
        Ok(Self { source, client, pause, known, tried: Arc::default() })
    }

    /// The key with this algorithm and id. Without an id, the only key for the algorithm.
    pub(crate) async fn key(
        self: &Arc<Self>,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<Option<DecodingKey>, UnreadKeys> {
        match self.find(algorithm, id) {
            (Some(key), true) => Ok(Some(key)),
            (Some(key), false) => {
                // The key is known: refresh in the background, and do not make the caller wait.
                if let Ok(tried) = self.tried.clone().try_lock_owned() {
                    tokio::spawn(self.clone().read_again(tried));
                }
                Ok(Some(key))
            }
            (None, _) => {
                let tried = self.tried.clone().lock_owned().await;
                // Fetch in a task of its own: if this caller disconnects, the others still wait for the result.
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

    /// The key, and whether the known keys are fresh.
    fn find(&self, algorithm: Algorithm, id: Option<&str>) -> (Option<DecodingKey>, bool) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut fit = known.keys.iter().filter(|key| key.algorithm == algorithm);
        let found = match id {
            Some(_) => fit.find(|key| key.id.as_deref() == id),
            None => fit.next().filter(|_| fit.next().is_none()),
        };
        (found.map(|found| found.opens.clone()), Instant::now() < known.until)
    }

    /// Fetches the keys, unless an attempt was made a moment ago. Callers with an unknown key wait for the lock
    /// meanwhile.
    async fn read_again(self: Arc<Self>, mut tried: OwnedMutexGuard<Option<Instant>>) {
        if tried.is_some_and(|tried| tried.elapsed() < self.pause) {
            return;
        }
        *tried = Some(Instant::now());
        match self.read().await {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "the JWKS was read");
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                *known = KnownKeys {
                    keys,
                    until: Instant::now() + self.pause * PAUSES_UNTIL_STALE,
                    is_unread: false,
                };
            }
            Err(why) => {
                tracing::warn!(why, "the JWKS could not be read: the known keys stay in use");
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
                // Log only the origin: the remainder of the URL may contain a credential.
                let host = url.origin().ascii_serialization();
                let body =
                    fetch.await.map_err(|why| format!("{host} does not answer: {}", why.without_url()))?;
                let body = body.ok_or_else(|| format!("{host} does not answer with a JWKS"))?;
                parse(&body).map_err(|why| format!("the response of {host} {why}"))
            }
        }
    }

    /// Fetches the keys. Returns their algorithms, for an operator.
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

/// The usable keys of a JWKS document.
fn parse(document: &[u8]) -> Result<Vec<Key>, String> {
    let set: Set = serde_json::from_slice(document).map_err(|why| format!("is not a JWKS: {why}"))?;
    let jwks = set.keys.into_iter().take(MOST).filter_map(|jwk| serde_json::from_value(jwk).ok());
    let keys: Vec<_> = jwks.filter_map(|jwk| key(&jwk)).collect();
    if keys.is_empty() {
        return Err("contains no public key for RS256, ES256 or EdDSA".into());
    }
    Ok(keys)
}

/// A public key for signatures, of one of the three supported kinds. Never a symmetric key: anyone who can read the
/// public document could sign tokens with it.
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

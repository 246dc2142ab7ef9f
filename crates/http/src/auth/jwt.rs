//! JSON Web Tokens (RFC 7519) of the host application, which identify a user until they expire.
//!
//! The configuration alone determines the keys, their algorithms, the issuer and the audience. Key references in a
//! token's header (`jku`, `jwk`, `x5u`, `x5c`) are ignored; `kid` only selects among the configured keys.

mod jwks;
mod verify;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::limits::NAME_CHARS;
use chinwag_core::{Date, Error, Name, Result};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Number;

pub use jwks::KeySource;
pub(super) use jwks::{Jwks, UnreadKeys};
pub(super) use verify::install as install_verifier;

/// The maximum length of a token, in bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The tolerance for a host clock that is ahead. It applies to `nbf` only; `exp` is exact.
const LEEWAY: Duration = Duration::from_secs(30);
/// The minimum length of a shared secret in bytes, equal to the hash length of HS256.
const SHORTEST: usize = 32;

/// The settings for JWTs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The secret shared with the host application, for HS256.
    pub secret: Option<Secret>,
    /// The location of the host application's public keys, for RS256, ES256 and `EdDSA`.
    pub jwks: Option<KeySource>,
    /// The required value of `iss`.
    pub issuer: Option<String>,
    /// The required value in `aud`. If unset, a token with an `aud` is refused, as it is meant for another service.
    pub audience: Option<String>,
    /// Whether users whom a token names are created when they first appear.
    pub create: bool,
    /// The minimum time between two fetches of the keys (30 s).
    pub pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let pause = Duration::from_secs(30);
        Self { secret: None, jwks: None, issuer: None, audience: None, create: false, pause }
    }
}

/// A shared secret.
#[derive(Clone)]
pub struct Secret(DecodingKey);

impl Secret {
    /// Parses a secret. The error completes a sentence that begins with the setting's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() < SHORTEST {
            return Err("must have at least 32 characters, such as `openssl rand -hex 32` makes");
        }
        Ok(Self(DecodingKey::from_secret(text.as_bytes())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Fetches the keys of a source once. Returns their algorithms, or a sentence with the reason of a failure.
pub async fn check(source: KeySource) -> Result<String, String> {
    Jwks::new(source, Duration::ZERO)?.check().await
}

/// Verifies JWTs of the host application.
pub(super) struct Jwt {
    secret: Option<Secret>,
    jwks: Option<Arc<Jwks>>,
    issuer: Option<String>,
    audience: Option<String>,
    /// Whether users whom a token names are created when they first appear.
    pub(super) create: bool,
}

/// The user of a valid token, and its expiry.
pub(super) struct JwtIdentity {
    pub(super) name: Name,
    pub(super) expires: Date,
}

/// The reason why a token was not accepted.
#[derive(Debug)]
pub(super) enum JwtRefusal {
    /// The keys of the host application could not be fetched.
    NoKeys,
    /// The token is invalid. The text is for the log only; of the token it contains at most the `sub`, and only if
    /// the signature is valid.
    Bad(Cow<'static, str>),
}

impl From<&'static str> for JwtRefusal {
    fn from(why: &'static str) -> Self {
        Self::Bad(why.into())
    }
}

impl From<String> for JwtRefusal {
    fn from(why: String) -> Self {
        Self::Bad(why.into())
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: Number,
    nbf: Option<Number>,
}

impl Jwt {
    /// Returns `None` if no key is configured. Fails if the keys of a file cannot be read.
    pub(super) fn new(options: &Options) -> Result<Option<Self>> {
        if options.secret.is_none() && options.jwks.is_none() {
            return Ok(None);
        }
        verify::install();
        let jwks = options.jwks.clone().map(|source| Jwks::new(source, options.pause)).transpose();
        Ok(Some(Self {
            secret: options.secret.clone(),
            jwks: jwks.map_err(|why| Error::field("auth.jwt.jwks", why))?.map(Arc::new),
            issuer: options.issuer.clone(),
            audience: options.audience.clone(),
            create: options.create,
        }))
    }

    /// Whether a secret has the three parts of a JWT. Chinwag's own tokens have one.
    pub(super) fn looks_like(secret: &str) -> bool {
        secret.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Verifies a token, and returns its user.
    pub(super) async fn read(&self, token: &str, now: Date) -> Result<JwtIdentity, JwtRefusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err("it is too long".into());
        }
        let header = decode_header(token).map_err(|_| "its header is not supported")?;
        if header.crit.is_some() {
            return Err("its header marks an unknown parameter as critical".into());
        }
        let key = match (header.alg, &self.secret, &self.jwks) {
            (Algorithm::HS256, Some(secret), _) => Some(secret.0.clone()),
            (Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA, _, Some(jwks)) => {
                jwks.key(header.alg, header.kid.as_deref()).await.map_err(|UnreadKeys| JwtRefusal::NoKeys)?
            }
            _ => return Err("no key is configured for its algorithm".into()),
        };
        let key = key.ok_or("no key has its kid and algorithm")?;
        let claims = decode::<Claims>(token, &key, &self.validation(header.alg));
        let claims = claims.map_err(|_| "its signature, issuer, audience or claims are wrong")?.claims;
        let expires = date(&claims.exp).ok_or("its exp is not a time")?;
        if expires <= now {
            return Err("it has expired".into());
        }
        let begins = claims.nbf.map_or(Some(now), |nbf| date(&nbf)).ok_or("its nbf is not a time")?;
        if begins.micros() > now.micros().saturating_add(micros(LEEWAY)) {
            return Err("it is not valid yet".into());
        }
        let shown: String = claims.sub.chars().take(NAME_CHARS).collect();
        let name = Name::parse_exact(&claims.sub).map_err(|why| format!("its sub {shown:?} {why}"))?;
        Ok(JwtIdentity { name, expires })
    }

    /// The claims to verify, except the times, which are compared with this server's own clock.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

/// A `NumericDate` of a JWT: seconds since 1970, possibly with a fraction.
pub(super) fn date(seconds: &Number) -> Option<Date> {
    let since = Duration::try_from_secs_f64(seconds.as_f64()?).ok()?;
    Some(Date::from_micros(micros(since)))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

//! The host application's own tokens: JSON Web Tokens (RFC 7519), which name a user until they
//! expire.
//!
//! Only what an operator has configured decides: which key, by it which algorithm, which issuer and
//! which audience. What a token's header says of keys (`jku`, `jwk`, `x5u`, `x5c`) is not read, and
//! its `kid` is only compared.

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

/// The longest token that is looked at.
pub(super) const LONGEST: usize = 8 * 1024;
/// The time by which the host's clock may be ahead of this one. Only `nbf` has it; `exp` is exact.
const LEEWAY: Duration = Duration::from_secs(30);
/// The fewest bytes of a shared secret, which are as many as its hash has.
const SHORTEST: usize = 32;

/// The settings of the host application's tokens.
#[derive(Debug, Clone)]
pub struct Options {
    /// The secret that is shared with the host application: tokens of HS256.
    pub secret: Option<Secret>,
    /// The location of the host application's public keys: tokens of RS256, ES256 and `EdDSA`.
    pub jwks: Option<KeySource>,
    /// The required value of `iss`.
    pub issuer: Option<String>,
    /// The required value in `aud`. Without it, a token that has one is for another service.
    pub audience: Option<String>,
    /// Whether users are made at first sight.
    pub create: bool,
    /// Between two readings of the keys, at least (30 s).
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
    /// Reads a secret. The error ends a sentence that begins with the secret's name.
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

/// Reads the keys of a source once: which algorithms they are for, or a sentence that says why not.
pub async fn check(source: KeySource) -> Result<String, String> {
    Jwks::new(source, Duration::ZERO)?.check().await
}

/// Reads tokens of the host application's.
pub(super) struct Jwt {
    secret: Option<Secret>,
    jwks: Option<Arc<Jwks>>,
    issuer: Option<String>,
    audience: Option<String>,
    /// Whether users are made at first sight.
    pub(super) create: bool,
}

/// The user of a valid token, and the time of its expiry.
pub(super) struct Vouched {
    pub(super) name: Name,
    pub(super) expires: Date,
}

/// The reason for which a token names nobody.
#[derive(Debug)]
pub(super) enum JwtRefusal {
    /// The keys of the host application could not be read.
    NoKeys,
    /// For the log alone. It shows nothing of the token but the `sub` of one whose signature is right.
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
    /// Nothing where no key is configured. Refuses keys that cannot be read.
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

    /// Whether a secret has a token's three parts. Tokens of our own have one.
    pub(super) fn looks_like(secret: &str) -> bool {
        secret.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// The user of the token, if it is valid now.
    pub(super) async fn read(&self, token: &str, now: Date) -> Result<Vouched, JwtRefusal> {
        if token.len() > LONGEST {
            return Err("it is too long".into());
        }
        let header = decode_header(token).map_err(|_| "its header is none that is known here")?;
        if header.crit.is_some() {
            return Err("its header says that something unknown is critical".into());
        }
        let key = match (header.alg, &self.secret, &self.jwks) {
            (Algorithm::HS256, Some(secret), _) => Some(secret.0.clone()),
            (Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA, _, Some(jwks)) => {
                jwks.key(header.alg, header.kid.as_deref()).await.map_err(|UnreadKeys| JwtRefusal::NoKeys)?
            }
            _ => return Err("its algorithm has no key here".into()),
        };
        let key = key.ok_or("no key has its kid and algorithm")?;
        let claims = decode::<Claims>(token, &key, &self.validation(header.alg));
        let claims = claims.map_err(|_| "its signature, issuer, audience or claims are wrong")?.claims;
        let expires = date(&claims.exp).ok_or("its exp is no time")?;
        if expires <= now {
            return Err("it has expired".into());
        }
        let begins = claims.nbf.map_or(Some(now), |nbf| date(&nbf)).ok_or("its nbf is no time")?;
        if begins.micros() > now.micros().saturating_add(micros(LEEWAY)) {
            return Err("its time has not come".into());
        }
        let shown: String = claims.sub.chars().take(NAME_CHARS).collect();
        let name = Name::parse_exact(&claims.sub).map_err(|why| format!("its sub {shown:?} {why}"))?;
        Ok(Vouched { name, expires })
    }

    /// The requirements of a token beside its times, for which this server's own clock is asked.
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

/// A time as a token has it: seconds since 1970, which may have a fraction.
pub(super) fn date(seconds: &Number) -> Option<Date> {
    let since = Duration::try_from_secs_f64(seconds.as_f64()?).ok()?;
    Some(Date::from_micros(micros(since)))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

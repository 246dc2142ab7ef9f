//! The state of a sign-in, which the browser keeps in cookies for ten minutes. The server stores none of it, so any
//! node can continue a sign-in.
//!
//! The state, the nonce and the PKCE verifier are derived from one random value and the server's key. The random
//! value is in the cookie; state and nonce are in URLs; neither can be computed from the other.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chinwag_core::oidc::ProviderIdentity;
use chinwag_core::{Clock, Date};
use ring::hmac::{Key, sign, verify};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::auth::bearer;
use crate::auth::cookie;
use crate::options::Options;

/// The cookie of an attempt.
pub(crate) const COOKIE: &str = "oidc";
/// The cookie of a new user who has yet to choose a name.
pub(crate) const NEW_USER_COOKIE: &str = "oidc-name";
/// The lifetime of both cookies.
const TTL: Duration = Duration::from_secs(600);
const SECRET: usize = 32;

/// One sign-in of one browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    secret: [u8; SECRET],
    begun: Date,
}

/// The values that bind the provider's response to an attempt.
pub(crate) struct AttemptSecrets {
    /// Returned in the redirect from the provider.
    pub(crate) state: String,
    /// In the ID token.
    pub(crate) nonce: String,
    /// Sent with the code to the token endpoint.
    pub(crate) verifier: String,
}

impl Attempt {
    pub(crate) fn begin(clock: &dyn Clock) -> Self {
        Self { secret: clock.secret(), begun: clock.now() }
    }

    /// The attempt in a browser's cookie, unless it has expired.
    pub(crate) fn of(headers: &HeaderMap, options: &Options, tls: bool, now: Date) -> Option<Self> {
        let name = cookie::prefixed(COOKIE, options, tls);
        let bytes = URL_SAFE_NO_PAD.decode(bearer::cookies(headers, &name).next()?).ok()?;
        let (secret, date) = bytes.split_first_chunk::<SECRET>()?;
        let begun = Date::from_micros(i64::from_be_bytes(date.try_into().ok()?));
        is_young(begun, now).then_some(Self { secret: *secret, begun })
    }

    /// The `Set-Cookie` header that stores the attempt.
    pub(crate) fn cookie(&self, options: &Options, tls: bool) -> HeaderValue {
        let value = URL_SAFE_NO_PAD.encode([&self.secret[..], &self.begun.micros().to_be_bytes()].concat());
        cookie::keep_named(COOKIE, &value, TTL, options, tls)
    }

    /// Derives the secrets. They depend on the date, so that a cookie with a forged date has another state.
    pub(crate) fn secrets(&self, key: &Key) -> AttemptSecrets {
        let made = |purpose: &str| {
            let parts = [purpose.as_bytes(), &self.secret[..], &self.begun.micros().to_be_bytes()];
            URL_SAFE_NO_PAD.encode(sign(key, &parts.concat()))
        };
        AttemptSecrets { state: made("state"), nonce: made("nonce"), verifier: made("verifier") }
    }
}

impl AttemptSecrets {
    /// The PKCE challenge, S256 of the verifier.
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }
}

/// Seals the identity of a new user who has not chosen a name yet.
pub(crate) struct NewcomerSeal<'k>(pub(crate) &'k Key);

#[derive(Serialize, Deserialize)]
struct Newcomer {
    iss: String,
    sub: String,
    begun: i64,
}

impl NewcomerSeal<'_> {
    /// The `Set-Cookie` header that stores an identity.
    pub(crate) fn cookie(
        &self,
        identity: &ProviderIdentity,
        options: &Options,
        tls: bool,
        now: Date,
    ) -> HeaderValue {
        let (iss, sub) = (identity.issuer().to_owned(), identity.subject().to_owned());
        let content = serde_json::to_vec(&Newcomer { iss, sub, begun: now.micros() });
        let content = content.expect("texts and a number can be written");
        let seal = sign(self.0, &sealed(&content));
        let value = format!("{}.{}", URL_SAFE_NO_PAD.encode(&content), URL_SAFE_NO_PAD.encode(seal));
        cookie::keep_named(NEW_USER_COOKIE, &value, TTL, options, tls)
    }

    /// The identity in a browser's cookie, unless the cookie is forged or too old.
    pub(crate) fn open(
        &self,
        headers: &HeaderMap,
        options: &Options,
        tls: bool,
        now: Date,
    ) -> Option<ProviderIdentity> {
        let name = cookie::prefixed(NEW_USER_COOKIE, options, tls);
        let (content, seal) = bearer::cookies(headers, &name).next()?.split_once('.')?;
        let content = URL_SAFE_NO_PAD.decode(content).ok()?;
        verify(self.0, &sealed(&content), &URL_SAFE_NO_PAD.decode(seal).ok()?).ok()?;
        let Newcomer { iss, sub, begun } = serde_json::from_slice(&content).ok()?;
        let is_young = is_young(Date::from_micros(begun), now);
        ProviderIdentity::parse(&iss, &sub).ok().filter(|_| is_young)
    }
}

/// The signed bytes. They begin with their purpose, since the key signs other data as well.
fn sealed(content: &[u8]) -> Vec<u8> {
    [b"newcomer", content].concat()
}

fn is_young(begun: Date, now: Date) -> bool {
    let age = now.micros().saturating_sub(begun.micros());
    // The clocks of two nodes may differ, so the age may be slightly negative.
    age.unsigned_abs() <= u64::try_from(TTL.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use chinwag_core::clock::SystemClock;
    use ring::hmac::HMAC_SHA256;

    use super::*;
    use crate::key::ServiceKey;

    fn options() -> Options {
        Options::new(ServiceKey::parse("0123456789abcdef").expect("long enough"))
    }

    /// The headers of a browser that received this cookie.
    fn headers(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().expect("ASCII").split(';').next().expect("a pair");
        [(header::COOKIE, HeaderValue::from_str(pair).expect("ASCII"))].into_iter().collect()
    }

    fn later(date: Date, seconds: i64) -> Date {
        Date::from_micros(date.micros() + seconds * 1_000_000)
    }

    #[test]
    fn attempt_is_known_to_its_browser_for_ten_minutes() {
        let (options, key) = (options(), Key::new(HMAC_SHA256, b"key"));
        let attempt = Attempt::begin(&SystemClock::default());
        let cookie = attempt.cookie(&options, true);
        let text = cookie.to_str().expect("ASCII");
        assert!(
            text.starts_with("__Host-oidc=") && text.ends_with("HttpOnly; SameSite=Lax; Secure"),
            "{text}"
        );
        let headers = headers(&cookie);
        let of = |seconds| Attempt::of(&headers, &options, true, later(attempt.begun, seconds));
        assert_eq!((of(0), of(600), of(601)), (Some(attempt), Some(attempt), None));
        assert_eq!(Attempt::of(&headers, &options, false, attempt.begun), None, "another name");
        // A cookie with another date has another state.
        let secrets = attempt.secrets(&key);
        let longer = Attempt { begun: later(attempt.begun, 60), ..attempt };
        assert_ne!(secrets.state, longer.secrets(&key).state);
        assert!(secrets.verifier.len() == 43 && secrets.state != secrets.nonce);
    }

    #[test]
    fn identity_of_a_newcomer_cannot_be_forged() {
        let (options, key) = (options(), Key::new(HMAC_SHA256, b"key"));
        let now = SystemClock::default().now();
        let identity = ProviderIdentity::parse("https://id.example", "7").expect("it fits");
        let cookie = NewcomerSeal(&key).cookie(&identity, &options, false, now);
        let open = |key: &Key, cookie: &HeaderValue, seconds| {
            NewcomerSeal(key).open(&headers(cookie), &options, false, later(now, seconds))
        };
        assert_eq!((open(&key, &cookie, 600), open(&key, &cookie, 601)), (Some(identity), None));
        assert_eq!(open(&Key::new(HMAC_SHA256, b"other"), &cookie, 0), None);
        let content = URL_SAFE_NO_PAD.encode(format!(r#"{{"iss":"i","sub":"8","begun":{}}}"#, now.micros()));
        let text = cookie.to_str().expect("ASCII");
        let (_, seal) = text.split_once('.').expect("a seal");
        let forged = HeaderValue::from_str(&format!("oidc-name={content}.{seal}")).expect("ASCII");
        assert_eq!(open(&key, &forged, 0), None);
    }
}

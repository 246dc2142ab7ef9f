//! The device cookie, by which a browser that has signed in before is recognized, so that password guessing by others
//! does not delay its sign-in. It does not authenticate anyone.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chinwag_core::{Clock, Date};
use sha2::{Digest, Sha256};

use super::bearer;
use crate::hex;
use crate::key::{ServiceKey, is_same};

const COOKIE: &str = "device";
const PREFIX: &str = "cw_device_";
const TTL: Duration = Duration::from_secs(400 * 24 * 3600);
const ID: usize = 16;
const DATE: usize = 8;

/// Creates and verifies device cookies. All nodes with the same service key accept each other's.
pub(super) struct Devices([u8; 32]);

/// A browser that has signed in to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Device([u8; ID]);

impl Device {
    pub(super) fn id(self) -> [u8; ID] {
        self.0
    }
}

impl Devices {
    pub(super) fn new(key: &ServiceKey) -> Self {
        Self(key.derive("device cookie"))
    }

    /// The `Set-Cookie` header for a browser that has signed in to a name. A known browser keeps its id.
    pub(super) fn cookie(
        &self,
        fold: &str,
        headers: &HeaderMap,
        (base, tls): (&str, bool),
        clock: &dyn Clock,
    ) -> HeaderValue {
        let value = self.value(fold, self.of(headers, fold, clock.now()), clock);
        let secure = if tls { "; Secure" } else { "" };
        let (age, path) = (TTL.as_secs(), if base.is_empty() { "/" } else { base });
        let text = format!("{COOKIE}={value}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).expect("digits and a path are plain ASCII")
    }

    /// The device in a request, if its cookie is for this name.
    pub(super) fn of(&self, headers: &HeaderMap, fold: &str, now: Date) -> Option<Device> {
        let cookie = bearer::cookies(headers, COOKIE).next()?;
        let bytes = match cookie.strip_prefix(PREFIX) {
            Some(digits) => hex::decode(digits)?,
            // Earlier versions used base64.
            None => URL_SAFE_NO_PAD.decode(cookie).ok()?,
        };
        let (id, rest) = bytes.split_first_chunk::<ID>()?;
        let (date, seal) = rest.split_first_chunk::<DATE>()?;
        let age = now.micros().saturating_sub(i64::from_be_bytes(*date));
        let good = is_same(seal, &self.seal(id, date, fold));
        let stands = u64::try_from(age).map_or(true, |age| Duration::from_micros(age) <= TTL);
        (good && stands).then_some(Device(*id))
    }

    fn value(&self, fold: &str, known: Option<Device>, clock: &dyn Clock) -> String {
        let (random, date) = (clock.secret(), clock.now().micros().to_be_bytes());
        let id = known.as_ref().map_or(&random[..ID], |device| &device.0);
        let seal = self.seal(id, &date, fold);
        format!("{PREFIX}{}", hex::encode(&[id, &date, &seal].concat()))
    }

    fn seal(&self, id: &[u8], date: &[u8], fold: &str) -> [u8; 32] {
        let inner = Sha256::new().chain_update(self.0).chain_update(id).chain_update(date);
        let inner = inner.chain_update(fold).finalize();
        Sha256::new().chain_update(self.0).chain_update(inner).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::clock::SystemClock;

    use super::*;

    fn devices(key: &str) -> Devices {
        Devices::new(&ServiceKey::parse(key).expect("long enough"))
    }

    #[test]
    fn device_is_known_for_its_own_name_for_its_time() {
        let (here, clock) = (devices("0123456789abcdef"), SystemClock::default());
        let cookie = here.cookie("arlan", &HeaderMap::new(), ("", true), &clock);
        let cookie = cookie.to_str().expect("ASCII");
        assert!(cookie.ends_with("; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
        let pair = cookie.split(';').next().expect("a pair");
        let headers: HeaderMap =
            [(axum::http::header::COOKIE, HeaderValue::from_str(pair).expect("ASCII"))].into_iter().collect();
        let value = pair.strip_prefix("device=cw_device_").expect("its kind");
        assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{value}");
        let now = clock.now();
        assert!(here.of(&headers, "arlan", now).is_some());
        assert_eq!(here.of(&headers, "arlan", now), devices("0123456789abcdef").of(&headers, "arlan", now));
        let old = format!("device={}", URL_SAFE_NO_PAD.encode(hex::decode(value).expect("digits")));
        let old = HeaderValue::from_str(&old).expect("ASCII");
        let old: HeaderMap = [(axum::http::header::COOKIE, old)].into_iter().collect();
        assert_eq!(here.of(&old, "arlan", now), here.of(&headers, "arlan", now), "of an earlier version");
        assert_eq!(here.of(&headers, "astra", now), None, "another name");
        assert_eq!(devices("fedcba9876543210").of(&headers, "arlan", now), None, "another server");
        let late = Date::from_micros(now.micros() + 401 * 24 * 3600 * 1_000_000);
        assert_eq!(here.of(&headers, "arlan", late), None, "too old");
        let other = if pair.ends_with('a') { "b" } else { "a" };
        for forged in ["device=", "device=AAAA", "device=!!", &format!("{}{other}", &pair[..pair.len() - 1])]
        {
            let headers: HeaderMap =
                [(axum::http::header::COOKIE, HeaderValue::from_str(forged).expect("ASCII"))]
                    .into_iter()
                    .collect();
            assert_eq!(here.of(&headers, "arlan", now), None, "{forged}");
        }
    }
}

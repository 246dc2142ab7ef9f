//! The service key.

use std::fmt;

use chinwag_core::token::TokenHash;
use sha2::{Digest, Sha256};

/// The minimum length of a key, in characters.
const SHORTEST: usize = 16;

/// The service key, as a hash: for comparisons, and for deriving other keys. The text is not kept.
#[derive(Clone)]
pub struct ServiceKey(TokenHash);

impl ServiceKey {
    /// Parses a key. The error completes a sentence that begins with the key's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() < SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must have at least 16 characters of ASCII and no spaces");
        }
        Ok(Self(TokenHash::of(text)))
    }

    /// Whether `secret` is the key, compared in constant time.
    pub fn is(&self, secret: &str) -> bool {
        is_same(&self.0.0, &TokenHash::of(secret).0)
    }

    /// Derives a key of 32 bytes, the same on every node with this service key. The service key cannot be computed
    /// from it.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let inner = Sha256::new().chain_update(self.0.0).chain_update(purpose).finalize();
        Sha256::new().chain_update(self.0.0).chain_update(inner).finalize().into()
    }
}

/// Compares two secrets in constant time.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_key_is_the_key() {
        let key = ServiceKey::parse("0123456789abcdef").expect("long enough");
        assert!(key.is("0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef "] {
            assert!(!key.is(other), "{other}");
        }
        assert_ne!(key.derive("a"), key.derive("b"));
        assert_eq!(format!("{key:?}"), "ServiceKey(…)");
    }

    #[test]
    fn a_key_that_could_be_guessed_is_refused() {
        for text in ["", "short", "has spaces in it, see", "0123456789\n01234567"] {
            assert!(ServiceKey::parse(text).is_err(), "{text}");
        }
    }
}

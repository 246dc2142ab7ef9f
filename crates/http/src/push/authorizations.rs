//! This server's authorizations at push services.

use std::collections::HashMap;

use chinwag_core::{Date, Result};

use super::vapid::Signer;

/// The number of push services that are remembered.
const REMEMBERED: usize = 4096;
/// How long an authorization is reused, in microseconds.
const FRESH: i64 = 6 * 3600 * 1_000_000;

/// Authorizations by the origin of the push service.
pub(super) struct Authorizations {
    signer: Signer,
    known: HashMap<String, Authorization>,
}

struct Authorization {
    value: String,
    signed: Date,
}

impl Authorizations {
    pub(super) fn new(signer: Signer) -> Self {
        Self { signer, known: HashMap::new() }
    }

    /// The value of `Authorization` for the push service at an origin.
    pub(super) fn get(&mut self, origin: &str, now: Date) -> Result<String> {
        let is_fresh = |known: &&Authorization| (now.micros() - known.signed.micros()).abs() < FRESH;
        if let Some(known) = self.known.get(origin).filter(is_fresh) {
            return Ok(known.value.clone());
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let value = self.signer.authorization(origin, now)?;
        self.known.insert(origin.to_owned(), Authorization { value: value.clone(), signed: now });
        Ok(value)
    }
}

//! Users of tokens that were valid a moment ago. Remembering them saves the lookup that only the rate
//! limits need. They decide no right: the use case looks the token up again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chinwag_core::UserId;
use chinwag_core::token::TokenHash;

/// The most tokens that are remembered; one more clears them all.
const CAPACITY: usize = 64 * 1024;

/// Users by token.
#[derive(Default)]
pub(super) struct KnownTokens(Mutex<HashMap<TokenHash, UserId>>);

impl KnownTokens {
    pub(super) fn get(&self, token: &TokenHash) -> Option<UserId> {
        self.lock().get(token).copied()
    }

    pub(super) fn insert(&self, token: TokenHash, user: UserId) {
        let mut known = self.lock();
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(token, user);
    }

    pub(super) fn forget(&self, token: &TokenHash) {
        self.lock().remove(token);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, UserId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

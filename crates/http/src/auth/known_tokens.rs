//! A cache of recently valid tokens and their users, and the record of which tokens are in use. It saves the lookup
//! for the rate limits, and a write per use. It grants nothing: the use case looks the token up again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chinwag_core::UserId;
use chinwag_core::session::{SessionClient, TokenUse};
use chinwag_core::token::TokenHash;

/// The maximum number of cached tokens. When it is exceeded the cache is cleared.
const CAPACITY: usize = 64 * 1024;

/// Users by token.
#[derive(Default)]
pub(super) struct KnownTokens(Mutex<HashMap<TokenHash, KnownToken>>);

struct KnownToken {
    user: UserId,
    /// Whether the token was used since [`KnownTokens::take_uses`] was last called.
    is_used: bool,
    /// The first client that used it on this node, until that is recorded.
    client: Option<Box<SessionClient>>,
}

impl KnownTokens {
    /// The user of a token. Marks the token as used.
    pub(super) fn get(&self, token: &TokenHash) -> Option<UserId> {
        self.lock().get_mut(token).map(|known| {
            known.is_used = true;
            known.user
        })
    }

    /// Caches a token, marked as used. Calls `client` only if the token is not in the cache.
    pub(super) fn insert(&self, token: TokenHash, user: UserId, client: impl FnOnce() -> SessionClient) {
        let mut known = self.lock();
        if known.len() >= CAPACITY && !known.contains_key(&token) {
            known.clear();
        }
        let entry = known.entry(token);
        let entry =
            entry.or_insert_with(|| KnownToken { user, is_used: true, client: Some(client().into()) });
        (entry.user, entry.is_used) = (user, true);
    }

    pub(super) fn forget(&self, token: &TokenHash) {
        self.lock().remove(token);
    }

    /// The uses since the last call.
    pub(super) fn take_uses(&self) -> Vec<TokenUse> {
        let mut known = self.lock();
        let uses = known.iter_mut().filter_map(|(token, known)| {
            let client = known.client.take().map(|client| *client);
            std::mem::take(&mut known.is_used).then_some(TokenUse { token: *token, client })
        });
        uses.collect()
    }

    /// Returns uses that could not be recorded. Those of tokens that are not cached any more are dropped.
    pub(super) fn put_back_uses(&self, uses: Vec<TokenUse>) {
        let mut known = self.lock();
        for TokenUse { token, client } in uses {
            if let Some(known) = known.get_mut(&token) {
                known.is_used = true;
                known.client = known.client.take().or(client.map(Box::new));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, KnownToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: usize) -> TokenHash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        TokenHash(hash)
    }

    fn client() -> SessionClient {
        SessionClient::new(Some("Browser"), "10.0.0.1".into())
    }

    #[test]
    fn use_of_a_token_is_taken_once() {
        let known = KnownTokens::default();
        assert_eq!(known.get(&hash(1)), None);
        known.insert(hash(1), UserId(7), client);
        assert_eq!(known.take_uses(), [TokenUse { token: hash(1), client: Some(client()) }]);
        assert_eq!(known.take_uses(), [], "nothing has happened since");
        assert_eq!(known.get(&hash(1)), Some(UserId(7)));
        assert_eq!(known.take_uses(), [TokenUse { token: hash(1), client: None }]);
        known.get(&hash(1));
        known.forget(&hash(1));
        assert_eq!(known.take_uses(), []);
    }

    #[test]
    fn remembered_tokens_are_bounded() {
        let known = KnownTokens::default();
        for number in 0..=CAPACITY {
            known.insert(hash(number), UserId(1), SessionClient::default);
        }
        assert_eq!(known.lock().len(), 1);
    }
}

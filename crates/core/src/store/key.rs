//! The keys of the service besides the first one.

use crate::scope::ScopedKey;
use crate::token::TokenHash;
use crate::{Date, KeyId, Result};

/// Keys of the service, in a transaction. An expired key may still be found, so the caller must check
/// `expires`.
///
/// **Atomicity.** A key ends in the transaction that removes it. **Order.** The list is in order of creation.
/// **Loss.** None. **Bound.** At most [`SCOPED_KEYS`](crate::scope::SCOPED_KEYS), ensured by the use case.
pub trait ScopedKeys {
    /// The key with this hash.
    fn scoped_key(&self, hash: &TokenHash) -> Result<Option<ScopedKey>>;

    /// All keys.
    fn scoped_keys(&self) -> Result<Vec<ScopedKey>>;

    /// Stores a new key.
    fn scoped_key_insert(&mut self, hash: &TokenHash, key: &ScopedKey) -> Result<()>;

    /// Removes a key. `false` if it does not exist.
    fn scoped_key_delete(&mut self, id: KeyId) -> Result<bool>;

    /// Removes the keys that expired before `now`. Returns their number.
    fn scoped_keys_purge(&mut self, now: Date) -> Result<usize>;
}

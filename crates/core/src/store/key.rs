//! Keys of the service beside the first one.

use crate::scope::ScopedKey;
use crate::token::TokenHash;
use crate::{Date, KeyId, Result};

/// Keys of the service, in a transaction. One that has ended by itself may still be found: the caller looks at `expires`.
///
/// **Atomicity.** A key ends in the transaction that removes it. **Order.** The list is in order of creation. **Loss.** None.
/// **Bound.** There are at most [`SCOPED_KEYS`](crate::scope::SCOPED_KEYS), by the use case.
pub trait ScopedKeys {
    /// The key with this hash.
    fn scoped_key(&self, hash: &TokenHash) -> Result<Option<ScopedKey>>;

    /// Every key.
    fn scoped_keys(&self) -> Result<Vec<ScopedKey>>;

    /// Keeps a new key.
    fn scoped_key_insert(&mut self, hash: &TokenHash, key: &ScopedKey) -> Result<()>;

    /// Removes a key. False if there is no such key.
    fn scoped_key_delete(&mut self, id: KeyId) -> Result<bool>;

    /// Removes the keys that have ended before `now`; answers how many.
    fn scoped_keys_purge(&mut self, now: Date) -> Result<usize>;
}

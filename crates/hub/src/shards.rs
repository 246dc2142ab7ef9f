//! A map in shards with a lock each, which keeps contention between keys low.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use chinwag_core::token::TokenHash;
use chinwag_core::{GroupId, UserId};
use parking_lot::RwLock;

const SHARDS: usize = 64;

/// A key that determines its shard without hashing; the shard's own map hashes it anyway. Keys that are
/// crafted to fall into one shard only share its lock.
pub(crate) trait ShardKey: Eq + Hash + Copy {
    /// A byte that differs between most keys.
    fn byte(&self) -> u8;
}

impl ShardKey for UserId {
    fn byte(&self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

impl ShardKey for GroupId {
    fn byte(&self) -> u8 {
        self.0.as_bytes()[15]
    }
}

impl ShardKey for TokenHash {
    fn byte(&self) -> u8 {
        self.0[0]
    }
}

/// A sharded map of shared values. No lock is held after a call returns.
pub(crate) struct Shards<K, V> {
    parts: Vec<RwLock<HashMap<K, V>>>,
}

impl<K: ShardKey, V: Clone> Shards<K, V> {
    pub(crate) fn new() -> Self {
        Self { parts: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.part(key).read().get(key).cloned()
    }

    pub(crate) fn get_or_insert_with(&self, key: K, make: impl FnOnce() -> V) -> V {
        if let Some(value) = self.get(&key) {
            return value;
        }
        self.part(&key).write().entry(key).or_insert_with(make).clone()
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.part(&key).write().insert(key, value);
    }

    pub(crate) fn remove(&self, key: &K) {
        self.remove_if(key, |_| true);
    }

    fn remove_if(&self, key: &K, condition: impl FnOnce(&V) -> bool) {
        let mut part = self.part(key).write();
        if part.get(key).is_some_and(condition) {
            part.remove(key);
        }
        // Return the memory of a shard that was much larger before.
        if part.capacity() > 64 && part.len() * 8 < part.capacity() {
            part.shrink_to_fit();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.read().len()).sum()
    }

    /// Visits every value, one shard at a time. The shard's lock is held while its values are cloned, but not
    /// while `visit` runs.
    pub(crate) fn each(&self, mut visit: impl FnMut(&V)) {
        let mut values = Vec::new();
        for part in &self.parts {
            values.extend(part.read().values().cloned());
            values.iter().for_each(&mut visit);
            values.clear();
        }
    }

    fn part(&self, key: &K) -> &RwLock<HashMap<K, V>> {
        &self.parts[usize::from(key.byte()) % SHARDS]
    }
}

impl<K: ShardKey, T> Shards<K, Arc<T>> {
    /// Removes `key` if it still maps to this instance.
    pub(crate) fn remove_exact(&self, key: &K, value: &Arc<T>) {
        self.remove_if(key, |found| Arc::ptr_eq(found, value));
    }
}

//! A map in parts, each under its own lock, so that one key rarely waits for another.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use chinwag_core::token::TokenHash;
use chinwag_core::{GroupId, UserId};
use parking_lot::RwLock;

const SHARDS: usize = 64;

/// A key that names its shard without a hash, which the shard's own map makes anyway. Keys that are chosen
/// to meet in one shard share a lock, and nothing else.
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

/// A sharded map to shared values. No lock is held after a call returns.
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
        // A shard that was much larger once returns its memory.
        if part.capacity() > 64 && part.len() * 8 < part.capacity() {
            part.shrink_to_fit();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.read().len()).sum()
    }

    /// Visits every value, part by part. A part's lock is held while its values are copied, and not while
    /// `visit` runs.
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
    /// Removes `key` if it still has this very value.
    pub(crate) fn remove_exact(&self, key: &K, value: &Arc<T>) {
        self.remove_if(key, |found| Arc::ptr_eq(found, value));
    }
}

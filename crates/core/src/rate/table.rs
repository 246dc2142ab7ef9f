//! The buckets by key. Their number is bounded, and they are divided into shards with a lock each.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Addition, Key, Quota, SLOTS};

const SHARDS: usize = 64;
/// The fewest new keys between two sweeps of a shard.
const SWEPT_AFTER: usize = 64;

/// The buckets of one type of key.
pub(super) struct Table {
    shards: Box<[Mutex<Shard>]>,
    /// The most keys per shard.
    most: usize,
    hasher: RandomState,
}

struct Shard {
    buckets: HashMap<Key, Bucket>,
    /// How many new keys trigger the next sweep. Set to the number of keys that the previous sweep kept, so
    /// that the amortized cost of a new key is constant.
    sweep_in: usize,
}

#[derive(Default)]
struct Bucket {
    /// When each bucket has completely refilled, in nanoseconds of the clock.
    empty_at: [u64; SLOTS],
    /// The counts that are not shared with other nodes yet.
    unsent: [u32; SLOTS],
}

pub(super) struct Added {
    /// How long the request must wait. 0 if it was counted.
    pub(super) wait: u64,
    /// Whether the key has unsent counts now and had none before.
    pub(super) newly_unsent: bool,
}

impl Table {
    pub(super) fn new(most: usize) -> Self {
        let shard = || Mutex::new(Shard { buckets: HashMap::new(), sweep_in: SWEPT_AFTER });
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            most: (most / SHARDS).max(1),
            hasher: RandomState::new(),
        }
    }

    pub(super) fn add(&self, key: Key, asked: &[Addition], refuse: bool, shared: bool, now: u64) -> Added {
        let mut shard = self.shard(key);
        if !shard.buckets.contains_key(&key) {
            shard.make_room(self.most, now);
        }
        let bucket = shard.buckets.entry(key).or_default();
        let wait = asked.iter().map(|addition| bucket.wait(addition, now)).max().unwrap_or(0);
        if refuse && wait > 0 {
            return Added { wait, newly_unsent: false };
        }
        let newly_unsent = shared && bucket.unsent == [0; SLOTS];
        for addition in asked {
            let Addition { slot, quota, count } = *addition;
            bucket.empty_at[slot] = bucket.filled(addition, now).min(now.saturating_add(quota.most()));
            if shared {
                bucket.unsent[slot] = bucket.unsent[slot].saturating_add(count);
            }
        }
        Added { wait: 0, newly_unsent }
    }

    /// Removes these counts from their buckets. Counts that were already shared with other nodes stay there.
    pub(super) fn give_back(&self, key: Key, asked: &[Addition]) {
        let mut shard = self.shard(key);
        let Some(bucket) = shard.buckets.get_mut(&key) else { return };
        for addition in asked {
            let Addition { slot, count, .. } = *addition;
            bucket.empty_at[slot] = bucket.empty_at[slot].saturating_sub(addition.time());
            bucket.unsent[slot] = bucket.unsent[slot].saturating_sub(count);
        }
    }

    /// The wait until a key's bucket has room for one more unit.
    pub(super) fn wait(&self, key: Key, slot: usize, quota: Quota, now: u64) -> u64 {
        let one = Addition { slot, quota, count: 1 };
        self.shard(key).buckets.get(&key).map_or(0, |bucket| bucket.wait(&one, now))
    }

    /// Takes a key's unsent counts. They are considered sent after this call.
    pub(super) fn send(&self, key: Key) -> Option<[u32; SLOTS]> {
        Some(std::mem::take(&mut self.shard(key).buckets.get_mut(&key)?.unsent))
    }

    /// Sets when a bucket has refilled, from the total of all nodes plus the unsent counts of this node.
    pub(super) fn settle(&self, key: Key, slot: usize, quota: Quota, empty_at: u64) {
        if let Some(bucket) = self.shard(key).buckets.get_mut(&key) {
            let unsent = u64::from(bucket.unsent[slot]).saturating_mul(quota.step);
            bucket.empty_at[slot] = bucket.empty_at[slot].max(empty_at.saturating_add(unsent));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().buckets.len()).sum()
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key);
        let at = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// Removes refilled buckets from time to time. If the shard is full, also removes an arbitrary key.
    fn make_room(&mut self, most: usize, now: u64) {
        self.sweep_in -= 1;
        if self.sweep_in == 0 {
            self.buckets.retain(|_, bucket| bucket.empty_at.iter().any(|at| *at > now));
            self.sweep_in = self.buckets.len().max(SWEPT_AFTER);
        }
        if self.buckets.len() >= most
            && let Some(any) = self.buckets.keys().next().copied()
        {
            self.buckets.remove(&any);
        }
    }
}

impl Bucket {
    /// When the bucket would have refilled after an addition.
    fn filled(&self, addition: &Addition, now: u64) -> u64 {
        self.empty_at[addition.slot].max(now).saturating_add(addition.time())
    }

    /// The wait until there is room for an addition.
    fn wait(&self, addition: &Addition, now: u64) -> u64 {
        self.filled(addition, now).saturating_sub(now.saturating_add(addition.quota.window()))
    }
}

impl Addition {
    /// The time in which the amount refills.
    fn time(&self) -> u64 {
        self.quota.step.saturating_mul(self.count.into())
    }
}

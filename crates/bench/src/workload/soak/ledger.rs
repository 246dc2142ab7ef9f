//! The record of a soak: the messages that were acknowledged, and the counters.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most latencies kept between two calls of `take_latencies`.
const LATENCIES: usize = 4_000_000;

/// The acknowledged messages of all users, and the counters.
pub(super) struct SoakLedger {
    begun: Instant,
    pub(super) groups: Vec<GroupLedger>,
    /// The last message number of each user.
    pub(super) reached: Vec<AtomicU64>,
    latencies: Mutex<Vec<u32>>,
    pub(super) deliveries: AtomicU64,
    pub(super) reconnects: AtomicU64,
    pub(super) others: AtomicU64,
}

/// The ledger of one group.
#[derive(Default)]
pub(super) struct GroupLedger {
    /// The number of messages that were due.
    due: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    /// Messages whose deletion was requested.
    deleted: Mutex<BTreeSet<u64>>,
}

impl SoakLedger {
    pub(super) fn new(groups: usize, users: usize) -> Self {
        Self {
            begun: Instant::now(),
            groups: (0..groups).map(|_| GroupLedger::default()).collect(),
            reached: (0..users).map(|_| AtomicU64::new(0)).collect(),
            latencies: Mutex::default(),
            deliveries: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
            others: AtomicU64::new(0),
        }
    }

    /// The time since the load began.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Nanoseconds since the load began.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Records the delivery of a message by its due time.
    pub(super) fn delivered(&self, due: u64) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        let mut latencies = locked(&self.latencies);
        if latencies.len() < LATENCIES {
            latencies.push(u32::try_from(self.now().saturating_sub(due) / 1000).unwrap_or(u32::MAX));
        }
    }

    /// Latencies in microseconds since the last call.
    pub(super) fn take_latencies(&self) -> Vec<u32> {
        std::mem::take(&mut *locked(&self.latencies))
    }

    /// For each group, its acknowledged messages and those whose deletion was requested.
    pub(super) fn kept(&self) -> Vec<(u64, BTreeSet<u64>)> {
        let of = |group: &GroupLedger| {
            (group.acknowledged.load(Ordering::Relaxed), locked(&group.deleted).clone())
        };
        self.groups.iter().map(of).collect()
    }

    /// The acknowledged messages of all groups.
    pub(super) fn acknowledged(&self) -> u64 {
        self.groups.iter().map(|group| group.acknowledged.load(Ordering::Relaxed)).sum()
    }

    /// Whether every message that was due is acknowledged, and has reached every user of its group or was deleted.
    pub(super) fn is_complete(&self, group_of: impl Fn(usize) -> usize) -> bool {
        let number = |number: &AtomicU64| number.load(Ordering::Relaxed);
        self.groups.iter().all(|group| number(&group.due) == number(&group.acknowledged))
            && self.reached.iter().enumerate().all(|(user, reached)| {
                let group = &self.groups[group_of(user)];
                group.are_deleted(number(reached) + 1..number(&group.acknowledged) + 1)
            })
    }
}

impl GroupLedger {
    /// Records that another message is due.
    pub(super) fn add_due(&self) {
        self.due.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that the deletion of a message was requested.
    pub(super) fn delete(&self, number: u64) {
        locked(&self.deleted).insert(number);
    }

    /// Whether the deletion of all `numbers` was requested.
    pub(super) fn are_deleted(&self, mut numbers: std::ops::Range<u64>) -> bool {
        let deleted = locked(&self.deleted);
        numbers.all(|number| deleted.contains(&number))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Limits on the queued bytes of one user's sockets, and of all sockets of the process.
//!
//! Each socket counts its queued bytes in whole [units](UNIT), so that a message that is written immediately
//! needs no accounting. Bytes that several sockets share count for each of them. Less than a unit counts as
//! zero.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes in one unit.
const UNIT: usize = 4096;

/// The queued bytes of all sockets of the process.
#[derive(Debug)]
pub(crate) struct Total {
    units: AtomicUsize,
    /// The limit on all units.
    most: usize,
    /// The limit on one user's units.
    most_of_user: usize,
    /// Sockets closed since the start because a limit was exceeded.
    closed: AtomicU64,
    /// Sockets closed with [`ResyncRequired`](crate::Close::ResyncRequired) since the start.
    resyncs: AtomicU64,
}

impl Total {
    pub(crate) fn new(bytes: usize, bytes_of_user: usize) -> Arc<Self> {
        let (most, most_of_user) = (bytes.div_ceil(UNIT), bytes_of_user.div_ceil(UNIT));
        Arc::new(Self {
            units: AtomicUsize::new(0),
            most,
            most_of_user,
            closed: AtomicU64::new(0),
            resyncs: AtomicU64::new(0),
        })
    }

    /// Sockets closed since the start because a limit was exceeded.
    pub(crate) fn closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }

    /// Counts a socket that was closed because a limit was exceeded.
    pub(crate) fn close(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    /// Sockets closed with [`ResyncRequired`](crate::Close::ResyncRequired) since the start.
    pub(crate) fn resyncs(&self) -> u64 {
        self.resyncs.load(Ordering::Relaxed)
    }

    pub(crate) fn count_resync(&self) {
        self.resyncs.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes above three quarters of the limit. The timer then closes the sockets with the most queued bytes,
    /// before the limit would close others.
    pub(crate) fn excess(&self) -> usize {
        self.units.load(Ordering::Relaxed).saturating_sub(self.most - self.most / 4) * UNIT
    }
}

/// The queued bytes of one user's sockets.
#[derive(Debug)]
pub(crate) struct Budget {
    units: AtomicUsize,
    total: Arc<Total>,
}

impl Budget {
    pub(crate) fn new(total: Arc<Total>) -> Self {
        Self { units: AtomicUsize::new(0), total }
    }

    pub(crate) fn total(&self) -> &Total {
        &self.total
    }

    /// Whether the user's limit is exceeded, or the process's limit while this user has queued bytes.
    pub(crate) fn is_over(&self) -> bool {
        let units = self.units.load(Ordering::Relaxed);
        units > self.total.most_of_user
            || units > 0 && self.total.units.load(Ordering::Relaxed) > self.total.most
    }
}

/// The units of one socket.
#[derive(Debug)]
pub(crate) struct Share {
    units: usize,
    budget: Arc<Budget>,
}

impl Share {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self { units: 0, budget }
    }

    /// Sets the number of queued bytes. Returns whether it needs more units than before.
    pub(crate) fn set(&mut self, bytes: usize) -> bool {
        let (before, now) = (self.units, bytes / UNIT);
        if before == now {
            return false;
        }
        self.units = now;
        for counted in [&self.budget.units, &self.budget.total.units] {
            if now > before {
                counted.fetch_add(now - before, Ordering::Relaxed);
            } else {
                counted.fetch_sub(before - now, Ordering::Relaxed);
            }
        }
        now > before
    }

    pub(crate) fn is_over(&self) -> bool {
        self.budget.is_over()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.units * UNIT
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_units_count_for_user_and_process_until_dropped() {
        let total = Total::new(4 * UNIT, 2 * UNIT);
        let [ann, ben] = [(); 2].map(|()| Arc::new(Budget::new(total.clone())));
        let (mut first, mut second) = (Share::new(ann.clone()), Share::new(ann.clone()));
        assert!(!first.set(UNIT - 1) && first.set(UNIT) && !ann.is_over());
        assert!(second.set(2 * UNIT) && ann.is_over() && !ben.is_over());
        let mut third = Share::new(ben.clone());
        assert!(third.set(2 * UNIT) && ben.is_over(), "all together are over");
        assert_eq!(total.excess(), 2 * UNIT);
        drop(second);
        assert!(!ann.is_over() && !ben.is_over());
        assert!(!third.set(0) && total.excess() == 0);
    }
}

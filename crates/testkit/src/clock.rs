//! A clock under a test's control. Wall time follows the machine with an offset; monotonic time advances only on request.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chinwag_core::clock::SystemClock;
use chinwag_core::{Clock, Date};
use uuid::Uuid;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct ManualClock {
    inner: SystemClock,
    /// The offset of the wall clock from the machine's, in microseconds.
    off: AtomicI64,
    /// The monotonic time in microseconds.
    elapsed: AtomicU64,
}

impl ManualClock {
    /// Advances the monotonic time.
    pub fn advance(&self, by: Duration) {
        self.elapsed.fetch_add(u64::try_from(by.as_micros()).expect("a short time"), Ordering::SeqCst);
    }

    /// Moves the wall clock, as an operator may.
    pub fn move_wall(&self, seconds: i64) {
        self.off.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Date {
        Date::from_micros(self.inner.now().micros() + self.off.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.elapsed.load(Ordering::SeqCst))
    }

    fn uuid(&self) -> Uuid {
        self.inner.uuid()
    }

    fn secret(&self) -> [u8; 32] {
        self.inner.secret()
    }
}

//! Time and randomness, injected so that tests can control them.

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::{ContextV7, Timestamp as UuidTimestamp, Uuid};

use crate::Date;

/// The origin of [`Clock::elapsed`].
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The source of time, ids and secrets.
pub trait Clock: Send + Sync + 'static {
    /// The current time in UTC.
    fn now(&self) -> Date;
    /// The time since a fixed moment in this process. It is monotonic and independent of the wall clock.
    fn elapsed(&self) -> Duration {
        START.elapsed()
    }
    /// A new version 7 UUID. Ids of one process ascend.
    fn uuid(&self) -> Uuid;
    /// 32 random bytes, suitable for a secret.
    fn secret(&self) -> [u8; 32];
}

/// The machine's clock and randomness.
#[derive(Debug, Default)]
pub struct SystemClock {
    context: Mutex<ContextV7>,
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for time and randomness")]
impl Clock for SystemClock {
    fn now(&self) -> Date {
        Date::from_micros(Timestamp::now().as_microsecond())
    }

    fn uuid(&self) -> Uuid {
        let context = self.context.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::new_v7(UuidTimestamp::now(&*context))
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        bytes
    }
}

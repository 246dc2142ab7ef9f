//! Time and randomness, injected so that tests can control them.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::{ContextV7, Timestamp as UuidTimestamp, Uuid};

use crate::Date;

/// The origin of [`Clock::elapsed`].
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A larger jump of the wall clock is probably an error that will be corrected.
const JUMP: Duration = Duration::from_secs(24 * 3600);
const DOUBTED_FOR: Duration = Duration::from_secs(3600);

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
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::new_v7(UuidTimestamp::now(&*context))
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        bytes
    }
}

/// Detects forward jumps of the wall clock. After a jump, nothing should be erased by age for a while.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch(Mutex<Option<ClockLook>>);

#[derive(Debug)]
struct ClockLook {
    now: Date,
    elapsed: Duration,
    doubted_until: Duration,
}

impl ClockWatch {
    /// Whether the clock has not jumped recently, or has been set back since. Jumps are detected from the first call on.
    pub(crate) fn is_steady(&self, clock: &dyn Clock) -> bool {
        let (now, elapsed) = (clock.now(), clock.elapsed());
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let doubted_until = match &*last {
            Some(last) if now > last.now.plus(elapsed.saturating_sub(last.elapsed) + JUMP) => {
                elapsed + DOUBTED_FOR
            }
            Some(last) if now >= last.now.minus(JUMP) => last.doubted_until,
            _ => Duration::ZERO,
        };
        *last = Some(ClockLook { now, elapsed, doubted_until });
        elapsed >= doubted_until
    }
}

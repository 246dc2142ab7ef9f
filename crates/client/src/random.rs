//! Random numbers for delays and for client ids, seeded by the operating system.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A unique message id of 32 hexadecimal digits.
pub(crate) fn client_id() -> String {
    format!("{:016x}{:016x}", number(), number())
}

/// A random duration between `up_to / 2` and `up_to`, so that clients do not reconnect at the same time.
pub(crate) fn jitter(up_to: Duration) -> Duration {
    let share = u32::try_from(number() % 1024).unwrap_or_default();
    up_to / 2 + up_to / 2 * share / 1023
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_differ() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| client_id()).collect();
        assert_eq!(ids.len(), 1000);
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        for _ in 0..1000 {
            let delay = jitter(Duration::from_secs(2));
            assert!((Duration::from_secs(1)..=Duration::from_secs(2)).contains(&delay), "{delay:?}");
        }
    }
}

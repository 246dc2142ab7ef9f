//! The rate limit of typing events.

use std::collections::HashMap;
use std::time::Duration;

use chinwag_core::{GroupId, UserId};
use parking_lot::Mutex;
use tokio::time::Instant;

const TYPING_INTERVAL: Duration = Duration::from_secs(3);
const SHARDS: usize = 16;
/// The most entries per shard. An entry takes about 64 bytes; all shards together take 4 MiB.
const ENTRIES: usize = 4096;

type Recent = HashMap<(UserId, GroupId, bool), Instant>;

/// The typing events of the last 3 s.
#[derive(Default)]
pub(crate) struct Typing {
    shards: [Mutex<Recent>; SHARDS],
}

impl Typing {
    pub(crate) fn allow(&self, user: UserId, group: GroupId, started: bool) -> bool {
        let now = Instant::now();
        let shard = usize::try_from(user.0.unsigned_abs()).unwrap_or(0) % SHARDS;
        let mut recent = self.shards[shard].lock();
        if recent.get(&(user, group, started)).is_some_and(|at| now - *at < TYPING_INTERVAL) {
            return false;
        }
        if recent.len() >= ENTRIES {
            recent.retain(|_, at| now - *at < TYPING_INTERVAL);
        }
        if recent.len() >= ENTRIES {
            return false;
        }
        recent.insert((user, group, started), now);
        true
    }

    /// Removes the entries older than 3 s.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        for shard in &self.shards {
            let mut recent = shard.lock();
            recent.retain(|_, at| now - *at < TYPING_INTERVAL);
            if recent.capacity() > 64 && recent.len() * 8 < recent.capacity() {
                recent.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn typing_is_published_once_in_three_seconds() {
        let typing = Typing::default();
        let [here, there] = [1, 2].map(|n| GroupId(uuid::Uuid::from_u128(n)));
        assert!(typing.allow(UserId(1), here, true));
        assert!(!typing.allow(UserId(1), here, true));
        assert!(typing.allow(UserId(1), here, false));
        assert!(typing.allow(UserId(1), there, true));
        assert!(typing.allow(UserId(2), here, true));
        tokio::time::advance(Duration::from_millis(2999)).await;
        assert!(!typing.allow(UserId(1), here, true));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(typing.allow(UserId(1), here, true));
    }

    #[tokio::test(start_paused = true)]
    async fn remembered_typing_is_bounded_and_expires() {
        let typing = Typing::default();
        let told = (0..10_000).filter(|n| typing.allow(UserId(16), GroupId(uuid::Uuid::from_u128(*n)), true));
        assert_eq!(told.count(), ENTRIES);
        tokio::time::advance(TYPING_INTERVAL).await;
        assert!(typing.allow(UserId(16), GroupId(uuid::Uuid::nil()), true));
        assert_eq!(typing.shards[0].lock().len(), 1);
        tokio::time::advance(TYPING_INTERVAL).await;
        typing.sweep();
        assert_eq!(typing.shards[0].lock().len(), 0);
    }
}

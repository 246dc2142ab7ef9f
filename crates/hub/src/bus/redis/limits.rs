//! The limits that nodes count together: the usage of each user and address. Each node counts by itself
//! at once, adds its count to Redis a moment later, and receives the sum of all nodes. While Redis is
//! down, or refuses, each node continues by itself.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::rate::{Rates, Unsent};
use parking_lot::Mutex;
use redis::{ErrorKind, RedisError, RedisResult};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::codec::Keys;
use super::server::RedisConnection;

/// How long counts are gathered.
const GATHER: Duration = Duration::from_millis(5);
/// How long each node counts by itself after Redis has refused, as one without memory or rights does.
const REFUSED: Duration = Duration::from_secs(30);
/// Keys whose counts go in one round trip.
const BATCH: usize = 256;
/// Adds to buckets, and answers how long each takes to be empty: all in microseconds. A bucket is the
/// moment when it is empty, which is when its key expires.
const SCRIPT: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ahead = {}
for i, key in ipairs(KEYS) do
  local at = math.max(tonumber(redis.call('GET', key) or '0'), now)
  at = math.min(at + tonumber(ARGV[2 * i - 1]), now + tonumber(ARGV[2 * i]))
  redis.call('SET', key, string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000) + 1)
  ahead[i] = math.floor(at - now)
end
return ahead";

/// This node's counts, once they exist.
#[derive(Default)]
pub(super) struct SharedLimits {
    rates: Mutex<Option<Arc<Rates>>>,
    something: Arc<Notify>,
}

impl SharedLimits {
    /// From now on these are counted with the other nodes.
    pub(super) fn share(&self, rates: &Arc<Rates>) {
        let something = self.something.clone();
        rates.share(move || something.notify_one());
        *self.rates.lock() = Some(rates.clone());
        self.something.notify_one();
    }

    /// Drops counts of a time without the link: the other nodes need not know them.
    pub(super) fn forget(&self) {
        while !self.unsent().is_empty() {}
    }

    /// Adds what is counted here to what the others have counted, until the link is lost. An answer of Redis that
    /// refuses this leaves the link to the hints, which Redis may still pass on.
    pub(super) async fn carry(&self, keys: &Keys, mut connection: RedisConnection) -> RedisResult<()> {
        let mut is_refused = false;
        loop {
            self.something.notified().await;
            sleep(GATHER).await;
            loop {
                let unsent = self.unsent();
                if unsent.is_empty() {
                    break;
                }
                match connection.count(SCRIPT, &buckets(keys, &unsent)).await {
                    Ok(ahead) => {
                        self.settle(&unsent, &ahead);
                        is_refused = false;
                    }
                    Err(error) if is_answer(&error) => {
                        if !std::mem::replace(&mut is_refused, true) {
                            warn_of_refusal(&error);
                        }
                        sleep(REFUSED).await;
                        self.forget();
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn unsent(&self) -> Vec<Unsent> {
        self.rates.lock().as_ref().map(|rates| rates.unsent(BATCH)).unwrap_or_default()
    }

    fn settle(&self, unsent: &[Unsent], ahead: &[u64]) {
        if let Some(rates) = &*self.rates.lock() {
            for (sent, ahead) in unsent.iter().zip(ahead) {
                rates.settle(sent, Duration::from_micros(*ahead));
            }
        }
    }
}

/// Whether the server has said so, rather than the link.
fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

fn warn_of_refusal(error: &RedisError) {
    if error.code() == Some("NOPERM") {
        tracing::warn!(
            "Redis does not let its user count limits for all nodes: each counts by itself. \
             Grant +eval +time +get +set and the keys ~chinwag:*"
        );
    } else {
        tracing::warn!(%error, "Redis refuses to count limits for all nodes: each counts by itself until it does");
    }
}

/// One bucket: its key, what is added to it, and the most that it holds.
pub(super) struct Bucket {
    pub(super) key: String,
    pub(super) taken: u64,
    pub(super) most: u64,
}

fn buckets(keys: &Keys, unsent: &[Unsent]) -> Vec<Bucket> {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let bucket = |sent: &Unsent| Bucket {
        key: keys.bucket(&sent.name()),
        taken: micros(sent.taken),
        most: micros(sent.most),
    };
    unsent.iter().map(bucket).collect()
}

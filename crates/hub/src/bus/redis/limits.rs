//! Rate limits that the nodes of a cluster share: the usage of each user and address. Each node counts
//! locally first, adds its count to Redis a moment later, and receives the sum of all nodes. While Redis is
//! down, or refuses the command, each node continues with its own counts.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::rate::{Rates, Unsent};
use parking_lot::Mutex;
use redis::{ErrorKind, RedisError, RedisResult};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::codec::Keys;
use super::server::RedisConnection;

/// How long counts are collected before they are sent.
const GATHER: Duration = Duration::from_millis(5);
/// How long each node uses its own counts after Redis refused the command, for example for lack of memory or
/// access rights.
const REFUSED: Duration = Duration::from_secs(30);
/// Keys per round trip.
const BATCH: usize = 256;
/// Adds to buckets, and returns the time until each is empty, in microseconds. A bucket stores the moment at
/// which it will be empty; its key expires at that moment.
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

/// This node's counts, once they are shared.
#[derive(Default)]
pub(super) struct SharedLimits {
    rates: Mutex<Option<Arc<Rates>>>,
    something: Arc<Notify>,
}

impl SharedLimits {
    /// Shares these limits with the other nodes from now on.
    pub(super) fn share(&self, rates: &Arc<Rates>) {
        let something = self.something.clone();
        rates.share(move || something.notify_one());
        *self.rates.lock() = Some(rates.clone());
        self.something.notify_one();
    }

    /// Drops counts from a time without the link. The other nodes do not need them.
    pub(super) fn forget(&self) {
        while !self.unsent().is_empty() {}
    }

    /// Adds this node's counts to those of the others, until the link is lost. If Redis refuses the command,
    /// the link stays up for hints, which Redis may still accept.
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

/// Whether the server answered with an error, as opposed to a failure of the connection.
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

/// One bucket: its key, the amount to add, and its capacity.
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

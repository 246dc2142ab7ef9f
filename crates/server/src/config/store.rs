//! `[store]`: the embedded store or PostgreSQL.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    /// Threads for reads.
    pub(crate) readers: usize,
    /// Jobs that may wait for the writer, and as many that may wait for the readers.
    pub(crate) queue: usize,
    /// How long a job waits for a slot in a full queue. It is then answered with 503.
    pub(crate) patience: Period,
    /// The timeout of a queued job. It is then answered with 503. SQLite.
    pub(crate) deadline: Period,
    /// How long a write waits for another process's, such as `chinwag user` or a backup. SQLite.
    pub(crate) busy: Period,
    /// The free bytes to keep on the disk of the data folder. Below that, new content is refused. SQLite.
    pub(crate) min_free: u64,
    /// Bytes reserved so that deletions still work on a full disk. SQLite.
    pub(crate) reserve: u64,
    /// Threads for writes other than messages. PostgreSQL.
    pub(crate) writers: usize,
    /// Threads for sending messages. Each commits one batch at a time. PostgreSQL.
    pub(crate) senders: usize,
    /// The timeout of a statement. PostgreSQL.
    pub(crate) statement_timeout: Period,
    /// The timeout of a connection attempt. PostgreSQL.
    pub(crate) connect_timeout: Period,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            readers: 4,
            queue: 4096,
            patience: Period::seconds(5),
            deadline: Period::seconds(15),
            busy: Period::seconds(5),
            min_free: 256 << 20,
            reserve: 16 << 20,
            writers: 4,
            senders: 2,
            statement_timeout: Period::seconds(10),
            connect_timeout: Period::seconds(3),
        }
    }
}

impl Store {
    pub(super) fn check(&self, problems: &mut Problems) {
        let minute = Duration::from_secs(60);
        problems.number("store.readers", self.readers, &(1..=64), "threads");
        problems.number("store.queue", self.queue, &(16..=1_000_000), "jobs");
        problems.period("store.patience", self.patience, &(Duration::from_millis(10)..=minute));
        problems.period("store.deadline", self.deadline, &(Duration::from_millis(10)..=minute * 10));
        problems.period("store.busy", self.busy, &(Duration::from_millis(10)..=minute));
        if self.deadline.0 <= self.busy.0 {
            problems.add("store.deadline must be longer than store.busy, or nobody waits for its end");
        }
        problems.number("store.min_free", self.min_free, &(0..=1 << 40), "bytes");
        problems.number("store.reserve", self.reserve, &(0..=1 << 30), "bytes");
        problems.number("store.writers", self.writers, &(1..=64), "threads");
        problems.number("store.senders", self.senders, &(1..=64), "threads");
        problems.period(
            "store.statement_timeout",
            self.statement_timeout,
            &(Duration::from_secs(1)..=minute),
        );
        problems.period("store.connect_timeout", self.connect_timeout, &(Duration::from_secs(1)..=minute));
    }
}

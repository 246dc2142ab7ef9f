//! Reads, each on one snapshot: on the caller's thread, or on a reader thread.

use std::future::ready;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chinwag_core::store::{Done, ReadJob};
use chinwag_core::{Error, Result};
use rusqlite::Connection;
use tokio::runtime::Handle;

use crate::fault::{FileState, panicked};
use crate::open::Options;
use crate::queue::{JobReceiver, Queue};
use crate::transaction::{Transaction, execute};

/// The interval at which the watch checks the read on a caller's thread.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// One connection for reads on the caller's thread, and reader threads with a shared queue.
///
/// A read takes some microseconds, less than waking a thread for it. So a job runs on its caller's thread if
/// no other does. Only one job at a time may do so, since it may have to wait for the disk: the others
/// meanwhile go to the reader threads, and at most one thread of the runtime is blocked.
pub(crate) struct Readers {
    here: Mutex<Connection>,
    /// Counts the starts and ends of reads on a caller's thread; odd while one runs.
    turns: Arc<AtomicU64>,
    state: Arc<FileState>,
    queue: Queue<ReadJob>,
    threads: Vec<JoinHandle<()>>,
    /// Dropping it stops the watch.
    watch: Option<SyncSender<()>>,
}

impl Readers {
    /// Starts one thread per connection in `connections`.
    pub(crate) fn start(
        here: Connection,
        connections: Vec<Connection>,
        options: &Options,
        state: Arc<FileState>,
    ) -> io::Result<Self> {
        let (queue, exits) = Queue::new(options, Error::unavailable(), connections.len());
        let spawn = |(number, (conn, exit)): (usize, (Connection, JobReceiver<ReadJob>))| {
            let state = state.clone();
            let name = format!("store-reader-{number}");
            thread::Builder::new().name(name).spawn(move || read(&conn, &exit, &state))
        };
        let mut threads =
            connections.into_iter().zip(exits).enumerate().map(spawn).collect::<io::Result<Vec<_>>>()?;
        let turns = Arc::new(AtomicU64::new(0));
        let watch = match Handle::try_current() {
            Ok(runtime) => {
                let (stop, stopped) = sync_channel(0);
                let turns = turns.clone();
                let run = move || watch(&runtime, &turns, &stopped);
                threads.push(thread::Builder::new().name("store-watch".into()).spawn(run)?);
                Some(stop)
            }
            Err(_) => None,
        };
        Ok(Self { here: Mutex::new(here), turns, state, queue, threads, watch })
    }

    /// Runs a job, on this thread if no other job runs on a caller's thread.
    pub(crate) fn submit(&self, job: ReadJob) -> Done<'_> {
        match self.here.try_lock() {
            Ok(conn) => {
                // The lock protects the counter.
                let turn = self.turns.load(Ordering::Relaxed);
                self.turns.store(turn + 1, Ordering::Relaxed);
                let outcome = run(&conn, &job, &self.state);
                self.turns.store(turn + 2, Ordering::Relaxed);
                Box::pin(ready(outcome))
            }
            Err(_) => self.queue.submit(job),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue.close();
        self.watch = None;
        for thread in self.threads.drain(..).filter(|t| t.thread().id() != thread::current().id()) {
            if thread.join().is_err() {
                tracing::error!("one of the store's readers had panicked");
            }
        }
    }
}

/// Wakes another thread of the runtime while a read blocks one. The runtime's threads take turns to poll
/// sockets and timers. The thread whose turn it is may be the one that reads, and cannot pass its turn on
/// until the read returns.
fn watch(runtime: &Handle, turns: &AtomicU64, stopped: &Receiver<()>) {
    let mut seen = 0;
    while stopped.recv_timeout(WATCH_INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let turn = turns.load(Ordering::Relaxed);
        if turn % 2 == 1 && turn == seen {
            // An empty task: the thread that runs it then polls sockets and timers.
            drop(runtime.spawn(async {}));
        }
        seen = turn;
    }
}

fn read(conn: &Connection, exit: &JobReceiver<ReadJob>, state: &FileState) {
    let mut next = Vec::with_capacity(1);
    loop {
        exit.take(1, &mut next);
        let Some(queued) = next.pop() else { return };
        if !queued.answer.is_closed() && queued.begin() {
            // The caller may have dropped the future.
            let _ = queued.answer.send(run(conn, &queued.job, state));
        }
    }
}

fn run(conn: &Connection, job: &ReadJob, state: &FileState) -> Result<()> {
    // Taken before the snapshot, which therefore contains everything with an earlier stamp.
    let next = state.stamps.next();
    execute(conn, "BEGIN")?;
    let tx = Transaction::new(conn, false, state.name_case, next);
    let outcome = catch_unwind(AssertUnwindSafe(|| job(&tx))).unwrap_or_else(|with| Err(panicked(&*with)));
    if tx.is_damaged() {
        state.set_damaged();
    }
    if !conn.is_autocommit() {
        execute(conn, "COMMIT")?;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use chinwag_core::store::Store;
    use chinwag_testkit::bus::Recorder;
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;
    use tokio::time::interval;

    use super::*;
    use crate::SqliteStore;

    const TIMEOUT: Duration = Duration::from_secs(20);

    #[test]
    fn a_read_that_waits_for_the_disk_holds_up_no_timer() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let _inside = runtime.enter();
        let store = SqliteStore::memory(Arc::new(Recorder::default())).expect("a store");
        let store: Arc<dyn Store> = Arc::new(store);
        let (mut far, near) = UnixStream::pair().expect("two ends");
        let (begun, begins) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let reading = runtime.spawn(async move {
            // The thread that polls sockets wakes up and runs this task.
            far.read_u8().await.expect("a byte");
            let read = store.read(move |_| {
                begun.send(()).expect("the test waits");
                let _: Result<(), _> = released.lock().expect("no panic").recv_timeout(2 * TIMEOUT);
                Ok(())
            });
            read.await.expect("a read");
        });
        let (fired, fires) = mpsc::channel();
        let timer = runtime.spawn(async move {
            let mut ticks = interval(Duration::from_millis(10));
            loop {
                ticks.tick().await;
                if fired.send(()).is_err() {
                    return;
                }
            }
        });
        fires.recv_timeout(TIMEOUT).expect("the timer runs");
        assert_eq!(near.try_write(b"x").expect("a write"), 1);
        begins.recv_timeout(TIMEOUT).expect("the read begins");
        // Discard the ticks that are already in the channel.
        while fires.try_recv().is_ok() {}
        for _ in 0..10 {
            fires.recv_timeout(TIMEOUT).expect("the timer goes on while the read waits");
        }
        release.send(()).expect("the read waits");
        drop(fires);
        runtime.block_on(reading).expect("no panic");
        runtime.block_on(timer).expect("no panic");
    }
}

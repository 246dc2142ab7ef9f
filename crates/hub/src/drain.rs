//! Draining a process: its sockets are closed gradually instead of all at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::presence::note_last_seen;
use crate::{Close, Hub, Socket};

/// Timeout for the last sockets to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Users per job of the store.
const USERS_PER_JOB: usize = 1000;
const STEP: Duration = Duration::from_millis(20);
/// Time for the farewell to reach the other nodes.
const FAREWELL_TIME: Duration = Duration::from_millis(50);

impl Hub {
    /// Refuses new sockets and closes all existing ones with [`Close::Restarting`], spread evenly over
    /// `over`. Then waits up to 5 s until they are closed.
    pub async fn drain(&self, over: Duration) {
        self.draining.store(true, Ordering::Release);
        let sockets = self.all_sockets();
        let (seen, now) = (self.seen_users(), self.clock.now());
        let begun = Instant::now();
        let count = u32::try_from(sockets.len()).unwrap_or(u32::MAX).max(1);
        for (number, socket) in (0_u32..).zip(&sockets) {
            let at = begun + over.mul_f64(f64::from(number) / f64::from(count));
            if at > Instant::now() + STEP {
                sleep_until(at).await;
            }
            socket.close(Close::Restarting);
        }
        drop(sockets);
        let end = Instant::now() + CLOSE_TIMEOUT;
        while self.sockets.load(Ordering::Acquire) > 0 && Instant::now() < end {
            sleep(STEP).await;
        }
        for users in seen.chunks(USERS_PER_JOB) {
            note_last_seen(&*self.store, users.to_vec(), now).await;
        }
        if let Some(cluster) = self.others() {
            cluster.farewell();
            sleep(FAREWELL_TIME).await;
        }
    }

    fn all_sockets(&self) -> Vec<Arc<Socket>> {
        let mut sockets = Vec::with_capacity(self.sockets.load(Ordering::Relaxed));
        self.users.each(|user| sockets.extend(user.lock().sockets.iter().map(|entry| entry.socket.clone())));
        sockets
    }
}

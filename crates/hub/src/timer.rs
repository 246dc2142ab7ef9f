//! The hub's only timer: pings, silent sockets, expired credentials, and figures.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::Date;
use tokio::time::{MissedTickBehavior, interval};

use crate::{Close, Hub, Socket};

const TICK: Duration = Duration::from_secs(1);
/// Ticks between two sweeps of the typing limiter.
const SWEEP_EVERY: u64 = 8;

/// Ticks once a second until the hub is dropped. Missed ticks are not repeated, so that a process that was
/// suspended does not consider all of its peers silent.
pub(crate) async fn run(hub: Weak<Hub>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    for tick in 1_u64.. {
        ticks.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        hub.tick(tick);
    }
}

struct Tick {
    number: u64,
    now: Date,
    ping: Bytes,
    ping_every: u64,
    silence: u64,
    frames: usize,
    bytes: usize,
    due: Vec<Arc<Socket>>,
}

impl Hub {
    fn tick(&self, number: u64) {
        let mut tick = Tick {
            number,
            now: self.clock.now(),
            ping: self.encode.ping(),
            ping_every: self.options.ping_every.as_secs().max(1),
            silence: self.options.pong_within.as_secs().max(1),
            frames: 0,
            bytes: 0,
            due: Vec::new(),
        };
        self.users.each(|user| {
            for entry in &user.lock().sockets {
                self.tick_socket(&mut tick, &entry.socket);
            }
            user.relieve();
        });
        if self.total.excess() > 0 {
            self.relieve();
        }
        self.due(&mut tick.due);
        self.flush();
        self.counters.queued_frames.store(tick.frames, Ordering::Relaxed);
        self.counters.queued_bytes.store(tick.bytes, Ordering::Relaxed);
        if number.is_multiple_of(SWEEP_EVERY) {
            self.typing.sweep();
        }
    }

    /// Closes the sockets with the most queued bytes until the total is below three quarters of the limit.
    fn relieve(&self) {
        let mut counted = Vec::new();
        self.users.each(|user| {
            let state = user.lock();
            let waiting = state.sockets.iter().map(|entry| (entry.socket.counted(), entry.socket.clone()));
            counted.extend(waiting.filter(|(bytes, _)| *bytes > 0));
        });
        counted.sort_unstable_by_key(|(bytes, _)| *bytes);
        while let Some((_, socket)) = counted.pop().filter(|_| self.total.excess() > 0) {
            tracing::warn!(
                socket = socket.id().0,
                "the queues of all sockets exceed their limit: the largest is closed"
            );
            self.total.close();
            socket.close(Close::TooSlow);
        }
    }

    fn tick_socket(&self, tick: &mut Tick, socket: &Arc<Socket>) {
        let unheard = u64::from(socket.age());
        if socket.expires.is_some_and(|expires| expires <= tick.now) {
            socket.close(Close::CredentialEnded);
        } else if unheard >= tick.silence {
            socket.close(Close::TimedOut);
        } else if (tick.number + socket.id().0).is_multiple_of(tick.ping_every) {
            let ping = tick.ping.clone();
            self.counters.pushed(socket.ping(ping, self.bounds(), &mut tick.due), 1);
        }
        let (frames, bytes) = socket.waiting();
        tick.frames += frames;
        tick.bytes += bytes;
    }
}

//! The one timer: pings, sockets unheard for too long, credentials that expire, and figures.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::Date;
use tokio::time::{MissedTickBehavior, interval};

use crate::{Close, Hub, Socket};

const TICK: Duration = Duration::from_secs(1);
/// Every how many ticks what is remembered of typing is swept.
const SWEEP_EVERY: u64 = 8;

/// Ticks each second until the hub is gone. A late tick is not made up for, so that a process
/// that was held still does not find all of its peers silent.
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

/// What one tick does to each socket, and what it finds.
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
            for seat in &user.lock().seats {
                self.tick_socket(&mut tick, &seat.socket);
            }
            user.relieve();
        });
        if self.total.excess() > 0 {
            self.relieve();
        }
        self.due(&mut tick.due);
        self.flush();
        self.tally.queued_frames.store(tick.frames, Ordering::Relaxed);
        self.tally.queued_bytes.store(tick.bytes, Ordering::Relaxed);
        if number.is_multiple_of(SWEEP_EVERY) {
            self.typing.sweep();
        }
    }

    /// Closes the sockets for which most waits, until enough room is left for the others.
    fn relieve(&self) {
        let mut counted = Vec::new();
        self.users.each(|user| {
            let state = user.lock();
            let waiting = state.seats.iter().map(|seat| (seat.socket.counted(), seat.socket.clone()));
            counted.extend(waiting.filter(|(bytes, _)| *bytes > 0));
        });
        counted.sort_unstable_by_key(|(bytes, _)| *bytes);
        while let Some((_, socket)) = counted.pop().filter(|_| self.total.excess() > 0) {
            tracing::warn!(socket = socket.id().0, "too much waits for all sockets: the largest is closed");
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
            self.tally.pushed(socket.ping(ping, self.bounds(), &mut tick.due), 1);
        }
        let (frames, bytes) = socket.waiting();
        tick.frames += frames;
        tick.bytes += bytes;
    }
}

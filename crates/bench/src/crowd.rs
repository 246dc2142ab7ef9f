//! Sockets in groups, with one sender in each, and the check that every receiver gets every message once and in order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use mio::unix::SourceFd;
use mio::{Interest, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::os::fd::AsRawFd;

use crate::frame;
use crate::load::{Arrival, ArrivalKind, Joining, Load, TIMEOUT};
use crate::subject::Subject;
use crate::world::World;

const TIMER: Token = Token(usize::MAX - 1);

/// Users with one socket each.
pub(crate) struct Crowd {
    pub(crate) load: Load,
    groups: Vec<GroupProgress>,
    listeners: Vec<Listener>,
    arrivals: Vec<Arrival>,
}

/// The progress of one group.
struct GroupProgress {
    id: String,
    /// The sender's socket.
    sender: usize,
    /// The number of receivers.
    size: u32,
    sent: u64,
    /// Messages that every receiver has received.
    done: u64,
    /// For each later message, the receivers that still miss it.
    missing: VecDeque<u32>,
    /// The log's last sequence number before the first message.
    base: u64,
}

struct Listener {
    group: usize,
    last: u64,
    stalled: bool,
}

/// The result of one period of messages.
#[derive(Debug, Default)]
pub(crate) struct LoadRun {
    pub(crate) messages: u64,
    pub(crate) deliveries: u64,
    pub(crate) seconds: f64,
    /// Microseconds from the due time to each delivery.
    pub(crate) latencies: Vec<u32>,
}

impl LoadRun {
    /// The latency in microseconds at a quantile of the deliveries.
    pub(crate) fn percentile(&mut self, share: f64) -> f64 {
        self.latencies.sort_unstable();
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share) as usize).map_or(0.0, |latency| f64::from(*latency))
    }
}

impl Crowd {
    /// Connects every user of the world.
    pub(crate) fn join(subject: &Subject, world: &World) -> Result<Self> {
        Self::join_first(subject, world, world.users.len(), world.groups.len())
    }

    /// Connects the first `users`, all of whom are in the first `groups`.
    pub(crate) fn join_first(subject: &Subject, world: &World, users: usize, groups: usize) -> Result<Self> {
        let mut load = Load::new()?;
        let ready = if subject.is_bare() { ArrivalKind::Upgraded } else { ArrivalKind::Shown };
        let joining = Joining {
            // Spreads the members of each group, and the senders, over the nodes.
            address: &|user| subject.address_for(user + world.group_of(user)),
            handshake: &|user| world.handshake(user),
            first: &|_, _| {},
            ready,
        };
        load.join(0, users, &joining)?;
        let base = if subject.is_bare() { 0 } else { world.messages };
        let group = |id: &chinwag_core::GroupId| GroupProgress {
            id: id.to_string(),
            sender: usize::MAX,
            size: 0,
            sent: 0,
            done: 0,
            missing: VecDeque::new(),
            base,
        };
        let mut groups: Vec<_> = world.groups[..groups].iter().map(group).collect();
        let mut listeners = Vec::new();
        for user in 0..users {
            let group = world.group_of(user);
            groups[group].sender = groups[group].sender.min(user);
            groups[group].size += 1;
            listeners.push(Listener { group, last: base, stalled: false });
        }
        Ok(Self { load, groups, listeners, arrivals: Vec::new() })
    }

    /// Stops reading from the last `count` sockets; no message waits for them.
    pub(crate) fn stall(&mut self, count: usize) -> Result<()> {
        for socket in self.listeners.len() - count..self.listeners.len() {
            self.load.stall(socket)?;
            self.listeners[socket].stalled = true;
            self.groups[self.listeners[socket].group].size -= 1;
        }
        Ok(())
    }

    /// The number of messages sent to each group.
    pub(crate) fn sent(&self) -> Vec<u64> {
        self.groups.iter().map(|group| group.sent).collect()
    }

    /// Sends in every group for `time`, with at most `window` messages in flight in each.
    pub(crate) fn send_windowed(&mut self, window: u64, time: Duration) -> Result<LoadRun> {
        self.send_windowed_with(window, time, &mut |_| Ok(()))
    }

    /// The same, and calls `beside` between reads.
    pub(crate) fn send_windowed_with(
        &mut self,
        window: u64,
        time: Duration,
        beside: &mut dyn FnMut(&mut Load) -> Result<()>,
    ) -> Result<LoadRun> {
        let (begun, mut run, mut last) = (Instant::now(), LoadRun::default(), Instant::now());
        loop {
            let goes_on = begun.elapsed() < time;
            for group in 0..self.groups.len() {
                let state = &self.groups[group];
                if goes_on && state.sent - state.done < window {
                    let (due, sender) = (self.load.now(), state.sender);
                    for _ in state.sent - state.done..window {
                        self.send(group, due);
                    }
                    self.load.flush(sender)?;
                }
            }
            if self.groups.iter().all(|group| group.done == group.sent) {
                run.seconds = begun.elapsed().as_secs_f64();
                return Ok(run);
            }
            if goes_on {
                beside(&mut self.load)?;
            }
            if self.handle_arrivals(&mut run)? {
                last = Instant::now();
            }
            ensure!(last.elapsed() < TIMEOUT, "no delivery came for {TIMEOUT:?}");
        }
    }

    /// Sends `rate` messages per second for `time`, to the groups in turn, whether or not earlier ones have been delivered.
    pub(crate) fn send_at_rate(&mut self, rate: f64, time: Duration) -> Result<LoadRun> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
        self.load.poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        let every = (1e9 / rate) as u64;
        let spec = Timespec { tv_sec: 0, tv_nsec: i64::try_from(every.min(999_999_999))? };
        let spec = Itimerspec { it_interval: spec, it_value: spec };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec)?;
        let begun = self.load.now();
        let total = u64::try_from(time.as_nanos())? / every;
        let (mut run, mut sent, mut last) = (LoadRun::default(), 0, Instant::now());
        while sent < total || self.groups.iter().any(|group| group.done < group.sent) {
            let mut tick = [0; 8];
            // The timer reports its expirations; the clock decides what is due.
            let _ = rustix::io::read(&timer, &mut tick);
            while sent < total && begun + (sent + 1) * every <= self.load.now() {
                sent += 1;
                let group = usize::try_from(sent)? % self.groups.len();
                self.send(group, begun + sent * every);
                self.load.flush(self.groups[group].sender)?;
            }
            if self.handle_arrivals(&mut run)? {
                last = Instant::now();
            }
            ensure!(last.elapsed() < TIMEOUT, "no delivery came for {TIMEOUT:?}");
        }
        self.load.poll.registry().deregister(&mut SourceFd(&timer.as_raw_fd()))?;
        run.seconds = (self.load.now() - begun) as f64 / 1e9;
        Ok(run)
    }

    fn send(&mut self, group: usize, due: u64) {
        let group = &mut self.groups[group];
        group.sent += 1;
        group.missing.push_back(group.size);
        frame::put_message(&group.id, group.sent, due, self.load.out(group.sender));
    }

    /// Handles arrivals. Returns whether there were any.
    fn handle_arrivals(&mut self, run: &mut LoadRun) -> Result<bool> {
        self.load.turn(Duration::from_millis(50), &mut self.arrivals)?;
        let came = !self.arrivals.is_empty();
        for Arrival { socket, at, what } in self.arrivals.drain(..) {
            let listener = &mut self.listeners[socket];
            match what {
                ArrivalKind::Message { seq, number, due } => {
                    let group = &mut self.groups[listener.group];
                    if seq != listener.last + 1 || seq - group.base != number {
                        bail!("socket {socket} was told {seq} (message {number}) after {}", listener.last);
                    }
                    listener.last = seq;
                    run.deliveries += 1;
                    run.latencies.push(u32::try_from(at.saturating_sub(due) / 1000).unwrap_or(u32::MAX));
                    let index = usize::try_from(number - group.done - 1)?;
                    group.missing[index] -= 1;
                    while group.missing.front() == Some(&0) {
                        group.missing.pop_front();
                        group.done += 1;
                        run.messages += 1;
                    }
                }
                ArrivalKind::Closed(code) if !listener.stalled => {
                    bail!("socket {socket} was closed with {code:?}")
                }
                ArrivalKind::Refused => bail!("socket {socket} was told of an error"),
                _ => {}
            }
        }
        Ok(came)
    }
}

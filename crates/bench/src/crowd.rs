//! Sockets that listen in groups, one of each group speaking, and the check that every listener is
//! told every message once and in order.

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
use crate::load::{Arrival, ArrivalKind, Joining, Load, PATIENCE};
use crate::subject::Subject;
use crate::world::World;

const TIMER: Token = Token(usize::MAX - 1);

/// One user each on one socket.
pub(crate) struct Crowd {
    pub(crate) load: Load,
    talks: Vec<Talk>,
    listeners: Vec<Listener>,
    arrivals: Vec<Arrival>,
}

/// A group, and how far it has come.
struct Talk {
    id: String,
    /// The socket that speaks.
    speaker: usize,
    /// How many are to be told.
    size: u32,
    sent: u64,
    /// Messages that all have been told.
    done: u64,
    /// How many are still to be told of each message after those.
    missing: VecDeque<u32>,
    /// The number in the log before the first message.
    base: u64,
}

struct Listener {
    talk: usize,
    last: u64,
    deaf: bool,
}

/// The result of one period of messages.
#[derive(Debug, Default)]
pub(crate) struct Talked {
    pub(crate) messages: u64,
    pub(crate) deliveries: u64,
    pub(crate) seconds: f64,
    /// From when each delivered message was due, in microseconds.
    pub(crate) latencies: Vec<u32>,
}

impl Talked {
    /// The latency that this share of deliveries stayed within, in microseconds.
    pub(crate) fn percentile(&mut self, share: f64) -> f64 {
        self.latencies.sort_unstable();
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share) as usize).map_or(0.0, |latency| f64::from(*latency))
    }
}

impl Crowd {
    /// Brings every user of the world in.
    pub(crate) fn join(subject: &Subject, world: &World) -> Result<Self> {
        Self::join_first(subject, world, world.users.len(), world.groups.len())
    }

    /// Brings in the first `users`, all of whom are in the first `groups`.
    pub(crate) fn join_first(subject: &Subject, world: &World, users: usize, groups: usize) -> Result<Self> {
        let mut load = Load::new()?;
        let ready = if subject.is_bare() { ArrivalKind::Upgraded } else { ArrivalKind::Shown };
        let joining = Joining {
            // Spread over the nodes within each group, and so are those who speak.
            address: &|user| subject.address_for(user + world.group_of(user)),
            handshake: &|user| world.handshake(user),
            first: &|_, _| {},
            ready,
        };
        load.join(0, users, &joining)?;
        let base = if subject.is_bare() { 0 } else { world.messages };
        let talk = |id: &chinwag_core::GroupId| Talk {
            id: id.to_string(),
            speaker: usize::MAX,
            size: 0,
            sent: 0,
            done: 0,
            missing: VecDeque::new(),
            base,
        };
        let mut talks: Vec<_> = world.groups[..groups].iter().map(talk).collect();
        let mut listeners = Vec::new();
        for user in 0..users {
            let group = world.group_of(user);
            talks[group].speaker = talks[group].speaker.min(user);
            talks[group].size += 1;
            listeners.push(Listener { talk: group, last: base, deaf: false });
        }
        Ok(Self { load, talks, listeners, arrivals: Vec::new() })
    }

    /// Lets the last `count` sockets read no more; nobody waits for them.
    pub(crate) fn deafen(&mut self, count: usize) -> Result<()> {
        for socket in self.listeners.len() - count..self.listeners.len() {
            self.load.deafen(socket)?;
            self.listeners[socket].deaf = true;
            self.talks[self.listeners[socket].talk].size -= 1;
        }
        Ok(())
    }

    /// How many messages each group has been sent.
    pub(crate) fn sent(&self) -> Vec<u64> {
        self.talks.iter().map(|talk| talk.sent).collect()
    }

    /// Every group talks for so long, with at most `window` messages that not all have been told.
    pub(crate) fn talk(&mut self, window: u64, time: Duration) -> Result<Talked> {
        self.talk_and(window, time, &mut |_| Ok(()))
    }

    /// The same, and `beside` is called now and then.
    pub(crate) fn talk_and(
        &mut self,
        window: u64,
        time: Duration,
        beside: &mut dyn FnMut(&mut Load) -> Result<()>,
    ) -> Result<Talked> {
        let (begun, mut talked, mut last) = (Instant::now(), Talked::default(), Instant::now());
        loop {
            let goes_on = begun.elapsed() < time;
            for talk in 0..self.talks.len() {
                let state = &self.talks[talk];
                if goes_on && state.sent - state.done < window {
                    let (due, speaker) = (self.load.now(), state.speaker);
                    for _ in state.sent - state.done..window {
                        self.say(talk, due);
                    }
                    self.load.flush(speaker)?;
                }
            }
            if self.talks.iter().all(|talk| talk.done == talk.sent) {
                talked.seconds = begun.elapsed().as_secs_f64();
                return Ok(talked);
            }
            if goes_on {
                beside(&mut self.load)?;
            }
            if self.hear(&mut talked)? {
                last = Instant::now();
            }
            ensure!(last.elapsed() < PATIENCE, "no delivery came for {PATIENCE:?}");
        }
    }

    /// Messages are due `rate` times a second for so long, in each group in its turn, whether those
    /// before have been delivered or not.
    pub(crate) fn speak(&mut self, rate: f64, time: Duration) -> Result<Talked> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
        self.load.poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        let every = (1e9 / rate) as u64;
        let spec = Timespec { tv_sec: 0, tv_nsec: i64::try_from(every.min(999_999_999))? };
        let spec = Itimerspec { it_interval: spec, it_value: spec };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec)?;
        let begun = self.load.now();
        let total = u64::try_from(time.as_nanos())? / every;
        let (mut talked, mut spoken, mut last) = (Talked::default(), 0, Instant::now());
        while spoken < total || self.talks.iter().any(|talk| talk.done < talk.sent) {
            let mut tick = [0; 8];
            // It says how often it has come; the clock says what is due.
            let _ = rustix::io::read(&timer, &mut tick);
            while spoken < total && begun + (spoken + 1) * every <= self.load.now() {
                spoken += 1;
                let talk = usize::try_from(spoken)? % self.talks.len();
                self.say(talk, begun + spoken * every);
                self.load.flush(self.talks[talk].speaker)?;
            }
            if self.hear(&mut talked)? {
                last = Instant::now();
            }
            ensure!(last.elapsed() < PATIENCE, "no delivery came for {PATIENCE:?}");
        }
        self.load.poll.registry().deregister(&mut SourceFd(&timer.as_raw_fd()))?;
        talked.seconds = (self.load.now() - begun) as f64 / 1e9;
        Ok(talked)
    }

    fn say(&mut self, talk: usize, due: u64) {
        let talk = &mut self.talks[talk];
        talk.sent += 1;
        talk.missing.push_back(talk.size);
        frame::put_message(&talk.id, talk.sent, due, self.load.out(talk.speaker));
    }

    /// Takes in what comes; whether anything did.
    fn hear(&mut self, talked: &mut Talked) -> Result<bool> {
        self.load.turn(Duration::from_millis(50), &mut self.arrivals)?;
        let came = !self.arrivals.is_empty();
        for Arrival { socket, at, what } in self.arrivals.drain(..) {
            let listener = &mut self.listeners[socket];
            match what {
                ArrivalKind::Message { seq, number, due } => {
                    let talk = &mut self.talks[listener.talk];
                    if seq != listener.last + 1 || seq - talk.base != number {
                        bail!("socket {socket} was told {seq} (message {number}) after {}", listener.last);
                    }
                    listener.last = seq;
                    talked.deliveries += 1;
                    talked.latencies.push(u32::try_from(at.saturating_sub(due) / 1000).unwrap_or(u32::MAX));
                    let index = usize::try_from(number - talk.done - 1)?;
                    talk.missing[index] -= 1;
                    while talk.missing.front() == Some(&0) {
                        talk.missing.pop_front();
                        talk.done += 1;
                        talked.messages += 1;
                    }
                }
                ArrivalKind::Closed(code) if !listener.deaf => {
                    bail!("socket {socket} was closed with {code:?}")
                }
                ArrivalKind::Refused => bail!("socket {socket} was told of an error"),
                _ => {}
            }
        }
        Ok(came)
    }
}

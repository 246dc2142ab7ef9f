//! Nodes with PostgreSQL, Redis and connected users, and the CPU time of each of the three.

use std::ops::{Add, Div, Mul, Range, RangeInclusive, Sub};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chinwag_testkit::postgres::Server;

use super::super::{RunSettings, idle};
use crate::crowd::{Crowd, LoadRun};
use crate::load::{ArrivalKind, Joining, Load};
use crate::shared::Shared;
use crate::subject::{self, Subject};
use crate::world::{Plan, World};

/// The parts of [`Costs`].
pub(super) const PARTS: [&str; 3] = ["the nodes", "PostgreSQL", "Redis"];

/// CPU seconds of all nodes, of PostgreSQL and of Redis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Costs(pub(super) [f64; 3]);

/// Nodes with connected users, some of whom send messages.
pub(super) struct Site {
    world: World,
    subject: Subject,
    crowd: Crowd,
    /// The users who only connect.
    others: Load,
    joined: usize,
}

/// The counters of a site at one time.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    spent: Costs,
    at: Instant,
    bytes: u64,
}

/// The costs of a site between two times.
pub(super) struct SiteRun {
    pub(super) spent: Costs,
    pub(super) seconds: f64,
    /// The bytes received by clients.
    pub(super) bytes: f64,
    pub(super) messages: f64,
    pub(super) deliveries: f64,
}

impl Site {
    /// Starts the nodes, and connects the first users, who are in the first groups.
    pub(super) fn open(
        server: &Arc<Server>,
        nodes: usize,
        plan: &Plan,
        (users, groups): (usize, usize),
        settings: &RunSettings,
    ) -> Result<Self> {
        let world = World::make_shared(Shared::by_nodes(server), &settings.server, plan)?;
        let subject = Subject::nodes(&settings.server, world.shared()?, nodes)?;
        let crowd = Crowd::join_first(&subject, &world, users, groups)?;
        Ok(Self { world, subject, crowd, others: Load::new()?, joined: 0 })
    }

    /// CPU seconds per second without load.
    pub(super) fn idle(&mut self, time: Duration) -> Result<Costs> {
        let before = self.mark()?;
        idle::rest(&mut self.crowd.load, time)?;
        let run = self.since(before)?;
        Ok(run.spent / run.seconds)
    }

    /// Sends `rate` messages per second, from each sender in turn.
    pub(super) fn send(&mut self, rate: f64, time: Duration) -> Result<SiteRun> {
        let before = self.mark()?;
        let run = self.crowd.send_at_rate(rate, time)?;
        Ok(self.since(before)?.with(&run))
    }

    /// The same while others connect, evenly over the time.
    pub(super) fn send_while_others_connect(
        &mut self,
        rate: f64,
        time: Duration,
        others: Range<usize>,
    ) -> Result<SiteRun> {
        let before = self.mark()?;
        let (world, subject, joined) = (&self.world, &self.subject, self.joined);
        let (crowd, load) = (&mut self.crowd, &mut self.others);
        let every = time / u32::try_from(others.len())?;
        let (first, count) = (others.start, others.len());
        let run = thread::scope(|scope| {
            let connecting = scope.spawn(move || {
                let begun = Instant::now();
                (0..count).try_for_each(|turn| {
                    thread::sleep((every * u32::try_from(turn)?).saturating_sub(begun.elapsed()));
                    join(load, joined + turn, first + turn, subject, world)
                })
            });
            let run = crowd.send_at_rate(rate, time);
            connecting.join().ok().context("the connecting thread panicked")??;
            run
        })?;
        self.joined += count;
        Ok(self.since(before)?.with(&run))
    }

    /// Connects users one after the other.
    pub(super) fn connect(&mut self, users: RangeInclusive<usize>) -> Result<()> {
        for user in users {
            join(&mut self.others, self.joined, user, &self.subject, &self.world)?;
            self.joined += 1;
        }
        Ok(())
    }

    pub(super) fn mark(&self) -> Result<Mark> {
        let sum = |pids: Vec<u32>| pids.into_iter().map(subject::cpu_exact_of).sum::<Result<f64>>();
        let shared = self.world.shared()?;
        let spent = Costs([
            self.subject.cpu_exact()?,
            sum(shared.postgres_processes()?)?,
            sum(vec![shared.redis_process()?])?,
        ]);
        let bytes = self.crowd.load.received() + self.others.received();
        Ok(Mark { spent, at: Instant::now(), bytes })
    }

    /// The costs since `mark`.
    pub(super) fn since(&self, mark: Mark) -> Result<SiteRun> {
        let now = self.mark()?;
        Ok(SiteRun {
            spent: now.spent - mark.spent,
            seconds: (now.at - mark.at).as_secs_f64(),
            bytes: (now.bytes - mark.bytes) as f64,
            messages: 0.0,
            deliveries: 0.0,
        })
    }

    /// Stops the nodes, and checks that every message is in the store once.
    pub(super) fn close(self) -> Result<()> {
        let sent = self.crowd.sent();
        drop((self.crowd, self.others));
        self.subject.stop()?;
        self.world.check(&sent)
    }
}

/// Connects one user and waits until it is ready.
fn join(load: &mut Load, socket: usize, user: usize, subject: &Subject, world: &World) -> Result<()> {
    let joining = Joining {
        address: &|_| subject.address_for(user),
        handshake: &|_| world.handshake(user),
        first: &|_, _| {},
        ready: ArrivalKind::Shown,
    };
    load.join(socket, socket + 1, &joining)
}

impl SiteRun {
    fn with(self, run: &LoadRun) -> Self {
        Self { messages: run.messages as f64, deliveries: run.deliveries as f64, ..self }
    }
}

impl Costs {
    fn zip(self, other: Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        Self([0, 1, 2].map(|part| combine(self.0[part], other.0[part])))
    }
}

impl Add for Costs {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, |one, other| one + other)
    }
}

impl Sub for Costs {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.zip(other, |one, other| one - other)
    }
}

impl Mul<f64> for Costs {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        Self(self.0.map(|part| part * times))
    }
}

impl Div<f64> for Costs {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        self * (1.0 / by)
    }
}

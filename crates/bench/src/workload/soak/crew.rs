//! The simulated users of a soak. Each has a socket and a group, takes its next act from a schedule, and checks every frame
//! that it receives.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chinwag_client::Rest;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::errands;
use super::person::SoakUser;
use crate::load::TIMEOUT;
use crate::world::World;

/// Queued acts per user.
const WAITING: usize = 256;
/// The most latencies kept between two calls of `take_latencies`.
const LATENCIES: usize = 4_000_000;
const POLL: Duration = Duration::from_millis(20);

/// An act of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Sends a message with its due time in nanoseconds since the load began.
    Send(u64),
    Edit,
    Delete,
    React,
    Read,
    Presence,
    /// Drops the connection without a close frame, and resumes on a new one.
    Reconnect,
    Search,
    Upload,
}

/// The frequency of each act per message.
const MIX: [(Act, f64); 9] = [
    (Act::Send(0), 1.0),
    (Act::Edit, 0.06),
    (Act::Delete, 0.04),
    (Act::React, 0.15),
    (Act::Read, 0.3),
    (Act::Presence, 0.03),
    (Act::Reconnect, 0.02),
    (Act::Search, 0.01),
    (Act::Upload, 0.002),
];

/// The acknowledged messages of all users, and the counters.
pub(super) struct SoakLedger {
    begun: Instant,
    pub(super) groups: Vec<GroupLedger>,
    /// The last message number of each user.
    pub(super) reached: Vec<AtomicU64>,
    latencies: Mutex<Vec<u32>>,
    pub(super) deliveries: AtomicU64,
    pub(super) reconnects: AtomicU64,
    pub(super) others: AtomicU64,
}

/// The ledger of one group.
#[derive(Default)]
pub(super) struct GroupLedger {
    /// The number of messages that were due.
    due: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    /// Messages whose deletion was requested.
    deleted: Mutex<BTreeSet<u64>>,
}

/// The simulated users, on their own thread.
pub(super) struct Crew {
    pub(super) ledger: Arc<SoakLedger>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<Result<()>>,
}

impl Crew {
    /// Connects every user of a world to one of the servers, and starts.
    pub(super) fn start(world: &World, servers: &[String], rate: f64) -> Self {
        let people = world.users.len();
        let ledger = Arc::new(SoakLedger {
            begun: Instant::now(),
            groups: world.groups.iter().map(|_| GroupLedger::default()).collect(),
            reached: (0..people).map(|_| AtomicU64::new(0)).collect(),
            latencies: Mutex::default(),
            deliveries: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
            others: AtomicU64::new(0),
        });
        let rests: Vec<_> = servers.iter().map(|server| Rest::new(server)).collect();
        let mut seen = BTreeSet::new();
        let crew = (0..people).map(|user| {
            let group = world.group_of(user);
            // Users alternate between the nodes, with another first node in each group.
            let rest = rests[(user + group) % rests.len()].with_token(&world.tokens[user]);
            (user, group, world.groups[group].0, seen.insert(group), rest)
        });
        let crew: Vec<_> = crew.collect();
        let (stop, kept) = (Arc::<AtomicBool>::default(), ledger.clone());
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let (mut tasks, mut acts, mut rests) = (JoinSet::new(), Vec::new(), Vec::new());
                for (user, at, group, speaks, rest) in crew {
                    let (sender, receiver) = mpsc::channel(WAITING);
                    rests.push(rest.clone());
                    acts.push((sender, at, speaks));
                    tasks.spawn(SoakUser::new(user, (at, group), rest, kept.clone()).live(receiver));
                }
                let (sender, receiver) = mpsc::channel(WAITING);
                tasks.spawn(errands::run(rests, receiver, kept.clone()));
                let schedule = Schedule { acts, errands: sender, random: 1, turn: 0 };
                schedule.run(rate, &stopped, &kept, &mut tasks).await
            })
        });
        Self { ledger, stop, thread }
    }

    /// Whether the users are running. They stop early only on an error.
    pub(super) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Stops once every user has received every message.
    pub(super) fn stop(self) -> Result<Arc<SoakLedger>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the crew panicked")??;
        Ok(self.ledger)
    }
}

impl SoakLedger {
    /// Nanoseconds since the load began.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Records the delivery of a message by its due time.
    pub(super) fn delivered(&self, due: u64) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        let mut latencies = locked(&self.latencies);
        if latencies.len() < LATENCIES {
            latencies.push(u32::try_from(self.now().saturating_sub(due) / 1000).unwrap_or(u32::MAX));
        }
    }

    /// Latencies in microseconds since the last call.
    pub(super) fn take_latencies(&self) -> Vec<u32> {
        std::mem::take(&mut *locked(&self.latencies))
    }

    /// For each group, its acknowledged messages and those whose deletion was requested.
    pub(super) fn kept(&self) -> Vec<(u64, BTreeSet<u64>)> {
        let of = |group: &GroupLedger| {
            (group.acknowledged.load(Ordering::Relaxed), locked(&group.deleted).clone())
        };
        self.groups.iter().map(of).collect()
    }

    /// The acknowledged messages of all groups.
    pub(super) fn acknowledged(&self) -> u64 {
        self.groups.iter().map(|group| group.acknowledged.load(Ordering::Relaxed)).sum()
    }

    fn is_complete(&self, group_of: impl Fn(usize) -> usize) -> bool {
        let number = |number: &AtomicU64| number.load(Ordering::Relaxed);
        self.groups.iter().all(|group| number(&group.due) == number(&group.acknowledged))
            && self.reached.iter().enumerate().all(|(person, reached)| {
                let group = &self.groups[group_of(person)];
                group.are_deleted(number(reached) + 1..number(&group.acknowledged) + 1)
            })
    }
}

impl GroupLedger {
    pub(super) fn delete(&self, number: u64) {
        locked(&self.deleted).insert(number);
    }

    /// Whether the deletion of all `numbers` was requested.
    pub(super) fn are_deleted(&self, mut numbers: std::ops::Range<u64>) -> bool {
        let deleted = locked(&self.deleted);
        numbers.all(|number| deleted.contains(&number))
    }
}

/// The queue of acts of every user, with its group and whether it sends messages there.
struct Schedule {
    acts: Vec<(mpsc::Sender<Act>, usize, bool)>,
    errands: mpsc::Sender<Act>,
    random: u64,
    turn: usize,
}

impl Schedule {
    async fn run(
        mut self,
        rate: f64,
        stop: &AtomicBool,
        ledger: &SoakLedger,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        let every = MIX.map(|(_, share)| Duration::from_secs_f64(1.0 / (rate * share)));
        let mut due = every.map(|every| ledger.begun.elapsed() + every);
        while !stop.load(Ordering::Relaxed) {
            let next = (0..MIX.len()).min_by_key(|at| due[*at]).unwrap_or(0);
            tokio::select! {
                () = sleep(due[next].saturating_sub(ledger.begun.elapsed()).min(POLL)) => {}
                ended = tasks.join_next() => {
                    ended.context("nobody works")???;
                    bail!("somebody has stopped early");
                }
            }
            if due[next] <= ledger.begun.elapsed() {
                self.give(MIX[next].0, due[next], ledger)?;
                due[next] += every[next];
            }
        }
        let begun = Instant::now();
        let groups: Vec<_> = self.acts.iter().map(|(_, group, _)| *group).collect();
        while !ledger.is_complete(|person| groups[person]) {
            ensure!(begun.elapsed() < TIMEOUT, "not everyone has received everything within {TIMEOUT:?}");
            tokio::select! {
                () = sleep(POLL) => {}
                ended = tasks.join_next() => ended.context("nobody works")???,
            }
        }
        drop(self);
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Assigns an act to a user.
    fn give(&mut self, act: Act, due: Duration, ledger: &SoakLedger) -> Result<()> {
        if matches!(act, Act::Search | Act::Upload) {
            // If the server is slow, these acts become less frequent.
            let _ = self.errands.try_send(act);
            return Ok(());
        }
        let own = matches!(act, Act::Send(_) | Act::Edit | Act::Delete);
        let person = if own {
            // The next sender in turn.
            let mut next = (1..=self.acts.len()).map(|step| (self.turn + step) % self.acts.len());
            let speaker = next.find(|person| self.acts[*person].2).context("somebody speaks")?;
            self.turn = speaker;
            speaker
        } else {
            self.random =
                self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.random >> 33)? % self.acts.len()
        };
        let (acts, group, _) = &self.acts[person];
        if let Act::Send(_) = act {
            ledger.groups[*group].due.fetch_add(1, Ordering::Relaxed);
            let due = u64::try_from(due.as_nanos())?;
            return acts.try_send(Act::Send(due)).context("the server does not keep up with the messages");
        }
        // A user who reconnects skips acts while its queue is full.
        let _ = acts.try_send(act);
        Ok(())
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

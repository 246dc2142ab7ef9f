//! The simulated users of a soak. Each has a socket and a group, takes its next action from a schedule, and checks every frame
//! that it receives.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use chinwag_client::Rest;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::ledger::SoakLedger;
use super::requests;
use super::schedule::{Schedule, ScheduledUser};
use super::user::SoakUser;
use crate::world::World;

/// Queued actions per user.
const QUEUED: usize = 256;

/// The simulated users, on their own thread.
pub(super) struct SoakUsers {
    pub(super) ledger: Arc<SoakLedger>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<Result<()>>,
}

impl SoakUsers {
    /// Connects every user of a world to one of the servers, and starts.
    pub(super) fn start(world: &World, servers: &[String], rate: f64) -> Self {
        let ledger = Arc::new(SoakLedger::new(world.groups.len(), world.users.len()));
        let rests: Vec<_> = servers.iter().map(|server| Rest::new(server)).collect();
        let mut seen = BTreeSet::new();
        let users = (0..world.users.len()).map(|user| {
            let group = world.group_of(user);
            // Users alternate between the nodes, with another first node in each group.
            let rest = rests[(user + group) % rests.len()].with_token(&world.tokens[user]);
            (user, group, world.groups[group].0, seen.insert(group), rest)
        });
        let users: Vec<_> = users.collect();
        let (stop, kept) = (Arc::<AtomicBool>::default(), ledger.clone());
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let (mut tasks, mut scheduled, mut rests) = (JoinSet::new(), Vec::new(), Vec::new());
                for (user, at, id, is_sender, rest) in users {
                    let (actions, receiver) = mpsc::channel(QUEUED);
                    rests.push(rest.clone());
                    scheduled.push(ScheduledUser { actions, group: at, is_sender });
                    tasks.spawn(SoakUser::new(user, (at, id), rest, kept.clone()).run(receiver));
                }
                let (sender, receiver) = mpsc::channel(QUEUED);
                tasks.spawn(requests::run(rests, receiver, kept.clone()));
                Schedule::new(scheduled, sender).run(rate, &stopped, &kept, &mut tasks).await
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
        self.thread.join().ok().context("the users panicked")??;
        Ok(self.ledger)
    }
}

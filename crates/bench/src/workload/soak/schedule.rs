//! The schedule of a soak: which user acts next, and how.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ledger::SoakLedger;
use crate::load::TIMEOUT;
use crate::random::Random;

const POLL: Duration = Duration::from_millis(20);

/// An action of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserAction {
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

/// The frequency of each action per message.
const MIX: [(UserAction, f64); 9] = [
    (UserAction::Send(0), 1.0),
    (UserAction::Edit, 0.06),
    (UserAction::Delete, 0.04),
    (UserAction::React, 0.15),
    (UserAction::Read, 0.3),
    (UserAction::Presence, 0.03),
    (UserAction::Reconnect, 0.02),
    (UserAction::Search, 0.01),
    (UserAction::Upload, 0.002),
];

/// A user in the schedule.
pub(super) struct ScheduledUser {
    pub(super) actions: mpsc::Sender<UserAction>,
    /// The index of its group.
    pub(super) group: usize,
    /// Whether it sends messages to the group.
    pub(super) is_sender: bool,
}

/// The queues of all users, and that of searches and uploads.
pub(super) struct Schedule {
    users: Vec<ScheduledUser>,
    requests: mpsc::Sender<UserAction>,
    random: Random,
    turn: usize,
}

impl Schedule {
    pub(super) fn new(users: Vec<ScheduledUser>, requests: mpsc::Sender<UserAction>) -> Self {
        Self { users, requests, random: Random::new(1), turn: 0 }
    }

    /// Assigns actions until `stop` is set, and waits until every user has received every message.
    pub(super) async fn run(
        mut self,
        rate: f64,
        stop: &AtomicBool,
        ledger: &SoakLedger,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        let every = MIX.map(|(_, share)| Duration::from_secs_f64(1.0 / (rate * share)));
        let mut due = every.map(|every| ledger.elapsed() + every);
        while !stop.load(Ordering::Relaxed) {
            let next = (0..MIX.len()).min_by_key(|at| due[*at]).unwrap_or(0);
            tokio::select! {
                () = sleep(due[next].saturating_sub(ledger.elapsed()).min(POLL)) => {}
                ended = tasks.join_next() => {
                    ended.context("nobody works")???;
                    bail!("somebody has stopped early");
                }
            }
            if due[next] <= ledger.elapsed() {
                self.assign(MIX[next].0, due[next], ledger)?;
                due[next] += every[next];
            }
        }
        let begun = Instant::now();
        while !ledger.is_complete(|user| self.users[user].group) {
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

    /// Assigns an action to a user.
    fn assign(&mut self, action: UserAction, due: Duration, ledger: &SoakLedger) -> Result<()> {
        if matches!(action, UserAction::Search | UserAction::Upload) {
            // If the server is slow, these actions become less frequent.
            let _ = self.requests.try_send(action);
            return Ok(());
        }
        let is_for_sender = matches!(action, UserAction::Send(_) | UserAction::Edit | UserAction::Delete);
        let user = if is_for_sender { self.next_sender()? } else { self.random_user()? };
        let ScheduledUser { actions, group, .. } = &self.users[user];
        if let UserAction::Send(_) = action {
            ledger.groups[*group].add_due();
            let send = UserAction::Send(u64::try_from(due.as_nanos())?);
            return actions.try_send(send).context("the server does not keep up with the messages");
        }
        // A user who reconnects skips actions while its queue is full.
        let _ = actions.try_send(action);
        Ok(())
    }

    fn next_sender(&mut self) -> Result<usize> {
        let mut next = (1..=self.users.len()).map(|step| (self.turn + step) % self.users.len());
        self.turn = next.find(|user| self.users[*user].is_sender).context("a group has a sender")?;
        Ok(self.turn)
    }

    fn random_user(&mut self) -> Result<usize> {
        Ok(usize::try_from(self.random.below(self.users.len() as u64))?)
    }
}

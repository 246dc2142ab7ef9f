//! The audit: a comparison with the store. It finds changes that no hint carried and no gap in the numbers
//! reveals.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use chinwag_core::event::Ended;
use chinwag_core::token::TokenHash;
use chinwag_core::{GroupId, Result, UserId};
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use crate::Hub;
use crate::catch_up::{FetchOutcome, StoredHead, UserGroups};

/// Groups, or tokens, per job of the store.
const PAGE: usize = 500;
/// Delay before the next attempt after the store failed.
const RETRY: Duration = Duration::from_secs(1);
/// Users per job of the store. Each may be in many groups.
const USERS_PER_JOB: usize = 100;

/// Compares everything on this node with the store, at intervals and when the link is up again.
pub(super) async fn run(hub: Weak<Hub>, asked: Arc<Notify>, outcomes: mpsc::Sender<FetchOutcome>) {
    for round in 0_u32.. {
        let Some(pause) = hub.upgrade().map(|hub| hub.until_next(round)) else { return };
        tokio::select! {
            () = sleep(pause) => {}
            () = asked.notified() => {}
        }
        let Some(hub) = hub.upgrade() else { return };
        if let Err(error) = hub.compare(&outcomes).await {
            tracing::warn!(%error, "the comparison is delayed until the store answers");
            // Retry soon, since events may have been missed.
            sleep(RETRY).await;
            asked.notify_one();
        }
    }
}

/// Compares the given groups and users once.
pub(super) async fn check(
    hub: Arc<Hub>,
    groups: Vec<GroupId>,
    users: Vec<UserId>,
    outcomes: mpsc::Sender<FetchOutcome>,
) {
    let mut compared = hub.compare_groups(&groups, &outcomes).await;
    for users in users.chunks(USERS_PER_JOB) {
        compared = compared.and(hub.compare_users(users, &outcomes).await);
    }
    if let (Err(error), Some(cluster)) = (compared, &hub.cluster) {
        tracing::debug!(%error, "newly subscribed groups are compared later");
        cluster.audit.notify_one();
    }
    let _ = outcomes.send(FetchOutcome::Checked).await;
}

impl Hub {
    /// The delay until the next comparison: up to a tenth shorter than configured, so that nodes which start
    /// together do not query the store together.
    fn until_next(&self, round: u32) -> Duration {
        let node = self.cluster.as_ref().map_or(0, |cluster| cluster.link.node().0 & 0xff);
        let spread = (u32::try_from(node).unwrap_or(0) + round * 37) % 100;
        self.options.nodes.audit_every.mul_f64(1.0 - f64::from(spread) / 1000.0)
    }

    async fn compare(&self, outcomes: &mpsc::Sender<FetchOutcome>) -> Result<()> {
        let mut groups = Vec::with_capacity(self.groups.len());
        self.groups.each(|group| groups.push(group.id));
        for groups in groups.chunks(PAGE) {
            self.compare_groups(groups, outcomes).await?;
        }
        let mut users = Vec::with_capacity(self.users.len());
        self.users.each(|user| users.push(user.id));
        for users in users.chunks(USERS_PER_JOB) {
            self.compare_users(users, outcomes).await?;
        }
        for tokens in self.open_tokens().chunks(PAGE) {
            self.compare_tokens(tokens).await?;
        }
        Ok(())
    }

    async fn compare_groups(&self, groups: &[GroupId], outcomes: &mpsc::Sender<FetchOutcome>) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let asked = groups.to_vec();
        let delivered = groups.iter().map(|id| self.groups.get(id).map(|group| group.last()));
        let delivered: Vec<_> = delivered.collect();
        let heads: HashMap<_, _> = self.store.read(move |tx| tx.heads(&asked)).await?.into_iter().collect();
        let head = |(id, delivered)| StoredHead { id, head: heads.get(&id).copied(), delivered };
        let heads = groups.iter().copied().zip(delivered).map(head).collect();
        let _ = outcomes.send(FetchOutcome::Heads(heads)).await;
        Ok(())
    }

    async fn compare_users(&self, users: &[UserId], outcomes: &mpsc::Sender<FetchOutcome>) -> Result<()> {
        let (asked, now) = (users.to_vec(), self.clock.now());
        let (stored, gone, suspended) = self
            .store
            .read(move |tx| {
                let empty = |user: &UserId| {
                    (*user, UserGroups { user: *user, accepted: Vec::new(), pending: Vec::new() })
                };
                let mut stored: HashMap<_, _> = asked.iter().map(empty).collect();
                for (user, group, is_pending) in tx.memberships(&asked)? {
                    if let Some(user) = stored.get_mut(&user) {
                        if is_pending { &mut user.pending } else { &mut user.accepted }.push(group);
                    }
                }
                let mut gone = Vec::new();
                // A member of a group must exist, so only users without groups are checked.
                for user in stored.values().filter(|it| it.accepted.is_empty() && it.pending.is_empty()) {
                    if tx.user(user.user)?.is_none() {
                        gone.push(user.user);
                    }
                }
                let suspended = tx.users_suspended(&asked, now)?;
                Ok((stored.into_values().collect(), gone, suspended))
            })
            .await?;
        for user in gone {
            self.end_credential(Ended::User(user));
        }
        for user in suspended {
            self.end_credential(Ended::Suspended(user));
        }
        let _ = outcomes.send(FetchOutcome::Memberships(stored)).await;
        Ok(())
    }

    async fn compare_tokens(&self, tokens: &[TokenHash]) -> Result<()> {
        let asked = tokens.to_vec();
        let kept: HashSet<_> = self.store.read(move |tx| tx.tokens_kept(&asked)).await?.into_iter().collect();
        for token in tokens.iter().filter(|token| !kept.contains(token)) {
            self.end_credential(Ended::Token(*token));
        }
        Ok(())
    }
}

//! The search index, which a follower builds in the background.
//!
//! The follower visits the groups in order of id, and adds the messages of each group up to the head of its
//! log. Sending a message writes nothing to the index: until the follower has visited the group, searches
//! read the newest messages directly.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::{App, Context, Growth, Unit};
use crate::search::TERMS_VERSION;
use crate::store::{Follower, IndexPart, Lease, Tx};
use crate::{Date, Error, GroupId, Result};

/// The number of groups that one query examines, and the most queries per step.
const GROUPS: usize = 500;
const PAGES: usize = 20;
/// The most messages, groups and bytes of message bodies that one step adds. This occupies the store for some
/// milliseconds.
const MESSAGES: usize = 256;
const INDEXED_GROUPS: usize = 64;
const BYTES: usize = 128 << 10;
/// The longest pause between two cleanups. A later date comes from a clock that was ahead.
const MAX_REST: Duration = Duration::from_secs(100 * 24 * 3600);
/// The number of index pages that one step of a merge writes. This occupies the store for some milliseconds.
const MERGED_PAGES: usize = 32;

/// The follower's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexProgress {
    /// Whether the first pass over all groups is complete. From then on, only the newest messages are missing
    /// from the index.
    pub is_complete: bool,
    /// The last group that the current pass has finished.
    after: Option<GroupId>,
    /// The number of removals when the latest cleanup began.
    cleaned: i64,
    /// The earliest date of the next cleanup.
    rests_until: Date,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexStep {
    /// The number of messages that were added.
    pub added: usize,
    /// Whether the pass is complete.
    pub is_last: bool,
}

impl App {
    /// Whether this node may have stored messages that are not indexed since the previous call.
    pub fn take_unindexed(&self) -> bool {
        self.rules.unindexed.swap(false, Ordering::Relaxed)
    }

    /// The progress of the index. `None` if there is no index of this version.
    pub async fn index_progress(&self) -> Result<Option<IndexProgress>> {
        self.read(&Context::server(), (), |tx, _, ()| IndexProgress::read(tx)).await
    }

    /// The current number of removals, if the index should be cleaned up now, because the store's files still
    /// contain the terms of removed messages.
    pub async fn index_to_clean(&self) -> Result<Option<i64>> {
        let now = self.clock().now();
        self.read(&Context::server(), now, |tx, _, now| {
            let Some(progress) = IndexProgress::read(tx)? else { return Ok(None) };
            let removals = tx.index_removals()?;
            let rests = *now < progress.rests_until && progress.rests_until <= now.plus(MAX_REST);
            Ok(Some(removals).filter(|removals| *removals > progress.cleaned && !rests))
        })
        .await
    }

    /// Whether the index needs a merge to keep searches fast.
    pub async fn index_is_scattered(&self) -> Result<bool> {
        self.read(&Context::server(), (), |tx, _, ()| tx.index_is_scattered()).await
    }

    /// Merges the next pages of the index, as a step of the lease. Returns whether the merge is complete.
    pub async fn index_merge(&self, lease: Lease) -> Result<bool> {
        let server = Context::server();
        self.write(Growth::Bounded, &server, lease, |unit, lease| {
            let is_done = unit.tx.index_merge(MERGED_PAGES)?;
            unit.end_step(*lease, None)?;
            Ok(is_done)
        })
        .await
    }

    /// Lets the store rebuild the index. For stores that cannot clean it up in steps.
    pub async fn index_renew(&self) -> Result<()> {
        self.store.index_renew().await
    }

    /// Gives a sign of life for the lease.
    pub async fn index_hold(&self, lease: Lease) -> Result<()> {
        let server = Context::server();
        self.write(Growth::Bounded, &server, lease, |unit, lease| unit.end_step(*lease, None)).await
    }

    /// Records a cleanup of the index: the number of removals that it covers, and how long it took.
    pub async fn index_cleaned(&self, lease: Lease, removals: i64, took: Duration) -> Result<()> {
        let server = Context::server();
        let rest = self.store.index_rest(took);
        self.write(Growth::Bounded, &server, (lease, removals, rest), |unit, (lease, removals, rest)| {
            let Some(mut progress) = IndexProgress::read(unit.tx)? else { return Ok(()) };
            progress.cleaned = *removals;
            progress.rests_until = unit.now().plus(*rest);
            unit.end_step(*lease, Some(&progress.stored()))
        })
        .await
    }

    /// Discards the index, as a step of the lease. Later steps rebuild it.
    pub async fn index_clear(&self, lease: Lease) -> Result<()> {
        let server = Context::server();
        self.write(Growth::Bounded, &server, lease, |unit, lease| unit.clear_index(*lease)).await
    }

    /// Adds the next messages to the index, as a step of the lease. Refused on a full disk.
    pub async fn index_step(&self, lease: Lease) -> Result<IndexStep> {
        // The index is content as well, and the remaining disk space is reserved for deletions.
        if self.rules.disk_space.is_full() {
            return Err(Error::Full);
        }
        let server = Context::server();
        let found = self.read(&server, (), |tx, _, ()| next_groups(tx)).await?;
        self.write(Growth::Bounded, &server, (lease, found), |unit, (lease, found)| {
            let Some(found) = found else {
                unit.clear_index(*lease)?;
                return Ok(IndexStep { added: 0, is_last: false });
            };
            let (added, is_done) = unit.add_to_index(&found.groups)?;
            let is_last = is_done && found.is_last;
            let after = if is_done { found.until } else { found.progress.after };
            let is_complete = found.progress.is_complete || is_last;
            let progress = IndexProgress { is_complete, after: after.filter(|_| !is_last), ..found.progress };
            unit.end_step(*lease, Some(&progress.stored()))?;
            Ok(IndexStep { added, is_last })
        })
        .await
    }
}

impl IndexProgress {
    /// The progress. None if there is no index of this version.
    pub(super) fn read(tx: &dyn Tx) -> Result<Option<Self>> {
        let state = tx.follower(Follower::SearchIndex)?;
        let [TERMS_VERSION, is_complete, rest @ ..] = state.position.as_slice() else { return Ok(None) };
        let Some((cleaned, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let Some((rests_until, after)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some(Self {
            is_complete: *is_complete == 1,
            after: uuid::Uuid::from_slice(after).ok().map(GroupId),
            cleaned: i64::from_be_bytes(*cleaned),
            rests_until: Date::from_micros(i64::from_be_bytes(*rests_until)),
        }))
    }

    /// The progress of the first pass, in percent. Group ids are evenly distributed.
    pub fn percent(&self) -> u8 {
        match self.after {
            _ if self.is_complete => 100,
            Some(GroupId(id)) => u8::try_from(u32::from(id.as_bytes()[0]) * 100 / 256).unwrap_or(0),
            None => 0,
        }
    }

    fn stored(self) -> Vec<u8> {
        let mut position = vec![TERMS_VERSION, self.is_complete.into()];
        position.extend(self.cleaned.to_be_bytes());
        position.extend(self.rests_until.micros().to_be_bytes());
        position.extend(self.after.iter().flat_map(|GroupId(id)| *id.as_bytes()));
        position
    }
}

struct NextGroups {
    progress: IndexProgress,
    /// The groups whose index is incomplete.
    groups: Vec<GroupId>,
    /// The last group that was examined.
    until: Option<GroupId>,
    is_last: bool,
}

/// The next groups whose index is incomplete. `None` if there is no index of this version.
fn next_groups(tx: &dyn Tx) -> Result<Option<NextGroups>> {
    let Some(progress) = IndexProgress::read(tx)? else { return Ok(None) };
    let mut found = NextGroups { progress, groups: Vec::new(), until: progress.after, is_last: false };
    for _ in 0..PAGES {
        let page = tx.indexed_groups_page(found.until, GROUPS)?;
        found.is_last = page.len() < GROUPS;
        found.until = page.last().map(|state| state.group).or(found.until);
        found.groups.extend(page.iter().filter(|state| state.head > state.position).map(|state| state.group));
        if found.is_last || !found.groups.is_empty() {
            break;
        }
    }
    Ok(Some(found))
}

impl Unit<'_> {
    fn clear_index(&mut self, lease: Lease) -> Result<()> {
        self.tx.index_clear()?;
        let progress = IndexProgress {
            is_complete: false,
            after: None,
            cleaned: self.tx.index_removals()?,
            rests_until: Date::from_micros(0),
        };
        self.end_step(lease, Some(&progress.stored()))
    }

    /// Adds messages of these groups to the index. Returns their number, and whether the index now contains
    /// all messages of these groups.
    fn add_to_index(&mut self, groups: &[GroupId]) -> Result<(usize, bool)> {
        let (mut added, mut bytes, mut parts, mut is_done) = (0, 0, Vec::new(), true);
        for state in self.tx.indexed_groups(groups)? {
            if state.head <= state.position {
                continue;
            }
            if added >= MESSAGES || bytes >= BYTES || parts.len() >= INDEXED_GROUPS {
                is_done = false;
                break;
            }
            let most = MESSAGES - added;
            let mut texts = self.tx.unindexed_texts(state.group, most)?;
            is_done = texts.len() < most;
            let fitting = texts.iter().position(|text| {
                bytes += text.body.len();
                bytes >= BYTES
            });
            if let Some(last) = fitting.filter(|last| last + 1 < texts.len()) {
                texts.truncate(last + 1);
                is_done = false;
            }
            let last = texts.last().map(|text| text.seq).filter(|_| !is_done);
            let position = last.unwrap_or(state.head);
            added += texts.len();
            parts.push(IndexPart { group: state.group, texts, position });
            if !is_done {
                break;
            }
        }
        self.tx.index_add(&parts)?;
        Ok((added, is_done))
    }
}

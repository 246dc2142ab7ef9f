//! The removal of bytes from the storage: those of dropped files, and objects that belong to no file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{App, Context, Growth};
use crate::file::FILE_TTL;
use crate::file_store::{FileKey, FileLister, FileStore, ListedObject};
use crate::store::{FileRow, Lease};
use crate::user::Caller;
use crate::{FileId, Result};

/// Files that one step of the removal takes.
const STEP: usize = 20;
/// The time after which bytes that the storage refused to remove are tried again, where it has removed others.
const REFUSED_FOR: Duration = Duration::from_secs(15 * 60);
/// The age from which an object without a row is removed. Each row is older than its objects, and an upload that is
/// under way has a row.
const STRAY_AGE: Duration = FILE_TTL;

/// Counts of removals since the start of the process.
#[derive(Debug, Default)]
pub struct RemovalCounts {
    removed: AtomicU64,
    refused: AtomicU64,
    strays: AtomicU64,
}

impl RemovalCounts {
    /// Files whose bytes were removed.
    pub fn removed(&self) -> u64 {
        self.removed.load(Ordering::Relaxed)
    }

    /// Attempts that the storage refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Files without a row whose objects were removed.
    pub fn strays(&self) -> u64 {
        self.strays.load(Ordering::Relaxed)
    }
}

/// A step of the round through all objects of the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrayStep {
    /// Whether the round is at its end.
    pub is_last: bool,
    /// Files without a row whose objects were removed.
    pub removed: usize,
    /// Files without a row whose objects were left alone: most of the objects belong to no file, as if the storage were
    /// another database's.
    pub left: usize,
}

impl App {
    /// The counts of removals.
    pub fn removal_counts(&self) -> &RemovalCounts {
        &self.rules.removals
    }

    /// Removes some dropped files from storage, as a step of the lease, and forgets those that are gone. Files that
    /// have expired are dropped first. Those that the storage refuses to remove wait, so that they hold up no others.
    /// Returns the number of removed files; after 0 there is nothing left for now. Fails with the storage's error if it
    /// has removed none, and with [`Error::LeaseEnded`](crate::Error::LeaseEnded) if another node has the lease.
    pub async fn files_remove(&self, lease: Lease, bytes: &dyn FileStore) -> Result<usize> {
        let service = Context::new(Caller::Service);
        let dropped = self.write(Growth::Bounded, &service, lease, |unit, lease| {
            let now = unit.now();
            unit.tx.files_expire(now, STEP)?;
            let dropped = unit.tx.files_dropped(now, STEP)?;
            unit.end_step(*lease, None)?;
            Ok(dropped)
        });
        let dropped = dropped.await?;
        let (mut gone, mut refused, mut failed) = (Vec::with_capacity(dropped.len()), Vec::new(), None);
        for id in dropped {
            match bytes.remove(id).await {
                Ok(()) => gone.push(id),
                Err(why) => {
                    refused.push(id);
                    failed = Some(why);
                }
            }
        }
        let removed = gone.len();
        self.rules.removals.removed.fetch_add(removed as u64, Ordering::Relaxed);
        self.rules.removals.refused.fetch_add(refused.len() as u64, Ordering::Relaxed);
        if removed > 0 || !refused.is_empty() {
            // If it has removed none, it is away, and all of them are tried again soon, after others.
            let pause = if removed > 0 { REFUSED_FOR } else { Duration::ZERO };
            self.write(Growth::Bounded, &service, (lease, gone, refused, pause), |unit, command| {
                let (lease, gone, refused, pause) = command;
                let until = unit.now().plus(*pause);
                unit.tx.files_forget(gone)?;
                unit.tx.files_postpone(refused, until)?;
                unit.end_step(*lease, None)
            })
            .await?;
        }
        failed.filter(|_| removed == 0).map_or(Ok(removed), Err)
    }

    /// Removes the bytes that requests have left of an upload that is complete, or of one that has ended.
    pub async fn file_clear(&self, id: FileId, bytes: &dyn FileStore) -> Result<()> {
        let service = Context::new(Caller::Service);
        match self.read(&service, id, |tx, _, id| tx.file(*id)).await? {
            None => bytes.remove(id).await,
            Some(FileRow { file: Some(file), .. }) => bytes.remove_except(id, file.attempt).await,
            Some(_) => Ok(()),
        }
    }

    /// Removes the objects of the lister's next page that have no row, as a step of the lease, if they are old enough; and
    /// what a crash has left of uploads that are complete.
    pub async fn files_remove_strays(
        &self,
        lease: Lease,
        bytes: &dyn FileStore,
        lister: &mut dyn FileLister,
    ) -> Result<StrayStep> {
        let service = Context::new(Caller::Service);
        let page = lister.next().await?;
        let is_last = page.is_empty();
        let all: BTreeSet<FileId> = page.iter().map(|object| object.key.file()).collect();
        // A file with a young object is left alone.
        let now = self.rules.clock.now();
        let young: BTreeSet<FileId> = page
            .iter()
            .filter(|object| object.written.plus(STRAY_AGE) > now)
            .map(|object| object.key.file())
            .collect();
        let old: Vec<FileId> = all.difference(&young).copied().collect();
        let cluttered: Vec<FileId> = cluttered(&page).difference(&young).copied().collect();
        let command = (lease, old, cluttered, is_last);
        let found =
            self.write(Growth::Bounded, &service, command, |unit, (lease, old, cluttered, is_last)| {
                let position = unit.now().micros().to_be_bytes();
                unit.end_step(*lease, is_last.then_some(position.as_slice()))?;
                let mut complete = Vec::new();
                for id in cluttered {
                    complete.extend(unit.tx.file(*id)?.and_then(|row| row.file));
                }
                Ok((unit.tx.files_unknown(old)?, complete))
            });
        let (unknown, complete) = found.await?;
        for file in complete {
            bytes.remove_except(file.id, file.attempt).await?;
        }
        if unknown.len() * 2 > all.len() {
            return Ok(StrayStep { is_last, removed: 0, left: unknown.len() });
        }
        let mut removed = 0;
        for id in &unknown {
            bytes.remove(*id).await?;
            removed += 1;
            self.rules.removals.strays.fetch_add(1, Ordering::Relaxed);
        }
        Ok(StrayStep { is_last, removed, left: 0 })
    }
}

/// The files that have more than the objects of one attempt.
fn cluttered(page: &[ListedObject]) -> BTreeSet<FileId> {
    let mut attempts = BTreeMap::new();
    let is_more = |key: &FileKey| match *key {
        FileKey::Whole(id, attempt) | FileKey::Thumbnail(id, attempt) => {
            *attempts.entry(id).or_insert(attempt) != attempt
        }
        FileKey::Part(..) => true,
    };
    page.iter().map(|object| object.key).filter(is_more).map(FileKey::file).collect()
}

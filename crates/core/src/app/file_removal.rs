//! Removes objects from the file store: those of dropped files, and those that belong to no file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{App, Context, Growth};
use crate::file::FILE_TTL;
use crate::file_store::{FileKey, FileLister, FileStore, ListedObject};
use crate::store::{FileRow, Lease};
use crate::{FileId, Result};

/// The most files per step.
const STEP: usize = 20;
/// The delay before the next attempt for files that the file store failed to remove while it removed others.
const REFUSED_FOR: Duration = Duration::from_secs(15 * 60);
/// The minimum age for removing an object without a row. A row always exists before its objects are written,
/// and an upload in progress has a row.
const STRAY_AGE: Duration = FILE_TTL;

/// Counts of removals since the start of the process.
#[derive(Debug, Default)]
pub struct RemovalCounts {
    removed: AtomicU64,
    refused: AtomicU64,
    strays: AtomicU64,
}

impl RemovalCounts {
    /// The number of files whose objects were removed.
    pub fn removed(&self) -> u64 {
        self.removed.load(Ordering::Relaxed)
    }

    /// The number of failed removals.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The number of removed strays: files without a row.
    pub fn strays(&self) -> u64 {
        self.strays.load(Ordering::Relaxed)
    }
}

/// The result of one step of the scan of all objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrayStep {
    /// Whether the scan is complete.
    pub is_last: bool,
    /// The number of files without a row whose objects were removed.
    pub removed: usize,
    /// The number of failed removals. The next scan repeats them.
    pub refused: usize,
    /// The number of files without a row that were left alone. This happens if most of the objects belong to
    /// no file, which suggests that the storage belongs to another database.
    pub left: usize,
}

impl App {
    pub fn removal_counts(&self) -> &RemovalCounts {
        &self.rules.removals
    }

    /// Removes the objects of some dropped files, as a step of the lease, and then deletes the rows of these
    /// files. Drops expired files first. A file that the file store fails to remove is postponed, so that it
    /// does not block others. Returns the number of removed files; 0 means that nothing is left for now.
    /// Fails with the storage's error if no removal succeeded, and with
    /// [`Error::LeaseEnded`](crate::Error::LeaseEnded) if another node has the lease.
    pub async fn files_remove(&self, lease: Lease, bytes: &dyn FileStore) -> Result<usize> {
        let server = Context::server();
        let dropped = self.write(Growth::Bounded, &server, lease, |unit, lease| {
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
            // If nothing was removed, the file store is probably unreachable: retry all of them soon, after
            // the others.
            let pause = if removed > 0 { REFUSED_FOR } else { Duration::ZERO };
            self.write(Growth::Bounded, &server, (lease, gone, refused, pause), |unit, command| {
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

    /// Removes objects that requests left behind after their upload was completed or aborted.
    pub async fn file_clear(&self, id: FileId, bytes: &dyn FileStore) -> Result<()> {
        let server = Context::server();
        match self.read(&server, id, |tx, _, id| tx.file(*id)).await? {
            None => bytes.remove(id).await,
            Some(FileRow { file: Some(file), .. }) => bytes.remove_except(id, file.attempt).await,
            Some(_) => Ok(()),
        }
    }

    /// Reads the lister's next page, as a step of the lease. Removes objects that have no row and are old
    /// enough, and objects that a crash left behind after an upload was completed. A removal that fails holds
    /// up no others.
    pub async fn files_remove_strays(
        &self,
        lease: Lease,
        bytes: &dyn FileStore,
        lister: &mut dyn FileLister,
    ) -> Result<StrayStep> {
        let server = Context::server();
        let page = lister.next().await?;
        let is_last = page.is_empty();
        let all: BTreeSet<FileId> = page.iter().map(|object| object.key.file()).collect();
        // Files with a recent object are left alone.
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
            self.write(Growth::Bounded, &server, command, |unit, (lease, old, cluttered, is_last)| {
                let position = unit.now().micros().to_be_bytes();
                unit.end_step(*lease, is_last.then_some(position.as_slice()))?;
                let mut complete = Vec::new();
                for id in cluttered {
                    complete.extend(unit.tx.file(*id)?.and_then(|row| row.file));
                }
                Ok((unit.tx.files_unknown(old)?, complete))
            });
        let (unknown, complete) = found.await?;
        let mut step = StrayStep { is_last, removed: 0, refused: 0, left: 0 };
        for file in complete {
            step.refused += usize::from(bytes.remove_except(file.id, file.attempt).await.is_err());
        }
        if unknown.len() * 2 > all.len() {
            step.left = unknown.len();
        } else {
            for id in &unknown {
                match bytes.remove(*id).await {
                    Ok(()) => step.removed += 1,
                    Err(_) => step.refused += 1,
                }
            }
        }
        self.rules.removals.strays.fetch_add(step.removed as u64, Ordering::Relaxed);
        self.rules.removals.refused.fetch_add(step.refused as u64, Ordering::Relaxed);
        Ok(step)
    }
}

/// The files that have parts, or objects of more than one attempt.
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

//! Transfers the bytes of files between storages. An interrupted copy is resumed: objects that have arrived are skipped.

use anyhow::{Result, anyhow, bail};
use chinwag_core::file_store::{FileKey, FileStore};
use chinwag_core::store::FileState;
use chinwag_core::{Error, FileId};
use chinwag_files::CopyError;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{FilePages, StoredFiles, named};
use crate::cli::backup::size;
use crate::cli::elapsed::Elapsed;
use crate::wire_up::transfer::Source;
use crate::wire_up::transfer::file_list::{self, ListedFile};

/// Objects that are copied concurrently.
const MAX_CONCURRENT: usize = 8;
/// Ids that one sentence lists.
const MAX_LISTED_IDS: usize = 20;

/// The objects to copy.
pub(in crate::cli) enum Selection<'s> {
    /// Objects of the complete files of a database.
    Complete(&'s mut dyn Source),
    /// As `Complete`, and the objects of unfinished uploads.
    WithUploads(&'s mut dyn Source),
    /// Every object in the storage.
    All,
}

/// The result of a copy.
#[derive(Debug, Default)]
pub(in crate::cli) struct Copied {
    objects: u64,
    bytes: u64,
    /// Objects that the target already had.
    present: u64,
    /// Files whose bytes the source lacks, or has in another size. The first ids; `missing_count` is the number of
    /// all.
    pub(in crate::cli) missing: Vec<FileId>,
    missing_count: u64,
}

/// An object to copy, and its size according to the database.
type Item = (FileKey, Option<u64>);

enum CopyOutcome {
    Copied(u64),
    Present,
    Missing,
}

impl StoredFiles {
    /// Transfers the objects into another storage, with progress on standard error.
    pub(in crate::cli) fn copy_to(&self, target: &Self, selection: Selection<'_>) -> Result<Copied> {
        let mut elapsed = Elapsed::new(format!("copying files to {}", target.location));
        elapsed.show();
        let mut copied = Copied::default();
        let done = match selection {
            Selection::Complete(source) => self.copy_rows(target, source, false, &mut copied, &mut elapsed),
            Selection::WithUploads(source) => self.copy_rows(target, source, true, &mut copied, &mut elapsed),
            Selection::All => self.copy_listed(target, &mut copied, &mut elapsed),
        };
        Elapsed::erase();
        done.map(|()| copied)
    }

    fn copy_rows(
        &self,
        target: &Self,
        source: &mut dyn Source,
        with_uploads: bool,
        copied: &mut Copied,
        elapsed: &mut Elapsed,
    ) -> Result<()> {
        let all = file_list::count(source).map_err(|why| anyhow!(why))?;
        let (mut done, mut pages) = (0, FilePages::default());
        while let Some(page) = pages.next(source)? {
            for listed in page.chunks(MAX_CONCURRENT) {
                let mut items = Vec::new();
                for file in listed {
                    items.extend(self.items(file, with_uploads)?);
                }
                self.copy_items(target, items, copied)?;
                done += listed.len();
                elapsed.show_progress(format!("copying files to {}: {done} of {all}", target.location));
            }
        }
        Ok(())
    }

    fn copy_listed(&self, target: &Self, copied: &mut Copied, elapsed: &mut Elapsed) -> Result<()> {
        let mut lister = self.storage.list();
        loop {
            let page = self.runtime.block_on(lister.next()).map_err(|why| self.failure(&why))?;
            if page.is_empty() {
                return Ok(());
            }
            for listed in page.chunks(MAX_CONCURRENT) {
                let items = listed.iter().map(|object| (object.key, Some(object.size))).collect();
                self.copy_items(target, items, copied)?;
                let done = copied.objects + copied.present;
                elapsed.show_progress(format!("copying files to {}: {done} so far", target.location));
            }
        }
    }

    /// The objects of a file and, if wanted, of an unfinished upload.
    fn items(&self, listed: &ListedFile, with_uploads: bool) -> Result<Vec<Item>> {
        if let Some(file) = &listed.file {
            let small = file.thumbnail.as_ref().map(|_| (file.thumbnail_key(), None));
            return Ok([(file.key(), Some(file.size))].into_iter().chain(small).collect());
        }
        if !with_uploads || listed.state != FileState::Reserved {
            return Ok(Vec::new());
        }
        let parts = self.runtime.block_on(self.storage.parts(listed.id)).map_err(|why| self.failure(&why))?;
        Ok(parts.into_iter().map(|(part, size)| (FileKey::Part(listed.id, part), Some(size))).collect())
    }

    fn copy_items(&self, target: &Self, items: Vec<Item>, copied: &mut Copied) -> Result<()> {
        let copies = stream::iter(items)
            .map(async |(key, size)| Ok::<_, anyhow::Error>((key, self.copy_item(target, key, size).await?)))
            .buffer_unordered(MAX_CONCURRENT)
            .try_collect::<Vec<_>>();
        for (key, outcome) in self.runtime.block_on(copies)? {
            match outcome {
                CopyOutcome::Copied(bytes) => {
                    copied.objects += 1;
                    copied.bytes += bytes;
                }
                CopyOutcome::Present => copied.present += 1,
                // Count a file and its thumbnail as one.
                CopyOutcome::Missing if copied.missing.last() == Some(&key.file()) => {}
                CopyOutcome::Missing => {
                    copied.missing_count += 1;
                    if copied.missing.len() < MAX_LISTED_IDS {
                        copied.missing.push(key.file());
                    }
                }
            }
        }
        Ok(())
    }

    async fn copy_item(&self, target: &Self, key: FileKey, expected: Option<u64>) -> Result<CopyOutcome> {
        let there = target.storage.size(key).await.map_err(|why| target.failure(&why))?;
        if there.is_some() && there == expected {
            return Ok(CopyOutcome::Present);
        }
        let found = self.storage.size(key).await.map_err(|why| self.failure(&why))?;
        let Some(size) = found.filter(|found| expected.is_none_or(|expected| expected == *found)) else {
            return Ok(CopyOutcome::Missing);
        };
        if there == Some(size) {
            return Ok(CopyOutcome::Present);
        }
        match chinwag_files::copy(&self.storage, &target.storage, key, size).await {
            Ok(()) => Ok(CopyOutcome::Copied(size)),
            // The object was removed after its row was read.
            Err(CopyError::Source(Error::NotFound(_))) => Ok(CopyOutcome::Missing),
            Err(CopyError::Source(why)) => Err(self.failure(&why)),
            Err(CopyError::Target(Error::Full)) => {
                bail!("there is not enough space for the files in {}", target.location)
            }
            Err(CopyError::Target(why)) => Err(target.failure(&why)),
            Err(CopyError::Different) => {
                bail!(
                    "the copy of the file {} in {} has other bytes than were read: check both disks, then run this again",
                    key.file(),
                    target.location
                )
            }
        }
    }
}

impl Copied {
    /// The result in one line.
    pub(in crate::cli) fn line(&self, target: &StoredFiles) -> String {
        let present = match self.present {
            0 => String::new(),
            present => format!(", {present} were there"),
        };
        format!(
            "copied {} objects of files ({}) to {}{present}",
            self.objects,
            size(self.bytes),
            target.location
        )
    }

    /// Drops missing files that the database no longer has: they were removed during the copy.
    pub(in crate::cli) fn forget_removed(&mut self, source: &mut dyn Source) -> Result<()> {
        let mut missing = Vec::new();
        for id in self.missing.drain(..) {
            let found = file_list::find(source, id).map_err(|why| anyhow!(why))?;
            if found.is_some_and(|found| found.file.is_some()) {
                missing.push(id);
            } else {
                self.missing_count -= 1;
            }
        }
        self.missing = missing;
        Ok(())
    }

    /// One line about the files without bytes, if there are any.
    pub(in crate::cli) fn missing_line(&self, source: &StoredFiles) -> Option<String> {
        let names = named(&self.missing, self.missing_count);
        (!self.missing.is_empty()).then(|| {
            format!(
                "{} does not have the bytes of {names}: chinwag check says how to mend it",
                source.location
            )
        })
    }
}

//! Compares the files of a database with the objects in their storage. Changes nothing.

use anyhow::{Result, anyhow};
use chinwag_core::file_store::FileStore;
use chinwag_core::{Error, FileId};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{FilePages, StoredFiles, named};
use crate::cli::elapsed::Elapsed;
use crate::wire_up::transfer::Source;
use crate::wire_up::transfer::file_list::{self, ListedFile};

/// Objects that are checked concurrently.
const MAX_CONCURRENT: usize = 16;
/// Ids that one sentence lists.
const MAX_LISTED_IDS: usize = 20;

/// The differences between a database and a storage.
#[derive(Debug, Default)]
pub(in crate::cli) struct Differences {
    /// The number of complete files.
    pub(in crate::cli) files: u64,
    missing: AffectedFiles,
    wrong: AffectedFiles,
    unknown: AffectedFiles,
}

/// Files with one problem: the first ids, and the number of all.
#[derive(Debug, Default)]
struct AffectedFiles {
    some: Vec<FileId>,
    all: u64,
}

/// Compares a database with its storage, with progress on standard error.
pub(in crate::cli) fn check(files: &StoredFiles, source: &mut dyn Source) -> Result<Differences> {
    let mut elapsed = Elapsed::new(format!("checking the files in {}", files.location));
    let mut found = Differences::default();
    let checked = check_rows(files, source, &mut found, &mut elapsed)
        .and_then(|()| check_objects(files, source, &mut found, &mut elapsed));
    Elapsed::erase();
    checked.map(|()| found)
}

fn check_rows(
    files: &StoredFiles,
    source: &mut dyn Source,
    found: &mut Differences,
    elapsed: &mut Elapsed,
) -> Result<()> {
    let all = file_list::count(source).map_err(|why| anyhow!(why))?;
    let (mut done, mut pages) = (0, FilePages::default());
    while let Some(page) = pages.next(source)? {
        done += page.len();
        let states = stream::iter(&page)
            .map(|listed| compare(files, listed))
            .buffered(MAX_CONCURRENT)
            .try_collect::<Vec<_>>();
        let states = files.runtime.block_on(states).map_err(|why| files.failure(&why))?;
        for (listed, state) in page.iter().zip(states) {
            found.files += u64::from(state != State::None);
            if !matches!(state, State::Missing | State::Wrong) || !stands(source, listed.id)? {
                continue;
            }
            match state {
                State::Missing => found.missing.add(listed.id),
                _ => found.wrong.add(listed.id),
            }
        }
        elapsed.show_progress(format!("checking the files in {}: {done} of {all}", files.location));
    }
    Ok(())
}

/// The state of a row's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The row has no object: the upload is not complete, or the file was removed.
    None,
    Whole,
    Missing,
    Wrong,
}

async fn compare(files: &StoredFiles, listed: &ListedFile) -> Result<State, Error> {
    let Some(file) = &listed.file else { return Ok(State::None) };
    match files.storage.size(file.key()).await? {
        None => return Ok(State::Missing),
        Some(size) if size != file.size => return Ok(State::Wrong),
        Some(_) => {}
    }
    let lacks_thumbnail =
        file.thumbnail.is_some() && files.storage.size(file.thumbnail_key()).await?.is_none();
    Ok(if lacks_thumbnail { State::Missing } else { State::Whole })
}

/// Whether the file still exists; it may have been removed since its page was read.
fn stands(source: &mut dyn Source, id: FileId) -> Result<bool> {
    let found = file_list::find(source, id).map_err(|why| anyhow!(why))?;
    Ok(found.is_some_and(|found| found.file.is_some()))
}

fn check_objects(
    files: &StoredFiles,
    source: &mut dyn Source,
    found: &mut Differences,
    elapsed: &mut Elapsed,
) -> Result<()> {
    let (mut lister, mut done) = (files.storage.list(), 0);
    loop {
        let page = files.runtime.block_on(lister.next()).map_err(|why| files.failure(&why))?;
        if page.is_empty() {
            return Ok(());
        }
        done += page.len();
        for object in page {
            let id = object.key.file();
            if found.unknown.some.last() != Some(&id)
                && file_list::find(source, id).map_err(|why| anyhow!(why))?.is_none()
            {
                found.unknown.add(id);
            }
        }
        elapsed.show_progress(format!("checking the files in {}: {done} objects", files.location));
    }
}

impl AffectedFiles {
    fn add(&mut self, id: FileId) {
        self.all += 1;
        if self.some.len() < MAX_LISTED_IDS {
            self.some.push(id);
        }
    }

    /// A sentence about these files with their ids, or `None` if there are no files.
    fn named(&self, one: &str, several: &str) -> Option<String> {
        let said = match self.all {
            0 => return None,
            1 => format!("1 file {one}"),
            all => format!("{all} files {several}"),
        };
        Some(format!("{said}: {}", named(&self.some, self.all)))
    }
}

impl Differences {
    /// One sentence for each kind of problem, with its remedy.
    pub(in crate::cli) fn problems(&self) -> Vec<String> {
        const RESTORE: &str = "put them back from a backup's folder with chinwag restore --files DIR";
        let mut problems = Vec::new();
        if let Some(names) = self.missing.named("has no bytes", "have no bytes") {
            problems.push(format!("{names}: {RESTORE}"));
        }
        if let Some(names) = self.wrong.named("has a wrong size", "have a wrong size") {
            problems.push(format!("{names}: {RESTORE}"));
        }
        if let Some(names) =
            self.unknown.named("is in no row of the database", "are in no row of the database")
        {
            problems.push(format!(
                "{names}: see that files.store is this server's alone; a running server removes such files a day after they were written"
            ));
        }
        problems
    }
}

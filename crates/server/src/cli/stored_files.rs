//! The bytes of uploaded files, for commands that copy and check them.

mod check;
mod copy;

use std::path::{Path, absolute};

use anyhow::{Context, Result, anyhow, bail};
use chinwag_core::{Error, FileId};
use chinwag_files::{Location, Storage};
use tokio::runtime::{Builder, Runtime};

pub(super) use check::check;
pub(super) use copy::Selection;

use crate::config::Config;
use crate::data::Folder;
use crate::wire_up::transfer::file_list::{self, ListedFile};
use crate::wire_up::transfer::{self, Source};
use crate::wire_up::{open_storage, without_files};

/// A storage of files, with the runtime that its operations run on.
pub(super) struct StoredFiles {
    storage: Storage,
    location: Location,
    runtime: Runtime,
}

impl StoredFiles {
    /// Opens the storage at a location, and creates its folder if necessary.
    pub(super) fn open(location: Location, data: &Path) -> Result<Self> {
        let storage = open_storage(&location, data, 0)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self { storage, location, runtime: runtime.context("no runtime could be started")? })
    }

    /// Opens the storage in a folder that is an argument of a command.
    pub(super) fn folder(path: &Path) -> Result<Self> {
        let path = absolute(path).with_context(|| format!("{} is not a path of a folder", path.display()))?;
        Self::open(Location::Folder(path), Path::new(""))
    }

    /// Opens the storage of `files.store`.
    pub(super) fn configured(config: &Config, folder: &Folder) -> Result<Self> {
        Self::open(configured(config)?, folder.path())
    }

    /// The same, to read the files of an existing database. Fails if the settings name another storage than the server's.
    pub(super) fn source(config: &Config, folder: &Folder, rows: &mut dyn Source) -> Result<Self> {
        require_folder(config, folder, rows)?;
        Self::configured(config, folder)
    }

    /// The value of `files.store` that names this storage.
    pub(super) fn setting(&self) -> String {
        self.location.setting()
    }

    /// The error of a failed operation, with its cause.
    fn failure(&self, error: &Error) -> anyhow::Error {
        let why = self.storage.last_fault().unwrap_or_else(|| error.to_string());
        anyhow!("the files in {} cannot be reached: {why}; run this again, and it continues", self.location)
    }
}

/// The location of `files.store`.
pub(super) fn configured(config: &Config) -> Result<Location> {
    Location::parse(&config.files.store).map_err(|why| anyhow!("files.store {why}"))
}

/// Refuses settings whose folder of files does not exist if the database has files: they are not the server's.
pub(super) fn require_folder(config: &Config, folder: &Folder, rows: &mut dyn Source) -> Result<()> {
    let path = configured(config)?.folder(folder.path());
    if let Some(path) = path.filter(|path| !path.exists())
        && has_files(rows)?
    {
        bail!("{}, or name the server's settings with --config", without_files(&path));
    }
    Ok(())
}

/// Opens the configured database for reading beside a running server. `None` if there is none, or another version
/// wrote it.
pub(super) fn inspect(config: &Config, folder: &Folder) -> Result<Option<Box<dyn Source>>> {
    if let Some(url) = config.postgres() {
        let found = transfer::postgres::inspect(url)?;
        return Ok(found.map(|found| Box::new(found) as Box<dyn Source>));
    }
    if !folder.database().exists() {
        return Ok(None);
    }
    let found = transfer::sqlite::inspect(&folder.database())?;
    Ok(found.map(|found| Box::new(found) as Box<dyn Source>))
}

/// Like [`inspect`], but fails without a database of this version.
pub(super) fn require_database(config: &Config, folder: &Folder) -> Result<Box<dyn Source>> {
    inspect(config, folder)?.context(
        "there is no database of this version: start the server once, or name the right one with --data or --database",
    )
}

/// Whether a database has a complete file.
pub(super) fn has_files(source: &mut dyn Source) -> Result<bool> {
    let mut pages = FilePages::default();
    while let Some(page) = pages.next(source)? {
        if page.iter().any(|listed| listed.file.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Iterates over the rows of all files, one page at a time.
#[derive(Default)]
struct FilePages {
    after: Option<FileId>,
}

impl FilePages {
    /// The next page, or `None` at the end. A page is never empty.
    fn next(&mut self, source: &mut dyn Source) -> Result<Option<Vec<ListedFile>>> {
        let page = file_list::page(source, self.after).map_err(|why| anyhow!(why))?;
        self.after = page.last().map(|last| last.id);
        Ok(self.after.is_some().then_some(page))
    }
}

/// The ids in `some`, and the number of the others out of `all`.
fn named<T: std::fmt::Display>(some: &[T], all: u64) -> String {
    let names = some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match all - some.len() as u64 {
        0 => names,
        others => format!("{names} and {others} more"),
    }
}

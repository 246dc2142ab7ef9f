//! `chinwag restore`: restores a backup into a data folder that no server uses, and the bytes of files into their
//! storage.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chinwag_core::Clock;
use chinwag_core::clock::SystemClock;

use super::backup::{beside, copy};
use super::say;
use super::settings::DataArgs;
use super::stored_files::{self, Selection, StoredFiles};
use crate::config::Config;
use crate::data::{Folder, put, sync_names_beside};
use crate::wire_up::backup;
use crate::wire_up::transfer::{self, Source};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup
    #[arg(required_unless_present = "files")]
    file: Option<PathBuf>,
    /// The folder with copies of the files [default: FILE.files]. Without FILE only missing files are restored; the
    /// server may then be running
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Restore only the database
    #[arg(long, conflicts_with = "files")]
    without_files: bool,
    #[command(flatten)]
    place: DataArgs,
    /// Rename an existing database instead of refusing to replace it
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.place.load()?;
    let Some(file) = &args.file else {
        let folder = Folder::open(&config.data)?;
        let mut rows = stored_files::require_database(&config, &folder)?;
        let files = args.files.as_deref().context("name the folder with --files")?;
        return put_back(&config, &folder, files, Selection::Complete(&mut *rows));
    };
    if config.postgres().is_some() {
        bail!("the database is a PostgreSQL: restore it with pg_restore, then its files with --files alone");
    }
    let from = file.display();
    if !file.exists() {
        bail!("there is no file {from}");
    }
    let folder = Folder::create(&config.data)?;
    // Hold the lock to the end, so that no server starts on a partial restore.
    let _lock = folder.lock()?;
    let database = folder.database();
    let shown = folder.path().display();
    let occupied = [database.clone(), beside(&database, "-wal")].iter().any(|path| path.exists());
    if occupied && !args.force {
        bail!(
            "the data folder {shown} has a database: name another folder with --data, or keep that one under another name with --force"
        );
    }
    let part = folder.restoring();
    // Remove the draft of an interrupted restore. The lock excludes a concurrent one.
    remove(&part)?;
    let copied = copy(file, &part)?;
    // Begin another history: the restored store continues differently, and clients must not mix their later state
    // with it.
    backup::begin_anew(&part, SystemClock::default().now())?;
    if !args.without_files {
        let files = args.files.clone().unwrap_or_else(|| beside(file, ".files"));
        // Restore the files first, so that a database is never in place without them.
        restore_files(&config, &folder, &part, &files)?;
    }
    let aside = if occupied { Some(put_aside(&folder)?) } else { None };
    folder.hand_over(&part)?;
    put(&part, &database)?;
    say(&format!("restored {from} to {}, {copied}", database.display()))?;
    match aside {
        Some(aside) => say(&format!("the database that was there is kept as {}", aside.display())),
        None => Ok(()),
    }
}

/// Restores the files of a database into their storage.
fn restore_files(config: &Config, folder: &Folder, database: &Path, files: &Path) -> Result<()> {
    let mut rows = transfer::sqlite::inspect(database)?;
    if let Some(rows) = &mut rows
        && !stored_files::has_files(rows)?
    {
        return Ok(());
    }
    if !files.is_dir() {
        // A database of an older version may have no files.
        if rows.is_none() {
            return Ok(());
        }
        bail!(
            "the backup has files, and there is no folder {}: name it with --files, or use --without-files",
            files.display()
        );
    }
    let selection = rows.as_mut().map_or(Selection::All, |rows| Selection::Complete(rows as &mut dyn Source));
    put_back(config, folder, files, selection)
}

fn put_back(config: &Config, folder: &Folder, files: &Path, selection: Selection<'_>) -> Result<()> {
    if !files.is_dir() {
        bail!("there is no folder {}", files.display());
    }
    let (from, to) = (StoredFiles::folder(files)?, StoredFiles::configured(config, folder)?);
    let copied = from.copy_to(&to, selection)?;
    let place = config.file_location().and_then(|location| location.folder(folder.path()));
    if let Some(files) = place.filter(|files| files.starts_with(folder.path())) {
        folder.hand_over(&files)?;
    }
    say(&copied.line(&to))?;
    copied.missing_line(&from).map_or(Ok(()), |line| say(&line))
}

/// Renames the existing database and its journal, and returns the new name. The database never loses its journal: a
/// crash here leaves either both in place, or no database, which [`Folder::require_finished`] refuses.
fn put_aside(folder: &Folder) -> Result<PathBuf> {
    let database = folder.database();
    let is_free = |name: &Path| !name.exists() && !beside(name, "-wal").exists();
    let aside = folder.next_aside(is_free).context("the data folder has no name left")?;
    let journal = beside(&database, "-wal");
    unless_missing(fs::hard_link(&journal, beside(&aside, "-wal")), "kept", &journal)?;
    unless_missing(fs::rename(&database, &aside), "renamed", &database)?;
    sync_names_beside(&aside)?;
    // SQLite would apply these files to the new database.
    remove(&journal)?;
    remove(&beside(&database, "-shm"))?;
    Ok(aside)
}

fn remove(path: &Path) -> Result<()> {
    unless_missing(fs::remove_file(path), "removed", path)
}

fn unless_missing(done: io::Result<()>, what: &str, path: &Path) -> Result<()> {
    match done {
        Err(why) if why.kind() != ErrorKind::NotFound => {
            Err(why).with_context(|| format!("{} cannot be {what}", path.display()))
        }
        _ => Ok(()),
    }
}

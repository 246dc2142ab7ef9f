//! `chinwag backup`: copies the database and the bytes of its files, with the server running or not.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::say;
use super::settings::DataArgs;
use super::stored_files::{self, Selection, StoredFiles};
use crate::config::Config;
use crate::data::{Folder, put};
use crate::wire_up::backup;
use crate::wire_up::transfer::{self, Source};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file to write, which must not exist yet
    #[arg(required_unless_present = "files")]
    file: Option<PathBuf>,
    /// The folder for copies of the files [default: FILE.files]. Files that it already contains are not copied again,
    /// and several backups may share it. Without FILE only the files are copied
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Copy only the database
    #[arg(long, conflicts_with = "files")]
    without_files: bool,
    #[command(flatten)]
    place: DataArgs,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.place.load()?;
    if config.postgres().is_some() && args.file.is_some() {
        bail!("the database is a PostgreSQL: back it up with pg_dump, then its files with --files alone");
    }
    let folder = Folder::open(&config.data)?;
    let Some(file) = &args.file else {
        let mut rows = stored_files::require_database(&config, &folder)?;
        let files = args.files.as_deref().context("name the folder with --files")?;
        return back_up_files(&config, &folder, &mut *rows, files);
    };
    let database = folder.present_database()?;
    let shown = file.display();
    require_absent(file)?;
    let part = beside(file, ".part");
    let copied = copy(&database, &part)?;
    // The files are copied after the database, so each file of a copied row has its bytes or was removed meanwhile.
    let placed = match (&args.files, args.without_files) {
        (_, true) => Ok(()),
        (Some(files), false) => back_up_files_of(&config, &folder, &part, files),
        (None, false) => back_up_files_of(&config, &folder, &part, &beside(file, ".files")),
    };
    let placed = placed.and_then(|()| require_absent(file)).and_then(|()| put(&part, file));
    if placed.is_err() {
        // The error is reported below. A draft that cannot be removed is not worth another.
        let _ = fs::remove_file(&part);
    }
    placed?;
    say(&format!("backed up {} to {shown}, {copied}", database.display()))
}

/// Writes copies of the files of a copied database.
fn back_up_files_of(config: &Config, folder: &Folder, copy: &Path, to: &Path) -> Result<()> {
    match transfer::sqlite::inspect(copy)? {
        Some(mut rows) => back_up_files(config, folder, &mut rows, to),
        None => back_up_all_files(config, folder, to),
    }
}

/// Writes a copy of everything in the storage, for a database of an older version: its rows cannot be read, and a backup is
/// wanted before it is upgraded.
fn back_up_all_files(config: &Config, folder: &Folder, to: &Path) -> Result<()> {
    let Some(location) = config.file_location() else { return Ok(()) };
    if location.folder(folder.path()).is_some_and(|files| !files.exists()) {
        return Ok(());
    }
    let (from, to) = (StoredFiles::configured(config, folder)?, StoredFiles::folder(to)?);
    let copied = from.copy_to(&to, Selection::All)?;
    say(&copied.line(&to))
}

fn back_up_files(config: &Config, folder: &Folder, rows: &mut dyn Source, to: &Path) -> Result<()> {
    if !stored_files::has_files(rows)? {
        return Ok(());
    }
    let (from, to) = (StoredFiles::source(config, folder, rows)?, StoredFiles::folder(to)?);
    let mut copied = from.copy_to(&to, Selection::Complete(rows))?;
    if let Some(mut now) = stored_files::inspect(config, folder)? {
        copied.forget_removed(&mut *now)?;
    }
    say(&copied.line(&to))?;
    copied.missing_line(&from).map_or(Ok(()), |line| say(&line))
}

/// Refuses to overwrite a file.
pub(super) fn require_absent(file: &Path) -> Result<()> {
    if fs::symlink_metadata(file).is_ok() {
        bail!("{} already exists", file.display());
    }
    Ok(())
}

/// Appends a suffix to a file's name.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Writes a copy of a database and shows the progress on a terminal. Returns its size and the duration as text.
pub(super) fn copy(from: &Path, to: &Path) -> Result<String> {
    let begun = Instant::now();
    let terminal = io::stderr().is_terminal();
    let mut show = |percent: i64| {
        if terminal {
            let word = if percent < 100 { "copied" } else { "copied, checking" };
            // Progress is best effort: without standard error the user still sees the final line.
            let _ = write!(io::stderr(), "\r{percent:3} % {word}");
        }
    };
    let bytes = backup::copy(from, to, &mut show);
    if terminal {
        // Erase the progress line.
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok(format!("{} in {:.1} s", size(bytes?), begun.elapsed().as_secs_f64()))
}

/// A number of bytes in MiB or GiB.
pub(super) fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "one decimal of it is shown")]
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 { format!("{mebibytes:.1} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

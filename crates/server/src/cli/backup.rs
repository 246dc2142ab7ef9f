//! `chinwag backup`: a copy of the database, beside a running server or without one.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::wire_up::backup;
use anyhow::{Context, Result, bail};

use super::say;
use super::settings::DataArgs;
use crate::data::Folder;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file to write, which may not be there yet
    file: PathBuf,
    #[command(flatten)]
    place: DataArgs,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.place.load()?;
    if config.postgres().is_some() {
        bail!("the database is a PostgreSQL: back it up with pg_dump");
    }
    let folder = Folder::open(&config.data)?;
    let database = folder.database();
    if !database.exists() {
        bail!("the data folder {} has no database: name the right one with --data", folder.path().display());
    }
    let (file, shown) = (&args.file, args.file.display());
    let absent =
        || if fs::symlink_metadata(file).is_ok() { bail!("{shown} is there already") } else { Ok(()) };
    absent()?;
    let part = beside(file, ".part");
    let copied = copy(&database, &part)?;
    let placed = absent().and_then(|()| put(&part, file));
    if placed.is_err() {
        // What failed is said; that the draft stays as well would be no news.
        let _ = fs::remove_file(&part);
    }
    placed?;
    say(&format!("backed up {} to {shown}, {copied}", database.display()))
}

/// A file's name with more at its end.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes a copy of a database, with the progress on a terminal; returns its size and duration as a text.
pub(super) fn copy(from: &Path, to: &Path) -> Result<String> {
    let begun = Instant::now();
    let terminal = io::stderr().is_terminal();
    let mut show = |percent: i64| {
        if terminal {
            let word = if percent < 100 { "copied" } else { "copied, checking" };
            // Who cannot see how far it is sees the end.
            let _ = write!(io::stderr(), "\r{percent:3} % {word}");
        }
    };
    let bytes = backup::copy(from, to, &mut show);
    if terminal {
        // The line is erased.
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok(format!("{} in {:.1} s", size(bytes?), begun.elapsed().as_secs_f64()))
}

/// Gives a finished file its name, so that it has it after a loss of power too.
pub(super) fn put(draft: &Path, file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::rename(draft, file)
        .and_then(|()| File::open(folder)?.sync_all())
        .with_context(|| format!("{} cannot be put in its place", file.display()))
}

/// A length in the unit that it is read best in.
pub(super) fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "one decimal of it is shown")]
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 { format!("{mebibytes:.1} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

//! `chinwag migrate`: moves the whole store between the data folder's SQLite and a PostgreSQL database, in either
//! direction, and copies the bytes of files into another storage. An interrupted migration is run again.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use chinwag_files::Location;

use super::backup::beside;
use super::say;
use super::settings::DataArgs;
use super::stored_files::{self, Selection, StoredFiles};
use crate::config::Config;
use crate::config::variables::{self, MIGRATE_URL};
use crate::data::{Folder, put};
use crate::wire_up::transfer::{self, Carried, Progress, Source, Target};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    way: Way,
    #[command(flatten)]
    place: DataArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Way {
    /// Copy into the empty database at this address (`postgres://…`) [default: `CHINWAG_MIGRATE_URL`]
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "", conflicts_with = "from")]
    to: Option<String>,
    /// Copy from the database at this address into a data folder without a database [default: `CHINWAG_MIGRATE_URL`]
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    from: Option<String>,
    /// Copy the bytes of files from `files.store` to this location: `data`, `file:///path` or `s3://bucket/prefix`
    #[arg(long, value_name = "LOCATION")]
    files_to: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.place.load()?;
    let files_to = args.way.files_to.as_deref().map(Location::parse).transpose();
    let files_to = files_to.map_err(|why| anyhow!("--files-to {why}"))?;
    let address = |url: &str| variables::address(Some(url).filter(|url| !url.is_empty()), MIGRATE_URL);
    match (&args.way.to, &args.way.from) {
        (Some(url), _) => to(&config, &Folder::open(&config.data)?, &address(url)?, files_to),
        (None, Some(url)) => {
            let url = address(url)?;
            from(&config, &Folder::create(&config.data)?, &url, files_to)
        }
        (None, None) => {
            let folder = Folder::open(&config.data)?;
            let mut rows = stored_files::require_database(&config, &folder)?;
            let location =
                files_to.context("name the target with --to or --files-to, or the source with --from")?;
            carry_files(&config, &folder, &mut *rows, location)?;
            if folder.is_served() {
                say(
                    "a server runs on this folder: stop it, run this again for what is new, and only then change files.store",
                )?;
            }
            Ok(())
        }
    }
}

/// Transfers the bytes of all files and uploads into another storage.
fn carry_files(config: &Config, folder: &Folder, rows: &mut dyn Source, location: Location) -> Result<()> {
    if stored_files::configured(config)? == location {
        bail!("the files are already there: files.store is {}", config.files.store);
    }
    let from = StoredFiles::source(config, folder, rows)?;
    let to = StoredFiles::open(location, folder.path())?;
    let copied = from.copy_to(&to, Selection::WithUploads(rows))?;
    say(&format!("{}, all compared and the same", copied.line(&to)))?;
    if let Some(line) = copied.missing_line(&from) {
        say(&line)?;
    }
    say(&format!(
        "start the server with files.store = {:?}; the old files are left as they were",
        to.setting()
    ))
}

fn to(config: &Config, folder: &Folder, url: &str, files_to: Option<Location>) -> Result<()> {
    // Hold the lock to the end, so that no server changes what is being read.
    let _lock = folder.lock()?;
    let database = folder.present_database()?;
    let mut source = transfer::sqlite::source(&database)?;
    let mut target = transfer::postgres::target(url)?;
    if let Some(location) = files_to {
        carry_files(config, folder, &mut source, location)?;
    }
    let carried = carry(&mut source, &mut target)?;
    say(&format!(
        "{carried}: start the server with --database and the same address; {} is left as it was",
        database.display()
    ))
}

fn from(config: &Config, folder: &Folder, url: &str, files_to: Option<Location>) -> Result<()> {
    let _lock = folder.lock()?;
    let database = folder.database();
    if [database.clone(), beside(&database, "-wal")].iter().any(|path| path.exists()) {
        bail!("the data folder {} has a database: name another folder with --data", folder.path().display());
    }
    let draft = folder.migrating();
    let mut source = transfer::postgres::source(url)?;
    let mut target = transfer::sqlite::target(&draft)?;
    if let Some(location) = files_to {
        carry_files(config, folder, &mut source, location)?;
    }
    let carried = carry(&mut source, &mut target)?;
    drop(target);
    put(&draft, &database)?;
    say(&format!(
        "{carried}: start the server with --data {}; the other database is left as it was",
        folder.path().display()
    ))
}

/// Transfers all tables, with progress on a terminal. Returns a summary.
fn carry(source: &mut dyn Source, target: &mut dyn Target) -> Result<String> {
    let begun = Instant::now();
    let terminal = io::stderr().is_terminal();
    let mut show = |progress: Progress| {
        if terminal {
            let word = if progress.comparing { "compared" } else { "copied" };
            let percent = 100 * progress.done / progress.all.max(1);
            // Progress is best effort: without standard error the user still sees the final line.
            let _ = write!(io::stderr(), "\r\x1b[K{percent:3} % {word}, now {}", progress.table);
        }
    };
    let carried = transfer::carry(source, target, &mut show);
    if terminal {
        // Erase the progress line.
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    let carried = carried.map_err(|why| anyhow!(why))?;
    for table in &carried {
        say(&format!("{:15} {:>10} rows, SHA-256 {}", table.table, table.rows, table.digest))?;
    }
    let rows =
        |name| carried.iter().find(|table: &&Carried| table.table == name).map_or(0, |table| table.rows);
    Ok(format!(
        "migrated {} users, {} groups and {} messages in {:.1} s, all compared and the same",
        rows("users"),
        rows("groups"),
        rows("messages"),
        begun.elapsed().as_secs_f64(),
    ))
}

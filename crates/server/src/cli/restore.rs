//! `chinwag restore`: puts a backup into a data folder that no server serves.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::backup::{beside, copy, put};
use super::say;
use super::settings::DataArgs;
use crate::data::Folder;
use crate::wire_up::backup;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    place: DataArgs,
    /// Keep an existing database under another name
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.place.load()?;
    if config.postgres().is_some() {
        bail!("the database is a PostgreSQL: restore it with pg_restore");
    }
    let from = args.file.display();
    if !args.file.exists() {
        bail!("there is no file {from}");
    }
    let folder = Folder::create(&config.data)?;
    // Held to the end: no server starts on half of it.
    let _lock = folder.lock()?;
    let database = folder.database();
    let shown = folder.path().display();
    let occupied = [database.clone(), beside(&database, "-wal")].iter().any(|path| path.exists());
    if occupied && !args.force {
        bail!(
            "the data folder {shown} has a database: name another folder with --data, or keep that one under another name with --force"
        );
    }
    let part = beside(&database, ".part");
    // One that was broken off: whoever holds the lock is alone here.
    remove(&part)?;
    let copied = copy(&args.file, &part)?;
    // What follows here is not what followed there: clients that held more must not mix the two.
    backup::renew_history(&part)?;
    let aside = if occupied { Some(put_aside(&folder)?) } else { None };
    put(&part, &database)?;
    say(&format!("restored {from} to {}, {copied}", database.display()))?;
    match aside {
        Some(aside) => say(&format!("the database that was there is kept as {}", aside.display())),
        None => Ok(()),
    }
}

/// Renames the database that is there, with its journal, and answers its new name.
fn put_aside(folder: &Folder) -> Result<PathBuf> {
    let database = folder.database();
    let mut names = (1..).map(|number| folder.path().join(format!("chinwag-aside-{number}.db")));
    let aside = names
        .find(|name| !name.exists() && !beside(name, "-wal").exists())
        .context("the data folder has no name left")?;
    // It goes by the journal, and is made anew from it.
    remove(&beside(&database, "-shm"))?;
    for suffix in ["-wal", ""] {
        let (old, new) = (beside(&database, suffix), beside(&aside, suffix));
        match fs::rename(&old, &new) {
            Err(why) if why.kind() != ErrorKind::NotFound => {
                return Err(why).with_context(|| format!("{} cannot be renamed", old.display()));
            }
            _ => {}
        }
    }
    Ok(aside)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != ErrorKind::NotFound => {
            Err(why).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

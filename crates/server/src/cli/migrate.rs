//! `chinwag migrate`: carries the whole store between the data folder's SQLite and a PostgreSQL
//! database, either way. Broken off, it is run again.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use anyhow::{Result, anyhow, bail};

use super::backup::{beside, put};
use super::say;
use super::settings::DataArgs;
use crate::data::Folder;
use crate::wire_up::transfer::{self, Carried, Progress, Source, Target};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    way: Way,
    #[command(flatten)]
    place: DataArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Way {
    /// Into the database at this address (`postgres://…`), which must be empty
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Out of the database at this address, into a data folder that has none
    #[arg(long, value_name = "URL")]
    from: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.place.load()?;
    match (&args.way.to, &args.way.from) {
        (Some(url), _) => to(&Folder::open(&config.data)?, url),
        (None, Some(url)) => from(&Folder::create(&config.data)?, url),
        (None, None) => bail!("say where to with --to, or where from with --from"),
    }
}

fn to(folder: &Folder, url: &str) -> Result<()> {
    // Held to the end: nobody serves what is being read.
    let _lock = folder.lock()?;
    let database = folder.database();
    if !database.exists() {
        bail!("the data folder {} has no database: name the right one with --data", folder.path().display());
    }
    let mut source = transfer::sqlite::source(&database)?;
    let mut target = transfer::postgres::target(url)?;
    let carried = carry(&mut source, &mut target)?;
    say(&format!(
        "{carried}: start the server with --database and the same address; {} is left as it was",
        database.display()
    ))
}

fn from(folder: &Folder, url: &str) -> Result<()> {
    let _lock = folder.lock()?;
    let database = folder.database();
    if [database.clone(), beside(&database, "-wal")].iter().any(|path| path.exists()) {
        bail!("the data folder {} has a database: name another folder with --data", folder.path().display());
    }
    let draft = beside(&database, ".migrating");
    let mut source = transfer::postgres::source(url)?;
    let mut target = transfer::sqlite::target(&draft)?;
    let carried = carry(&mut source, &mut target)?;
    drop(target);
    put(&draft, &database)?;
    say(&format!(
        "{carried}: start the server with --data {}; the other database is left as it was",
        folder.path().display()
    ))
}

/// Carries everything over, with the progress on a terminal; what that was.
fn carry(source: &mut dyn Source, target: &mut dyn Target) -> Result<String> {
    let begun = Instant::now();
    let terminal = io::stderr().is_terminal();
    let mut show = |progress: Progress| {
        if terminal {
            let word = if progress.comparing { "compared" } else { "copied" };
            let percent = 100 * progress.done / progress.all.max(1);
            // Who cannot see how far it is sees the end.
            let _ = write!(io::stderr(), "\r\x1b[K{percent:3} % {word}, now {}", progress.table);
        }
    };
    let carried = transfer::carry(source, target, &mut show);
    if terminal {
        // The line is erased.
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

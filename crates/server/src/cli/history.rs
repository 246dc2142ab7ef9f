//! `chinwag history`: prints or renews the id of the store's history. Clients send it back when they resume.

use anyhow::{Context, Result};

use super::say;
use super::settings::DataArgs;
use crate::data::Folder;
use crate::wire_up;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: DataArgs,
    /// Create a new id first. All clients then discard their state and load it again. Do this after the database was
    /// restored by other means than `chinwag restore`; no server may be running
    #[arg(long)]
    renew: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.place.load()?;
    if config.postgres().is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let history = wire_up::postgres_history(&config, args.renew);
        return say(&runtime.context("no runtime could be started")?.block_on(history)?.to_string());
    }
    let folder = Folder::open(&config.data)?;
    let database = folder.present_database()?;
    let history = if args.renew {
        let _lock = folder.lock()?;
        wire_up::history::renew(&database)?
    } else {
        wire_up::history::read(&database)?
    };
    say(&history.to_string())
}

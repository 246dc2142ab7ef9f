//! `chinwag search`: maintains the search index.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use chinwag_core::app::App;
use chinwag_core::app::follower::Claim;
use chinwag_core::store::Follower;

use super::elapsed::Elapsed;
use super::say;
use super::settings::DataArgs;
use crate::data::Folder;
use crate::wire_up;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: SearchCommand,
}

#[derive(Debug, clap::Subcommand)]
enum SearchCommand {
    /// Rebuild the search index from all messages; no server may be running
    Rebuild(DataArgs),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let SearchCommand::Rebuild(place) = &args.command;
    let config = place.load()?;
    let folder = Folder::open(&config.data)?;
    if config.postgres().is_none() {
        folder.present_database()?;
    }
    // Hold the lock to the end, so that no server starts meanwhile.
    let _lock = folder.lock()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("no runtime could be started")?;
    let messages = runtime.block_on(async {
        let store = wire_up::exclusive_store(&config, &folder).await?;
        rebuild(&store.app).await
    })?;
    say(&format!("{messages} messages are in the index"))
}

/// Rebuilds the index. Returns the number of messages in it.
async fn rebuild(app: &App) -> Result<usize> {
    // With a zero lease, the second attempt takes over from a killed server. Nobody else uses the store.
    let mut candidate = app.candidate(Follower::SearchIndex, Duration::ZERO);
    let mut claim = candidate.take().await?;
    if claim == Claim::Held {
        claim = candidate.take().await?;
    }
    let Claim::Mine { lease, .. } = claim else {
        bail!("another node builds the index: stop every node first");
    };
    app.index_clear(lease).await?;
    let (mut messages, mut elapsed) = (0, Elapsed::new("building the index".into()));
    elapsed.show();
    loop {
        let step = app.index_step(lease).await?;
        messages += step.added;
        elapsed.show_progress(format!("{messages} messages are in the index"));
        if step.is_last {
            break;
        }
    }
    if app.index_is_scattered().await? {
        while !app.index_merge(lease).await? {
            elapsed
                .show_progress(format!("{messages} messages are in the index, whose parts are being merged"));
        }
    }
    candidate.release(lease).await?;
    Elapsed::erase();
    Ok(messages)
}

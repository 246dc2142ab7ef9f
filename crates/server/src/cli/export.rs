//! `chinwag export`: writes all data of one user into a ZIP file.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;

use anyhow::{Context, Result, anyhow};
use chinwag_core::app::Context as Caller;
use chinwag_core::user::Caller::Service;
use chinwag_core::{Error, Name};
use chinwag_http::export::Export;
use futures_util::StreamExt;

use super::backup::{beside, require_absent, size};
use super::say;
use super::settings::DataArgs;
use super::stored_files;
use crate::config::Config;
use crate::data::{Folder, put};
use crate::wire_up;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The user's name
    name: String,
    /// The file to write, which must not exist yet
    file: PathBuf,
    #[command(flatten)]
    place: DataArgs,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let name = Name::parse(&args.name).map_err(|why| anyhow!("the name {:?} {why}", args.name))?;
    let config = args.place.load()?;
    let folder = Folder::open(&config.data)?;
    if config.postgres().is_none() {
        folder.require_database(false)?;
    }
    let shown = args.file.display();
    require_absent(&args.file)?;
    if let Some(mut rows) = stored_files::inspect(&config, &folder)? {
        stored_files::require_folder(&config, &folder, &mut *rows)?;
    }
    let draft = beside(&args.file, ".part");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("no runtime could be started")?;
    // Another export may be writing this file.
    let file = create(&draft)?;
    let written = runtime.block_on(write(&config, &folder, name, file));
    let placed = written.and_then(|written| {
        require_absent(&args.file)?;
        put(&draft, &args.file)?;
        Ok(written)
    });
    if placed.is_err() {
        // The error is reported below. A draft that cannot be removed is not worth another.
        let _ = fs::remove_file(&draft);
    }
    let (bytes, missing) = placed?;
    if missing > 0 {
        let store = &config.files.store;
        eprintln!(
            "chinwag: the storage ({store}) lacks the bytes of {missing} of the files: each has an empty entry, whose name ends \
             with .missing; if the server's files.store is another one, name its settings with --config"
        );
    }
    say(&format!("exported the data of {} to {shown}, {}", args.name, size(bytes)))
}

fn create(draft: &Path) -> Result<File> {
    let shown = draft.display();
    File::create_new(draft).map_err(|why| match why.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!(
                "{shown} already exists: another command is writing it, or one was interrupted; if none is running, remove it"
            )
        }
        _ => anyhow!("{shown} cannot be written: {why}"),
    })
}

/// Writes the ZIP; returns its length, and the number of files whose bytes are missing.
async fn write(config: &Config, folder: &Folder, name: Name, mut file: File) -> Result<(u64, u64)> {
    let store = wire_up::command_store(config, folder).await?;
    let location = config.file_location();
    let files =
        location.map(|location| wire_up::open_storage(&location, folder.path(), config.store.min_free));
    let files = files.transpose()?.map(|files| std::sync::Arc::new(files) as _);
    let export = Export::begin(store.app.clone(), files, Caller::new(Service), name.clone()).await;
    let export = export.map_err(|why| match why {
        Error::NotFound(_) => anyhow!("there is no user {name}"),
        why => anyhow!(why),
    })?;
    let missing = export.missing();
    let cannot = "the ZIP cannot be written";
    let (mut pieces, mut length) = (pin!(export.stream(())), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        file.write_all(&piece).context(cannot)?;
        length += piece.len() as u64;
    }
    file.sync_all().context(cannot)?;
    store.end().await;
    Ok((length, missing.count()))
}

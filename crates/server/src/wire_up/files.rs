//! The storage of the files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use chinwag_core::app::App;
use chinwag_core::file_store::FileStore;
use chinwag_files::{Location, Storage};

use super::startup_error;
use crate::config::{Config, bucket_variables};
use crate::data::Folder;

/// Files per page.
const PAGE: usize = 1000;

/// Opens the storage of the files, unless they are off.
pub(super) async fn open(config: &Config, folder: &Folder, app: &App) -> Result<Option<Arc<dyn FileStore>>> {
    let Some(location) = config.file_location() else {
        tracing::info!(
            "files are off: nodes share no data folder, so set files.store to a bucket or a shared folder"
        );
        return Ok(None);
    };
    require_mounted(&location, app).await?;
    let storage = open_storage(&location, folder.path(), config.store.min_free)?;
    match storage.sweep() {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "files that were being written at the last end are removed"),
        Err(error) => {
            tracing::warn!(%error, "files that were being written at the last end could not be removed");
        }
    }
    Ok(Some(Arc::new(storage)))
}

/// Opens a storage of files.
pub(crate) fn open_storage(location: &Location, data: &Path, min_free: u64) -> Result<Storage> {
    let options = chinwag_files::Options {
        min_free,
        ..chinwag_files::Options::new(data.to_owned(), bucket_variables())
    };
    Ok(Storage::open(location, &options)?)
}

/// Refuses a missing or empty folder if the database has files: a volume is probably not mounted. The folder inside the
/// data folder is not checked, since it is on the same volume as the database.
async fn require_mounted(location: &Location, app: &App) -> Result<()> {
    let Location::Folder(path) = location else { return Ok(()) };
    if !is_bare(path) || !has_files(app).await.map_err(startup_error)? {
        return Ok(());
    }
    Err(anyhow!("files.store: {}; to start without them, put a file of any name there", without_files(path)))
}

/// Whether a folder is missing or empty.
pub(crate) fn is_bare(path: &Path) -> bool {
    fs::read_dir(path).map_or(!path.exists(), |mut entries| entries.next().is_none())
}

/// The error text for an empty folder of a database that has files.
pub(crate) fn without_files(path: &Path) -> String {
    let shown = path.display();
    let found = if path.exists() {
        format!("the folder {shown} is empty")
    } else {
        format!("there is no folder {shown}")
    };
    format!(
        "{found}, and the database has files: mount it, or put them back with chinwag restore --files DIR"
    )
}

async fn has_files(app: &App) -> chinwag_core::Result<bool> {
    let mut after = None;
    loop {
        let page = app.files_after(after, PAGE).await?;
        if page.iter().any(|row| row.file.is_some()) {
            return Ok(true);
        }
        let Some(last) = page.last() else { return Ok(false) };
        after = Some(last.id);
    }
}

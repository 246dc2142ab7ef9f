//! The transfer of uploaded files between clients and the storage. The rules about files are in the use cases.

pub(crate) mod body;
pub(crate) mod download;
pub(crate) mod figures;
pub(crate) mod image;
pub(crate) mod intake;
pub(crate) mod part;
pub(crate) mod range;
pub(crate) mod receive;
pub(crate) mod running;
pub(crate) mod span;
pub(crate) mod spool;
pub(crate) mod ticket;

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use chinwag_core::file_store::FileStore;
use tokio::sync::Semaphore;

use crate::options::FileOptions;
use crate::permits::SharedPermits;
use running::RunningUploads;

/// Concurrent uploads, each of which holds a few MiB. One address, or one user, may have a tenth of them.
const UPLOADS: usize = 160;
/// Concurrent downloads, each of which holds at most 64 KiB of its file.
const DOWNLOADS: usize = 1280;
/// Images that are prepared concurrently. Each may use as much memory as [`ImageLimits`](chinwag_media::ImageLimits)
/// allows.
const IMAGES: usize = 2;

/// The storage of files, and the bounds on its use.
pub(crate) struct FileService {
    pub(crate) options: FileOptions,
    pub(crate) uploads: SharedPermits,
    pub(crate) downloads: SharedPermits,
    /// Resumable uploads that are receiving bytes.
    pub(crate) running: RunningUploads,
    images: Arc<Semaphore>,
}

impl FileService {
    pub(crate) fn new(options: FileOptions) -> Self {
        let images = available_parallelism().map_or(1, NonZero::get).min(IMAGES);
        Self {
            options,
            uploads: SharedPermits::new(UPLOADS),
            downloads: SharedPermits::new(DOWNLOADS),
            running: RunningUploads::default(),
            images: Arc::new(Semaphore::new(images)),
        }
    }

    pub(crate) fn store(&self) -> &Arc<dyn FileStore> {
        &self.options.store
    }
}

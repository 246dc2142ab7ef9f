//! Copying an object to another storage.

use chinwag_core::Error;
use chinwag_core::file_store::{FileKey, FileStore};
use sha2::{Digest, Sha256};

/// Why an object was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The object cannot be read.
    #[error(transparent)]
    Source(Error),
    /// The copy cannot be written, or not be read back.
    #[error(transparent)]
    Target(Error),
    /// The copy differs from the object.
    #[error("the copy has other bytes than were read")]
    Different,
}

/// Makes a copy of an object of this size, then reads the copy back and compares the SHA-256.
pub async fn copy(
    source: &dyn FileStore,
    target: &dyn FileStore,
    key: FileKey,
    size: u64,
) -> Result<(), CopyError> {
    let mut writer = target.create(key).await.map_err(CopyError::Target)?;
    let (mut reader, mut sent) = (source.read(key, 0..size), Sha256::new());
    while let Some(bytes) = reader.next(usize::MAX).await.map_err(CopyError::Source)? {
        sent.update(&bytes);
        writer.write(bytes).await.map_err(CopyError::Target)?;
    }
    writer.finish().await.map_err(CopyError::Target)?;
    let (mut reader, mut arrived) = (target.read(key, 0..size), Sha256::new());
    while let Some(bytes) = reader.next(usize::MAX).await.map_err(CopyError::Target)? {
        arrived.update(&bytes);
    }
    let is_whole = target.size(key).await.map_err(CopyError::Target)? == Some(size);
    if is_whole && sent.finalize() == arrived.finalize() { Ok(()) } else { Err(CopyError::Different) }
}

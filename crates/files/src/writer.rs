//! Writing an object: at once if it is small, and else in parts.

use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use chinwag_core::Error;
use chinwag_core::file_store::FileWriter;
use chinwag_core::store::Done;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::fault::Faults;
use crate::owner::Owner;

/// An object that is being written. Dropped, it is undone.
pub(crate) struct ObjectWriter {
    store: Arc<dyn ObjectStore>,
    faults: Faults,
    path: Path,
    /// The bytes of a part. All parts but the last have this size, as some storages demand.
    part: usize,
    buffer: BytesMut,
    upload: Option<Box<dyn MultipartUpload>>,
    /// The owner to whom the object is given in a folder, and the folder.
    gift: Option<(Owner, PathBuf)>,
}

impl ObjectWriter {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, faults: Faults, path: Path, part: usize) -> Self {
        Self { store, faults, path, part, buffer: BytesMut::new(), upload: None, gift: None }
    }

    /// Has the object given to the owner of its folder.
    pub(crate) fn with_gift(mut self, gift: Option<(Owner, PathBuf)>) -> Self {
        self.gift = gift;
        self
    }

    /// Gives the object away, now that it is complete.
    async fn give(&mut self) -> chinwag_core::Result<()> {
        let Some((owner, folder)) = self.gift.take() else { return Ok(()) };
        let object = folder.join(self.path.to_string());
        let given =
            spawn_blocking(move || owner.give_object(&folder, &object)).await.map_err(Error::internal)?;
        given.map_err(|why| Error::internal(format!("files.store: {why}")))
    }

    async fn flush(&mut self) -> chinwag_core::Result<()> {
        let payload = PutPayload::from_bytes(mem::take(&mut self.buffer).freeze());
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none @ None => none.insert(self.faults.outcome(self.store.put_multipart(&self.path)).await?),
        };
        self.faults.outcome(upload.put_part(payload)).await
    }
}

impl FileWriter for ObjectWriter {
    fn write(&mut self, mut bytes: Bytes) -> Done<'_> {
        Box::pin(async move {
            while !bytes.is_empty() {
                let fits = bytes.len().min(self.part - self.buffer.len());
                self.buffer.extend_from_slice(&bytes.split_to(fits));
                if self.buffer.len() == self.part {
                    self.flush().await?;
                }
            }
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> Done<'static> {
        Box::pin(async move {
            if self.upload.is_none() {
                let payload = PutPayload::from_bytes(mem::take(&mut self.buffer).freeze());
                self.faults.outcome(self.store.put(&self.path, payload)).await?;
                return self.give().await;
            }
            if !self.buffer.is_empty() {
                self.flush().await?;
            }
            if let Some(upload) = &mut self.upload {
                self.faults.outcome(upload.complete()).await?;
            }
            self.upload = None;
            self.give().await
        })
    }
}

impl Drop for ObjectWriter {
    /// Ends an upload that was not finished. What a crash leaves is swept at the next start.
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        let faults = self.faults.clone();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = faults.outcome(upload.abort()).await;
            });
        }
    }
}

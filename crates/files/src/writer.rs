//! Writes an object: in one request if it is small, otherwise in parts.

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

/// Pieces shorter than this are merged, since each piece may keep a whole network buffer alive.
const SHORT: usize = 16 << 10;

/// An object that is being written. Dropping the writer discards it.
pub(crate) struct ObjectWriter {
    store: Arc<dyn ObjectStore>,
    faults: Faults,
    path: Path,
    /// The size of a part, in bytes. All parts except the last have this size, as some storages require.
    part: usize,
    /// The received bytes of the next part, without those in `short`.
    pieces: Vec<Bytes>,
    /// The last bytes, if they arrived in short pieces.
    short: BytesMut,
    /// The number of bytes in `pieces` and `short`.
    held: usize,
    upload: Option<Box<dyn MultipartUpload>>,
    /// The owner for a new object in a folder, and the folder.
    new_owner: Option<(Owner, PathBuf)>,
}

impl ObjectWriter {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, faults: Faults, path: Path, part: usize) -> Self {
        let (pieces, short) = (Vec::new(), BytesMut::new());
        Self { store, faults, path, part, pieces, short, held: 0, upload: None, new_owner: None }
    }

    /// Sets the owner for the complete object.
    pub(crate) fn with_owner(mut self, new_owner: Option<(Owner, PathBuf)>) -> Self {
        self.new_owner = new_owner;
        self
    }

    /// Changes the owner of the complete object.
    async fn change_owner(&mut self) -> chinwag_core::Result<()> {
        let Some((owner, folder)) = self.new_owner.take() else { return Ok(()) };
        let object = folder.join(self.path.to_string());
        let given = spawn_blocking(move || owner.change_object_owner(&folder, &object))
            .await
            .map_err(Error::internal)?;
        given.map_err(|why| Error::internal(format!("files.store: {why}")))
    }

    fn hold(&mut self, piece: Bytes) {
        self.held += piece.len();
        if piece.len() < SHORT {
            self.short.extend_from_slice(&piece);
        } else {
            self.seal();
            self.pieces.push(piece);
        }
    }

    /// Merges the short pieces into one.
    fn seal(&mut self) {
        if !self.short.is_empty() {
            self.pieces.push(mem::take(&mut self.short).freeze());
        }
    }

    /// Takes all held bytes.
    fn payload(&mut self) -> PutPayload {
        self.seal();
        self.held = 0;
        mem::take(&mut self.pieces).into_iter().collect()
    }

    async fn flush(&mut self) -> chinwag_core::Result<()> {
        let payload = self.payload();
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
                // A full part is kept until more bytes arrive, because an object of one part needs no
                // multipart upload.
                if self.held == self.part {
                    self.flush().await?;
                }
                let fits = bytes.len().min(self.part - self.held);
                self.hold(bytes.split_to(fits));
            }
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> Done<'static> {
        Box::pin(async move {
            if self.upload.is_none() {
                let payload = self.payload();
                self.faults.outcome(self.store.put(&self.path, payload)).await?;
                return self.change_owner().await;
            }
            if self.held > 0 {
                self.flush().await?;
            }
            if let Some(upload) = &mut self.upload {
                self.faults.outcome(upload.complete()).await?;
            }
            self.upload = None;
            self.change_owner().await
        })
    }
}

impl Drop for ObjectWriter {
    /// Aborts an incomplete upload. After a crash, the next start removes it.
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

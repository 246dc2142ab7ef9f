//! Unnamed temporary files on this node's disk, for images: preparing one needs seeking, which a bucket does not
//! offer. The kernel removes such a file with its last handle, even after a crash.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use axum::body::Bytes;
use bytes::BytesMut;
use chinwag_core::{Error, Result};
use tokio::task::spawn_blocking;

/// Bytes that are written or read at a time.
const PIECE: usize = 1 << 20;

/// A spooled file that is being written.
pub(crate) struct Spool {
    file: Option<File>,
    buffer: BytesMut,
}

impl Spool {
    pub(crate) async fn new(folder: &Path) -> Result<Self> {
        let folder = folder.to_owned();
        let file = blocking(move || tempfile::tempfile_in(folder)).await?;
        Ok(Self { file: Some(file), buffer: BytesMut::new() })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE { self.flush().await } else { Ok(()) }
    }

    /// Finishes the file, and returns it rewound to its beginning.
    pub(crate) async fn finish(mut self) -> Result<File> {
        self.flush().await?;
        let mut file = self.file.take().ok_or_else(lost)?;
        blocking(move || file.seek(SeekFrom::Start(0)).map(|_| file)).await
    }

    async fn flush(&mut self) -> Result<()> {
        let mut file = self.file.take().ok_or_else(lost)?;
        let bytes = self.buffer.split();
        self.file = Some(blocking(move || file.write_all(&bytes).map(|()| file)).await?);
        Ok(())
    }
}

/// Reads the next bytes of a file; empty at the end.
pub(crate) async fn read(mut file: File) -> Result<(File, Bytes)> {
    blocking(move || {
        let mut piece = Vec::with_capacity(PIECE);
        (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
        Ok((file, Bytes::from(piece)))
    })
    .await
}

/// Runs disk I/O on a blocking thread.
async fn blocking<T: Send + 'static>(job: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(job).await.map_err(Error::internal)?.map_err(error)
}

/// Maps a disk error.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
pub(crate) fn error(fault: io::Error) -> Error {
    match fault.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
        _ => Error::internal(format!("the disk of the data folder: {fault}")),
    }
}

fn lost() -> Error {
    Error::internal("a spooled file was lost by an earlier fault")
}

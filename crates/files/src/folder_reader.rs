//! Reading an object of a folder. What the system has in memory is read at once, and all else on a thread that may
//! wait for the disk.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::file_store::FileReader;
use chinwag_core::store::Answer;
use tokio::task::spawn_blocking;

use crate::fault::Faults;
use crate::reader::PIECE;

pub(crate) struct FolderReader {
    pub(crate) faults: Faults,
    pub(crate) path: PathBuf,
    /// The bytes still to be read.
    pub(crate) rest: Range<u64>,
    file: Option<Arc<File>>,
}

impl FolderReader {
    pub(crate) fn new(faults: Faults, path: PathBuf, rest: Range<u64>) -> Self {
        Self { faults, path, rest, file: None }
    }

    /// Opens the file if need be, and reads it, on a thread that may wait.
    async fn read(&mut self, size: usize) -> object_store::Result<Vec<u8>> {
        let (path, file, at) = (self.path.clone(), self.file.clone(), self.rest.start);
        let reading = spawn_blocking(move || {
            let file = match file {
                Some(file) => file,
                None => Arc::new(File::open(&path).map_err(|why| fault(why, &path))?),
            };
            let bytes = read_at(&file, at, size).map_err(|why| fault(why, &path))?;
            Ok::<_, object_store::Error>((file, bytes))
        });
        let (file, bytes) = reading.await.map_err(|why| generic(io::Error::other(why)))??;
        self.file = Some(file);
        Ok(bytes)
    }
}

impl FileReader for FolderReader {
    fn next(&mut self, most: usize) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            let left = usize::try_from(self.rest.end.saturating_sub(self.rest.start)).unwrap_or(usize::MAX);
            let size = left.min(most).min(PIECE);
            if size == 0 {
                return Ok(None);
            }
            let cached = match &self.file {
                Some(file) if size < PIECE => read_cached(file, self.rest.start, size),
                _ => None,
            };
            let bytes = match cached {
                Some(bytes) => bytes,
                None => self.faults.clone().outcome(self.read(size)).await?,
            };
            self.rest.start += bytes.len() as u64;
            Ok(Some(bytes.into()))
        })
    }
}

/// Bytes that are in memory, at least one; none if the disk would have to be waited for.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, at: u64, size: usize) -> Option<Vec<u8>> {
    use rustix::io::{ReadWriteFlags, preadv2};

    let mut bytes = vec![0; size];
    let read = preadv2(file, &mut [io::IoSliceMut::new(&mut bytes)], at, ReadWriteFlags::NOWAIT).ok()?;
    bytes.truncate(read);
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: u64, _: usize) -> Option<Vec<u8>> {
    None
}

/// So many bytes. A file that ends earlier is a fault, since nobody reads past the end of one.
fn read_at(mut file: &File, at: u64, size: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(size);
    file.take(size as u64).read_to_end(&mut bytes)?;
    if bytes.len() < size { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

fn fault(why: io::Error, path: &Path) -> object_store::Error {
    if why.kind() == ErrorKind::NotFound {
        return object_store::Error::NotFound { path: path.display().to_string(), source: Box::new(why) };
    }
    generic(why)
}

fn generic(why: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "folder", source: Box::new(why) }
}

//! Reads an object of a folder. Bytes in the page cache are read immediately, others on a thread that may
//! block on the disk.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::file_store::{FileReader, FileSpan};
use chinwag_core::store::Answer;
use tokio::task::spawn_blocking;

use crate::fault::Faults;
use crate::reader::PIECE;

/// The distance between samples of the page cache, equal to the system's default read-ahead.
const SAMPLE: usize = 128 << 10;

pub(crate) struct FolderReader {
    pub(crate) faults: Faults,
    pub(crate) path: PathBuf,
    /// The bytes that are still to be read.
    pub(crate) rest: Range<u64>,
    file: Option<Arc<File>>,
}

impl FolderReader {
    pub(crate) fn new(faults: Faults, path: PathBuf, rest: Range<u64>) -> Self {
        Self { faults, path, rest, file: None }
    }

    /// Opens the file if necessary and reads from it, on a thread that may block.
    async fn read(&mut self, size: usize) -> object_store::Result<Vec<u8>> {
        let (path, file, at) = (self.path.clone(), self.file.clone(), self.rest.start);
        let reading = spawn_blocking(move || {
            let file = open(file, &path)?;
            let bytes = read_at(&file, at, size).map_err(|why| fault(why, &path))?;
            Ok::<_, object_store::Error>((file, bytes))
        });
        let (file, bytes) = reading.await.map_err(|why| generic(io::Error::other(why)))??;
        self.file = Some(file);
        Ok(bytes)
    }

    /// Opens the file if necessary and reads bytes into the page cache, on a thread that may block.
    async fn load(&self, range: Range<u64>) -> object_store::Result<Arc<File>> {
        let (path, file) = (self.path.clone(), self.file.clone());
        let loading = spawn_blocking(move || {
            let file = open(file, &path)?;
            load(&file, range).map_err(|why| fault(why, &path))?;
            Ok(file)
        });
        loading.await.map_err(|why| generic(io::Error::other(why)))?
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

    fn next_span(&mut self, most: usize) -> Answer<'_, Option<FileSpan>> {
        Box::pin(async move {
            let end = self.rest.end.min(self.rest.start.saturating_add(most.min(PIECE) as u64));
            let range = self.rest.start..end;
            if range.is_empty() {
                return Ok(None);
            }
            if self.file.is_none() {
                self.file = open_cached(&self.path).map(Arc::new);
            }
            let file = match &self.file {
                Some(file) if is_cached(file, &range) => file.clone(),
                _ => self.faults.clone().outcome(self.load(range.clone())).await?,
            };
            self.file = Some(file.clone());
            self.rest.start = end;
            Ok(Some(FileSpan { file, range }))
        })
    }
}

/// Opens a file if its metadata is cached. `None` if that would block on the disk.
#[cfg(target_os = "linux")]
fn open_cached(path: &Path) -> Option<File> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn open_cached(_: &Path) -> Option<File> {
    None
}

/// Whether bytes are in the page cache, judged by samples that include the first and the last byte.
#[cfg(target_os = "linux")]
fn is_cached(file: &File, range: &Range<u64>) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};

    let samples = (range.start..range.end).step_by(SAMPLE).chain(range.end.checked_sub(1));
    let is_in_memory = |at| {
        let mut byte = [0];
        let read = preadv2(file, &mut [io::IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT);
        matches!(read, Ok(1))
    };
    samples.into_iter().all(is_in_memory)
}

#[cfg(not(target_os = "linux"))]
fn is_cached(_: &File, _: &Range<u64>) -> bool {
    false
}

fn open(file: Option<Arc<File>>, path: &Path) -> object_store::Result<Arc<File>> {
    match file {
        Some(file) => Ok(file),
        None => Ok(Arc::new(File::open(path).map_err(|why| fault(why, path))?)),
    }
}

/// Reads bytes into the page cache.
fn load(mut file: &File, range: Range<u64>) -> io::Result<()> {
    file.seek(SeekFrom::Start(range.start))?;
    let size = range.end - range.start;
    let read = io::copy(&mut file.take(size), &mut io::sink())?;
    if read < size { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Reads at least one byte that is in the page cache. `None` if that would block on the disk.
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

/// Reads exactly `size` bytes. A shorter file is a fault, since callers never read past the end.
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

pub(crate) fn generic(why: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "folder", source: Box::new(why) }
}

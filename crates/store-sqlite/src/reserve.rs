//! The reserve of disk space: a file next to the store's. A part of it is released whenever the disk is full,
//! so that deletions and revocations can still be committed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chinwag_core::path::folder_of;
use rustix::fs::statvfs;

use crate::open::give;

/// The bytes released at a time.
const SLICE: u64 = 256 << 10;
const CHUNK: usize = 64 << 10;

/// The file and its full size; `None` keeps the existing size. With a size of 0 there is no file.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    size: Option<u64>,
    is_whole: AtomicBool,
    turn: Mutex<()>,
}

impl Reserve {
    /// The reserve of the store in this file.
    pub(crate) fn new(store: &Path, size: Option<u64>) -> Self {
        let mut path = store.as_os_str().to_owned();
        path.push("-reserve");
        Self { path: path.into(), size, is_whole: AtomicBool::new(false), turn: Mutex::new(()) }
    }

    /// Whether the store keeps a reserve.
    pub(crate) fn is_kept(&self) -> bool {
        self.size != Some(0)
    }

    /// Whether the file has its full size.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Acquire)
    }

    /// Fills the file, unless that would leave less free space than the file's full size. Returns whether the
    /// file has its full size.
    pub(crate) fn fill(&self) -> io::Result<bool> {
        let _turn = self.turn();
        if self.size == Some(0) {
            self.remove()?;
        } else if let Some(size) = self.size {
            let mut options = OpenOptions::new();
            options.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = match options.open(&self.path) {
                Err(why) if is_full(&why) => return Ok(false),
                opened => opened?,
            };
            give(&self.path)?;
            let length = file.metadata()?.len();
            if length > size {
                file.set_len(size)?;
            } else if length < size {
                match self.append(&file, length, size) {
                    Ok(true) => {}
                    // The quota is exhausted, although the disk has free space.
                    Err(why) if is_full(&why) => {
                        file.set_len(length)?;
                        return Ok(false);
                    }
                    appended => return appended,
                }
            }
        }
        self.is_whole.store(true, Ordering::Release);
        Ok(true)
    }

    /// Releases a part. Returns false if nothing was left.
    pub(crate) fn give_up(&self) -> io::Result<bool> {
        let _turn = self.turn();
        if !self.is_kept() {
            return Ok(false);
        }
        self.is_whole.store(false, Ordering::Release);
        let file = match OpenOptions::new().write(true).open(&self.path) {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(why) => return Err(why),
        };
        let length = file.metadata()?.len();
        file.set_len(length.saturating_sub(SLICE))?;
        Ok(length > 0)
    }

    /// Appends the missing bytes, if there is space for them. They are pseudo-random, because a file system with
    /// compression would reserve no space for other content.
    fn append(&self, mut file: &File, length: u64, size: u64) -> io::Result<bool> {
        let disk = statvfs(&self.path)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let mut missing = size - length;
        if free < missing.saturating_add(size) {
            return Ok(false);
        }
        let (mut chunk, mut state) = (vec![0; CHUNK], length | 1);
        while missing > 0 {
            for word in chunk.as_chunks_mut::<8>().0 {
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *word = state.to_le_bytes();
            }
            let count = usize::try_from(missing).unwrap_or(CHUNK).min(CHUNK);
            file.write_all(&chunk[..count])?;
            missing -= count as u64;
        }
        file.sync_all()?;
        Ok(true)
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
            _ => Ok(()),
        }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a write next to the store fails for lack of space. The file system's free space does not reflect a quota.
pub(crate) fn lacks_room(store: &Path) -> bool {
    let write = || {
        let mut file = tempfile::tempfile_in(folder_of(store))?;
        file.write_all(&vec![1_u8; CHUNK])?;
        file.sync_all()
    };
    write().is_err_and(|why| is_full(&why))
}

/// Whether an error means that the disk or a quota is full.
pub(crate) fn is_full(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserve_is_given_up_in_parts_and_made_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, file) = (folder.path().join("a.db"), folder.path().join("a.db-reserve"));
        let length = || fs::metadata(&file).map(|found| found.len()).ok();
        let size = 2 * SLICE + 100;
        let reserve = Reserve::new(&store, Some(size));
        assert!(!reserve.is_whole());
        assert!(reserve.fill().expect("room") && reserve.is_whole());
        assert_eq!(length(), Some(size));
        for left in [SLICE + 100, 100, 0] {
            assert!(reserve.give_up().expect("a file") && !reserve.is_whole());
            assert_eq!(length(), Some(left));
        }
        assert!(!reserve.give_up().expect("a file"), "nothing is left");
        assert!(reserve.fill().expect("room"));
        assert_eq!(length(), Some(size));
        assert!(Reserve::new(&store, Some(SLICE)).fill().expect("room"));
        assert_eq!(length(), Some(SLICE), "a smaller one");
        assert!(Reserve::new(&store, Some(0)).fill().expect("no file"));
        assert_eq!(length(), None);
    }

    #[test]
    fn reserve_never_takes_the_last_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let reserve = Reserve::new(&folder.path().join("a.db"), Some(1 << 60));
        assert!(!reserve.fill().expect("a file") && !reserve.is_whole());
    }
}

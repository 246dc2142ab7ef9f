//! The mapping of SQLite's errors to those of the port.

use std::any::Any;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chinwag_core::Error;
use chinwag_core::name::NameCase;
use chinwag_core::store::DiskSpace;
use rusqlite::{Connection, ErrorCode, ffi};

use crate::reserve::lacks_room;
use crate::stamps::StampSource;
use crate::written::WrittenPages;

/// The state of the file apart from its rows.
#[derive(Debug)]
pub(crate) struct FileState {
    /// Whether an erased body may still be in the journal or on other pages. Initially true, since the
    /// previous process may have left some.
    pub(crate) erased: AtomicBool,
    /// Whether a job has found damage. Never reset, since the file does not repair itself.
    pub(crate) damaged: AtomicBool,
    pub(crate) name_case: NameCase,
    pub(crate) stamps: Arc<StampSource>,
    written: Mutex<WrittenPages>,
    /// Whether the disk is full.
    pub(crate) disk_space: DiskSpace,
}

impl FileState {
    pub(crate) fn new(name_case: NameCase, stamps: Arc<StampSource>) -> Self {
        Self {
            erased: AtomicBool::new(true),
            damaged: AtomicBool::new(false),
            name_case,
            stamps,
            written: Mutex::default(),
            disk_space: DiskSpace::default(),
        }
    }

    /// The pages written since the last scan for copies of erased rows.
    pub(crate) fn written(&self) -> MutexGuard<'_, WrittenPages> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the disk is full, and logs it the first time.
    pub(crate) fn set_spent(&self) {
        if !self.disk_space.set_spent(true) {
            tracing::error!(
                "the disk is full: nothing new is stored until it has room for store.reserve twice over"
            );
        }
    }

    /// Records damage, and logs it the first time.
    pub(crate) fn set_damaged(&self) {
        if !self.damaged.swap(true, Ordering::AcqRel) {
            tracing::error!(
                "the database is damaged: stop the server, look with `chinwag check` and restore a backup"
            );
        }
    }
}

/// Whether an error means that the disk is full. For an exhausted quota, SQLite reports only a failed write.
pub(crate) fn is_disk_full(conn: &Connection, why: &rusqlite::Error) -> bool {
    match why.sqlite_error().map(|why| why.extended_code) {
        Some(ffi::SQLITE_FULL) => true,
        Some(ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) => {
            conn.path().is_some_and(|path| lacks_room(Path::new(path)))
        }
        _ => false,
    }
}

/// Whether an error says that the file is damaged.
pub(crate) fn is_damage(why: &rusqlite::Error) -> bool {
    matches!(why.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Maps errors that may be transient to `Unavailable`, and logs them. Any other error is a bug.
pub(crate) fn fault(why: rusqlite::Error) -> Error {
    match why.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory,
        ) => {
            tracing::warn!(error = %why, "the database is unavailable");
            Error::unavailable()
        }
        _ => Error::internal(why),
    }
}

/// Like [`fault`], for a commit. If the disk did not confirm the commit, it may still be there after a crash,
/// so the outcome is unknown.
pub(crate) fn commit_fault(why: rusqlite::Error) -> Error {
    let code = why.sqlite_error().map(|e| e.extended_code);
    if matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)) {
        tracing::error!(error = %why, "the disk did not confirm a commit");
        return Error::Unknown;
    }
    fault(why)
}

/// An error for the payload of a job's panic.
pub(crate) fn panicked(with: &(dyn Any + Send)) -> Error {
    let text = with.downcast_ref::<&str>().copied().or(with.downcast_ref::<String>().map(String::as_str));
    Error::internal(format_args!("a job of the store panicked: {}", text.unwrap_or("no text")))
}

//! The meaning of SQLite's errors for a caller.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chinwag_core::Error;
use chinwag_core::name::NameCase;
use chinwag_core::store::Room;
use rusqlite::{ErrorCode, ffi};

use crate::stamps::StampSource;
use crate::written::Written;

/// The state of the file beside its rows.
#[derive(Debug)]
pub(crate) struct FileState {
    /// An erased body may still be in the journal or on other pages: at first, too, since nobody
    /// knows what the last process had left.
    pub(crate) erased: AtomicBool,
    /// A job has met damage. The file does not mend by itself.
    pub(crate) damaged: AtomicBool,
    pub(crate) name_case: NameCase,
    pub(crate) stamps: Arc<StampSource>,
    written: Mutex<Written>,
    /// Whether the disk was found full.
    pub(crate) room: Room,
}

impl FileState {
    pub(crate) fn new(name_case: NameCase, stamps: Arc<StampSource>) -> Self {
        Self {
            erased: AtomicBool::new(true),
            damaged: AtomicBool::new(false),
            name_case,
            stamps,
            written: Mutex::default(),
            room: Room::default(),
        }
    }

    /// The pages that were written since the last reading of pages for copies of erased rows.
    pub(crate) fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the disk is full, and logs it the first time.
    pub(crate) fn set_spent(&self) {
        if !self.room.set_spent(true) {
            tracing::error!(
                "the disk is full: nothing new is stored until it has room for store.reserve twice over"
            );
        }
    }

    /// Notes damage, and logs it the first time.
    pub(crate) fn set_damaged(&self) {
        if !self.damaged.swap(true, Ordering::AcqRel) {
            tracing::error!(
                "the database is damaged: stop the server, look with `chinwag check` and restore a backup"
            );
        }
    }
}

/// Whether an error says that the disk is full.
pub(crate) fn is_disk_full(why: &rusqlite::Error) -> bool {
    why.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// Whether an error says that the file is damaged.
pub(crate) fn is_damage(why: &rusqlite::Error) -> bool {
    matches!(why.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// An error that may pass is `Unavailable`, and is logged; any other is a fault of ours.
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

/// The same for a commit: where the disk did not confirm what it was given, a crash that follows
/// may yet bring it back.
pub(crate) fn commit_fault(why: rusqlite::Error) -> Error {
    let code = why.sqlite_error().map(|e| e.extended_code);
    if matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)) {
        tracing::error!(error = %why, "the disk did not confirm a commit");
        return Error::Unknown;
    }
    fault(why)
}

/// A fault from what a job panicked with.
pub(crate) fn panicked(with: &(dyn Any + Send)) -> Error {
    let text = with.downcast_ref::<&str>().copied().or(with.downcast_ref::<String>().map(String::as_str));
    Error::internal(format_args!("a job of the store panicked: {}", text.unwrap_or("no text")))
}

//! What SQLite's errors mean to a caller.

use std::any::Any;

use chinwag_core::Error;
use rusqlite::{ErrorCode, ffi};

/// What cannot be done now is `Unavailable`, and said in the log; the rest is a fault of ours.
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

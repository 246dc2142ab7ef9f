//! The error for an unreadable export.

use std::io;
use std::path::Path;

/// Why an export cannot be read, and where in it.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {why}")]
pub struct BadExport {
    /// The file, with the line if known.
    pub at: String,
    pub why: String,
}

impl BadExport {
    pub(crate) fn new(at: impl Into<String>, why: impl Into<String>) -> Self {
        Self { at: at.into(), why: why.into() }
    }

    /// The error for a failure to read or write a file.
    pub(crate) fn io(path: &Path, fault: &io::Error) -> Self {
        Self::new(path.display().to_string(), fault.to_string())
    }
}

//! The refusal of an export.

use std::io;
use std::path::Path;

/// The reason why an export cannot be read, with the place in it.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {why}")]
pub struct BadExport {
    /// The file, with the line if there is one.
    pub at: String,
    pub why: String,
}

impl BadExport {
    pub(crate) fn new(at: impl Into<String>, why: impl Into<String>) -> Self {
        Self { at: at.into(), why: why.into() }
    }

    /// The failure to read or write a file.
    pub(crate) fn io(path: &Path, fault: &io::Error) -> Self {
        Self::new(path.display().to_string(), fault.to_string())
    }
}

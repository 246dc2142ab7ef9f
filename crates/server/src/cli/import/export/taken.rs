//! The ids of the imported objects, kept in temporary files so that they can be counted in the store at the end.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result};
use uuid::Uuid;

/// Ids in a page.
const PAGE: usize = 1000;

/// The ids of an import, by kind.
pub(super) struct TakenIds {
    pub(super) messages: IdFile,
    pub(super) reactions: IdFile,
    pub(super) files: IdFile,
}

/// A file of ids, which is first written, then read once.
pub(super) enum IdFile {
    Writing(BufWriter<File>),
    Reading(BufReader<File>),
}

impl TakenIds {
    /// Creates the files in a folder.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let file = || {
            let file = tempfile::tempfile_in(folder);
            let file = file.with_context(|| format!("no temporary file in {}", folder.display()))?;
            anyhow::Ok(IdFile::Writing(BufWriter::new(file)))
        };
        Ok(Self { messages: file()?, reactions: file()?, files: file()? })
    }
}

impl IdFile {
    /// Adds an id.
    pub(super) fn push(&mut self, id: Uuid) -> Result<()> {
        match self {
            Self::Writing(file) => {
                file.write_all(id.as_bytes()).context("a temporary file cannot be written")
            }
            Self::Reading(_) => unreachable!("nothing is added while it is read"),
        }
    }

    /// The next page of ids, or `None` at the end. The first call ends the writing.
    pub(super) fn next_page(&mut self) -> Result<Option<Vec<Uuid>>> {
        if let Self::Writing(file) = self {
            file.flush().context("a temporary file cannot be written")?;
            let mut file = file.get_ref().try_clone().context("a temporary file cannot be read")?;
            file.seek(SeekFrom::Start(0)).context("a temporary file cannot be read")?;
            *self = Self::Reading(BufReader::new(file));
        }
        let Self::Reading(file) = self else { unreachable!("it is being read") };
        let mut bytes = Vec::with_capacity(PAGE * 16);
        file.take((PAGE * 16) as u64).read_to_end(&mut bytes).context("a temporary file cannot be read")?;
        let (ids, _) = bytes.as_chunks();
        let ids: Vec<_> = ids.iter().map(|id| Uuid::from_bytes(*id)).collect();
        Ok(Some(ids).filter(|ids| !ids.is_empty()))
    }
}

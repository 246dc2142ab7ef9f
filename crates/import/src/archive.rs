//! A ZIP file that a stranger may have made. Its entries are found by their names and read in memory of a fixed size;
//! no name is ever used as a path of a file system.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::{BadExport, Result};

/// An entry may unpack to so many bytes, however small it is packed.
const FREE: u64 = 64 << 20;
/// Beyond that, to so many times its packed size. Messages are packed 5 to 50 times, and nothing useful more than 200.
const RATIO: u64 = 300;

/// A ZIP file, and its entries by their names.
pub(crate) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    entries: BTreeMap<String, ArchivedFile>,
    shown: String,
}

/// One entry of the central directory.
#[derive(Debug, Clone, Copy)]
struct ArchivedFile {
    index: usize,
    size: u64,
}

/// An entry that is being read.
pub(crate) struct EntryReader<'a> {
    inner: ZipFile<'a, BufReader<File>>,
    size: u64,
    packed: u64,
    done: u64,
}

impl Archive {
    /// Opens a file. Its central directory is read, and its entries may neither overlap nor share a name.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let bad = |why: String| BadExport::new(&shown, why);
        let file = File::open(path).map_err(|fault| BadExport::io(path, &fault))?;
        let mut zip =
            ZipArchive::new(BufReader::new(file)).map_err(|why| bad(format!("is no ZIP file: {why}")))?;
        if zip.has_duplicate_names() {
            return Err(bad("has two entries of one name".into()));
        }
        if zip.has_overlapping_entries().map_err(|why| bad(why.to_string()))? {
            return Err(bad("has entries that overlap, as those of a ZIP bomb do".into()));
        }
        let mut entries = BTreeMap::new();
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(|why| bad(why.to_string()))?;
            let name = entry.name().map_err(|why| bad(why.to_string()))?.into_owned();
            if !entry.is_dir() {
                entries.insert(name, ArchivedFile { index, size: entry.size() });
            }
        }
        Ok(Self { zip, entries, shown })
    }

    /// The names of its files, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The size of a file in it, as the archive says.
    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.size)
    }

    /// Its own name, for errors.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Begins to read a file in it.
    pub(crate) fn reader(&mut self, name: &str) -> Result<EntryReader<'_>> {
        let entry = self.entries.get(name).copied();
        let ArchivedFile { index, size } =
            entry.ok_or_else(|| BadExport::new(&self.shown, format!("has no {name}")))?;
        let inner = self.zip.by_index(index).map_err(|why| BadExport::new(name, why.to_string()))?;
        let packed = inner.compressed_size();
        Ok(EntryReader { inner, size, packed, done: 0 })
    }
}

impl Read for EntryReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.done += read as u64;
        if self.done > self.size {
            return Err(io::Error::other(format!(
                "unpacks to more than the {} bytes that it says",
                self.size
            )));
        }
        if self.done > FREE && self.done / RATIO > self.packed {
            let why = format!("unpacks to more than {RATIO} times its size, as a ZIP bomb does");
            return Err(io::Error::other(why));
        }
        Ok(read)
    }
}

//! An untrusted ZIP file. Its entries are found by name and read in bounded memory. No name is ever used as a
//! path in the file system.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::{BadExport, Result};

/// An entry may always unpack to this number of bytes.
const FREE: u64 = 64 << 20;
/// A larger entry may unpack to this multiple of its packed size. Messages are compressed by a factor of 5 to
/// 50, and no useful data by more than 200.
const RATIO: u64 = 300;

/// A ZIP file, with its entries by name.
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
    /// Opens a file and reads its central directory. Entries must not overlap or share a name.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let bad = |why: String| BadExport::new(&shown, why);
        let file = File::open(path).map_err(|fault| BadExport::io(path, &fault))?;
        let mut zip =
            ZipArchive::new(BufReader::new(file)).map_err(|why| bad(format!("is not a ZIP file: {why}")))?;
        if zip.has_duplicate_names() {
            return Err(bad("has two entries with the same name".into()));
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

    /// The names of the files in it, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The size of a file in it, according to the archive.
    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.size)
    }

    /// The name of the archive, for errors.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Opens a file in it for reading.
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

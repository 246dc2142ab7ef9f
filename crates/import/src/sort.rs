//! An external merge sort: records are written to a temporary file in sorted runs, which are merged when they
//! are read. The memory is bounded, regardless of the number of records.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{BadExport, Result};

/// The size of a run, in bytes.
const RUN_BYTES: usize = 32 << 20;
/// The bytes to read from a run at a time.
const PIECE_BYTES: usize = 64 << 10;
/// The size of a key with the length of its record, in bytes.
const HEAD_BYTES: usize = 24;

/// The order of messages: by group, by date, and by order of insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SortKey {
    pub(crate) group: u32,
    pub(crate) micros: i64,
    pub(crate) ordinal: u64,
}

/// Collects records.
pub(crate) struct Sorter<T> {
    file: File,
    run: Vec<(SortKey, Vec<u8>)>,
    run_bytes: usize,
    runs: Vec<RunReader>,
    count: u64,
    oldest: Option<i64>,
    most: usize,
    of: PhantomData<T>,
}

/// Returns the records in order.
pub(crate) struct Sorted<T> {
    file: File,
    runs: Vec<RunReader>,
    /// The next record of each run.
    next: BinaryHeap<Reverse<(SortKey, usize, Vec<u8>)>>,
    count: u64,
    oldest: Option<i64>,
    of: PhantomData<T>,
}

/// The part of a run in the file that is not read yet.
struct RunReader {
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl<T: Serialize + DeserializeOwned> Sorter<T> {
    /// Creates the temporary file in a folder.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        Self::with_runs(folder, RUN_BYTES)
    }

    fn with_runs(folder: &Path, most: usize) -> Result<Self> {
        let file = tempfile::tempfile_in(folder).map_err(|fault| BadExport::io(folder, &fault))?;
        let (run, runs) = (Vec::new(), Vec::new());
        Ok(Self { file, run, run_bytes: 0, runs, count: 0, oldest: None, most, of: PhantomData })
    }

    pub(crate) fn push(&mut self, group: u32, micros: i64, record: &T) -> Result<()> {
        let bytes = serde_json::to_vec(record).map_err(|why| failed(&why.into()))?;
        self.run_bytes += bytes.len() + HEAD_BYTES;
        self.run.push((SortKey { group, micros, ordinal: self.count }, bytes));
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(micros, |oldest| oldest.min(micros)));
        if self.run_bytes >= self.most { self.end_run() } else { Ok(()) }
    }

    /// Finishes the last run, and starts reading.
    pub(crate) fn sorted(mut self) -> Result<Sorted<T>> {
        self.end_run()?;
        let Self { file, mut runs, count, oldest, .. } = self;
        let mut next = BinaryHeap::new();
        for (index, run) in runs.iter_mut().enumerate() {
            next.extend(
                run.next(&file)
                    .map_err(|fault| failed(&fault))?
                    .map(|(key, bytes)| Reverse((key, index, bytes))),
            );
        }
        Ok(Sorted { file, runs, next, count, oldest, of: PhantomData })
    }

    fn end_run(&mut self) -> Result<()> {
        self.run.sort_unstable_by_key(|(key, _)| *key);
        let run = self.write_run().map_err(|fault| failed(&fault))?;
        self.runs.push(run);
        self.run.clear();
        self.run_bytes = 0;
        Ok(())
    }

    fn write_run(&mut self) -> io::Result<RunReader> {
        let at = self.file.stream_position()?;
        let mut file = BufWriter::with_capacity(PIECE_BYTES, &self.file);
        for (key, bytes) in &self.run {
            file.write_all(&key.group.to_le_bytes())?;
            file.write_all(&key.micros.to_le_bytes())?;
            file.write_all(&key.ordinal.to_le_bytes())?;
            file.write_all(&u32::try_from(bytes.len()).map_err(io::Error::other)?.to_le_bytes())?;
            file.write_all(bytes)?;
        }
        file.flush()?;
        drop(file);
        let end = self.file.stream_position()?;
        Ok(RunReader { at, end, buffer: Vec::new(), used: 0 })
    }
}

impl<T: DeserializeOwned> Sorted<T> {
    /// The number of records, including those that were read already.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// The earliest date of all records.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.oldest
    }

    /// The next record with its key.
    pub(crate) fn next(&mut self) -> Result<Option<(SortKey, T)>> {
        let Some(Reverse((key, run, bytes))) = self.next.pop() else { return Ok(None) };
        let following = self.runs[run].next(&self.file).map_err(|fault| failed(&fault))?;
        self.next.extend(following.map(|(key, bytes)| Reverse((key, run, bytes))));
        let record = serde_json::from_slice(&bytes).map_err(|why| failed(&why.into()))?;
        Ok(Some((key, record)))
    }
}

impl RunReader {
    fn next(&mut self, file: &File) -> io::Result<Option<(SortKey, Vec<u8>)>> {
        if self.used == self.buffer.len() && self.at == self.end {
            return Ok(None);
        }
        let group = u32::try_from(self.number(file, 4)?).map_err(io::Error::other)?;
        let micros = self.number(file, 8)?.cast_signed();
        let ordinal = self.number(file, 8)?;
        let length = self.number(file, 4)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.fill(file, &mut bytes)?;
        Ok(Some((SortKey { group, micros, ordinal }, bytes)))
    }

    /// Reads a little-endian number with this number of bytes.
    fn number(&mut self, file: &File, length: usize) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.fill(file, &mut bytes[..length])?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn fill(&mut self, file: &File, mut to: &mut [u8]) -> io::Result<()> {
        while !to.is_empty() {
            if self.used == self.buffer.len() {
                let piece = (self.end - self.at).min(PIECE_BYTES as u64);
                self.buffer.resize(usize::try_from(piece).map_err(io::Error::other)?, 0);
                file.read_exact_at(&mut self.buffer, self.at)?;
                (self.at, self.used) = (self.at + piece, 0);
                if self.buffer.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let count = to.len().min(self.buffer.len() - self.used);
            to[..count].copy_from_slice(&self.buffer[self.used..self.used + count]);
            self.used += count;
            to = &mut to[count..];
        }
        Ok(())
    }
}

fn failed(fault: &io::Error) -> BadExport {
    BadExport::new("the temporary file", fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_order_however_many_runs() {
        for most in [1, 100, 1 << 20] {
            let mut sorter = Sorter::with_runs(&std::env::temp_dir(), most).expect("a file");
            let mut expected = Vec::new();
            for number in 0..500_i64 {
                let (group, micros) =
                    (u32::try_from(number * 7 % 3).expect("small"), number * 7919 % 100 - 50);
                let record = "x".repeat(usize::try_from(number % 40).expect("small"));
                sorter.push(group, micros, &record).expect("room");
                expected.push((group, micros, number, record));
            }
            expected.sort();
            let mut sorted = sorter.sorted().expect("runs");
            assert_eq!(sorted.len(), 500);
            let mut found = Vec::new();
            while let Some((key, record)) = sorted.next().expect("a record") {
                found.push((key.group, key.micros, key.ordinal.cast_signed(), record));
            }
            assert!(found == expected, "{most}");
        }
    }

    #[test]
    fn nothing_is_sorted_into_nothing() {
        let sorter = Sorter::<String>::new(&std::env::temp_dir()).expect("a file");
        assert_eq!(sorter.sorted().expect("a run").next().expect("an end"), None);
    }
}

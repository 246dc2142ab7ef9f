//! A streaming ZIP writer. It writes into memory, from which the caller takes the bytes piece by piece.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chinwag_core::Date;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The compression level for data that is already compressed: the lowest of the library.
const LOWEST: i64 = 1;
const OVER: &str = "the ZIP file is finished";

/// A ZIP that is being written.
pub(super) struct ZipStream {
    /// `None` after the end.
    writer: Option<ZipWriter<StreamWriter<Output>>>,
    output: Output,
    options: SimpleFileOptions,
    /// The bytes of the current entry so far.
    entry_length: u64,
}

/// The compression of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// Compressed. For texts of less than 4 GiB.
    Compressed,
    /// Barely compressed. For data of this length that is already compressed.
    Plain(u64),
}

/// The bytes to be taken, shared by the writer and its caller.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl ZipStream {
    pub(super) fn new(now: Date) -> Self {
        let output = Output::default();
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(moment(now))
            .unix_permissions(0o600);
        Self { writer: Some(ZipWriter::new_stream(output.clone())), output, options, entry_length: 0 }
    }

    /// Begins an entry, and ends the previous one. The name must be portable.
    pub(super) fn begin(&mut self, name: String, packing: Packing) -> io::Result<()> {
        let options = match packing {
            Packing::Compressed => self.options,
            Packing::Plain(length) => {
                // Incompressible data grows by a thousandth at most.
                let most = length.saturating_add(length / 1000).saturating_add(1024);
                self.options.compression_level(Some(LOWEST)).large_file(u32::try_from(most).is_err())
            }
        };
        self.entry_length = 0;
        Ok(self.writer()?.start_file(name, options)?)
    }

    /// Appends bytes to the current entry.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer()?.write_all(bytes)?;
        self.entry_length += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn entry_length(&self) -> u64 {
        self.entry_length
    }

    /// Writes the central directory, which ends the file.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let writer = self.writer.take().ok_or_else(|| io::Error::other(OVER))?;
        writer.finish()?;
        Ok(())
    }

    /// The number of bytes that can be taken.
    pub(super) fn waiting(&self) -> usize {
        self.output.lock().len()
    }

    /// Takes the bytes written so far.
    pub(super) fn take(&mut self) -> Vec<u8> {
        mem::take(&mut *self.output.lock())
    }

    fn writer(&mut self) -> io::Result<&mut ZipWriter<StreamWriter<Output>>> {
        self.writer.as_mut().ok_or_else(|| io::Error::other(OVER))
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A date with a resolution of two seconds, as ZIP stores it, from 1980 to 2107. Dates outside map to the first
/// moment of 1980.
fn moment(now: Date) -> DateTime {
    let text = now.to_string();
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u16>().ok();
    let small = |from: usize| u8::try_from(number(from, from + 2)?).ok();
    let read = || {
        let (year, month, day) = (number(0, 4)?, small(5)?, small(8)?);
        DateTime::from_date_and_time(year, month, day, small(11)?, small(14)?, small(17)?).ok()
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let date = Date::parse("2026-11-29T07:15:43.5Z").expect("a date");
        let mut zip = ZipStream::new(date);
        let mut bytes = Vec::new();
        let entries = [("a.jsonl", Packing::Compressed), ("files/ä.bin", Packing::Plain(5 << 30))];
        for (name, packing) in entries {
            zip.begin(name.to_owned(), packing).expect("an entry");
            for _ in 0..9 {
                zip.write(&vec![b'a'; 99_999]).expect("written");
                bytes.extend(zip.take());
            }
            assert_eq!(zip.entry_length(), 899_991);
        }
        zip.finish().expect("the end");
        assert!(zip.write(b"more").is_err() && zip.begin("more".into(), Packing::Compressed).is_err());
        bytes.extend(zip.take());
        let mut read = ZipArchive::new(Cursor::new(bytes)).expect("a ZIP file");
        for (name, _) in entries {
            let mut entry = read.by_name(name).expect("the entry");
            let written = entry.last_modified().expect("a moment");
            assert_eq!((written.year(), written.day(), written.hour(), written.second()), (2026, 29, 7, 42));
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("its content");
            assert_eq!(content, vec![b'a'; 899_991]);
        }
    }
}

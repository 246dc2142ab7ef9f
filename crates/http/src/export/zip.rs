//! A ZIP file, written from its beginning to its end: no length is known before the bytes are there, so that each entry has
//! its lengths behind it. Names are UTF-8 (bit 11, in both headers). Entries and files beyond 4 GiB are written as ZIP64.

use std::io::{self, Write};

use chinwag_core::Date;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// The entry has its lengths behind it; its name is UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
const DEFLATED: u16 = 8;
/// The versions of the format without and with ZIP64.
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
/// Made on Unix, whose attributes follow: a plain file that its owner may read and write.
const MADE_BY: u16 = 3 << 8 | VERSION_64;
const ATTRIBUTES: u32 = 0o100_600 << 16;
/// The number that stands for one that is in the part of ZIP64.
const BEYOND: u32 = u32::MAX;

/// Writes a ZIP file into memory, from where its caller takes it.
pub(super) struct ZipWriter {
    out: Vec<u8>,
    /// The bytes that were taken.
    taken: u64,
    /// The time and date of all entries.
    moment: (u16, u16),
    entry: Option<OpenEntry>,
    entries: Vec<WrittenEntry>,
}

struct OpenEntry {
    entry: WrittenEntry,
    encoder: DeflateEncoder<Vec<u8>>,
    crc: Crc,
}

/// An entry as the list at the end has it.
struct WrittenEntry {
    name: String,
    crc: u32,
    packed: u64,
    length: u64,
    at: u64,
    /// Whether its lengths are of ZIP64.
    is_large: bool,
}

/// How the bytes of an entry are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// Compressed. For texts of less than 4 GiB.
    Compressed,
    /// As they are. For what is compressed already, of this length.
    Plain(u64),
}

impl ZipWriter {
    pub(super) fn new(now: Date) -> Self {
        Self { out: Vec::new(), taken: 0, moment: moment(now), entry: None, entries: Vec::new() }
    }

    /// Begins an entry. Its name is one that every system takes.
    pub(super) fn begin(&mut self, name: String, packing: Packing) {
        let (level, length) = match packing {
            Packing::Compressed => (Compression::default(), 0),
            Packing::Plain(length) => (Compression::none(), length),
        };
        // Bytes that are kept as they are grow by a thousandth at most.
        let is_large = length.saturating_add(length / 1000).saturating_add(1024) >= u64::from(BEYOND);
        let entry = WrittenEntry { crc: 0, packed: 0, length: 0, at: self.position(), is_large, name };
        self.out.extend(0x0403_4b50_u32.to_le_bytes());
        self.out.extend((if is_large { VERSION_64 } else { VERSION }).to_le_bytes());
        self.common(0, if is_large { [BEYOND; 2] } else { [0; 2] });
        self.names(&entry.name, if is_large { 20 } else { 0 });
        self.out.extend(entry.name.as_bytes());
        if is_large {
            self.out.extend([1, 0, 16, 0]);
            self.out.extend([0; 16]);
        }
        let encoder = DeflateEncoder::new(Vec::new(), level);
        self.entry = Some(OpenEntry { entry, encoder, crc: Crc::new() });
    }

    /// Appends bytes to the entry.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(OpenEntry { entry, encoder, crc }) = &mut self.entry else {
            return Err(io::Error::other("no entry was begun"));
        };
        encoder.write_all(bytes)?;
        crc.update(bytes);
        entry.length += bytes.len() as u64;
        let packed = encoder.get_mut();
        entry.packed += packed.len() as u64;
        self.out.append(packed);
        Ok(())
    }

    /// The bytes of the entry so far.
    pub(super) fn entry_length(&self) -> u64 {
        self.entry.as_ref().map_or(0, |open| open.entry.length)
    }

    /// Ends the entry.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let Some(OpenEntry { mut entry, encoder, crc }) = self.entry.take() else { return Ok(()) };
        let rest = encoder.finish()?;
        entry.packed += rest.len() as u64;
        entry.crc = crc.sum();
        self.out.extend(rest);
        self.out.extend(0x0807_4b50_u32.to_le_bytes());
        self.out.extend(entry.crc.to_le_bytes());
        for length in [entry.packed, entry.length] {
            if entry.is_large {
                self.out.extend(length.to_le_bytes());
            } else {
                let length = u32::try_from(length).map_err(|_| io::Error::other("an entry is too long"))?;
                self.out.extend(length.to_le_bytes());
            }
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Writes the list of the entries, which ends the file.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.end()?;
        let begin = self.position();
        let entries = std::mem::take(&mut self.entries);
        for entry in &entries {
            self.list(entry);
        }
        let (count, size) = (entries.len() as u64, self.position() - begin);
        let is_beyond =
            count >= u64::from(u16::MAX) || begin >= u64::from(BEYOND) || size >= u64::from(BEYOND);
        if is_beyond {
            self.end_64(count, size, begin);
        }
        let short = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
        self.out.extend(0x0605_4b50_u32.to_le_bytes());
        self.out.extend([0; 4]);
        self.out.extend(short(count).to_le_bytes());
        self.out.extend(short(count).to_le_bytes());
        self.out.extend(narrow(size).to_le_bytes());
        self.out.extend(narrow(begin).to_le_bytes());
        self.out.extend([0; 2]);
        Ok(())
    }

    /// The bytes that wait to be taken.
    pub(super) fn waiting(&self) -> usize {
        self.out.len()
    }

    /// Takes them.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.taken += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }

    fn position(&self) -> u64 {
        self.taken + self.out.len() as u64
    }

    /// Writes an entry of the list.
    fn list(&mut self, entry: &WrittenEntry) {
        let mut beyond = Vec::new();
        let [packed, length] = if entry.is_large {
            beyond.extend([entry.length.to_le_bytes(), entry.packed.to_le_bytes()].concat());
            [BEYOND; 2]
        } else {
            [narrow(entry.packed), narrow(entry.length)]
        };
        let at = narrow(entry.at);
        if at == BEYOND {
            beyond.extend(entry.at.to_le_bytes());
        }
        let extra = if beyond.is_empty() { 0 } else { 4 + beyond.len() };
        self.out.extend(0x0201_4b50_u32.to_le_bytes());
        self.out.extend(MADE_BY.to_le_bytes());
        self.out.extend((if extra > 0 { VERSION_64 } else { VERSION }).to_le_bytes());
        self.common(entry.crc, [packed, length]);
        self.names(&entry.name, extra);
        self.out.extend([0; 6]);
        self.out.extend(ATTRIBUTES.to_le_bytes());
        self.out.extend(at.to_le_bytes());
        self.out.extend(entry.name.as_bytes());
        if extra > 0 {
            self.out.extend(1_u16.to_le_bytes());
            self.out.extend(u16::try_from(beyond.len()).unwrap_or(0).to_le_bytes());
            self.out.extend(beyond);
        }
    }

    /// Writes what both headers of an entry have in common.
    fn common(&mut self, crc: u32, [packed, length]: [u32; 2]) {
        let (time, date) = self.moment;
        for short in [FLAGS, DEFLATED, time, date] {
            self.out.extend(short.to_le_bytes());
        }
        for long in [crc, packed, length] {
            self.out.extend(long.to_le_bytes());
        }
    }

    /// Writes the lengths of an entry's name and of what follows it.
    fn names(&mut self, name: &str, extra: usize) {
        for length in [name.len(), extra] {
            self.out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
        }
    }

    /// Writes the end of a file with more, or longer, entries than the first format can tell.
    fn end_64(&mut self, count: u64, size: u64, begin: u64) {
        let at = self.position();
        self.out.extend(0x0606_4b50_u32.to_le_bytes());
        self.out.extend(44_u64.to_le_bytes());
        self.out.extend(MADE_BY.to_le_bytes());
        self.out.extend(VERSION_64.to_le_bytes());
        self.out.extend([0; 8]);
        for number in [count, count, size, begin] {
            self.out.extend(number.to_le_bytes());
        }
        self.out.extend(0x0706_4b50_u32.to_le_bytes());
        self.out.extend([0; 4]);
        self.out.extend(at.to_le_bytes());
        self.out.extend(1_u32.to_le_bytes());
    }
}

/// A number, or the one that stands for what is in the part of ZIP64.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(BEYOND)
}

/// The time and the date, to two seconds, as the format has them from 1980 to 2107.
fn moment(now: Date) -> (u16, u16) {
    let text = now.to_string();
    let number =
        |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse().ok()).unwrap_or(0_u16);
    let year = number(0, 4).clamp(1980, 2107) - 1980;
    let date = year << 9 | number(5, 7) << 5 | number(8, 10);
    let time = number(11, 13) << 11 | number(14, 16) << 5 | (number(17, 19) / 2);
    (time, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moment_is_that_of_the_date() {
        let date = Date::parse("2026-11-29T07:15:43.5Z").expect("a date");
        let (time, date) = moment(date);
        assert_eq!((date >> 9, date >> 5 & 15, date & 31), (46, 11, 29));
        assert_eq!((time >> 11, time >> 5 & 63, time & 31), (7, 15, 21));
    }

    #[test]
    fn long_entry_is_of_zip64() {
        let mut zip = ZipWriter::new(Date::from_micros(0));
        zip.begin("small".into(), Packing::Plain(10));
        zip.end().expect("written");
        zip.begin("large".into(), Packing::Plain(5 << 30));
        zip.end().expect("written");
        // As if so much had been written.
        zip.entries[1].length = 5 << 30;
        zip.entries[1].at = 6 << 30;
        zip.finish().expect("written");
        let bytes = zip.take();
        let list =
            bytes.windows(4).rposition(|part| part == 0x0201_4b50_u32.to_le_bytes()).expect("an entry");
        let entry = &bytes[list..];
        assert_eq!(entry[20..28], [0xff; 8], "its lengths");
        assert_eq!(entry[42..46], [0xff; 4], "its place");
        assert_eq!(entry[51..55], [1, 0, 24, 0], "they are behind its name");
        assert_eq!(entry[55..63], (5_u64 << 30).to_le_bytes());
        assert_eq!(entry[71..79], (6_u64 << 30).to_le_bytes());
    }
}

//! The mapping between index rows and messages, in chunks by date. A row's number consists of the number of
//! its chunk and its position in the chunk.
//!
//! A chunk contains messages of one span of dates, in any order. The spans form a tree in which each one is
//! divided into 16. A message is in the first chunk on its path that was not full. So the row of a message is
//! found by its date, and the newest rows by the last dates of the chunks, regardless of the order in which
//! messages were indexed.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use chinwag_core::{Error, Result};
use rusqlite::{Connection, Row, params};

use crate::transaction::Transaction;

/// The bits of a row number for the position in the chunk.
const POSITION_BITS: u32 = 8;
const CAPACITY: usize = 1 << POSITION_BITS;
/// The bits of a date that the longest spans ignore (9 years), and the number of bits by which each level is
/// shorter.
const MAX_SPAN_BITS: u32 = 48;
const LEVEL_BITS: usize = 4;
/// The low bits of a message's number within one part of a microsecond, few enough that the part's messages
/// fit into a chunk.
const PART_BITS: u32 = 7;
/// The bits of a message's number.
const SEQ_BITS: u32 = 36;

/// The message of a row: its date in microseconds, the ordinal of its group, and its number in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexedRow {
    pub(crate) date: i64,
    pub(crate) ordinal: i64,
    pub(crate) seq: i64,
}

/// The dates that a chunk covers, and its part if many messages have the same date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ChunkSpan {
    pub(crate) last: i64,
    pub(crate) first: i64,
    pub(crate) part: i64,
}

pub(crate) struct IndexChunk {
    pub(crate) number: i64,
    first: i64,
    count: usize,
    /// The encoded entries.
    entries: Vec<u8>,
}

/// A cache of chunks, so that each is read once for many messages.
#[derive(Default)]
pub(super) struct IndexChunks(HashMap<ChunkSpan, Option<IndexChunk>>);

impl ChunkSpan {
    /// The span that contains a date, ignoring its lowest `open` bits.
    pub(super) fn of(date: i64, open: u32) -> Self {
        let first = (date >> open) << open;
        Self { last: first + ((1 << open) - 1), first, part: 0 }
    }

    /// The spans that contain a date, from the longest to the shortest.
    pub(super) fn path(date: i64) -> impl Iterator<Item = Self> {
        (0..=MAX_SPAN_BITS).rev().step_by(LEVEL_BITS).map(move |open| Self::of(date, open))
    }

    /// The chunks that may contain a message. The last one always has room.
    fn of_row(row: IndexedRow) -> impl Iterator<Item = Self> {
        let part = (row.ordinal << (SEQ_BITS - PART_BITS)) + (row.seq >> PART_BITS) + 1;
        Self::path(row.date).chain(std::iter::once(Self { last: row.date, first: row.date, part }))
    }
}

impl IndexChunk {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let count = usize::try_from(row.get::<_, i64>(2)?).unwrap_or(CAPACITY);
        Ok(Self { number: row.get(0)?, first: row.get(1)?, count, entries: row.get(3)? })
    }

    /// Passes each chunk to `take`.
    pub(crate) fn each(
        conn: &Connection,
        mut take: impl FnMut(&Self) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut read = conn.prepare("SELECT chunk, first, count, entries FROM search_chunks")?;
        let mut rows = read.query([])?;
        while let Some(row) = rows.next()? {
            take(&Self::read(row)?)?;
        }
        Ok(())
    }

    /// The first and last possible row numbers of a chunk.
    pub(crate) fn numbers(chunk: i64) -> (i64, i64) {
        (chunk << POSITION_BITS, ((chunk + 1) << POSITION_BITS) - 1)
    }

    /// The chunk of a row number.
    pub(crate) fn of_number(row: i64) -> i64 {
        row >> POSITION_BITS
    }

    /// The rows of the chunk with their numbers.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (i64, IndexedRow)> {
        let (first, mut rest) = (self.first, self.entries.as_slice());
        let row = move || {
            let date = first.checked_add(number(&mut rest)?)?;
            Some(IndexedRow { date, ordinal: number(&mut rest)?, seq: number(&mut rest)? })
        };
        (self.number << POSITION_BITS..).zip(std::iter::from_fn(row))
    }

    fn find(&self, wanted: IndexedRow) -> Option<i64> {
        self.rows().find(|(_, row)| *row == wanted).map(|(number, _)| number)
    }

    /// Adds a row and returns its number, or `None` if the chunk is full.
    fn add(&mut self, row: IndexedRow) -> Option<i64> {
        if self.count >= CAPACITY {
            return None;
        }
        for value in [row.date - self.first, row.ordinal, row.seq] {
            push(&mut self.entries, value);
        }
        self.count += 1;
        Some(Self::numbers(self.number).0 + i64::try_from(self.count - 1).ok()?)
    }
}

impl IndexChunks {
    fn read(&mut self, tx: &Transaction<'_, '_>, span: ChunkSpan) -> Result<&mut Option<IndexChunk>> {
        Ok(match self.0.entry(span) {
            Entry::Occupied(chunk) => chunk.into_mut(),
            Entry::Vacant(place) => place.insert(tx.chunk(span)?),
        })
    }

    /// The row number of a message, if it has one.
    pub(super) fn find(&mut self, tx: &Transaction<'_, '_>, row: IndexedRow) -> Result<Option<i64>> {
        let mut spans = Vec::new();
        for span in ChunkSpan::of_row(row) {
            let Some(chunk) = self.read(tx, span)? else { break };
            spans.push(span);
            if chunk.count < CAPACITY {
                break;
            }
        }
        // Most messages are in the shortest spans, and decoding a chunk's entries takes most of the time.
        for span in spans.into_iter().rev() {
            if let Some(found) = self.read(tx, span)?.as_ref().and_then(|chunk| chunk.find(row)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl Transaction<'_, '_> {
    fn chunk(&self, span: ChunkSpan) -> Result<Option<IndexChunk>> {
        const FIND: &str = "SELECT chunk, first, count, entries FROM search_chunks
            WHERE last = ?1 AND first = ?2 AND part = ?3";
        self.one(FIND, params![span.last, span.first, span.part], IndexChunk::read)
    }

    pub(super) fn chunk_numbered(&self, number: i64) -> Result<Option<IndexChunk>> {
        const FIND: &str = "SELECT chunk, first, count, entries FROM search_chunks WHERE chunk = ?1";
        self.one(FIND, [number], IndexChunk::read)
    }

    /// Assigns rows to messages that have none. Returns their numbers.
    pub(super) fn rows_add(&mut self, rows: &[IndexedRow]) -> Result<Vec<i64>> {
        const ADD: &str = "INSERT INTO search_chunks (last, first, part, count, entries)
            VALUES (?1, ?2, ?3, 0, x'') RETURNING chunk";
        const SET: &str = "UPDATE search_chunks SET count = ?1, entries = ?2 WHERE chunk = ?3";
        let (mut chunks, mut changed, mut numbers) = (IndexChunks::default(), HashSet::new(), Vec::new());
        for row in rows {
            let mut number = None;
            for span in ChunkSpan::of_row(*row) {
                let chunk = chunks.read(self, span)?;
                if chunk.is_none() {
                    let made =
                        self.change_one(ADD, params![span.last, span.first, span.part], |row| row.get(0))?;
                    let number = made.ok_or_else(|| Error::internal("a chunk of the index was not made"))?;
                    *chunk = Some(IndexChunk { number, first: span.first, count: 0, entries: Vec::new() });
                }
                number = chunk.as_mut().and_then(|chunk| chunk.add(*row));
                if number.is_some() {
                    changed.insert(span);
                    break;
                }
            }
            numbers.push(number.ok_or_else(|| Error::internal("the index has no room for this message"))?);
        }
        for span in changed {
            if let Some(chunk) = chunks.read(self, span)? {
                let count = i64::try_from(chunk.count).unwrap_or(i64::MAX);
                self.change(SET, params![count, chunk.entries, chunk.number])?;
            }
        }
        Ok(numbers)
    }
}

/// Decodes a number from the front: 7 bits per byte, the lowest first.
fn number(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= i64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn push(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = value.cast_unsigned();
    while rest > 0x7f {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use chinwag_core::name::NameCase;

    use super::*;
    use crate::open::{self, Options};

    #[test]
    fn each_row_is_found_by_its_date() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chinwag.db");
        let conn = open::writer(&path, &Options { durable: false, ..Options::default() }).expect("a file");
        let mut tx = Transaction::new(&conn, false, NameCase::default(), 0);
        // More messages with one date than the chunks of its path can hold, and others around it.
        let moment = (0..9000).map(|number| IndexedRow { date: 7, ordinal: number % 40, seq: number });
        let around = (0..3000).map(|number| IndexedRow {
            date: number * number * number - 999,
            ordinal: 5,
            seq: number,
        });
        let rows: Vec<_> = around.chain(moment).collect();
        let mut numbers = Vec::new();
        for part in rows.chunks(700) {
            numbers.extend(tx.rows_add(part).expect("room"));
        }
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), rows.len());
        for (row, number) in rows.iter().zip(&numbers).step_by(97) {
            assert_eq!(IndexChunks::default().find(&tx, *row).expect("a store"), Some(*number), "{row:?}");
        }
        let unknown = IndexedRow { date: 8, ordinal: 5, seq: 1 };
        assert_eq!(IndexChunks::default().find(&tx, unknown).expect("a store"), None);
        let mut read = Vec::new();
        IndexChunk::each(&conn, |chunk| {
            read.extend(chunk.rows());
            Ok(())
        })
        .expect("chunks");
        read.sort_unstable_by_key(|(number, _)| *number);
        let mut given: Vec<_> = numbers.into_iter().zip(rows).collect();
        given.sort_unstable_by_key(|(number, _)| *number);
        assert!(read == given, "the chunks have each row once");
    }
}

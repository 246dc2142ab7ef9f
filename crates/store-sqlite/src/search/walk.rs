//! A walk over index rows, newest first: chunk by chunk, in the order of their last dates.
//!
//! A message is known to be the next result once no remaining chunk has a last date that is as late. If few
//! matching rows are known, only their chunks are visited. Otherwise each chunk is matched.

use std::collections::{BinaryHeap, HashMap, VecDeque};

use chinwag_core::store::{IndexedGroup, IndexedPlaces, SearchPlace};
use chinwag_core::{Date, GroupId, Result, Seq};
use chinwag_store_sql::search::ordinals;
use rusqlite::{Row, params};

use super::chunks::{ChunkSpan, IndexChunk, IndexedRow};
use crate::transaction::{Transaction, limit};

/// The most chunks that are looked up one by one. With more, the walk visits all chunks.
const MAX_SINGLE_LOOKUPS: usize = 256;
/// Costs in the time of one row: the work after which a walk may pause (some milliseconds), the read of a
/// chunk, and a query for a chunk's matching rows.
const WORK: usize = 16_000;
const READ: usize = 16;
const MATCHED: usize = 100;
/// Chunk heads that are read at a time.
const PAGE: usize = 64;

/// The number and the dates of a chunk.
#[derive(Clone, Copy)]
struct ChunkHead {
    number: i64,
    span: ChunkSpan,
}

pub(super) struct Walk<'a, 't, 'c> {
    tx: &'a Transaction<'t, 'c>,
    before: SearchPlace,
    /// The groups to search, by ordinal.
    groups: HashMap<i64, GroupId>,
    found: BinaryHeap<SearchPlace>,
    work: usize,
}

/// The matching rows of chunks.
pub(super) enum ChunkRows<'q> {
    /// All matching rows, by chunk.
    Known(HashMap<i64, Vec<i64>>),
    /// The rows that match this expression.
    Matched(&'q str),
}

/// The chunks that may contain messages before a date, ordered by their last dates, the latest first.
struct ChunkHeads {
    next: VecDeque<ChunkHead>,
    /// The last chunk of the page, if more may follow.
    after: Option<ChunkSpan>,
}

impl<'a, 't, 'c> Walk<'a, 't, 'c> {
    pub(super) fn new(tx: &'a Transaction<'t, 'c>, groups: &[IndexedGroup], before: SearchPlace) -> Self {
        let groups = ordinals(groups).into_iter().collect();
        Self { tx, before, groups, found: BinaryHeap::new(), work: 0 }
    }

    /// The newest matching places. With `may_pause`, the walk may end early; `rest` then says where to
    /// continue.
    pub(super) fn places(
        mut self,
        mut rows: ChunkRows<'_>,
        most: usize,
        may_pause: bool,
    ) -> Result<IndexedPlaces> {
        let mut heads = self.heads(&rows)?;
        let mut head = self.next_head(&mut heads, &rows)?;
        let mut places = Vec::new();
        loop {
            let is_certain =
                |place: &SearchPlace| head.is_none_or(|head| place.date.micros() > head.span.last);
            while let Some(place) = self.found.peek().copied().filter(is_certain) {
                if places.len() == most {
                    return Ok(IndexedPlaces { rest: places.last().copied(), places });
                }
                self.found.pop();
                places.push(place);
            }
            let Some(chunk) = head else { return Ok(IndexedPlaces { places, rest: None }) };
            if may_pause && self.work >= WORK && chunk.span.last < self.before.date.micros() {
                let rest = SearchPlace::after_date(Date::from_micros(chunk.span.last));
                return Ok(IndexedPlaces { places, rest: Some(rest) });
            }
            self.match_chunk(chunk, &mut rows)?;
            head = self.next_head(&mut heads, &rows)?;
        }
    }

    /// Finds the matching messages of a chunk.
    fn match_chunk(&mut self, head: ChunkHead, rows: &mut ChunkRows<'_>) -> Result<()> {
        let found = match rows {
            ChunkRows::Known(rows) => rows.remove(&head.number).unwrap_or_default(),
            ChunkRows::Matched(expression) => {
                self.work += MATCHED;
                self.tx.rows(expression, IndexChunk::numbers(head.number), usize::MAX)?.unwrap_or_default()
            }
        };
        if found.is_empty() {
            return Ok(());
        }
        self.work += READ + found.len();
        let Some(chunk) = self.tx.chunk_numbered(head.number)? else { return Ok(()) };
        // Both lists are in ascending order.
        let mut found = found.into_iter().peekable();
        for (number, row) in chunk.rows() {
            if found.next_if_eq(&number).is_some() {
                self.found.extend(self.place(row));
            }
        }
        Ok(())
    }

    /// The place of a row's message, if its group is searched and it is before the start of the walk.
    fn place(&self, row: IndexedRow) -> Option<SearchPlace> {
        let group = *self.groups.get(&row.ordinal)?;
        let place = SearchPlace { date: Date::from_micros(row.date), group, seq: Seq(row.seq) };
        (place < self.before).then_some(place)
    }

    /// The chunks to visit.
    fn heads(&self, rows: &ChunkRows<'_>) -> Result<ChunkHeads> {
        let date = self.before.date.micros();
        let mut heads = Vec::new();
        match rows {
            ChunkRows::Known(rows) if rows.len() <= MAX_SINGLE_LOOKUPS => {
                const FIND: &str = "SELECT chunk, last, first, part FROM search_chunks WHERE chunk = ?1";
                let mut find = self.tx.repeated(FIND)?;
                for chunk in rows.keys() {
                    heads.extend(find.one([chunk], ChunkHead::read)?);
                }
                heads.retain(|head| head.span.first <= date);
                heads.sort_unstable_by_key(|head| std::cmp::Reverse(head.span.last));
                Ok(ChunkHeads { next: heads.into(), after: None })
            }
            _ => {
                // The chunks whose spans contain the date, then the earlier ones.
                const OF_SPAN: &str = "SELECT chunk, last, first, part FROM search_chunks
                    WHERE last = ?1 AND first = ?2 ORDER BY part";
                for span in ChunkSpan::path(date) {
                    heads.extend(self.tx.all(OF_SPAN, params![span.last, span.first], ChunkHead::read)?);
                }
                let earlier = ChunkSpan { last: date, first: i64::MIN, part: 0 };
                Ok(ChunkHeads { next: heads.into(), after: Some(earlier) })
            }
        }
    }

    /// The next chunk that may have matching rows.
    fn next_head(&self, heads: &mut ChunkHeads, rows: &ChunkRows<'_>) -> Result<Option<ChunkHead>> {
        const PAGED: &str = "SELECT chunk, last, first, part FROM search_chunks
            WHERE (last, first, part) < (?1, ?2, ?3) ORDER BY last DESC, first DESC, part DESC LIMIT ?4";
        loop {
            let has_rows = |head: &ChunkHead| match rows {
                ChunkRows::Known(rows) => rows.contains_key(&head.number),
                ChunkRows::Matched(_) => true,
            };
            while let Some(head) = heads.next.pop_front() {
                if has_rows(&head) {
                    return Ok(Some(head));
                }
            }
            let Some(after) = heads.after.filter(|_| !rows.is_empty()) else { return Ok(None) };
            let page = self.tx.all(
                PAGED,
                params![after.last, after.first, after.part, limit(PAGE)],
                ChunkHead::read,
            )?;
            heads.after = page.last().map(|head| head.span);
            heads.next = page.into();
        }
    }
}

impl ChunkHead {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let span = ChunkSpan { last: row.get(1)?, first: row.get(2)?, part: row.get(3)? };
        Ok(Self { number: row.get(0)?, span })
    }
}

impl ChunkRows<'_> {
    pub(super) fn known(rows: Vec<i64>) -> Self {
        let mut of_chunks: HashMap<i64, Vec<i64>> = HashMap::new();
        for row in rows {
            of_chunks.entry(IndexChunk::of_number(row)).or_default().push(row);
        }
        Self::Known(of_chunks)
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Known(rows) if rows.is_empty())
    }
}

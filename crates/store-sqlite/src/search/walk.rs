//! A walk over rows of the index, newest first: chunk by chunk, in the order of their last dates.
//!
//! A message of a chunk is certain to be the next one when no chunk that is left has so late a date. Where few rows are
//! known, only their chunks are walked. Otherwise each chunk is matched.

use std::collections::{BinaryHeap, HashMap, VecDeque};

use chinwag_core::store::{IndexedGroup, IndexedPlaces, SearchPlace};
use chinwag_core::{Date, GroupId, Result, Seq};
use chinwag_store_sql::search::ordinals;
use rusqlite::{Row, params};

use super::chunks::{ChunkSpan, IndexChunk, IndexedRow};
use crate::transaction::{Transaction, limit};

/// The chunks up to which each is looked up, and not found on a walk over all.
const FEW_CHUNKS: usize = 256;
/// The work after which a walk may end early, some milliseconds, in the time of a row; that of a chunk which is read, and of one
/// which is asked for its rows.
const WORK: usize = 16_000;
const READ: usize = 16;
const MATCHED: usize = 100;
/// The chunks whose dates are read at a time.
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
    /// The groups that the walk is for, by their ordinals.
    groups: HashMap<i64, GroupId>,
    found: BinaryHeap<SearchPlace>,
    work: usize,
}

/// The rows of chunks.
pub(super) enum ChunkRows<'q> {
    /// All that there are.
    Known(HashMap<i64, Vec<i64>>),
    /// Those that this expression finds.
    Matched(&'q str),
}

/// The chunks that may have messages before a date, the latest last date first.
struct ChunkHeads {
    next: VecDeque<ChunkHead>,
    /// The last chunk of the page, if there may be another.
    after: Option<ChunkSpan>,
}

impl<'a, 't, 'c> Walk<'a, 't, 'c> {
    pub(super) fn new(tx: &'a Transaction<'t, 'c>, groups: &[IndexedGroup], before: SearchPlace) -> Self {
        let groups = ordinals(groups).into_iter().collect();
        Self { tx, before, groups, found: BinaryHeap::new(), work: 0 }
    }

    /// The newest places of rows. `may_pause` lets the walk end early, with the place of the rest.
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
            self.look_at(chunk, &mut rows)?;
            head = self.next_head(&mut heads, &rows)?;
        }
    }

    /// Finds the messages of a chunk.
    fn look_at(&mut self, head: ChunkHead, rows: &mut ChunkRows<'_>) -> Result<()> {
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
        // Both ascend.
        let mut found = found.into_iter().peekable();
        for (number, row) in chunk.rows() {
            if found.next_if_eq(&number).is_some() {
                self.found.extend(self.place(row));
            }
        }
        Ok(())
    }

    /// The place of a row's message, if the walk is for it.
    fn place(&self, row: IndexedRow) -> Option<SearchPlace> {
        let group = *self.groups.get(&row.ordinal)?;
        let place = SearchPlace { date: Date::from_micros(row.date), group, seq: Seq(row.seq) };
        (place < self.before).then_some(place)
    }

    /// The chunks to walk.
    fn heads(&self, rows: &ChunkRows<'_>) -> Result<ChunkHeads> {
        let date = self.before.date.micros();
        let mut heads = Vec::new();
        match rows {
            ChunkRows::Known(rows) if rows.len() <= FEW_CHUNKS => {
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
                // Those that have the date, then the earlier ones.
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

    /// The next chunk that may have rows.
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

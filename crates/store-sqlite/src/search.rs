//! The full-text index of messages: FTS5 over terms that Chinwag makes.

pub(crate) mod chunks;
mod walk;

use chinwag_core::limits::MAX_IMMEDIATE_REMOVALS;
use chinwag_core::search::{MANY_TERMS, RequiredTerm};
use chinwag_core::store::IndexedGroup;
use chinwag_core::{GroupId, Result, Seq};
use chinwag_store_sql::search::{GROUPS_AT_ONCE, MOST_GROUPS, ordinals, position_set, terms_of_row};
use rusqlite::{Row, params};

use self::chunks::{IndexChunks, IndexedRow};
use self::walk::{ChunkRows, Walk};
use crate::transaction::{Transaction, UnwrittenTerms, limit};

/// The number of rows up to which all matches of an expression are read; some milliseconds. For a short
/// result the number is smaller, because a walk finds a few results sooner the more matches there are. It
/// grows with the square root of the requested number of places.
const FEW_ROWS: usize = 40_000;
const FEW_ROWS_AT_LEAST: usize = 8000;
const ROWS_OF_ONE_PLACE: usize = 1000;
const ALL_ROWS: (i64, i64) = (i64::MIN, i64::MAX);
/// The most groups whose own matches are read first; a millisecond per group with a thousand matching
/// messages.
const FEW_GROUPS: usize = 4;

/// When to merge the index: when the pages outside its largest segment are at least this many, and at least
/// this part of the largest segment. Matching one chunk takes a millisecond with several large segments, and
/// a twentieth of that with one.
const SCATTERED_PAGES: i64 = 100;
const SCATTERED_PART: i64 = 3;

/// The most removals that are deferred at a time, and the length of terms, in bytes, from which a removal is
/// not deferred.
const MAX_DEFERRED_REMOVALS: usize = 500;
const LONG_TERMS: usize = 8 << 10;

const ADD: &str = "INSERT INTO search_words (rowid, terms) VALUES (?1, ?2)";
/// Whether the terms of removed rows are overwritten in place, which takes about 30 µs per term and segment.
/// Otherwise a removal is only marked, and merging the segments drops both.
const SECURE: &str = "INSERT INTO search_words (search_words, rank) VALUES ('secure-delete', ?1)";
const MERGE: &str = "INSERT INTO search_words (search_words, rank) VALUES ('merge', ?1)";
const REMOVE: &str = "INSERT INTO search_words (search_words, rowid, terms) VALUES ('delete', ?1, ?2)";

chinwag_store_sql::impl_search_index! {
    Transaction<'_, '_>,
    fn indexed_places(
        &self,
        terms: &[RequiredTerm],
        groups: &[IndexedGroup],
        before: SearchPlace,
        most: usize,
    ) -> Result<IndexedPlaces> {
        let expression = expression(terms);
        let walk = |rows, may_pause| Walk::new(self, groups, before).places(rows, most, may_pause);
        if groups.len() <= FEW_GROUPS
            && let Some(rows) = self.rows_of(groups, &expression)?
        {
            return walk(ChunkRows::known(rows), false);
        }
        let few = (most.isqrt() * ROWS_OF_ONE_PLACE).clamp(FEW_ROWS_AT_LEAST, FEW_ROWS);
        let found = match self.rows(&expression, ALL_ROWS, few)? {
            Some(rows) => walk(ChunkRows::known(rows), groups.len() <= GROUPS_AT_ONCE)?,
            None => walk(ChunkRows::Matched(&expression), true)?,
        };
        let is_paused = found.places.len() < most && found.rest.is_some();
        if is_paused
            && groups.len() <= MOST_GROUPS
            && let Some(rows) = self.rows_of(groups, &expression)?
        {
            return walk(ChunkRows::known(rows), false);
        }
        Ok(found)
    }

    fn index_add(&mut self, parts: &[IndexPart]) -> Result<()> {
        let (mut rows, mut texts) = (Vec::new(), Vec::new());
        for part in parts {
            let ordinal = position_set(self, part.group, part.position)?;
            for text in &part.texts {
                rows.push(IndexedRow { date: text.date.micros(), ordinal, seq: text.seq.0 });
                texts.push(terms_of_row(ordinal, &text.body));
            }
        }
        let mut numbered: Vec<_> = self.rows_add(&rows)?.into_iter().zip(texts).collect();
        numbered.sort_unstable();
        numbered.iter().try_for_each(|(row, terms)| self.add_terms(*row, terms))
    }

    fn index_defer(&mut self, group: GroupId) -> Result<()> {
        self.defer_removals(group)
    }

    fn index_flush(&mut self) -> Result<()> {
        self.flush_terms()
    }

    fn index_removals(&self) -> Result<i64> {
        let number = self.one("SELECT number FROM search_removals WHERE id = 1", [], |row| row.get(0))?;
        Ok(number.unwrap_or(0))
    }

    fn index_is_scattered(&self) -> Result<bool> {
        // The last page of each segment that starts with a new term. The lowest bit of `pgno` is a flag.
        const FIND: &str = "SELECT segid, pgno >> 1 FROM search_words_idx WHERE segid < ?1
            ORDER BY segid DESC, term DESC LIMIT 1";
        let mut find = self.repeated(FIND)?;
        let (mut segment, mut largest, mut all) = (i64::MAX, 0, 0);
        while let Some((found, pages)) = find.one([segment], |row| Ok((row.get(0)?, row.get(1)?)))? {
            (segment, largest, all) = (found, largest.max(pages), all + pages);
        }
        let others = all - largest;
        Ok(others >= SCATTERED_PAGES && others >= largest / SCATTERED_PART)
    }

    fn index_merge(&mut self, pages: usize) -> Result<bool> {
        self.erasing();
        let before = self.total_changes();
        // A negative number also merges segments of different sizes.
        self.change(MERGE, [-limit(pages)])?;
        // The command itself counts as one change.
        Ok(self.total_changes() - before < 2)
    }

    fn index_clear(&mut self) -> Result<()> {
        self.erasing();
        self.change("INSERT INTO search_words (search_words) VALUES ('delete-all')", [])?;
        self.change("DELETE FROM search_chunks WHERE chunk > 0", [])?;
        self.change("DELETE FROM search_groups WHERE ordinal > 0", []).map(drop)
    }
}

impl Transaction<'_, '_> {
    /// See [`Sql::index_change`](chinwag_store_sql::Sql::index_change).
    pub(crate) fn change_terms(&mut self, group: GroupId, seq: Seq, body: Option<&str>) -> Result<()> {
        const FIND: &str = "SELECT s.ordinal, m.seq, m.date, m.body FROM search_groups s
            CROSS JOIN messages m ON m.group_id = s.group_id AND m.seq = ?2
            WHERE s.group_id = ?1 AND s.position >= ?2 AND m.body IS NOT NULL";
        let found = self.all(FIND, params![group.0.into_bytes(), seq.0], IndexedText::read)?;
        let numbered = self.numbered(found)?;
        for (row, text) in &numbered {
            self.remove_terms(*row, text.terms())?;
            if let Some(body) = body {
                self.add_terms(*row, &terms_of_row(text.row.ordinal, body))?;
            }
        }
        Ok(())
    }

    /// See [`Sql::index_erase`](chinwag_store_sql::Sql::index_erase).
    pub(crate) fn erase_terms(&mut self, group: GroupId, most: usize) -> Result<()> {
        const FIND: &str = "SELECT s.ordinal, part.seq, part.date, part.body FROM search_groups s CROSS JOIN
            (SELECT seq, date, body FROM messages WHERE group_id = ?1 ORDER BY seq LIMIT ?2) part
            WHERE s.group_id = ?1 AND part.seq <= s.position AND part.body IS NOT NULL";
        let found = self.all(FIND, params![group.0.into_bytes(), limit(most)], IndexedText::read)?;
        if found.len() > MAX_IMMEDIATE_REMOVALS {
            self.defer_removals(group)?;
        }
        self.numbered(found)?.iter().try_for_each(|(row, text)| self.remove_terms(*row, text.terms()))
    }

    /// Texts with the numbers of their rows, ordered by number.
    fn numbered(&self, texts: Vec<IndexedText>) -> Result<Vec<(i64, IndexedText)>> {
        let (mut chunks, mut numbered) = (IndexChunks::default(), Vec::new());
        for text in texts {
            if let Some(number) = chunks.find(self, text.row)? {
                numbered.push((number, text));
            }
        }
        numbered.sort_unstable_by_key(|(number, _)| *number);
        Ok(numbered)
    }

    /// See [`SearchIndex::index_defer`](chinwag_core::store::SearchIndex::index_defer).
    fn defer_removals(&mut self, group: GroupId) -> Result<()> {
        const FIND: &str = "SELECT 1 FROM search_groups WHERE group_id = ?1";
        let is_indexed = self.one(FIND, [group.0.into_bytes()], |_| Ok(()))?.is_some();
        if !is_indexed || self.unwritten == UnwrittenTerms::Deferred {
            return Ok(());
        }
        // Removals before this one in the transaction are overwritten in place.
        self.write_terms()?;
        self.change(SECURE, [0])?;
        self.unwritten = UnwrittenTerms::Deferred;
        Ok(())
    }

    fn remove_terms(&mut self, row: i64, terms: String) -> Result<()> {
        if terms.is_empty() {
            return Ok(());
        }
        if self.unwritten == UnwrittenTerms::Deferred {
            let is_long = terms.len() > LONG_TERMS;
            self.removed_terms.push((row, terms));
            let waits = self.removed_terms.len() < MAX_DEFERRED_REMOVALS && !is_long;
            return if waits { Ok(()) } else { self.write_removed() };
        }
        self.has_terms();
        self.change(REMOVE, params![row, terms]).map(drop)
    }

    /// Removes terms in row order, because FTS5 starts a new segment whenever a row number does not increase.
    fn write_removed(&mut self) -> Result<()> {
        let mut removed = std::mem::take(&mut self.removed_terms);
        removed.sort_unstable();
        removed.iter().try_for_each(|(row, terms)| self.change(REMOVE, params![row, terms]).map(drop))
    }

    /// The rows of these groups that match an expression. `None` if there are more than [`FEW_ROWS`].
    fn rows_of(&self, groups: &[IndexedGroup], expression: &str) -> Result<Option<Vec<i64>>> {
        let mut rows = Vec::new();
        for part in ordinals(groups).chunks(GROUPS_AT_ONCE) {
            let quoted: Vec<_> = part.iter().map(|(ordinal, _)| format!("\"#{ordinal}\"")).collect();
            let of_groups = format!("{expression} AND ({})", quoted.join(" OR "));
            let Some(found) = self.rows(&of_groups, ALL_ROWS, FEW_ROWS - rows.len())? else {
                return Ok(None);
            };
            rows.extend(found);
        }
        rows.sort_unstable();
        Ok(Some(rows))
    }

    fn has_terms(&mut self) {
        if self.unwritten == UnwrittenTerms::None {
            self.unwritten = UnwrittenTerms::Some;
        }
    }

    /// Writes the changed terms into the index's segments. FTS5 itself does that only at the commit.
    pub(crate) fn flush_terms(&mut self) -> Result<()> {
        const COUNT: &str = "UPDATE search_removals SET number = number + 1 WHERE id = 1";
        let is_deferred = self.unwritten == UnwrittenTerms::Deferred;
        self.write_removed()?;
        self.write_terms()?;
        if is_deferred {
            self.change(SECURE, [1])?;
            self.change(COUNT, [])?;
        }
        Ok(())
    }

    fn add_terms(&mut self, row: i64, terms: &str) -> Result<()> {
        if terms.is_empty() {
            return Ok(());
        }
        self.write_removed()?;
        self.has_terms();
        self.change(ADD, params![row, terms]).map(drop)
    }

    /// The rows in this range that match an expression, in order. `None` if there are more than `most`.
    fn rows(&self, query: &str, (first, last): (i64, i64), most: usize) -> Result<Option<Vec<i64>>> {
        const FIND: &str =
            "SELECT rowid FROM search_words WHERE search_words MATCH ?1 AND rowid BETWEEN ?2 AND ?3 LIMIT ?4";
        let rows =
            self.all(FIND, params![query, first, last, limit(most.saturating_add(1))], |row| row.get(0))?;
        Ok((rows.len() <= most).then_some(rows))
    }
}

/// A message with its indexed text.
struct IndexedText {
    row: IndexedRow,
    body: String,
}

impl IndexedText {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let indexed = IndexedRow { ordinal: row.get(0)?, seq: row.get(1)?, date: row.get(2)? };
        Ok(Self { row: indexed, body: row.get(3)? })
    }

    fn terms(&self) -> String {
        terms_of_row(self.row.ordinal, &self.body)
    }
}

/// An FTS5 expression for all these terms. No term contains a quotation mark.
fn expression(terms: &[RequiredTerm]) -> String {
    let quoted =
        terms.iter().map(|term| format!("\"{}\"{}", term.text, if term.is_prefix { "*" } else { "" }));
    format!("(({}) OR {MANY_TERMS})", quoted.collect::<Vec<_>>().join(" AND "))
}

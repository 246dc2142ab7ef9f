//! The index of the words of messages: FTS5 over terms that Chinwag makes.

use std::collections::HashMap;

use chinwag_core::limits::FEW_REMOVALS;
use chinwag_core::search::{MANY_TERMS, RequiredTerm, joined_terms};
use chinwag_core::{Error, GroupId, Result, Seq};
use chinwag_store_sql::search::{GROUPS_AT_ONCE, MOST_GROUPS, ordinals, position_set};
use rusqlite::params;

use crate::transaction::{Transaction, UnwrittenTerms, limit};

/// The bits of a message's number in the row's.
const SEQ_BITS: u32 = 36;

const ADD: &str = "INSERT INTO search_words (rowid, terms) VALUES (?1, ?2)";
/// Whether the terms of removed rows are overwritten where they stand: some 30 µs for each term and segment. Otherwise a removal
/// is a mark, and merging the segments drops both.
const SECURE: &str = "INSERT INTO search_words (search_words, rank) VALUES ('secure-delete', ?1)";
const MERGE: &str = "INSERT INTO search_words (search_words, rank) VALUES ('merge', ?1)";
const REMOVE: &str = "INSERT INTO search_words (search_words, rowid, terms) VALUES ('delete', ?1, ?2)";

chinwag_store_sql::impl_search_index! {
    Transaction<'_>,
    fn indexed_places(
        &self,
        terms: &[RequiredTerm],
        groups: &[GroupId],
        most: usize,
    ) -> Result<Option<Vec<SearchPlace>>> {
        let ordinals: HashMap<i64, GroupId> = ordinals(self, groups)?.into_iter().collect();
        let query = expression(terms);
        let mut rows = None;
        if groups.len() > GROUPS_AT_ONCE {
            rows = self.rows(&query, (i64::MIN, i64::MAX), most)?;
        }
        if rows.is_none() && groups.len() <= MOST_GROUPS {
            let mut of_groups = Vec::new();
            for ordinal in ordinals.keys() {
                let range = (row_number(*ordinal, Seq(0))?, row_number(*ordinal, Seq((1 << SEQ_BITS) - 1))?);
                let Some(found) = self.rows(&query, range, most - of_groups.len())? else { return Ok(None) };
                of_groups.extend(found);
            }
            rows = Some(of_groups);
        }
        let Some(rows) = rows else { return Ok(None) };
        let mut date = self.repeated("SELECT date FROM messages WHERE group_id = ?1 AND seq = ?2")?;
        let mut places = Vec::new();
        for row in rows {
            let seq = Seq(row & ((1 << SEQ_BITS) - 1));
            let Some(group) = ordinals.get(&(row >> SEQ_BITS)).copied() else { continue };
            let found = date.one(params![group.0.into_bytes(), seq.0], |row| row.get::<_, i64>(0))?;
            places.extend(found.map(|date| SearchPlace { date: Date::from_micros(date), group, seq }));
        }
        Ok(Some(places))
    }

    fn index_add(&mut self, group: GroupId, texts: &[UnindexedText], position: Seq) -> Result<()> {
        let ordinal = position_set(self, group, position)?;
        for text in texts {
            self.add_terms(row_number(ordinal, text.seq)?, &text.body)?;
        }
        Ok(())
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

    fn index_merge(&mut self, pages: usize) -> Result<bool> {
        self.erasing();
        let before = self.total_changes();
        // A negative number includes segments of every size.
        self.change(MERGE, [-limit(pages)])?;
        // The command itself counts as one.
        Ok(self.total_changes() - before < 2)
    }

    fn index_clear(&mut self) -> Result<()> {
        self.erasing();
        self.change("INSERT INTO search_words (search_words) VALUES ('delete-all')", [])?;
        self.change("DELETE FROM search_groups WHERE ordinal > 0", []).map(drop)
    }
}

impl Transaction<'_> {
    /// See [`Sql::index_change`](chinwag_store_sql::Sql::index_change).
    pub(crate) fn change_terms(&mut self, group: GroupId, seq: Seq, body: Option<&str>) -> Result<()> {
        const FIND: &str = "SELECT s.ordinal, m.body FROM search_groups s
            CROSS JOIN messages m ON m.group_id = s.group_id AND m.seq = ?2
            WHERE s.group_id = ?1 AND s.position >= ?2 AND m.body IS NOT NULL";
        let found = self.one(FIND, params![group.0.into_bytes(), seq.0], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
        let Some((ordinal, old)) = found else { return Ok(()) };
        let row = row_number(ordinal, seq)?;
        self.remove_terms(row, &old)?;
        body.map_or(Ok(()), |body| self.add_terms(row, body))
    }

    /// See [`Sql::index_erase`](chinwag_store_sql::Sql::index_erase).
    pub(crate) fn erase_terms(&mut self, group: GroupId, most: usize) -> Result<()> {
        const FIND: &str = "SELECT s.ordinal, part.seq, part.body FROM search_groups s CROSS JOIN
            (SELECT seq, body FROM messages WHERE group_id = ?1 ORDER BY seq LIMIT ?2) part
            WHERE s.group_id = ?1 AND part.seq <= s.position AND part.body IS NOT NULL";
        let texts = self.all(FIND, params![group.0.into_bytes(), limit(most)], |row| {
            Ok((row.get::<_, i64>(0)?, Seq(row.get(1)?), row.get::<_, String>(2)?))
        })?;
        if texts.len() > FEW_REMOVALS {
            self.defer_removals(group)?;
        }
        texts.iter().try_for_each(|(ordinal, seq, body)| self.remove_terms(row_number(*ordinal, *seq)?, body))
    }

    /// See [`SearchIndex::index_defer`](chinwag_core::store::SearchIndex::index_defer).
    fn defer_removals(&mut self, group: GroupId) -> Result<()> {
        const FIND: &str = "SELECT 1 FROM search_groups WHERE group_id = ?1";
        let is_indexed = self.one(FIND, [group.0.into_bytes()], |_| Ok(()))?.is_some();
        if !is_indexed || self.unwritten == UnwrittenTerms::Deferred {
            return Ok(());
        }
        // Earlier removals of this transaction are overwritten.
        self.write_terms()?;
        self.change(SECURE, [0])?;
        self.unwritten = UnwrittenTerms::Deferred;
        Ok(())
    }

    fn remove_terms(&mut self, row: i64, body: &str) -> Result<()> {
        let terms = joined_terms(body);
        if terms.is_empty() {
            return Ok(());
        }
        self.has_terms();
        self.change(REMOVE, params![row, terms]).map(drop)
    }

    fn has_terms(&mut self) {
        if self.unwritten == UnwrittenTerms::None {
            self.unwritten = UnwrittenTerms::Some;
        }
    }

    /// Writes the changed terms into the table's segments. FTS5 does that by itself only at the commit.
    pub(crate) fn flush_terms(&mut self) -> Result<()> {
        const COUNT: &str = "UPDATE search_removals SET number = number + 1 WHERE id = 1";
        let is_deferred = self.unwritten == UnwrittenTerms::Deferred;
        self.write_terms()?;
        if is_deferred {
            self.change(SECURE, [1])?;
            self.change(COUNT, [])?;
        }
        Ok(())
    }

    fn add_terms(&mut self, row: i64, body: &str) -> Result<()> {
        let terms = joined_terms(body);
        if terms.is_empty() {
            return Ok(());
        }
        self.has_terms();
        self.change(ADD, params![row, terms]).map(drop)
    }

    /// The rows between these that an expression finds; `None` if they are more than `most`.
    fn rows(&self, query: &str, (first, last): (i64, i64), most: usize) -> Result<Option<Vec<i64>>> {
        const FIND: &str =
            "SELECT rowid FROM search_words WHERE search_words MATCH ?1 AND rowid BETWEEN ?2 AND ?3 LIMIT ?4";
        let rows = self.all(FIND, params![query, first, last, limit(most + 1)], |row| row.get(0))?;
        Ok((rows.len() <= most).then_some(rows))
    }
}

/// The number of a message's row.
pub(crate) fn row_number(ordinal: i64, seq: Seq) -> Result<i64> {
    if ordinal >= 1 << (63 - SEQ_BITS) || seq.0 >= 1 << SEQ_BITS {
        return Err(Error::internal("the index has no number for this message"));
    }
    Ok((ordinal << SEQ_BITS) | seq.0)
}

/// An expression of FTS5 for all these terms, of which none has a quotation mark.
fn expression(terms: &[RequiredTerm]) -> String {
    let quoted =
        terms.iter().map(|term| format!("\"{}\"{}", term.text, if term.is_prefix { "*" } else { "" }));
    format!("({}) OR {MANY_TERMS}", quoted.collect::<Vec<_>>().join(" AND "))
}

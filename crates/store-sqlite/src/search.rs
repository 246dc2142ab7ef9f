//! The index of the words of messages: FTS5 over terms that Chinwag makes.

use std::collections::HashMap;

use chinwag_core::search::{MANY_TERMS, RequiredTerm, terms};
use chinwag_core::store::SearchPlace;
use chinwag_core::{Date, Error, GroupId, Result, Seq};
use chinwag_store_sql::search::{GROUPS_AT_ONCE, IndexedText, MOST_GROUPS, ordinals, position_set};
use rusqlite::params;

use crate::transaction::{Transaction, limit};

/// The bits of a message's number in the row's.
const SEQ_BITS: u32 = 36;

const ADD: &str = "INSERT INTO search_words (rowid, terms) VALUES (?1, ?2)";
const REMOVE: &str = "INSERT INTO search_words (search_words, rowid, terms) VALUES ('delete', ?1, ?2)";

chinwag_store_sql::impl_search_index! {
    Transaction<'_>,
    fn indexed_places(
        &self,
        terms: &[RequiredTerm],
        groups: &[GroupId],
        most: usize,
    ) -> Result<Option<Vec<SearchPlace>>> {
        self.places(terms, groups, most)
    }

    fn index_add(&mut self, group: GroupId, texts: &[UnindexedText], position: Seq) -> Result<()> {
        let ordinal = position_set(self, group, position)?;
        for text in texts {
            self.add_terms(row_number(ordinal, text.seq)?, &text.body)?;
        }
        Ok(())
    }

    fn index_clear(&mut self) -> Result<()> {
        self.erasing();
        self.change("INSERT INTO search_words (search_words) VALUES ('delete-all')", [])?;
        self.change("DELETE FROM search_groups WHERE ordinal > 0", []).map(drop)
    }
}

impl Transaction<'_> {
    /// See [`Sql::reindex`](chinwag_store_sql::Sql::reindex).
    pub(crate) fn replace_terms(&mut self, text: &IndexedText, body: Option<&str>) -> Result<()> {
        let row = row_number(text.ordinal, text.seq)?;
        let old = joined(&text.body);
        if !old.is_empty() {
            self.change(REMOVE, params![row, old])?;
        }
        body.map_or(Ok(()), |body| self.add_terms(row, body))
    }

    fn add_terms(&mut self, row: i64, body: &str) -> Result<()> {
        let terms = joined(body);
        if terms.is_empty() { Ok(()) } else { self.change(ADD, params![row, terms]).map(drop) }
    }

    fn places(
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

/// The terms of a text, as FTS5 separates them.
fn joined(text: &str) -> String {
    terms(text).into_iter().collect::<Vec<_>>().join(" ")
}

/// An expression of FTS5 for all these terms, of which none has a quotation mark.
fn expression(terms: &[RequiredTerm]) -> String {
    let quoted =
        terms.iter().map(|term| format!("\"{}\"{}", term.text, if term.is_prefix { "*" } else { "" }));
    format!("({}) OR {MANY_TERMS}", quoted.collect::<Vec<_>>().join(" AND "))
}

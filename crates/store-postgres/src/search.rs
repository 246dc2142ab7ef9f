//! The index of the words of messages: a `tsvector` of terms that Chinwag makes, with a GIN index.

use std::collections::HashSet;
use std::fmt::Write;

use chinwag_core::search::{MANY_TERMS, RequiredTerm, terms};
use chinwag_core::store::SearchPlace;
use chinwag_core::{GroupId, Result};
use chinwag_store_sql::search::{GROUPS_AT_ONCE, IndexedText, MOST_GROUPS, ordinals, place, position_set};

use crate::sql::RowColumns;
use crate::transaction::{Transaction, limit};

chinwag_store_sql::impl_search_index! {
    Transaction<'_, '_>,
    fn indexed_places(
        &self,
        terms: &[RequiredTerm],
        groups: &[GroupId],
        most: usize,
    ) -> Result<Option<Vec<SearchPlace>>> {
        self.places(terms, groups, most)
    }

    fn index_add(&mut self, group: GroupId, texts: &[UnindexedText], position: Seq) -> Result<()> {
        const ADD: &str = "INSERT INTO search_words (group_id, seq, date, terms)
            SELECT $1::uuid, t.seq, t.date, array_to_tsvector(string_to_array(t.terms, ' '))
            FROM unnest($2::bigint[], $3::bigint[], $4::text[]) t (seq, date, terms)";
        let ordinal = position_set(self, group, position)?;
        if texts.is_empty() {
            return Ok(());
        }
        let seqs: Vec<_> = texts.iter().map(|text| text.seq.0).collect();
        let dates: Vec<_> = texts.iter().map(|text| text.date.micros()).collect();
        let terms: Vec<_> = texts.iter().map(|text| joined(ordinal, &text.body)).collect();
        self.change(ADD, &[&group.0, &seqs, &dates, &terms]).map(drop)
    }

    fn index_clear(&mut self) -> Result<()> {
        self.change("TRUNCATE search_words, search_groups", &[]).map(drop)
    }
}

impl Transaction<'_, '_> {
    /// See [`Sql::reindex`](chinwag_store_sql::Sql::reindex).
    pub(crate) fn replace_terms(&mut self, text: &IndexedText, body: Option<&str>) -> Result<()> {
        const CHANGE: &str = "UPDATE search_words SET terms = array_to_tsvector(string_to_array($3, ' '))
            WHERE group_id = $1 AND seq = $2";
        const REMOVE: &str = "DELETE FROM search_words WHERE group_id = $1 AND seq = $2";
        let (group, seq) = (text.group.0, text.seq.0);
        match body {
            Some(body) => self.change(CHANGE, &[&group, &seq, &joined(text.ordinal, body)]),
            None => self.change(REMOVE, &[&group, &seq]),
        }
        .map(drop)
    }

    fn places(
        &self,
        terms: &[RequiredTerm],
        groups: &[GroupId],
        most: usize,
    ) -> Result<Option<Vec<SearchPlace>>> {
        let query = expression(terms);
        if groups.len() > GROUPS_AT_ONCE {
            let groups: HashSet<_> = groups.iter().copied().collect();
            if let Some(mut places) = self.found(&query, most)? {
                places.retain(|place| groups.contains(&place.group));
                return Ok(Some(places));
            }
        }
        if groups.len() > MOST_GROUPS {
            return Ok(None);
        }
        let ordinals = ordinals(self, groups)?;
        let mut places = Vec::new();
        for part in ordinals.chunks(GROUPS_AT_ONCE) {
            let of_groups: Vec<_> = part.iter().map(|(ordinal, _)| format!("'#{ordinal}'")).collect();
            let query = format!("{query} & ({})", of_groups.join(" | "));
            let Some(found) = self.found(&query, most - places.len())? else { return Ok(None) };
            places.extend(found);
        }
        Ok(Some(places))
    }

    /// The places that an expression finds; `None` if they are more than `most`.
    fn found(&self, query: &str, most: usize) -> Result<Option<Vec<SearchPlace>>> {
        // Planned for all hits, so that it never reads the whole table for the first ones, and read as far as needed.
        const FIND: &str = "WITH hits AS MATERIALIZED (
                SELECT date, group_id, seq FROM search_words WHERE terms @@ ($1::text)::tsquery
            ) SELECT date, group_id, seq FROM hits LIMIT $2";
        let places = self.all(FIND, &[&query, &limit(most + 1)], |row| Ok(place(&RowColumns(row))))?;
        let places: Vec<_> = places.into_iter().collect::<Result<_>>()?;
        Ok((places.len() <= most).then_some(places))
    }
}

/// The terms of a text and that of its group, separated by spaces.
fn joined(ordinal: i64, text: &str) -> String {
    let mut joined = format!("#{ordinal}");
    for term in terms(text) {
        joined.push(' ');
        joined.push_str(&term);
    }
    joined
}

/// A `tsquery` for all these terms, of which none has a quotation mark or a backslash.
fn expression(terms: &[RequiredTerm]) -> String {
    let mut query = String::new();
    for RequiredTerm { text, is_prefix } in terms {
        let (and, beginning) =
            (if query.is_empty() { "" } else { " & " }, if *is_prefix { ":*" } else { "" });
        // Writing to a string never fails.
        let _ = write!(query, "{and}'{text}'{beginning}");
    }
    format!("({query} | {MANY_TERMS})")
}

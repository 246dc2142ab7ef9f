//! The index of the words of messages: a `tsvector` of terms that Chinwag makes, with a GIN index.

use std::collections::HashSet;
use std::fmt::Write;

use chinwag_core::search::{MANY_TERMS, RequiredTerm, joined_terms};
use chinwag_core::store::SearchPlace;
use chinwag_core::{Error, GroupId, Result, Seq};
use chinwag_store_sql::search::{GROUPS_AT_ONCE, MOST_GROUPS, ordinals, place, position_set};

use crate::address::Target;
use crate::link::Link;
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

    fn index_add(&mut self, group: GroupId, texts: &[UnindexedText], position: Seq) -> Result<()> {
        const ADD: &str = "INSERT INTO search_words (group_id, seq, date, terms)
            SELECT $1::uuid, t.seq, t.date, array_to_tsvector(string_to_array(t.terms, ' ') || $5::text)
            FROM unnest($2::bigint[], $3::bigint[], $4::text[]) t (seq, date, terms)";
        let ordinal = position_set(self, group, position)?;
        if texts.is_empty() {
            return Ok(());
        }
        let seqs: Vec<_> = texts.iter().map(|text| text.seq.0).collect();
        let dates: Vec<_> = texts.iter().map(|text| text.date.micros()).collect();
        let terms: Vec<_> = texts.iter().map(|text| joined_terms(&text.body)).collect();
        self.change(ADD, &[&group.0, &seqs, &dates, &terms, &format!("#{ordinal}")]).map(drop)
    }

    /// The words of every removal stay.
    fn index_defer(&mut self, _: GroupId) -> Result<()> {
        Ok(())
    }

    /// Every statement writes what it changes.
    fn index_flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn index_removals(&self) -> Result<i64> {
        const LAST: &str = "SELECT coalesce(pg_sequence_last_value('search_removals'), 0)";
        Ok(self.one(LAST, &[], |row| row.try_get(0))?.unwrap_or(0))
    }

    /// The index is cleaned by [`renew`] alone.
    fn index_merge(&mut self, _: usize) -> Result<bool> {
        Ok(true)
    }

    fn index_clear(&mut self) -> Result<()> {
        self.change("TRUNCATE search_words, search_groups", &[]).map(drop)
    }
}

impl Transaction<'_, '_> {
    /// See [`Sql::index_change`](chinwag_store_sql::Sql::index_change).
    pub(crate) fn change_terms(&mut self, group: GroupId, seq: Seq, body: Option<&str>) -> Result<()> {
        const CHANGE: &str = "WITH changed AS (
                UPDATE search_words w SET terms = array_to_tsvector(string_to_array($3::text, ' ') ||
                    (SELECT '#' || ordinal FROM search_groups WHERE group_id = $1))
                WHERE w.group_id = $1 AND w.seq = $2 RETURNING 1
            ) SELECT nextval('search_removals') FROM changed";
        const REMOVE: &str = "WITH removed AS (
                DELETE FROM search_words WHERE group_id = $1 AND seq = $2 RETURNING 1
            ) SELECT nextval('search_removals') FROM removed";
        let (group, seq) = (group.0, seq.0);
        match body {
            Some(body) => self.change(CHANGE, &[&group, &seq, &joined_terms(body)]),
            None => self.change(REMOVE, &[&group, &seq]),
        }
        .map(drop)
    }

    /// See [`Sql::index_erase`](chinwag_store_sql::Sql::index_erase).
    pub(crate) fn erase_terms(&mut self, group: GroupId, most: usize) -> Result<()> {
        const ERASE: &str = "WITH part AS MATERIALIZED (
                SELECT seq FROM messages WHERE group_id = $1 ORDER BY seq LIMIT $2
            ), removed AS (
                DELETE FROM search_words WHERE group_id = $1 AND seq = ANY(ARRAY(SELECT seq FROM part)) RETURNING 1
            ) SELECT nextval('search_removals') FROM removed LIMIT 1";
        self.change(ERASE, &[&group.0, &limit(most)]).map(drop)
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

/// Builds the index of the terms anew, beside everything else. A GIN index keeps a term when its last row goes.
pub(crate) fn renew(target: &Target) -> Result<()> {
    // An earlier attempt that was cut off has left an index that nobody uses.
    const STEPS: [&str; 5] = [
        "SET statement_timeout = 0",
        "SET lock_timeout = '1min'",
        "DROP INDEX CONCURRENTLY IF EXISTS search_words_by_term_ccnew",
        "DROP INDEX CONCURRENTLY IF EXISTS search_words_by_term_ccold",
        "REINDEX INDEX CONCURRENTLY search_words_by_term",
    ];
    let link = Link::open(target).map_err(|_| Error::unavailable())?;
    STEPS.iter().try_for_each(|step| link.batch_of_any_time(step)).map_err(|why| why.error())
}

//! The full-text index of messages: terms that Chinwag makes, with a GIN index, and an index by date.
//!
//! GIN finds all rows with a term, but in no order. So the newest rows are compared first, which suffices for
//! frequent terms. A term that few of them contain is rare enough for GIN. If it is not, older rows are
//! compared. The comparison searches a row's terms as text, since a `tsvector` of them takes five times as
//! long.

use std::collections::HashMap;
use std::fmt::Write;

use chinwag_core::search::{MANY_TERMS, RequiredTerm};
use chinwag_core::store::{IndexedPlaces, SearchPlace};
use chinwag_core::{Date, Error, GroupId, Result, Seq};
use chinwag_store_sql::search::{GROUPS_AT_ONCE, MOST_GROUPS, ordinals, position_set, terms_of_row};

use crate::address::Target;
use crate::link::Link;
use crate::transaction::{Transaction, limit};

/// The number of newest rows that are compared first, and of older rows that are compared if GIN finds too
/// many.
const NEWEST: i64 = 2000;
const OLDER: i64 = 10_000;
/// The matches among the newest rows from which on GIN is not used.
const FREQUENT: usize = 32;
/// The most rows that are read from GIN.
const FEW_ROWS: usize = 10_000;

/// A search for places.
struct PlaceQuery {
    /// The terms as a `tsquery`.
    terms: String,
    /// The terms as they are stored in a row, and the one that is likely the rarest.
    standing: Vec<String>,
    rarest: String,
    ordinals: HashMap<i64, GroupId>,
    before: SearchPlace,
}

chinwag_store_sql::impl_search_index! {
    Transaction<'_, '_>,
    fn indexed_places(
        &self,
        terms: &[RequiredTerm],
        groups: &[IndexedGroup],
        before: SearchPlace,
        most: usize,
    ) -> Result<IndexedPlaces> {
        let ordinals = ordinals(groups);
        let standing: Vec<_> = terms.iter().map(standing).collect();
        let rarest = standing.iter().max_by_key(|text| text.len()).cloned().unwrap_or_default();
        let mut query = PlaceQuery {
            terms: expression(terms),
            standing,
            rarest,
            ordinals: ordinals.iter().copied().collect(),
            before,
        };
        if ordinals.len() <= GROUPS_AT_ONCE {
            query.terms = in_groups(&query.terms, &ordinals);
        }
        let mut after = self.after_rows(before.date.micros(), NEWEST)?;
        let mut found = self.later_than(&query, after)?;
        if let Some(date) = after.filter(|_| found.len() < FREQUENT.min(most)) {
            if let Some(all) = self.all_found(&query, &ordinals)? {
                return Ok(newest(all, most, None));
            }
            after = self.after_rows(date, OLDER)?;
            found = self.later_than(&query, after)?;
        }
        Ok(newest(found, most, after))
    }

    fn index_add(&mut self, parts: &[IndexPart]) -> Result<()> {
        const ADD: &str = "INSERT INTO search_words (date, seq, ordinal, terms)
            SELECT t.date, t.seq, t.ordinal, t.terms
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) t (date, seq, ordinal, terms)";
        let (mut dates, mut seqs, mut of_groups, mut terms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            let ordinal = position_set(self, part.group, part.position)?;
            for text in &part.texts {
                dates.push(text.date.micros());
                seqs.push(text.seq.0);
                of_groups.push(ordinal);
                terms.push(terms_of_row(ordinal, &text.body));
            }
        }
        if dates.is_empty() {
            return Ok(());
        }
        self.change(ADD, &[&dates, &seqs, &of_groups, &terms]).map(drop)
    }

    /// Removals always leave their terms in the index, so there is nothing to defer.
    fn index_defer(&mut self, _: GroupId) -> Result<()> {
        Ok(())
    }

    /// Every statement writes its changes immediately.
    fn index_flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn index_removals(&self) -> Result<i64> {
        const LAST: &str = "SELECT coalesce(pg_sequence_last_value('search_removals'), 0)";
        Ok(self.one(LAST, &[], |row| row.try_get(0))?.unwrap_or(0))
    }

    fn index_is_scattered(&self) -> Result<bool> {
        Ok(false)
    }

    /// Only [`renew`] cleans the index.
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
        const ORDINAL: &str = "SELECT ordinal FROM search_groups WHERE group_id = $1 AND position >= $2";
        const CHANGE: &str = "WITH changed AS (
                UPDATE search_words w SET terms = $4 FROM messages m WHERE m.group_id = $1 AND m.seq = $2
                    AND w.date = m.date AND w.seq = m.seq AND w.ordinal = $3 RETURNING 1
            ) SELECT nextval('search_removals') FROM changed";
        const REMOVE: &str = "WITH removed AS (
                DELETE FROM search_words w USING messages m WHERE m.group_id = $1 AND m.seq = $2
                    AND w.date = m.date AND w.seq = m.seq AND w.ordinal = $3 RETURNING 1
            ) SELECT nextval('search_removals') FROM removed";
        let (group, seq) = (group.0, seq.0);
        let ordinal: Option<i64> = self.one(ORDINAL, &[&group, &seq], |row| row.try_get(0))?;
        let Some(ordinal) = ordinal else { return Ok(()) };
        match body {
            Some(body) => self.change(CHANGE, &[&group, &seq, &ordinal, &terms_of_row(ordinal, body)]),
            None => self.change(REMOVE, &[&group, &seq, &ordinal]),
        }
        .map(drop)
    }

    /// See [`Sql::index_erase`](chinwag_store_sql::Sql::index_erase).
    pub(crate) fn erase_terms(&mut self, group: GroupId, most: usize) -> Result<()> {
        const ERASE: &str = "WITH part AS MATERIALIZED (
                SELECT m.date, m.seq, s.ordinal FROM messages m JOIN search_groups s ON s.group_id = m.group_id
                WHERE m.group_id = $1 ORDER BY m.seq LIMIT $2
            ), removed AS (
                DELETE FROM search_words w USING part p
                WHERE w.date = p.date AND w.seq = p.seq AND w.ordinal = p.ordinal RETURNING 1
            ) SELECT nextval('search_removals') FROM removed LIMIT 1";
        self.change(ERASE, &[&group.0, &limit(most)]).map(drop)
    }

    /// The date of the row that follows the newest `rows` rows up to `date`; `None` if there is no such row.
    /// If the result would be `date` itself, skips more rows.
    fn after_rows(&self, date: i64, rows: i64) -> Result<Option<i64>> {
        const FIND: &str =
            "SELECT date FROM search_words WHERE date <= $1 ORDER BY date DESC, seq DESC OFFSET $2 LIMIT 1";
        let mut rows = rows;
        loop {
            let found: Option<i64> = self.one(FIND, &[&date, &rows], |row| row.try_get(0))?;
            if found != Some(date) {
                return Ok(found);
            }
            rows *= 8;
        }
    }

    /// The matching places after a date, in no particular order.
    fn later_than(&self, query: &PlaceQuery, date: Option<i64>) -> Result<Vec<SearchPlace>> {
        // OFFSET 0 keeps the planner from using GIN for the inner query.
        const FIND: &str = "SELECT date, ordinal, seq FROM (
                SELECT date, ordinal, seq, ' ' || terms AS terms FROM search_words
                WHERE date <= $1 AND date > $2 OFFSET 0
            ) near WHERE strpos(terms, $3) > 0 AND 0 < ALL (SELECT strpos(terms, term) FROM unnest($4::text[]) term)
                OR strpos(terms, $5) = 1";
        let (before, date) = (query.before.date.micros(), date.unwrap_or(i64::MIN));
        let many = format!(" {MANY_TERMS} ");
        let rows = self.all(FIND, &[&before, &date, &query.rarest, &query.standing, &many], |row| {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        })?;
        Ok(query.places(rows))
    }

    /// All matching places, in no particular order. `None` if there are too many.
    fn all_found(&self, query: &PlaceQuery, ordinals: &[(i64, GroupId)]) -> Result<Option<Vec<SearchPlace>>> {
        let mut rows = self.all_rows(&query.terms, FEW_ROWS)?;
        // Messages of other groups may contain the terms too often, so search these groups alone.
        if rows.is_none() && (GROUPS_AT_ONCE + 1..=MOST_GROUPS).contains(&ordinals.len()) {
            let mut found = Vec::new();
            for part in ordinals.chunks(GROUPS_AT_ONCE) {
                let of_part = self.all_rows(&in_groups(&query.terms, part), FEW_ROWS - found.len())?;
                let Some(of_part) = of_part else { return Ok(None) };
                found.extend(of_part);
            }
            rows = Some(found);
        }
        Ok(rows.map(|rows| query.places(rows)))
    }

    /// The dates, ordinals and numbers of all rows that match. `None` if there are more than `most`.
    fn all_rows(&self, terms: &str, most: usize) -> Result<Option<Vec<(i64, i64, i64)>>> {
        // Planned for all matches: a plan for the first ones could scan the whole table.
        const FIND: &str = "WITH hits AS MATERIALIZED (
                SELECT date, ordinal, seq FROM search_words
                WHERE array_to_tsvector(string_to_array(terms, ' ')) @@ ($1::text)::tsquery
            ) SELECT date, ordinal, seq FROM hits LIMIT $2";
        let rows = self.all(FIND, &[&terms, &limit(most + 1)], |row| {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        })?;
        Ok((rows.len() <= most).then_some(rows))
    }
}

impl PlaceQuery {
    /// The places of those rows whose groups are searched.
    fn places(&self, rows: Vec<(i64, i64, i64)>) -> Vec<SearchPlace> {
        let place = |(date, ordinal, seq)| {
            let group = *self.ordinals.get(&ordinal)?;
            Some(SearchPlace { date: Date::from_micros(date), group, seq: Seq(seq) })
        };
        rows.into_iter().filter_map(place).filter(|place| *place < self.before).collect()
    }
}

/// The newest of these places, which are all places after a date.
fn newest(mut places: Vec<SearchPlace>, most: usize, after: Option<i64>) -> IndexedPlaces {
    places.sort_unstable_by(|one, other| other.cmp(one));
    let has_more = places.len() > most;
    places.truncate(most);
    let rest = places.last().copied().filter(|_| has_more);
    let earlier = after.map(|date| SearchPlace::after_date(Date::from_micros(date)));
    IndexedPlaces { places, rest: rest.or(earlier) }
}

/// Restricts a `tsquery` to these groups.
fn in_groups(terms: &str, ordinals: &[(i64, GroupId)]) -> String {
    // No group has the ordinal 0.
    let ordinals = ordinals.iter().map(|(ordinal, _)| *ordinal).chain([0]);
    let quoted: Vec<_> = ordinals.map(|ordinal| format!("'#{ordinal}'")).collect();
    format!("{terms} & ({})", quoted.join(" | "))
}

/// A term as it is stored among those of a row. Each is enclosed in spaces; the last one is the group's.
fn standing(RequiredTerm { text, is_prefix }: &RequiredTerm) -> String {
    format!(" {text}{}", if *is_prefix { "" } else { " " })
}

/// A `tsquery` for all these terms. No term contains a quotation mark or a backslash.
fn expression(terms: &[RequiredTerm]) -> String {
    let mut query = String::new();
    for RequiredTerm { text, is_prefix } in terms {
        let (and, beginning) =
            (if query.is_empty() { "" } else { " & " }, if *is_prefix { ":*" } else { "" });
        // Writing to a string cannot fail.
        let _ = write!(query, "{and}'{text}'{beginning}");
    }
    format!("({query} | {MANY_TERMS})")
}

/// Rebuilds the index of terms concurrently. Only this removes erased terms from it, since GIN keeps a term
/// after its last row is gone.
pub(crate) fn renew(target: &Target) -> Result<()> {
    // An interrupted attempt leaves an invalid index.
    const STEPS: [&str; 5] = [
        "SET statement_timeout = 0",
        "SET lock_timeout = '1min'",
        "DROP INDEX CONCURRENTLY IF EXISTS search_words_by_term_ccnew",
        "DROP INDEX CONCURRENTLY IF EXISTS search_words_by_term_ccold",
        "REINDEX INDEX CONCURRENTLY search_words_by_term",
    ];
    let link = Link::open(target).map_err(|_| Error::unavailable())?;
    STEPS.iter().try_for_each(|step| link.batch_without_timeout(step)).map_err(|why| why.error())
}

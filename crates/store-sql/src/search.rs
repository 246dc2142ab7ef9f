//! Messages ordered by date, and the state of the search index. Each database has its own index.

use chinwag_core::message::MessageDetail;
use chinwag_core::search::joined_terms;
use chinwag_core::store::{Candidate, IndexedGroup, SearchPlace, UnindexedText};
use chinwag_core::{Date, GroupId, Result, Seq, UserId};
use uuid::Uuid;

use crate::message_date::by_date;
use crate::sql::params;
use crate::{Columns, Keys, Sql, Text, gone, limit};

/// The most groups that one query of the index covers.
pub const GROUPS_AT_ONCE: usize = 64;
/// The most groups for which a search falls back to the caller's own groups, if messages of other groups
/// contain the terms too often.
pub const MOST_GROUPS: usize = 2048;

crate::implement! {
    ($) impl_candidates: Candidates by search
    read {
        candidates(groups: &[GroupId], before: (Date, Seq), most: usize) -> Vec<Candidate>;
        candidates_at(places: &[SearchPlace]) -> Vec<Candidate>;
    }
    write {}
}

pub fn candidates(
    sql: &impl Sql,
    groups: &[GroupId],
    before: (Date, Seq),
    most: usize,
) -> Result<Vec<Candidate>> {
    // Messages of authors who are being erased are skipped, and do not count towards the limit.
    const FIND: Text = Text::two(
        by_date!(
            "x.date, x.group_id, x.seq, x.id, x.author_id, x.body, x.detail",
            "$1",
            place "< ($2, $3)",
            concat!(" AND NOT ", gone!(sqlite "x.author_id")),
            "DESC",
            "$4"
        ),
        "SELECT found.* FROM unnest($1::uuid[]) asked (id) CROSS JOIN LATERAL (
            SELECT m.date, m.group_id, m.seq, m.id, m.author_id, m.body, m.detail
            FROM messages m JOIN users u ON u.id = m.author_id
            WHERE m.body IS NOT NULL AND m.group_id = asked.id AND (m.date, m.seq) < ($2, $3)
            ORDER BY m.date DESC, m.seq DESC LIMIT $4) found",
    );
    let (date, seq) = before;
    sql.each(FIND, &keys(groups), params![date, seq, limit(most)], candidate)
}

pub fn candidates_at(sql: &impl Sql, places: &[SearchPlace]) -> Result<Vec<Candidate>> {
    macro_rules! candidate_at {
        ($tables:literal, $place:literal) => {
            concat!(
                "SELECT m.date, m.group_id, m.seq, m.id, m.author_id, m.body, m.detail FROM ",
                $tables,
                " ON u.id = m.author_id WHERE ",
                $place,
                " AND m.body IS NOT NULL"
            )
        };
    }
    const FIND: Text = Text::two(
        candidate_at!("messages m CROSS JOIN users u", "m.group_id = $1 AND m.seq = $2"),
        candidate_at!(
            "unnest($1::uuid[], $2::bigint[]) place (group_id, seq) JOIN messages m USING (group_id, seq) JOIN users u",
            "true"
        ),
    );
    let places = places.iter().map(|place| (place.group.0, place.seq.0)).collect();
    sql.each(FIND, &Keys::Places(places), params![], candidate)
}

fn candidate(row: &dyn Columns) -> Result<Candidate> {
    Ok(Candidate {
        place: place(row)?,
        id: row.get(3)?,
        author: row.get(4)?,
        body: row.text(5)?.unwrap_or_default().to_owned(),
        detail: row.bytes(6)?.map(|column| MessageDetail::read(column).0).unwrap_or_default(),
    })
}

/// Reads a place from the first columns: date, group and number.
pub fn place(row: &dyn Columns) -> Result<SearchPlace> {
    Ok(SearchPlace { date: row.get(0)?, group: row.get(1)?, seq: row.get(2)? })
}

fn keys(groups: &[GroupId]) -> Keys<'static> {
    Keys::Ids(groups.iter().map(|group| group.0).collect())
}

/// The columns and tables of the states of groups.
macro_rules! states {
    ($groups:literal) => {
        concat!(
            "SELECT g.id, s.ordinal, g.last_seq, coalesce(s.position, 0) FROM ",
            $groups,
            " LEFT JOIN search_groups s ON s.group_id = g.id "
        )
    };
}

pub fn indexed_groups(sql: &impl Sql, groups: &[GroupId]) -> Result<Vec<IndexedGroup>> {
    const FIND: Text = Text::two(
        concat!(states!("groups g"), "WHERE g.id = $1"),
        concat!(states!("groups g"), "WHERE g.id = ANY($1)"),
    );
    sql.each(FIND, &keys(groups), params![], state)
}

pub fn indexed_groups_of(sql: &impl Sql, user: UserId) -> Result<Vec<IndexedGroup>> {
    const FIND: Text = Text::two(
        concat!(states!("memberships m CROSS JOIN groups g ON g.id = m.group_id"), "WHERE m.user_id = $1"),
        concat!(states!("memberships m JOIN groups g ON g.id = m.group_id"), "WHERE m.user_id = $1"),
    );
    sql.all(FIND, params![user], state)
}

pub fn indexed_groups_page(sql: &impl Sql, after: Option<GroupId>, most: usize) -> Result<Vec<IndexedGroup>> {
    const PAGE: Text = Text::same(concat!(states!("groups g"), "WHERE g.id > $1 ORDER BY g.id LIMIT $2"));
    // No group has the nil id.
    let after = after.map_or(Uuid::nil(), |group| group.0);
    sql.all(PAGE, params![after, limit(most)], state)
}

fn state(row: &dyn Columns) -> Result<IndexedGroup> {
    Ok(IndexedGroup { group: row.get(0)?, ordinal: row.int(1)?, head: row.get(2)?, position: row.get(3)? })
}

pub fn unindexed_places(sql: &impl Sql, groups: &[GroupId]) -> Result<Vec<SearchPlace>> {
    const FIND: Text = Text::two(
        "SELECT date, group_id, seq FROM messages WHERE group_id = $1
            AND seq > coalesce((SELECT position FROM search_groups WHERE group_id = $1), 0) AND body IS NOT NULL",
        "SELECT m.date, m.group_id, m.seq FROM unnest($1::uuid[]) asked (id)
            LEFT JOIN search_groups s ON s.group_id = asked.id
            JOIN messages m ON m.group_id = asked.id AND m.seq > coalesce(s.position, 0)
            WHERE m.body IS NOT NULL",
    );
    sql.each(FIND, &keys(groups), params![], place)
}

pub fn unindexed_texts(sql: &impl Sql, group: GroupId, most: usize) -> Result<Vec<UnindexedText>> {
    macro_rules! unindexed {
        ($greatest:literal) => {
            concat!(
                "SELECT seq, date, body FROM messages WHERE group_id = $1 AND seq > (SELECT ",
                $greatest,
                "(g.erased_seq, coalesce(s.position, 0)) FROM groups g
                    LEFT JOIN search_groups s ON s.group_id = g.id WHERE g.id = $1)
                AND body IS NOT NULL ORDER BY seq LIMIT $2"
            )
        };
    }
    const FIND: Text = Text::two(unindexed!("max"), unindexed!("greatest"));
    sql.all(FIND, params![group, limit(most)], |row| {
        let body = row.text(2)?.unwrap_or_default().to_owned();
        Ok(UnindexedText { seq: row.get(0)?, date: row.get(1)?, body })
    })
}

/// Records that the index covers the messages of a group up to a number. Returns the group's ordinal.
pub fn position_set(sql: &mut impl Sql, group: GroupId, position: Seq) -> Result<i64> {
    const SET: Text = Text::same(
        "INSERT INTO search_groups (group_id, position) VALUES ($1, $2)
            ON CONFLICT (group_id) DO UPDATE SET position = excluded.position RETURNING ordinal",
    );
    let ordinal = sql.change_one(SET, params![group, position], |row| row.get(0))?;
    ordinal.ok_or_else(|| chinwag_core::Error::internal("the position of a group was not kept"))
}

/// The ordinals of these groups. Groups without an ordinal are left out.
pub fn ordinals(groups: &[IndexedGroup]) -> Vec<(i64, GroupId)> {
    groups.iter().filter_map(|group| Some((group.ordinal?, group.group))).collect()
}

/// The terms of a text, followed by the term of its group: `#` and the ordinal, which cannot be a word. Empty
/// for a text without words.
pub fn terms_of_row(ordinal: i64, body: &str) -> String {
    let terms = joined_terms(body);
    if terms.is_empty() { terms } else { format!("{terms} #{ordinal}") }
}

/// Forgets a group of which the index contains nothing any more.
pub(crate) fn index_forget(sql: &mut impl Sql, group: GroupId) -> Result<()> {
    const FORGET: Text = Text::same("DELETE FROM search_groups WHERE group_id = $1");
    sql.change(FORGET, params![group]).map(drop)
}

/// Implements the index for a transaction. The store's own methods follow after a comma.
#[macro_export]
macro_rules! impl_search_index {
    ($transaction:ty, $($own:tt)*) => {
        const _: () = {
            use chinwag_core::search::RequiredTerm;
            use chinwag_core::store::{
                IndexPart, IndexedGroup, IndexedPlaces, SearchIndex, SearchPlace, UnindexedText,
            };
            use $crate::names::*;

            impl SearchIndex for $transaction {
                fn indexed_groups(&self, groups: &[GroupId]) -> Result<Vec<IndexedGroup>> {
                    $crate::search::indexed_groups(self, groups)
                }
                fn indexed_groups_of(&self, user: UserId) -> Result<Vec<IndexedGroup>> {
                    $crate::search::indexed_groups_of(self, user)
                }
                fn indexed_groups_page(&self, after: Option<GroupId>, most: usize) -> Result<Vec<IndexedGroup>> {
                    $crate::search::indexed_groups_page(self, after, most)
                }
                fn unindexed_places(&self, groups: &[GroupId]) -> Result<Vec<SearchPlace>> {
                    $crate::search::unindexed_places(self, groups)
                }
                fn unindexed_texts(&self, group: GroupId, most: usize) -> Result<Vec<UnindexedText>> {
                    $crate::search::unindexed_texts(self, group, most)
                }
                $($own)*
            }
        };
    };
}

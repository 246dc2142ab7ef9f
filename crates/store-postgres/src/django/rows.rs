//! Converts the original service's rows to objects of an import. Invalid values, such as a number that is no
//! role or a word that is no relation, are left for the import to handle.

use std::error::Error;

use chinwag_core::app::import::{SourceMark, SourceMessage, SourceRelations, SourceUser};
use chinwag_core::permission::Role;
use chinwag_core::relation::{Pair, Relation};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type, accepts};
use uuid::Uuid;

/// A member of a group with its role, if the stored role is valid.
pub(super) type Member = (Uuid, Option<Role>);
type Read<T> = Result<T, tokio_postgres::Error>;

pub(super) const COUNTS: &str = "SELECT (SELECT count(*) FROM chat_user),
    (SELECT count(*) FROM (SELECT DISTINCT least(from_user_id, to_user_id), greatest(from_user_id, to_user_id)
        FROM chat_relation) pairs),
    (SELECT count(*) FROM chat_group),
    (SELECT count(*) FROM (SELECT DISTINCT s.group_id, s.user_id
        FROM chat_groupship s JOIN chat_group g ON g.id = s.group_id) memberships),
    (SELECT count(*) FROM chat_message),
    (SELECT count(*) FROM (SELECT DISTINCT group_id, user_id FROM chat_groupship WHERE last_read IS NOT NULL) marks)";

pub(super) const MESSAGES_BEFORE: &str = "SELECT count(*) FROM chat_message WHERE date < 'epoch'::timestamptz + $1::bigint * interval '1 microsecond'";

pub(super) const MESSAGES_LONGER_THAN: &str =
    "SELECT count(*) FROM chat_message WHERE char_length(body) > $1::bigint";

pub(super) const USERS: &str =
    "SELECT id, coalesce(name::text, ''), row_number() OVER (PARTITION BY name ORDER BY id) > 1
    FROM chat_user ORDER BY id";

pub(super) const RELATIONS: &str =
    "SELECT least(from_user_id, to_user_id), greatest(from_user_id, to_user_id),
        array_agg(DISTINCT coalesce(status::text, '')) FILTER (WHERE from_user_id <= to_user_id),
        array_agg(DISTINCT coalesce(status::text, '')) FILTER (WHERE from_user_id > to_user_id)
    FROM chat_relation GROUP BY 1, 2 ORDER BY 1, 2";

pub(super) const GROUPS: &str = "SELECT g.id, coalesce(g.name::text, ''), s.user_id, max(s.role)::bigint
    FROM chat_group g LEFT JOIN chat_groupship s ON s.group_id = g.id
    GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC NULLS LAST, 3";

pub(super) const MESSAGES: &str = "WITH private AS (
        SELECT s.group_id, array_agg(DISTINCT s.user_id ORDER BY s.user_id) AS users
        FROM chat_groupship s JOIN chat_group g ON g.id = s.group_id JOIN chat_user u ON u.id = s.user_id
        WHERE g.name = '@' AND u.name <> 'admin' GROUP BY s.group_id
    ), joined AS (
        SELECT group_id, first_value(group_id) OVER (PARTITION BY users ORDER BY group_id) AS first_id
        FROM private WHERE cardinality(users) = 2
    )
    SELECT m.id, m.author_id, m.group_id, m.date, m.respond_to_id, coalesce(m.body::text, '')
    FROM chat_message m LEFT JOIN joined j ON j.group_id = m.group_id
    ORDER BY coalesce(j.first_id, m.group_id), m.date, m.id";

pub(super) const MARKS: &str = "SELECT group_id, user_id, max(last_read) FROM chat_groupship
    WHERE last_read IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2";

pub(super) fn user(row: &Row) -> Read<SourceUser> {
    let (id, name, repeated) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(SourceUser { id, name, repeated, may_be_special: true, ..SourceUser::default() })
}

pub(super) fn relations(row: &Row) -> Read<SourceRelations> {
    let words = |at| row.try_get::<_, Option<Vec<String>>>(at).map(Option::unwrap_or_default);
    let (forth, back) = (words(2)?, words(3)?);
    let unknown = forth.iter().chain(&back).filter(|word| relation(word).is_none()).cloned().collect();
    let pair = Pair { mine: strongest(&forth), theirs: strongest(&back) };
    Ok(SourceRelations { low: row.try_get(0)?, high: row.try_get(1)?, pair, unknown })
}

pub(super) fn group(row: &Row) -> Read<(Uuid, String, Option<Member>)> {
    let role = row.try_get::<_, Option<i64>>(3)?.and_then(role);
    let user: Option<Uuid> = row.try_get(2)?;
    Ok((row.try_get(0)?, row.try_get(1)?, user.map(|user| (user, role))))
}

pub(super) fn message(row: &Row) -> Read<SourceMessage> {
    Ok(SourceMessage {
        id: row.try_get(0)?,
        author: row.try_get(1)?,
        group: row.try_get(2)?,
        micros: row.try_get::<_, Micros>(3)?.0,
        respond_to: row.try_get(4)?,
        body: row.try_get(5)?,
        ..SourceMessage::default()
    })
}

pub(super) fn mark(row: &Row) -> Read<SourceMark> {
    Ok(SourceMark { group: row.try_get(0)?, user: row.try_get(1)?, micros: row.try_get::<_, Micros>(2)?.0 })
}

/// The most restrictive of several relations of one user to another.
fn strongest(words: &[String]) -> Option<Relation> {
    let found: Vec<_> = words.iter().filter_map(|word| relation(word)).collect();
    [Relation::Block, Relation::Contact, Relation::Invitation].into_iter().find(|kind| found.contains(kind))
}

fn relation(word: &str) -> Option<Relation> {
    match word {
        "block" => Some(Relation::Block),
        "contact" => Some(Relation::Contact),
        "invitation" => Some(Relation::Invitation),
        _ => None,
    }
}

fn role(number: i64) -> Option<Role> {
    match number {
        0 => Some(Role::Restrict),
        1 => Some(Role::Member),
        2 => Some(Role::Admin),
        3 => Some(Role::Owner),
        _ => None,
    }
}

/// A date in microseconds since 1970. Dates out of range saturate.
struct Micros(i64);

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        // 2000-01-01, the epoch of PostgreSQL. The infinities become the ends of the range.
        const BEGIN: i64 = 946_684_800_000_000;
        Ok(Self(i64::from_be_bytes(raw.try_into()?).saturating_add(BEGIN)))
    }

    accepts!(TIMESTAMPTZ);
}

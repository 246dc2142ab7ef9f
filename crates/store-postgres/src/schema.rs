//! The schema's versions. All tables of Chinwag are in the schema `chinwag` of the database; its table
//! `about` contains the number of migrations that were applied. Missing migrations are applied in one
//! transaction, under an advisory lock that all nodes use.

use chinwag_core::name::NameCase;
use chinwag_core::{HistoryId, Name};
use chinwag_store_sql::migration;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use crate::address::Target;
use crate::claim;
use crate::fault::{Failure, FailureKind, reason};
use crate::link::Link;
use crate::open::OpenError;

/// The key of the advisory lock, "Chinwag" in bytes.
const LOCK: &str = "SELECT pg_advisory_xact_lock(18978904706244967)";
/// The oldest supported version of PostgreSQL.
const MIN_VERSION: i32 = 150_000;

/// The state of a database.
enum State {
    /// The database is empty.
    Empty,
    /// A database of Chinwag with this many applied migrations.
    Ours(i32),
    /// The target of an incomplete `chinwag migrate`, with this many applied migrations. Not a store yet.
    Unfinished(i32),
}

/// Refuses an unsuitable database. Applies the missing migrations, or with `upgrade` unset refuses a database
/// that lacks some.
pub(crate) fn prepare(link: &Link, target: &Target, upgrade: bool) -> Result<(), OpenError> {
    fit(link, target)?;
    match inspect(link, target)? {
        State::Ours(version) if version == known() => may_write(link, target),
        State::Unfinished(_) => Err(OpenError::Unfinished { name: target.database() }),
        State::Ours(_) if !upgrade => Err(OpenError::Older { name: target.database() }),
        State::Ours(_) | State::Empty => migrate(link, target, false),
    }
}

/// Refuses a database without a store of this version.
pub(crate) fn require_current(link: &Link, target: &Target) -> Result<(), OpenError> {
    match inspect(link, target)? {
        State::Ours(version) if version == known() => Ok(()),
        State::Unfinished(_) => Err(OpenError::Unfinished { name: target.database() }),
        State::Ours(_) => Err(OpenError::Older { name: target.database() }),
        State::Empty => Err(OpenError::Empty { name: target.database() }),
    }
}

/// Turns an empty database into the target of a migration. Refuses any other, except an incomplete target.
pub(crate) fn unfinished(link: &Link, target: &Target) -> Result<(), OpenError> {
    match inspect(link, target)? {
        State::Empty => migrate(link, target, true),
        State::Unfinished(version) if version == known() => Ok(()),
        State::Unfinished(_) => Err(OpenError::OlderDraft { name: target.database() }),
        State::Ours(_) => Err(OpenError::Occupied { name: target.database() }),
    }
}

fn migrate(link: &Link, target: &Target, half: bool) -> Result<(), OpenError> {
    let failed = |why: Failure| failed(&why, target);
    // Migrating a large table takes long, and another node may be migrating already.
    let run = |sql| link.batch_without_timeout(sql).map_err(failed);
    run("SET lock_timeout = 0; SET statement_timeout = 0; BEGIN")?;
    run(LOCK)?;
    // Queries of serving nodes queue behind a migration that waits for a table lock, so limit that wait.
    run("SET LOCAL lock_timeout = '10s'")?;
    // Check again, now that no other node can migrate.
    let seen = match inspect(link, target)? {
        State::Empty => {
            run(ABOUT)?;
            0
        }
        State::Ours(version) => usize::try_from(version).unwrap_or(0),
        State::Unfinished(_) => return Err(OpenError::Unfinished { name: target.database() }),
    };
    for migration in migration::POSTGRES.iter().skip(seen) {
        run(migration)?;
    }
    if !half {
        run(BEGIN_HISTORY)?;
    }
    link.execute(None, "UPDATE about SET version = $1, unfinished = $2", &[&known(), &half])
        .map_err(failed)?;
    run("COMMIT")
}

/// The state of a suitable database, as the end of a sentence, for a start with this rule for names. Changes
/// nothing.
pub(crate) fn preview(
    link: &Link,
    target: &Target,
    case: Option<NameCase>,
) -> Result<&'static str, OpenError> {
    fit(link, target)?;
    Ok(match inspect(link, target)? {
        State::Empty if !may_begin(link, target)? => {
            let why = "permission denied for database".into();
            return Err(OpenError::NoRight { name: target.database(), why });
        }
        State::Empty => "is empty: the first start makes its tables",
        State::Ours(version) if version < known() => {
            "is of an older version: the next start brings it up to date"
        }
        State::Ours(_) => {
            may_write(link, target)?;
            case.map_or(Ok(None), |case| case_change(link, target, case))?;
            "is ready"
        }
        State::Unfinished(_) => return Err(OpenError::Unfinished { name: target.database() }),
    })
}

/// Whether the server accepts writes, and whether this user may change the tables.
pub(crate) const MAY_WRITE: &str =
    "SELECT NOT (pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean),
    has_table_privilege('messages', 'INSERT') AND has_table_privilege('messages', 'UPDATE')
    AND has_table_privilege('messages', 'DELETE')";

/// Refuses a database of this version that accepts no writes, or none from this user.
fn may_write(link: &Link, target: &Target) -> Result<(), OpenError> {
    let rows = link.query(None, MAY_WRITE, &[]).map_err(|why| failed(&why, target))?;
    let answer = |at| rows.first().is_some_and(|row| row.get(at));
    if !answer(0) {
        return Err(OpenError::ReadOnly { at: target.at() });
    }
    let (name, user) = (target.database(), target.user());
    if answer(1) { Ok(()) } else { Err(OpenError::NoWrite { name, user }) }
}

fn may_begin(link: &Link, target: &Target) -> Result<bool, OpenError> {
    const SQL: &str = "SELECT has_database_privilege(current_database(), 'CREATE')";
    let rows = link.query(None, SQL, &[]).map_err(|why| failed(&why, target))?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

const ABOUT: &str = "CREATE SCHEMA IF NOT EXISTS chinwag;
    CREATE TABLE about (
        one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL,
        unfinished boolean NOT NULL DEFAULT false
    );
    INSERT INTO about (version) VALUES (0);
    COMMENT ON SCHEMA chinwag IS 'Chinwag''s';";

/// Creates the history id of a new store.
const BEGIN_HISTORY: &str =
    "INSERT INTO history (one, id) VALUES (1, gen_random_uuid()) ON CONFLICT DO NOTHING";

/// The id of a store's history.
pub(crate) fn history(link: &Link, target: &Target) -> Result<HistoryId, OpenError> {
    let rows = link.query(None, "SELECT id FROM history", &[]).map_err(|why| failed(&why, target))?;
    let why = || OpenError::Other { at: target.at(), why: "its history has no id".into() };
    rows.first().map(|row| HistoryId(row.get(0))).ok_or_else(why)
}

/// How a store's names compare.
pub(crate) fn name_case(link: &Link, target: &Target) -> Result<NameCase, OpenError> {
    let rows = link.query(None, "SELECT exact_case FROM history", &[]).map_err(|why| failed(&why, target))?;
    let is_exact = rows.first().is_some_and(|row| row.get(0));
    Ok(if is_exact { NameCase::Exact } else { NameCase::Folded })
}

/// The users whose names must be folded again to change the store's rule for names; `None` if it need not
/// change. Refuses a store with ordinary users, and one that another node serves.
fn case_change(link: &Link, target: &Target, case: NameCase) -> Result<Option<Vec<Row>>, OpenError> {
    let kept = name_case(link, target)?;
    if kept == case {
        return Ok(None);
    }
    let users = link.query(None, USERS, &[]).map_err(|why| failed(&why, target))?;
    if users.iter().any(|row| !row.get::<_, bool>(2)) || claim::servers(link, target)? > 1 {
        return Err(OpenError::NameCase { name: target.database(), kept });
    }
    Ok(Some(users))
}

/// Changes a store's rule for names. Refuses a store with ordinary users, since their names would have to be
/// folded again, and one that another node serves.
pub(crate) fn keep_case(link: &Link, target: &Target, case: NameCase) -> Result<(), OpenError> {
    let failed = |why: Failure| failed(&why, target);
    link.batch("BEGIN").map_err(failed)?;
    link.batch(LOCK).map_err(failed)?;
    if let Some(users) = case_change(link, target, case)? {
        claim_anew(link, &users, case).map_err(failed)?;
    }
    link.batch("COMMIT").map_err(failed)
}

const USERS: &str = "SELECT id, name, special FROM users ORDER BY special LIMIT 1000";

fn claim_anew(link: &Link, users: &[Row], case: NameCase) -> Result<(), Failure> {
    const CLAIM: &str =
        "INSERT INTO name_claims (claim, user_id) SELECT claim, $2 FROM unnest($1::text[]) claim";
    link.batch("DELETE FROM name_claims")?;
    link.execute(None, "UPDATE history SET exact_case = $1", &[&(case == NameCase::Exact)])?;
    for row in users {
        let (id, name): (i64, _) = (row.get(0), Name::stored(row.get(1)));
        link.execute(None, "UPDATE users SET fold = $2 WHERE id = $1", &[&id, &name.fold(case)])?;
        link.execute(None, CLAIM, &[&name.claims(case), &id])?;
    }
    Ok(())
}

/// Gives a store's history a new id.
pub(crate) fn renew_history(link: &Link, target: &Target) -> Result<HistoryId, OpenError> {
    link.batch("UPDATE history SET id = gen_random_uuid()").map_err(|why| failed(&why, target))?;
    history(link, target)
}

/// Refuses an unsuitable server.
pub(crate) fn fit(link: &Link, target: &Target) -> Result<(), OpenError> {
    const SQL: &str =
        "SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
        pg_encoding_to_char(encoding)::text, current_setting('fsync')::boolean
        FROM pg_database WHERE datname = current_database()";
    let rows = link.query(None, SQL, &[]).map_err(|why| failed(&why, target))?;
    let Some(row) = rows.first() else {
        return Err(OpenError::Other { at: target.at(), why: "it does not know itself".into() });
    };
    if row.get::<_, i32>(0) < MIN_VERSION {
        return Err(OpenError::TooOld { at: target.at(), found: row.get(1) });
    }
    if row.get::<_, &str>(2) != "UTF8" {
        return Err(OpenError::Encoding { name: target.database(), found: row.get(2) });
    }
    if !row.get::<_, bool>(3) {
        tracing::warn!(
            "the database server does not wait for its disk (fsync is off): a loss of power loses messages"
        );
    }
    Ok(())
}

/// The state of the database. Refuses a database of another program or of a later version.
fn inspect(link: &Link, target: &Target) -> Result<State, OpenError> {
    // In one snapshot, since another node may be creating the schema.
    const SQL: &str = "SELECT coalesce(bool_or(n.nspname = 'chinwag' AND c.relname = 'about'), false), count(*) = 0
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')";
    let rows = link.query(None, SQL, &[]).map_err(|why| failed(&why, target))?;
    let (is_ours, is_empty) = rows.first().map_or((false, false), |row| (row.get(0), row.get(1)));
    let name = target.database();
    if !is_ours {
        return if is_empty { Ok(State::Empty) } else { Err(OpenError::Foreign { name }) };
    }
    let about =
        link.query(None, "SELECT version, unfinished FROM about", &[]).map_err(|why| failed(&why, target))?;
    let (found, half) = about.first().map_or((0, false), |row| (row.get(0), row.get(1)));
    let known = known();
    match found {
        _ if found > known => Err(OpenError::Newer { name, found, known }),
        _ if half => Ok(State::Unfinished(found)),
        _ => Ok(State::Ours(found)),
    }
}

fn known() -> i32 {
    i32::try_from(migration::POSTGRES.len()).unwrap_or(i32::MAX)
}

pub(crate) fn failed(why: &Failure, target: &Target) -> OpenError {
    let text = match why {
        Failure::Said(why) => reason(why),
        Failure::Silent => why.to_string(),
    };
    match (why.code().map(SqlState::code), why.kind()) {
        (Some("42501"), _) => OpenError::NoRight { name: target.database(), why: text },
        // The lock was not available in time; a later attempt may succeed.
        (Some("55P03"), _) | (_, FailureKind::Lost) => OpenError::Away { at: target.at(), why: text },
        _ => OpenError::Other { at: target.at(), why: text },
    }
}

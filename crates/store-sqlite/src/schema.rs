//! The schema's versions. SQLite's `application_id` identifies Chinwag's files, and `user_version` is the
//! number of migrations that were applied. Missing migrations are applied in one transaction, so that two
//! processes which open the same file migrate it one after the other.

use std::path::Path;

use chinwag_core::name::NameCase;
use chinwag_core::{Date, HistoryId, Name, stored_number};
use chinwag_store_sql::migration;
use chinwag_store_sql::transfer::FORGET_INDEX;
use rusqlite::{Connection, Row, TransactionBehavior, params};
use uuid::Uuid;

use crate::backup::open_for_reading;
use crate::message_dates;
use crate::open::OpenError;

/// The `application_id` of Chinwag's files, "Chwn".
const APPLICATION_ID: i64 = 0x4368_776e;
/// The `application_id` of an incomplete file of `chinwag migrate`, "Chwm".
const DRAFT_ID: i64 = 0x4368_776d;

/// The first schema version with followers.
const FIRST_WITH_FOLLOWERS: i64 = 2;

/// A random UUID.
macro_rules! random_id {
    () => {
        "(SELECT unhex(substr(h, 1, 12) || '4' || substr(h, 14, 3) || '8' || substr(h, 18))
        FROM (SELECT hex(randomblob(16)) AS h))"
    };
}
/// Creates the history id of a new store.
const BEGIN_HISTORY: &str = concat!("INSERT OR IGNORE INTO history (one, id) VALUES (1, ", random_id!(), ")");
const RENEW_HISTORY: &str = concat!("UPDATE history SET id = ", random_id!());
const POSTPONE_STRAYS: &str = concat!(
    "INSERT INTO followers (follower, term, step, position) VALUES (",
    stored_number!(Follower::StrayFiles),
    ", 1, 0, ?1) ON CONFLICT (follower) DO UPDATE SET position = excluded.position"
);

/// Refuses a file of another program or of a later version. Accepts an empty file.
pub(crate) fn inspect(path: &Path, conn: &Connection) -> Result<(), OpenError> {
    let failed = |why| OpenError::sqlite(path, &why);
    let found = version(conn).map_err(failed)?;
    let owner: i64 = conn.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(failed)?;
    let empty: bool = conn
        .query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
        .map_err(failed)?;
    if owner != APPLICATION_ID && !(owner == 0 && found == 0 && empty) {
        return Err(OpenError::Foreign { path: path.into() });
    }
    let known = known();
    if found > known {
        return Err(OpenError::Newer { path: path.into(), found, known });
    }
    Ok(())
}

/// Refuses a file of an older version. Accepts an empty file.
pub(crate) fn require_current(path: &Path, conn: &Connection) -> Result<(), OpenError> {
    match version(conn).map_err(|why| OpenError::sqlite(path, &why))? {
        found if found == 0 || found == known() => Ok(()),
        _ => Err(OpenError::Older { path: path.into() }),
    }
}

/// Applies the missing migrations.
pub(crate) fn migrate(path: &Path, conn: &mut Connection) -> Result<(), OpenError> {
    let failed = |why| OpenError::sqlite(path, &why);
    if version(conn).map_err(failed)? == known() {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Check again, now that no other process can write.
    inspect(path, &tx)?;
    let seen = usize::try_from(version(&tx).map_err(failed)?).unwrap_or(0);
    let apply = || {
        for migration in migration::SQLITE.iter().skip(seen) {
            tx.execute_batch(migration)?;
        }
        tx.execute_batch(BEGIN_HISTORY)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", known())
    };
    apply().map_err(failed)?;
    tx.commit().map_err(failed)
}

/// The id of a store's history.
pub(crate) fn history(conn: &Connection) -> rusqlite::Result<HistoryId> {
    let id = conn.query_row("SELECT id FROM history", [], |row| row.get(0))?;
    Ok(HistoryId(Uuid::from_bytes(id)))
}

/// How a store's names compare.
pub(crate) fn name_case(conn: &Connection) -> rusqlite::Result<NameCase> {
    let is_exact = conn.query_row("SELECT exact_case FROM history", [], |row| row.get(0))?;
    Ok(if is_exact { NameCase::Exact } else { NameCase::Folded })
}

/// Refuses the store in the file at `path`, in use or not, if a start with this rule for names would refuse
/// it. Changes nothing. Blocks.
pub fn names_fit(path: &Path, case: NameCase) -> Result<(), OpenError> {
    let conn = open_for_reading(path)?;
    let is_current = is_current(&conn).map_err(|why| OpenError::sqlite(path, &why))?;
    if is_current { check_case(path, &conn, case) } else { Ok(()) }
}

/// Refuses a store with another rule for names, if it has ordinary users.
fn check_case(path: &Path, conn: &Connection, case: NameCase) -> Result<(), OpenError> {
    const ORDINARY: &str = "SELECT EXISTS (SELECT 1 FROM users WHERE NOT special)";
    let failed = |why| OpenError::sqlite(path, &why);
    let kept = name_case(conn).map_err(failed)?;
    let has_ordinary: bool = conn.query_row(ORDINARY, [], |row| row.get(0)).map_err(failed)?;
    if kept == case || !has_ordinary { Ok(()) } else { Err(OpenError::NameCase { path: path.into(), kept }) }
}

/// Changes a store's rule for names. Refuses a store with ordinary users, since their names would have to be
/// folded again.
pub(crate) fn keep_case(path: &Path, conn: &mut Connection, case: NameCase) -> Result<(), OpenError> {
    const USERS: &str = "SELECT id, name FROM users LIMIT 1000";
    let failed = |why| OpenError::sqlite(path, &why);
    if name_case(conn).map_err(failed)? == case {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    check_case(path, &tx, case)?;
    let users = || {
        let mut users = tx.prepare(USERS)?;
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        users.query_map([], row)?.collect::<rusqlite::Result<Vec<(i64, String)>>>()
    };
    let users = users().map_err(failed)?;
    let claim = || {
        tx.execute("DELETE FROM name_claims", [])?;
        tx.execute("UPDATE history SET exact_case = ?1", [case == NameCase::Exact])?;
        for (id, name) in &users {
            let name = Name::stored(name);
            tx.execute("UPDATE users SET fold = ?2 WHERE id = ?1", params![id, name.fold(case)])?;
            for claim in name.claims(case) {
                tx.execute("INSERT INTO name_claims (claim, user_id) VALUES (?1, ?2)", params![claim, id])?;
            }
        }
        Ok(())
    };
    claim().map_err(failed)?;
    tx.commit().map_err(failed)
}

/// Gives a store's history a new id.
pub(crate) fn renew_history(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute(RENEW_HISTORY, []).map(drop)
}

/// Makes a store behave as if it had last searched for files without a row at this date.
pub(crate) fn postpone_strays(conn: &Connection, now: Date) -> rusqlite::Result<()> {
    if version(conn)? < FIRST_WITH_FOLLOWERS {
        return Ok(());
    }
    conn.execute(POSTPONE_STRAYS, [now.micros().to_be_bytes()]).map(drop)
}

/// Whether a file's schema is the current version.
pub(crate) fn is_current(conn: &Connection) -> rusqlite::Result<bool> {
    Ok(version(conn)? == known())
}

/// Prepares the target of a migration: gives a new file the schema and the `application_id` of an incomplete
/// file. Continues with an incomplete file, or with a complete one, whose migration was interrupted before it got the
/// name of a store. Refuses any other.
pub(crate) fn draft(path: &Path, conn: &Connection) -> Result<(), OpenError> {
    let failed = |why| OpenError::sqlite(path, &why);
    let owner: i64 = conn.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(failed)?;
    if [DRAFT_ID, APPLICATION_ID].contains(&owner) {
        if !is_current(conn).map_err(failed)? {
            return Err(OpenError::OtherDraft { path: path.into() });
        }
        return conn.pragma_update(None, "application_id", DRAFT_ID).map_err(failed);
    }
    inspect(path, conn)?;
    let make = || {
        let tx = conn.unchecked_transaction()?;
        for migration in migration::SQLITE {
            tx.execute_batch(migration)?;
        }
        tx.pragma_update(None, "application_id", DRAFT_ID)?;
        tx.pragma_update(None, "user_version", known())?;
        tx.commit()
    };
    make().map_err(failed)
}

/// Turns the complete target of a migration into a store.
pub(crate) fn finish(conn: &Connection, last_user: i64) -> rusqlite::Result<()> {
    let tx = conn.unchecked_transaction()?;
    tx.execute("DELETE FROM sqlite_sequence WHERE name = 'users'", [])?;
    tx.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('users', ?1)", [last_user])?;
    message_dates::fill(&tx)?;
    tx.execute(FORGET_INDEX, [])?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.commit()
}

fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn known() -> i64 {
    i64::try_from(migration::SQLITE.len()).unwrap_or(i64::MAX)
}

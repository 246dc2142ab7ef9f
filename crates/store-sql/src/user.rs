//! Users, the claims on their names, and their passwords.

use std::collections::HashMap;

use chinwag_core::name::NameCase;
use chinwag_core::permission::Role;
use chinwag_core::profile::{Details, Identity, Origin, ProfileCard, UserKind};
use chinwag_core::store::Task;
use chinwag_core::store::encoding::Stored;
use chinwag_core::suspension::{Suspension, UserStanding};
use chinwag_core::text::search_key;
use chinwag_core::user::User;
use chinwag_core::{Date, Error, GroupId, Name, Result, TaskId, UserId, stored_number};

use crate::sql::params;
use crate::stamp::stamped;
use crate::task::task_insert;
use crate::transfer::table;
use crate::{Columns, Keys, Sql, Text, limit};

table! {
    USERS: "users" by (id: Number)
    name: Text, fold: Text, name_key: Text, special: Flag, created: Number, origin: Short, kind: Short,
    display_name: Text, shown_key: Text, avatar: Text, data: Text, last_seen: Number, added_by: Short,
    write_first: Short, hide_last_seen: Flag, hide_reads: Flag, admin: Flag, suspended_until: Number,
    suspended_reason: Text,
}
table! {
    NAME_CLAIMS: "name_claims" by (claim: Text)
    user_id: Number,
}
table! {
    HELD_NAMES: "held_names" by (claim: Text)
    until: Number,
}
table! {
    PASSWORDS: "passwords" by (user_id: Number)
    phc: Text,
}

crate::implement! {
    ($) impl_users: Users by user
    read {
        user(id: UserId) -> Option<User>;
        user_standing(id: UserId) -> Option<(User, UserStanding)>;
        users_suspended(ids: &[UserId], now: Date) -> Vec<UserId>;
        user_named(name: &Name) -> Option<User>;
        users_named(names: &[Name]) -> Vec<Option<User>>;
        identity(name: &Name) -> Option<Identity>;
        details(ids: &[UserId]) -> Vec<Option<Details>>;
        user_names(ids: &[UserId]) -> Vec<(UserId, Name)>;
        cards(ids: &[UserId]) -> Vec<ProfileCard>;
        users_page(after: Option<UserId>, limit: usize) -> Vec<User>;
        users_matching(prefix: &str, after: Option<UserId>, limit: usize) -> Vec<User>;
        trace_as_member(user: UserId) -> Option<(GroupId, Role)>;
        trace_as_former(user: UserId) -> Option<GroupId>;
        password(id: UserId) -> Option<String>;
        names_held(claims: &[String], now: Date) -> bool;
    }
    write {
        user_insert(name: &Name, special: bool, now: Date) -> Option<User>;
        user_rename(id: UserId, name: &Name) -> bool;
        user_delete(id: UserId, task: TaskId) -> ();
        trace_delete(user: UserId, group: GroupId) -> ();
        names_delete(user: UserId, limit: usize) -> usize;
        password_set(id: UserId, phc: &str) -> ();
        password_delete(id: UserId) -> ();
        last_seen_set(users: &[UserId], at: Date) -> ();
        origin_set(id: UserId, origin: Origin) -> ();
        profile_set(id: UserId, details: &Details) -> ();
        user_standing_set(id: UserId, standing: &UserStanding) -> ();
        names_hold(claims: &[String], until: Date) -> ();
        names_release(claims: &[String]) -> ();
        names_purge(now: Date) -> usize;
    }
}

pub fn user(sql: &impl Sql, id: UserId) -> Result<Option<User>> {
    const FIND: Text = Text::same("SELECT id, name, special FROM users WHERE id = $1");
    sql.one(FIND, params![id], read)
}

pub fn user_standing(sql: &impl Sql, id: UserId) -> Result<Option<(User, UserStanding)>> {
    const FIND: Text = Text::same(
        "SELECT id, name, special, admin, suspended_until, suspended_reason FROM users WHERE id = $1",
    );
    sql.one(FIND, params![id], |row| {
        let standing = UserStanding { admin: row.get(3)?, suspension: read_suspension(row, 4)? };
        Ok((read(row)?, standing))
    })
}

pub fn users_suspended(sql: &impl Sql, ids: &[UserId], now: Date) -> Result<Vec<UserId>> {
    const FIND: Text = Text::two(
        "SELECT id FROM users WHERE id = $1 AND suspended_until > $2",
        "SELECT id FROM users WHERE id = ANY($1) AND suspended_until > $2",
    );
    let keys = Keys::Ints(ids.iter().map(|id| id.0).collect());
    sql.each(FIND, &keys, params![now], |row| row.get(0))
}

pub fn user_standing_set(sql: &mut impl Sql, id: UserId, standing: &UserStanding) -> Result<()> {
    const SET: Text =
        Text::same("UPDATE users SET admin = $1, suspended_until = $2, suspended_reason = $3 WHERE id = $4");
    sql.outwait_messages();
    let suspension = standing.suspension.as_ref();
    let (until, reason) = (suspension.map(|it| it.until), suspension.and_then(|it| it.reason.as_deref()));
    sql.change(SET, params![standing.admin, until, reason, id]).map(drop)
}

/// Reads a suspension from two columns: its end and its reason.
pub(crate) fn read_suspension(row: &dyn Columns, first: usize) -> Result<Option<Suspension>> {
    let Some(until) = row.maybe(first)? else { return Ok(None) };
    Ok(Some(Suspension { until, reason: row.maybe(first + 1)? }))
}

pub fn user_named(sql: &impl Sql, name: &Name) -> Result<Option<User>> {
    const FIND: Text = Text::same("SELECT id, name, special FROM users WHERE fold = $1");
    sql.one(FIND, params![name.fold(sql.name_case()).as_str()], read)
}

pub fn users_named(sql: &impl Sql, names: &[Name]) -> Result<Vec<Option<User>>> {
    const FIND: Text = Text::two(
        "SELECT id, name, special, fold FROM users WHERE fold = $1",
        "SELECT id, name, special, fold FROM users WHERE fold = ANY($1)",
    );
    let folds: Vec<_> = names.iter().map(|name| name.fold(sql.name_case())).collect();
    let read = |row: &dyn Columns| Ok((row.get(3)?, read(row)?));
    let found: HashMap<String, User> = sql.each(FIND, &texts(&folds), params![], read)?.into_iter().collect();
    Ok(folds.iter().map(|fold| found.get(fold).cloned()).collect())
}

pub fn identity(sql: &impl Sql, name: &Name) -> Result<Option<Identity>> {
    const FIND: Text = Text::same(
        "SELECT id, name, special, origin, suspended_until, suspended_reason,
            EXISTS (SELECT 1 FROM provider_identities p WHERE p.user_id = users.id)
        FROM users WHERE fold = $1",
    );
    let read = |row: &dyn Columns| {
        Ok(Identity {
            user: read(row)?,
            origin: row.stored(3)?,
            suspension: read_suspension(row, 4)?,
            provided: row.get(6)?,
        })
    };
    sql.one(FIND, params![name.fold(sql.name_case()).as_str()], read)
}

pub fn details(sql: &impl Sql, ids: &[UserId]) -> Result<Vec<Option<Details>>> {
    const FIND: Text = Text::two(
        "SELECT origin, kind, display_name, avatar, data, created, last_seen, hide_last_seen, id
        FROM users WHERE id = $1",
        "SELECT origin, kind, display_name, avatar, data, created, last_seen, hide_last_seen, id
        FROM users WHERE id = ANY($1)",
    );
    let keys = Keys::Ints(ids.iter().map(|id| id.0).collect());
    let found = sql.each(FIND, &keys, params![], |row| {
        let details = Details {
            origin: row.stored(0)?,
            kind: row.stored(1)?,
            display_name: row.maybe(2)?,
            avatar: row.maybe(3)?,
            data: row.maybe(4)?,
            created: row.get(5)?,
            last_seen: row.maybe(6)?,
            hides_last_seen: row.get(7)?,
        };
        Ok((row.get::<UserId>(8)?, details))
    })?;
    let found: HashMap<_, _> = found.into_iter().collect();
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}

pub fn user_names(sql: &impl Sql, ids: &[UserId]) -> Result<Vec<(UserId, Name)>> {
    const NAMES: Text = Text::two(
        "SELECT id, name FROM users WHERE id = $1",
        "SELECT id, name FROM users WHERE id = ANY($1)",
    );
    let keys = Keys::Ints(ids.iter().map(|id| id.0).collect());
    sql.each(NAMES, &keys, params![], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub fn cards(sql: &impl Sql, ids: &[UserId]) -> Result<Vec<ProfileCard>> {
    const ANY: Text = Text::same("SELECT 1 FROM users WHERE shown_key >= '' LIMIT 1");
    const FIND: Text = Text::two(
        "SELECT name, display_name, avatar, kind FROM users WHERE id = $1 AND shown_key IS NOT NULL",
        "SELECT name, display_name, avatar, kind FROM users WHERE id = ANY($1) AND shown_key IS NOT NULL",
    );
    if ids.is_empty() || sql.one(ANY, params![], |_| Ok(()))?.is_none() {
        return Ok(Vec::new());
    }
    let keys = Keys::Ints(ids.iter().map(|id| id.0).collect());
    let mut cards = sql.each(FIND, &keys, params![], |row| {
        let name = row.get(0)?;
        Ok(ProfileCard { name, display_name: row.maybe(1)?, avatar: row.maybe(2)?, kind: row.stored(3)? })
    })?;
    cards.sort_unstable_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    Ok(cards)
}

pub fn users_page(sql: &impl Sql, after: Option<UserId>, most: usize) -> Result<Vec<User>> {
    const PAGE: Text = Text::same("SELECT id, name, special FROM users WHERE id > $1 ORDER BY id LIMIT $2");
    sql.all(PAGE, params![after.map_or(i64::MIN, |id| id.0), limit(most)], read)
}

pub fn users_matching(sql: &impl Sql, prefix: &str, after: Option<UserId>, most: usize) -> Result<Vec<User>> {
    // On SQLite, the unary pluses make the planner use the indexes of the keys.
    const MATCHING: Text = Text::two(
        "SELECT id, name, special FROM users
        WHERE (name_key >= $1 AND name_key < $2 OR shown_key >= $1 AND shown_key < $2) AND +id > $3
        ORDER BY +id LIMIT $4",
        "SELECT id, name, special FROM users
        WHERE (name_key >= $1 AND name_key < $2 OR shown_key >= $1 AND shown_key < $2) AND id > $3
        ORDER BY id LIMIT $4",
    );
    let (end, after) = (format!("{prefix}\u{10ffff}"), after.map_or(i64::MIN, |id| id.0));
    sql.all(MATCHING, params![prefix, end.as_str(), after, limit(most)], read)
}

pub fn user_insert(sql: &mut impl Sql, name: &Name, special: bool, now: Date) -> Result<Option<User>> {
    const INSERT: Text = Text::same(
        "INSERT INTO users (name, fold, name_key, special, created) VALUES ($1, $2, $3, $4, $5) RETURNING id",
    );
    if is_claimed(sql, name, None)? {
        return Ok(None);
    }
    let (fold, key) = (name.fold(sql.name_case()), search_key(name.as_str()));
    let row = params![name.as_str(), fold.as_str(), key.as_str(), special, now];
    let id = sql.change_one(INSERT, row, |row| row.get(0))?;
    let id = id.ok_or_else(|| Error::internal("an insert answered with no number"))?;
    claim(sql, name, id)?;
    Ok(Some(User { id, name: name.clone(), special }))
}

pub fn user_rename(sql: &mut impl Sql, id: UserId, name: &Name) -> Result<bool> {
    const RENAME: Text =
        stamped!("UPDATE users SET name = $1, fold = $2, name_key = $3, profile_stamp = ", " WHERE id = $4");
    const RELEASE: Text = Text::same("DELETE FROM name_claims WHERE user_id = $1");
    if is_claimed(sql, name, Some(id))? {
        return Ok(false);
    }
    let (fold, key) = (name.fold(sql.name_case()), search_key(name.as_str()));
    if sql.change(RENAME, params![name.as_str(), fold.as_str(), key.as_str(), id])? == 0 {
        return Err(Error::NotFound("user"));
    }
    sql.change(RELEASE, params![id])?;
    claim(sql, name, id)?;
    Ok(true)
}

/// The rows that belong only to the user are deleted by foreign keys.
pub fn user_delete(sql: &mut impl Sql, id: UserId, task: TaskId) -> Result<()> {
    const RENAMES: Text = Text::same(concat!(
        "DELETE FROM tasks WHERE user_id = $1 AND kind = ",
        stored_number!(TaskKind::LogRename)
    ));
    const DELETE: Text = Text::same("DELETE FROM users WHERE id = $1");
    sql.note_erasure();
    sql.outwait_messages();
    sql.change(RENAMES, params![id])?;
    if sql.change(DELETE, params![id])? > 0 {
        task_insert(sql, task, &Task::EraseUser(id))?;
    }
    Ok(())
}

pub fn trace_as_member(sql: &impl Sql, user: UserId) -> Result<Option<(GroupId, Role)>> {
    const FIND: Text =
        Text::same("SELECT group_id, role FROM memberships WHERE user_id = $1 ORDER BY group_id LIMIT 1");
    sql.one(FIND, params![user], |row| Ok((row.get(0)?, row.stored(1)?)))
}

pub fn trace_as_former(sql: &impl Sql, user: UserId) -> Result<Option<GroupId>> {
    const FIND: Text =
        Text::same("SELECT group_id FROM former_members WHERE user_id = $1 ORDER BY group_id LIMIT 1");
    sql.one(FIND, params![user], |row| row.get(0))
}

pub fn trace_delete(sql: &mut impl Sql, user: UserId, group: GroupId) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM former_members WHERE group_id = $1 AND user_id = $2");
    sql.change(DELETE, params![group, user]).map(drop)
}

pub fn names_delete(sql: &mut impl Sql, user: UserId, most: usize) -> Result<usize> {
    const DELETE: Text = Text::same(concat!(
        "UPDATE log_entries SET user_id = NULL, detail = NULL, kind = ",
        stored_number!(LogKind::GroupChanged),
        " WHERE (group_id, seq) IN (SELECT group_id, seq FROM log_entries WHERE user_id = $1 LIMIT $2)"
    ));
    sql.change(DELETE, params![user, limit(most)])
}

pub fn password(sql: &impl Sql, id: UserId) -> Result<Option<String>> {
    const FIND: Text = Text::same("SELECT phc FROM passwords WHERE user_id = $1");
    sql.one(FIND, params![id], |row| row.get(0))
}

pub fn password_set(sql: &mut impl Sql, id: UserId, phc: &str) -> Result<()> {
    const SET: Text = Text::same(
        "INSERT INTO passwords (user_id, phc) VALUES ($1, $2)
        ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc",
    );
    sql.change(SET, params![id, phc]).map(drop)
}

pub fn password_delete(sql: &mut impl Sql, id: UserId) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM passwords WHERE user_id = $1");
    sql.change(DELETE, params![id]).map(drop)
}

pub fn last_seen_set(sql: &mut impl Sql, users: &[UserId], at: Date) -> Result<()> {
    const SET: Text = Text::two(
        "WITH asked (id) AS (SELECT $1)
        UPDATE users SET last_seen = $2 WHERE id = (SELECT asked.id FROM asked)",
        "WITH asked AS (SELECT unnest($1::bigint[]) AS id)
        UPDATE users SET last_seen = $2 FROM asked WHERE users.id = asked.id",
    );
    let keys = Keys::Ints(users.iter().map(|id| id.0).collect());
    sql.change_each(SET, &keys, params![at])
}

pub fn origin_set(sql: &mut impl Sql, id: UserId, origin: Origin) -> Result<()> {
    const SET: Text = Text::same("UPDATE users SET origin = $1 WHERE id = $2");
    sql.change(SET, params![origin.number(), id]).map(drop)
}

pub fn profile_set(sql: &mut impl Sql, id: UserId, details: &Details) -> Result<()> {
    const SET: Text = stamped!(
        "UPDATE users SET kind = $1, display_name = $2, avatar = $3, data = $4, shown_key = $5, profile_stamp = ",
        " WHERE id = $6"
    );
    let (name, avatar, data) =
        (details.display_name.as_deref(), details.avatar.as_deref(), details.data.as_deref());
    // A user who is found only by its name has an empty key if it has a card.
    let has_card = avatar.is_some() || details.kind == UserKind::Bot;
    let key = name.map(search_key).or_else(|| has_card.then(String::new));
    sql.change(SET, params![details.kind.number(), name, avatar, data, key.as_deref(), id]).map(drop)
}

pub fn names_hold(sql: &mut impl Sql, claims: &[String], until: Date) -> Result<()> {
    const HOLD: Text = Text::two(
        "INSERT INTO held_names (claim, until) VALUES ($1, $2)
        ON CONFLICT (claim) DO UPDATE SET until = max(until, excluded.until)",
        "INSERT INTO held_names (claim, until) SELECT claim, $2 FROM unnest($1::text[]) claim
        ON CONFLICT (claim) DO UPDATE SET until = greatest(held_names.until, excluded.until)",
    );
    sql.change_each(HOLD, &texts(claims), params![until])
}

pub fn names_held(sql: &impl Sql, claims: &[String], now: Date) -> Result<bool> {
    const HELD: Text = Text::two(
        "SELECT 1 FROM held_names WHERE claim = $1 AND until > $2",
        "SELECT 1 FROM held_names WHERE claim = ANY($1) AND until > $2 LIMIT 1",
    );
    Ok(!sql.each(HELD, &texts(claims), params![now], |_| Ok(()))?.is_empty())
}

pub fn names_release(sql: &mut impl Sql, claims: &[String]) -> Result<()> {
    const RELEASE: Text =
        Text::two("DELETE FROM held_names WHERE claim = $1", "DELETE FROM held_names WHERE claim = ANY($1)");
    sql.change_each(RELEASE, &texts(claims), params![])
}

pub fn names_purge(sql: &mut impl Sql, now: Date) -> Result<usize> {
    const PURGE: Text = Text::two(
        "DELETE FROM held_names WHERE claim IN (SELECT claim FROM held_names WHERE until < $1 LIMIT 1000)",
        "DELETE FROM held_names WHERE claim = ANY(ARRAY(
            SELECT claim FROM held_names WHERE until < $1 LIMIT 1000))",
    );
    sql.change(PURGE, params![now])
}

/// Whether a user other than `but` holds one of the name's claims.
fn is_claimed(sql: &impl Sql, name: &Name, but: Option<UserId>) -> Result<bool> {
    const HOLDERS: Text = Text::two(
        "SELECT user_id FROM name_claims WHERE claim = $1",
        "SELECT user_id FROM name_claims WHERE claim = ANY($1)",
    );
    let claims = name.claims(sql.name_case());
    let holders = sql.each(HOLDERS, &texts(&claims), params![], |row| row.get::<UserId>(0))?;
    let is_held = holders.into_iter().any(|holder| Some(holder) != but);
    Ok(is_held || sql.name_case() == NameCase::Exact && is_double(sql, name, but)?)
}

/// Whether a non-ASCII name and another user's ASCII name are confusable, ignoring case. ASCII names that
/// differ only in case have no common claim that would show it.
fn is_double(sql: &impl Sql, name: &Name, but: Option<UserId>) -> Result<bool> {
    // The key of an ASCII name is its lower case.
    const ASCII: Text = Text::two(
        "SELECT id, name, special FROM users WHERE name_key = $1",
        "SELECT id, name, special FROM users WHERE name_key = ANY($1)",
    );
    const BEYOND: Text = Text::two(
        "SELECT u.id, u.name, u.special FROM name_claims c
        CROSS JOIN users u ON u.id = c.user_id WHERE c.claim = $1",
        "SELECT u.id, u.name, u.special FROM name_claims c
        JOIN users u ON u.id = c.user_id WHERE c.claim = ANY($1)",
    );
    let text = if name.is_ascii() { BEYOND } else { ASCII };
    let alike = sql.each(text, &texts(&name.claims(NameCase::Folded)), params![], read)?;
    let is_other = |other: User| Some(other.id) != but && other.name.is_ascii() != name.is_ascii();
    Ok(alike.into_iter().any(is_other))
}

fn claim(sql: &mut impl Sql, name: &Name, id: UserId) -> Result<()> {
    const CLAIM: Text = Text::two(
        "INSERT INTO name_claims (claim, user_id) VALUES ($1, $2)",
        "INSERT INTO name_claims (claim, user_id) SELECT claim, $2 FROM unnest($1::text[]) claim",
    );
    let claims = name.claims(sql.name_case());
    sql.change_each(CLAIM, &texts(&claims), params![id])
}

fn texts(texts: &[String]) -> Keys<'_> {
    Keys::Texts(texts.iter().map(String::as_str).collect())
}

/// Reads a user from its id, its name, and whether it is special.
fn read(row: &dyn Columns) -> Result<User> {
    Ok(User { id: row.get(0)?, name: row.get(1)?, special: row.get(2)? })
}

//! Users, their claims on names, and their passwords.

use std::collections::HashMap;

use chinwag_core::name::NameCase;
use chinwag_core::permission::Role;
use chinwag_core::profile::{Details, Identity, Origin};
use chinwag_core::store::encoding::Stored as _;
use chinwag_core::store::{Task, Tasks, Users};
use chinwag_core::text::search_key;
use chinwag_core::user::User;
use chinwag_core::{Date, Error, GroupId, Name, Result, TaskId, UserId, stored_number};
use tokio_postgres::Row;

use crate::column::Stored;
use crate::group::group_id;
use crate::transaction::{Transaction, limit};

type Read<T> = Result<T, tokio_postgres::Error>;

impl Users for Transaction<'_, '_> {
    fn user(&self, id: UserId) -> Result<Option<User>> {
        self.one("SELECT id, name, special FROM users WHERE id = $1", &[&id.0], user)
    }

    fn name_case(&self) -> NameCase {
        self.name_case
    }

    fn users_named(&self, names: &[Name]) -> Result<Vec<Option<User>>> {
        let folds: Vec<_> = names.iter().map(|name| name.fold(self.name_case)).collect();
        let found =
            self.all("SELECT id, name, special, fold FROM users WHERE fold = ANY($1)", &[&folds], |row| {
                Ok((row.try_get::<_, String>(3)?, user(row)?))
            })?;
        let found: HashMap<_, _> = found.into_iter().collect();
        Ok(folds.iter().map(|fold| found.get(fold).cloned()).collect())
    }

    fn identity(&self, name: &Name) -> Result<Option<Identity>> {
        const SQL: &str = "SELECT id, name, special, origin FROM users WHERE fold = $1";
        self.one(SQL, &[&name.fold(self.name_case)], |row| {
            let Stored(origin) = row.try_get(3)?;
            Ok(Identity { user: user(row)?, origin })
        })
    }

    fn details(&self, ids: &[UserId]) -> Result<Vec<Option<Details>>> {
        const SQL: &str = "SELECT origin, kind, display_name, avatar, data, created, id
            FROM users WHERE id = ANY($1)";
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        let found = self.all(SQL, &[&ids], |row| Ok((row.try_get::<_, i64>(6)?, details(row)?)))?;
        let found: HashMap<_, _> = found.into_iter().collect();
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    fn users_page(&self, after: Option<UserId>, most: usize) -> Result<Vec<User>> {
        self.all(
            "SELECT id, name, special FROM users WHERE id > $1 ORDER BY id LIMIT $2",
            &[&after.map_or(i64::MIN, |id| id.0), &limit(most)],
            user,
        )
    }

    fn users_matching(&self, prefix: &str, after: Option<UserId>, most: usize) -> Result<Vec<User>> {
        const SQL: &str = "SELECT id, name, special FROM users
            WHERE (name_key >= $1 AND name_key < $2 OR shown_key >= $1 AND shown_key < $2) AND id > $3
            ORDER BY id LIMIT $4";
        let (end, after) = (format!("{prefix}\u{10ffff}"), after.map_or(i64::MIN, |id| id.0));
        self.all(SQL, &[&prefix, &end, &after, &limit(most)], user)
    }

    fn user_insert(&mut self, name: &Name, special: bool, now: Date) -> Result<Option<User>> {
        if self.claimed(name, None)? {
            return Ok(None);
        }
        let id = self.change_one(
            "INSERT INTO users (name, fold, name_key, special, created) VALUES ($1, $2, $3, $4, $5) RETURNING id",
            &[&name.as_str(), &name.fold(self.name_case), &search_key(name.as_str()), &special, &now.micros()],
            |row| row.try_get(0).map(UserId),
        )?;
        let id = id.ok_or_else(|| Error::internal("an insert answered with no number"))?;
        self.claim_name(name, id)?;
        Ok(Some(User { id, name: name.clone(), special }))
    }

    fn user_rename(&mut self, id: UserId, name: &Name) -> Result<bool> {
        if self.claimed(name, Some(id))? {
            return Ok(false);
        }
        let renamed = self.change(
            "UPDATE users SET name = $2, fold = $3, name_key = $4 WHERE id = $1",
            &[&id.0, &name.as_str(), &name.fold(self.name_case), &search_key(name.as_str())],
        )?;
        if renamed == 0 {
            return Err(Error::NotFound("user"));
        }
        self.change("DELETE FROM name_claims WHERE user_id = $1", &[&id.0])?;
        self.claim_name(name, id)?;
        Ok(true)
    }

    /// What is the user's alone goes with it by foreign key.
    fn user_delete(&mut self, id: UserId, task: TaskId) -> Result<()> {
        const RENAMES: &str = concat!(
            "DELETE FROM tasks WHERE kind = ",
            stored_number!(TaskKind::LogRename),
            " AND user_id = $1"
        );
        self.change(RENAMES, &[&id.0])?;
        if self.change("DELETE FROM users WHERE id = $1", &[&id.0])? > 0 {
            self.task_insert(task, &Task::EraseUser(id))?;
        }
        Ok(())
    }

    fn trace_as_member(&self, user: UserId) -> Result<Option<(GroupId, Role)>> {
        self.one(
            "SELECT group_id, role FROM memberships WHERE user_id = $1 ORDER BY group_id LIMIT 1",
            &[&user.0],
            |row| {
                let Stored(role) = row.try_get(1)?;
                Ok((group_id(row, 0)?, role))
            },
        )
    }

    fn trace_as_former(&self, user: UserId) -> Result<Option<GroupId>> {
        let sql = "SELECT group_id FROM former_members WHERE user_id = $1 ORDER BY group_id LIMIT 1";
        self.one(sql, &[&user.0], |row| group_id(row, 0))
    }

    fn trace_delete(&mut self, user: UserId, group: GroupId) -> Result<()> {
        let sql = "DELETE FROM former_members WHERE group_id = $1 AND user_id = $2";
        self.change(sql, &[&group.0, &user.0]).map(drop)
    }

    fn names_delete(&mut self, user: UserId, most: usize) -> Result<usize> {
        self.change(
            concat!(
                "UPDATE log_entries SET user_id = NULL, detail = NULL, kind = ",
                stored_number!(LogKind::GroupChanged),
                " WHERE (group_id, seq) IN (SELECT group_id, seq FROM log_entries WHERE user_id = $1 LIMIT $2)"
            ),
            &[&user.0, &limit(most)],
        )
    }

    fn password(&self, id: UserId) -> Result<Option<String>> {
        self.one("SELECT phc FROM passwords WHERE user_id = $1", &[&id.0], |row| row.try_get(0))
    }

    fn password_set(&mut self, id: UserId, phc: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO passwords (user_id, phc) VALUES ($1, $2)
            ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc";
        self.change(SQL, &[&id.0, &phc]).map(drop)
    }

    fn password_delete(&mut self, id: UserId) -> Result<()> {
        self.change("DELETE FROM passwords WHERE user_id = $1", &[&id.0]).map(drop)
    }

    fn origin_set(&mut self, id: UserId, origin: Origin) -> Result<()> {
        self.change("UPDATE users SET origin = $2 WHERE id = $1", &[&id.0, &origin.number()]).map(drop)
    }

    fn profile_set(&mut self, id: UserId, details: &Details) -> Result<()> {
        const SQL: &str = "UPDATE users SET kind = $2, display_name = $3, avatar = $4, data = $5, shown_key = $6 WHERE id = $1";
        let kind = details.kind.number();
        let (name, avatar, data) =
            (details.display_name.as_deref(), details.avatar.as_deref(), details.data.as_deref());
        self.change(SQL, &[&id.0, &kind, &name, &avatar, &data, &name.map(search_key)]).map(drop)
    }

    fn names_hold(&mut self, claims: &[String], until: Date) -> Result<()> {
        const SQL: &str =
            "INSERT INTO held_names (claim, until) SELECT claim, $2 FROM unnest($1::text[]) claim
            ON CONFLICT (claim) DO UPDATE SET until = greatest(held_names.until, excluded.until)";
        self.change(SQL, &[&claims, &until.micros()]).map(drop)
    }

    fn names_held(&self, claims: &[String], now: Date) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM held_names WHERE claim = ANY($1) AND until > $2 LIMIT 1";
        Ok(self.one(SQL, &[&claims, &now.micros()], |_| Ok(()))?.is_some())
    }

    fn names_release(&mut self, claims: &[String]) -> Result<()> {
        self.change("DELETE FROM held_names WHERE claim = ANY($1)", &[&claims]).map(drop)
    }

    fn names_purge(&mut self, now: Date) -> Result<usize> {
        self.change(
            "DELETE FROM held_names WHERE claim = ANY(ARRAY(
                SELECT claim FROM held_names WHERE until < $1 LIMIT 1000))",
            &[&now.micros()],
        )
    }
}

impl Transaction<'_, '_> {
    /// Whether somebody other than `but` holds one of the name's claims.
    fn claimed(&self, name: &Name, but: Option<UserId>) -> Result<bool> {
        let holders: Vec<UserId> = self.all(
            "SELECT user_id FROM name_claims WHERE claim = ANY($1)",
            &[&name.claims(self.name_case)],
            |row| row.try_get(0).map(UserId),
        )?;
        let is_held = holders.into_iter().any(|holder| Some(holder) != but);
        Ok(is_held || self.name_case == NameCase::Exact && self.is_double(name, but)?)
    }

    /// Whether a name beyond ASCII and the ASCII name of another look alike, in whatever case. ASCII
    /// names that differ by case have no claim in common that would say so.
    fn is_double(&self, name: &Name, but: Option<UserId>) -> Result<bool> {
        // The key of an ASCII name is its lower case.
        const ASCII: &str = "SELECT id, name, special FROM users WHERE name_key = ANY($1)";
        const BEYOND: &str = "SELECT u.id, u.name, u.special FROM name_claims c
            JOIN users u ON u.id = c.user_id WHERE c.claim = ANY($1)";
        let sql = if name.is_ascii() { BEYOND } else { ASCII };
        let alike = self.all(sql, &[&name.claims(NameCase::Folded)], user)?;
        let is_other = |other: User| Some(other.id) != but && other.name.is_ascii() != name.is_ascii();
        Ok(alike.into_iter().any(is_other))
    }

    fn claim_name(&mut self, name: &Name, id: UserId) -> Result<()> {
        const SQL: &str =
            "INSERT INTO name_claims (claim, user_id) SELECT claim, $2 FROM unnest($1::text[]) claim";
        self.change(SQL, &[&name.claims(self.name_case), &id.0]).map(drop)
    }
}

/// A name from a column.
pub(crate) fn name(row: &Row, column: usize) -> Read<Name> {
    row.try_get(column).map(Name::stored)
}

fn details(row: &Row) -> Read<Details> {
    let (Stored(origin), Stored(kind)) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Details {
        origin,
        kind,
        display_name: row.try_get::<_, Option<&str>>(2)?.map(Into::into),
        avatar: row.try_get::<_, Option<&str>>(3)?.map(Into::into),
        data: row.try_get::<_, Option<&str>>(4)?.map(Into::into),
        created: Date::from_micros(row.try_get(5)?),
    })
}

/// A user from its number, its name and whether it is special.
pub(crate) fn user(row: &Row) -> Read<User> {
    Ok(User { id: UserId(row.try_get(0)?), name: name(row, 1)?, special: row.try_get(2)? })
}

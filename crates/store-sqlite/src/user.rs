//! Users, their claims on names, and their passwords.

use chinwag_core::name::NameCase;
use chinwag_core::permission::Role;
use chinwag_core::profile::{Details, Identity, Origin};
use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{Task, Tasks, Users};
use chinwag_core::text::search_key;
use chinwag_core::user::User;
use chinwag_core::{Date, Error, GroupId, Name, Result, TaskId, UserId, stored_number};
use rusqlite::{Row, params};

use crate::column::stored;
use crate::group::group_id;
use crate::transaction::{Transaction, limit};

impl Users for Transaction<'_> {
    fn user(&self, id: UserId) -> Result<Option<User>> {
        self.one("SELECT id, name, special FROM users WHERE id = ?1", [id.0], user)
    }

    fn name_case(&self) -> NameCase {
        self.name_case
    }

    fn users_named(&self, names: &[Name]) -> Result<Vec<Option<User>>> {
        const SQL: &str = "SELECT id, name, special FROM users WHERE fold = ?1";
        names.iter().map(|name| self.one(SQL, [name.fold(self.name_case)], user)).collect()
    }

    fn identity(&self, name: &Name) -> Result<Option<Identity>> {
        const SQL: &str = "SELECT id, name, special, origin FROM users WHERE fold = ?1";
        self.one(SQL, [name.fold(self.name_case)], |row| {
            Ok(Identity { user: user(row)?, origin: stored(row, 3)? })
        })
    }

    fn details(&self, ids: &[UserId]) -> Result<Vec<Option<Details>>> {
        const SQL: &str = "SELECT origin, kind, display_name, avatar, data, created FROM users WHERE id = ?1";
        ids.iter().map(|id| self.one(SQL, [id.0], details)).collect()
    }

    fn users_page(&self, after: Option<UserId>, most: usize) -> Result<Vec<User>> {
        self.all(
            "SELECT id, name, special FROM users WHERE id > ?1 ORDER BY id LIMIT ?2",
            [after.map_or(i64::MIN, |id| id.0), limit(most)],
            user,
        )
    }

    fn users_matching(&self, prefix: &str, after: Option<UserId>, most: usize) -> Result<Vec<User>> {
        // The pluses keep to the indexes of the keys, however the planner judges them.
        const SQL: &str = "SELECT id, name, special FROM users
            WHERE (name_key >= ?1 AND name_key < ?2 OR shown_key >= ?1 AND shown_key < ?2) AND +id > ?3
            ORDER BY +id LIMIT ?4";
        let (end, after) = (format!("{prefix}\u{10ffff}"), after.map_or(i64::MIN, |id| id.0));
        self.all(SQL, params![prefix, end, after, limit(most)], user)
    }

    fn user_insert(&mut self, name: &Name, special: bool, now: Date) -> Result<Option<User>> {
        if self.claimed(name, None)? {
            return Ok(None);
        }
        self.change(
            "INSERT INTO users (name, fold, name_key, special, created) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                name.as_str(),
                name.fold(self.name_case),
                search_key(name.as_str()),
                special,
                now.micros()
            ],
        )?;
        let id = UserId(self.last_number());
        self.claim(name, id)?;
        Ok(Some(User { id, name: name.clone(), special }))
    }

    fn user_rename(&mut self, id: UserId, name: &Name) -> Result<bool> {
        if self.claimed(name, Some(id))? {
            return Ok(false);
        }
        let renamed = self.change(
            "UPDATE users SET name = ?2, fold = ?3, name_key = ?4 WHERE id = ?1",
            params![id.0, name.as_str(), name.fold(self.name_case), search_key(name.as_str())],
        )?;
        if renamed == 0 {
            return Err(Error::NotFound("user"));
        }
        self.change("DELETE FROM name_claims WHERE user_id = ?1", [id.0])?;
        self.claim(name, id)?;
        Ok(true)
    }

    /// What is the user's alone goes with it by foreign key.
    fn user_delete(&mut self, id: UserId, task: TaskId) -> Result<()> {
        self.erasing();
        const RENAMES: &str = concat!(
            "DELETE FROM tasks WHERE kind = ",
            stored_number!(TaskKind::LogRename),
            " AND user_id = ?1"
        );
        self.change(RENAMES, [id.0])?;
        if self.change("DELETE FROM users WHERE id = ?1", [id.0])? > 0 {
            self.task_insert(task, &Task::EraseUser(id))?;
        }
        Ok(())
    }

    fn trace_as_member(&self, user: UserId) -> Result<Option<(GroupId, Role)>> {
        self.one(
            "SELECT group_id, role FROM memberships WHERE user_id = ?1 ORDER BY group_id LIMIT 1",
            [user.0],
            |row| Ok((group_id(row, 0)?, stored(row, 1)?)),
        )
    }

    fn trace_as_former(&self, user: UserId) -> Result<Option<GroupId>> {
        let sql = "SELECT group_id FROM former_members WHERE user_id = ?1 ORDER BY group_id LIMIT 1";
        self.one(sql, [user.0], |row| group_id(row, 0))
    }

    fn trace_delete(&mut self, user: UserId, group: GroupId) -> Result<()> {
        let sql = "DELETE FROM former_members WHERE group_id = ?1 AND user_id = ?2";
        self.change(sql, params![group.0.into_bytes(), user.0]).map(drop)
    }

    fn names_delete(&mut self, user: UserId, most: usize) -> Result<usize> {
        self.change(
            concat!(
                "UPDATE log_entries SET user_id = NULL, detail = NULL, kind = ",
                stored_number!(LogKind::GroupChanged),
                " WHERE (group_id, seq) IN (SELECT group_id, seq FROM log_entries WHERE user_id = ?1 LIMIT ?2)"
            ),
            params![user.0, limit(most)],
        )
    }

    fn password(&self, id: UserId) -> Result<Option<String>> {
        self.one("SELECT phc FROM passwords WHERE user_id = ?1", [id.0], |row| row.get(0))
    }

    fn password_set(&mut self, id: UserId, phc: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO passwords (user_id, phc) VALUES (?1, ?2)
            ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc";
        self.change(SQL, params![id.0, phc]).map(drop)
    }

    fn password_delete(&mut self, id: UserId) -> Result<()> {
        self.change("DELETE FROM passwords WHERE user_id = ?1", [id.0]).map(drop)
    }

    fn origin_set(&mut self, id: UserId, origin: Origin) -> Result<()> {
        self.change("UPDATE users SET origin = ?2 WHERE id = ?1", params![id.0, origin.number()]).map(drop)
    }

    fn profile_set(&mut self, id: UserId, details: &Details) -> Result<()> {
        const SQL: &str = "UPDATE users SET kind = ?2, display_name = ?3, avatar = ?4, data = ?5, shown_key = ?6 WHERE id = ?1";
        let (name, avatar, data) = (&details.display_name, &details.avatar, &details.data);
        let key = name.as_deref().map(search_key);
        let row =
            params![id.0, details.kind.number(), name.as_deref(), avatar.as_deref(), data.as_deref(), key];
        self.change(SQL, row).map(drop)
    }

    fn names_hold(&mut self, claims: &[String], until: Date) -> Result<()> {
        const SQL: &str = "INSERT INTO held_names (claim, until) VALUES (?1, ?2)
            ON CONFLICT (claim) DO UPDATE SET until = max(until, excluded.until)";
        claims.iter().try_for_each(|claim| self.change(SQL, params![claim, until.micros()]).map(drop))
    }

    fn names_held(&self, claims: &[String], now: Date) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM held_names WHERE claim = ?1 AND until > ?2";
        for claim in claims {
            if self.one(SQL, params![claim, now.micros()], |_| Ok(()))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn names_release(&mut self, claims: &[String]) -> Result<()> {
        const SQL: &str = "DELETE FROM held_names WHERE claim = ?1";
        claims.iter().try_for_each(|claim| self.change(SQL, [claim]).map(drop))
    }

    fn names_purge(&mut self, now: Date) -> Result<usize> {
        self.change(
            "DELETE FROM held_names WHERE claim IN (SELECT claim FROM held_names WHERE until < ?1 LIMIT 1000)",
            [now.micros()],
        )
    }
}

impl Transaction<'_> {
    /// Whether somebody other than `but` holds one of the name's claims.
    fn claimed(&self, name: &Name, but: Option<UserId>) -> Result<bool> {
        for claim in name.claims(self.name_case) {
            let holder =
                self.one("SELECT user_id FROM name_claims WHERE claim = ?1", [claim], |row| row.get(0))?;
            if holder.is_some_and(|holder| Some(UserId(holder)) != but) {
                return Ok(true);
            }
        }
        Ok(self.name_case == NameCase::Exact && self.is_double(name, but)?)
    }

    /// Whether a name beyond ASCII and the ASCII name of another look alike, in whatever case. ASCII
    /// names that differ by case have no claim in common that would say so.
    fn is_double(&self, name: &Name, but: Option<UserId>) -> Result<bool> {
        // The key of an ASCII name is its lower case.
        const ASCII: &str = "SELECT id, name, special FROM users WHERE name_key = ?1";
        const BEYOND: &str = "SELECT u.id, u.name, u.special FROM name_claims c
            CROSS JOIN users u ON u.id = c.user_id WHERE c.claim = ?1";
        let sql = if name.is_ascii() { BEYOND } else { ASCII };
        for claim in name.claims(NameCase::Folded) {
            let mut alike = self.all(sql, [claim], user)?.into_iter();
            if alike.any(|other| Some(other.id) != but && other.name.is_ascii() != name.is_ascii()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn claim(&mut self, name: &Name, id: UserId) -> Result<()> {
        for claim in name.claims(self.name_case) {
            self.change("INSERT INTO name_claims (claim, user_id) VALUES (?1, ?2)", params![claim, id.0])?;
        }
        Ok(())
    }
}

/// A name from a column.
pub(crate) fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<Name> {
    Ok(Name::stored(row.get_ref(column)?.as_str()?))
}

fn details(row: &Row<'_>) -> rusqlite::Result<Details> {
    Ok(Details {
        origin: stored(row, 0)?,
        kind: stored(row, 1)?,
        display_name: row.get(2)?,
        avatar: row.get(3)?,
        data: row.get(4)?,
        created: Date::from_micros(row.get(5)?),
    })
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User { id: UserId(row.get(0)?), name: name(row, 1)?, special: row.get(2)? })
}

//! Users, their claims on names, and their passwords.

use chinwag_core::store::Users;
use chinwag_core::user::User;
use chinwag_core::{Date, Error, Name, Result, UserId};
use rusqlite::{Row, params};

use crate::transaction::{Transaction, limit};

impl Users for Transaction<'_> {
    fn user(&self, id: UserId) -> Result<Option<User>> {
        self.one("SELECT id, name, special FROM users WHERE id = ?1", [id.0], user)
    }

    fn users_named(&self, names: &[Name]) -> Result<Vec<Option<User>>> {
        const SQL: &str = "SELECT id, name, special FROM users WHERE fold = ?1";
        names.iter().map(|name| self.one(SQL, [name.fold()], user)).collect()
    }

    fn users_page(&self, after: Option<UserId>, most: usize) -> Result<Vec<User>> {
        self.all(
            "SELECT id, name, special FROM users WHERE id > ?1 ORDER BY id LIMIT ?2",
            [after.map_or(i64::MIN, |id| id.0), limit(most)],
            user,
        )
    }

    fn user_insert(&mut self, name: &Name, special: bool, now: Date) -> Result<Option<User>> {
        if self.claimed(name, None)? {
            return Ok(None);
        }
        self.change(
            "INSERT INTO users (name, fold, special, created) VALUES (?1, ?2, ?3, ?4)",
            params![name.as_str(), name.fold(), special, now.micros()],
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
            "UPDATE users SET name = ?2, fold = ?3 WHERE id = ?1",
            params![id.0, name.as_str(), name.fold()],
        )?;
        if renamed == 0 {
            return Err(Error::NotFound("user"));
        }
        self.change("DELETE FROM name_claims WHERE user_id = ?1", [id.0])?;
        self.claim(name, id)?;
        Ok(true)
    }

    /// What else is the user's goes with it by foreign key; memberships hold it back.
    fn user_delete(&mut self, id: UserId) -> Result<()> {
        self.change(
            "UPDATE changes SET kind = 2, user_id = NULL, name = NULL, new_name = NULL WHERE user_id = ?1",
            [id.0],
        )?;
        self.change("DELETE FROM users WHERE id = ?1", [id.0]).map(drop)
    }

    fn password(&self, id: UserId) -> Result<Option<String>> {
        self.one("SELECT phc FROM passwords WHERE user_id = ?1", [id.0], |row| row.get(0))
    }

    fn password_set(&mut self, id: UserId, phc: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO passwords (user_id, phc) VALUES (?1, ?2)
            ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc";
        self.change(SQL, params![id.0, phc]).map(drop)
    }
}

impl Transaction<'_> {
    /// Whether somebody other than `but` holds one of the name's claims.
    fn claimed(&self, name: &Name, but: Option<UserId>) -> Result<bool> {
        for claim in name.claims() {
            let holder =
                self.one("SELECT user_id FROM name_claims WHERE claim = ?1", [claim], |row| row.get(0))?;
            if holder.is_some_and(|holder| Some(UserId(holder)) != but) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn claim(&mut self, name: &Name, id: UserId) -> Result<()> {
        for claim in name.claims() {
            self.change("INSERT INTO name_claims (claim, user_id) VALUES (?1, ?2)", params![claim, id.0])?;
        }
        Ok(())
    }
}

/// A name from a column.
pub(crate) fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<Name> {
    Ok(Name::stored(row.get_ref(column)?.as_str()?))
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User { id: UserId(row.get(0)?), name: name(row, 1)?, special: row.get(2)? })
}

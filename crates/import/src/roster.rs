//! The users of an export by id, including those of whom it contains only the id.

use std::collections::HashMap;

use crate::foreign::{ForeignUser, UserIndex};
use crate::{BadExport, Result};

/// Users with stable indexes.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    users: Vec<ForeignUser>,
    indices: HashMap<String, UserIndex>,
}

impl Roster {
    /// The index of a known user.
    pub(crate) fn known(&self, key: &str) -> Option<UserIndex> {
        self.indices.get(key).copied()
    }

    /// The index of a user. If it is unknown, `make` creates it.
    pub(crate) fn find(&mut self, key: &str, make: impl FnOnce() -> ForeignUser) -> Result<UserIndex> {
        match self.known(key) {
            Some(index) => Ok(index),
            None => self.add(ForeignUser { key: key.to_owned(), ..make() }),
        }
    }

    /// Adds a user. Replaces a known user with the same id.
    pub(crate) fn add(&mut self, user: ForeignUser) -> Result<UserIndex> {
        if let Some(index) = self.known(&user.key) {
            self.users[index as usize] = user;
            return Ok(index);
        }
        let index = UserIndex::try_from(self.users.len());
        let index = index.map_err(|_| BadExport::new("the export", "has too many users"))?;
        self.indices.insert(user.key.clone(), index);
        self.users.push(user);
        Ok(index)
    }

    /// Adds another id for a user.
    pub(crate) fn alias(&mut self, key: String, index: UserIndex) {
        self.indices.entry(key).or_insert(index);
    }

    pub(crate) fn into_users(self) -> Vec<ForeignUser> {
        self.users
    }
}

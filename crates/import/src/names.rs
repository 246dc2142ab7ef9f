//! The names in Chinwag of an export's users and groups, for texts that mention them.

use std::collections::HashMap;

use chinwag_core::Name;
use chinwag_core::slack_text::SlackNames;

use crate::emoji;
use crate::foreign::{ForeignExport, UserIndex};

/// Names in Chinwag by the ids of the export.
#[derive(Debug, Default)]
pub struct NameTable {
    users: Vec<Option<Name>>,
    indices: HashMap<String, UserIndex>,
    groups: HashMap<String, String>,
}

/// A text in the form of Chinwag's messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Converted {
    pub(crate) body: String,
    pub(crate) mentions: Vec<UserIndex>,
    pub(crate) everyone: bool,
}

impl NameTable {
    /// The table for an export whose users have these names in Chinwag, in the same order.
    pub fn new(export: &ForeignExport, users: Vec<Option<Name>>) -> Self {
        let indices = (0..).zip(&export.users).map(|(index, user)| (user.key.clone(), index)).collect();
        let named = export.groups.iter().filter(|group| !group.is_direct);
        let groups = named.map(|group| (group.key.clone(), group.name.clone())).collect();
        Self { users, indices, groups }
    }

    /// The user with this id in the export, and its name in Chinwag.
    pub(crate) fn user(&self, key: &str) -> Option<(UserIndex, &Name)> {
        let index = *self.indices.get(key)?;
        Some((index, self.users.get(index as usize)?.as_ref()?))
    }

    #[cfg(test)]
    pub(crate) fn of(users: &[(&str, &str)], groups: &[(&str, &str)]) -> Self {
        let indices = (0..).zip(users).map(|(index, (key, _))| ((*key).to_owned(), index)).collect();
        let users = users.iter().map(|(_, name)| Some(Name::stored(name))).collect();
        let groups = groups.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
        Self { users, indices, groups }
    }
}

/// Looks up names for a text, and records the mentioned users.
pub(crate) struct Mentioned<'n> {
    pub(crate) table: &'n NameTable,
    pub(crate) users: Vec<UserIndex>,
    pub(crate) everyone: bool,
}

impl<'n> Mentioned<'n> {
    pub(crate) fn new(table: &'n NameTable) -> Self {
        Self { table, users: Vec::new(), everyone: false }
    }

    pub(crate) fn mention(&mut self, index: UserIndex) {
        if !self.users.contains(&index) && self.users.len() < chinwag_core::mention::MENTIONS {
            self.users.push(index);
        }
    }

    pub(crate) fn converted(self, body: String) -> Converted {
        Converted { body, mentions: self.users, everyone: self.everyone }
    }
}

impl SlackNames for Mentioned<'_> {
    fn user(&mut self, id: &str) -> Option<String> {
        let table = self.table;
        let (index, name) = table.user(id)?;
        self.mention(index);
        Some(name.as_str().to_owned())
    }

    fn channel(&mut self, id: &str) -> Option<String> {
        self.table.groups.get(id).cloned()
    }

    fn everyone(&mut self) -> Option<&'static str> {
        self.everyone = true;
        Some(chinwag_core::mention::EVERYONE)
    }

    fn emoji(&mut self, code: &str) -> Option<String> {
        emoji::text(code)
    }
}

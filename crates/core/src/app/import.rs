//! Imports: what another service kept, taken page by page, each page in one transaction. Every id,
//! date, role, relation and read mark stays; a source is read again without harm, since each of its
//! objects is taken once. Imports tell nobody: no server runs meanwhile.
//!
//! What cannot stay as it was is noted, with what was made of it.

mod check;
mod group;
mod message;
mod relation;
mod user;

pub use check::Check;
pub use group::SourceGroup;
pub use message::{SourceMark, SourceMessage};
pub use relation::SourceRelations;
pub use user::SourceUser;

use std::collections::HashMap;

use uuid::Uuid;

use super::{App, Context, Unit};
use crate::Result;
use crate::store::{ImportKind, Imported, Tx};
use crate::user::{Caller, User};

/// What became of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its objects, by what became of them.
    pub tally: Tally,
    /// A line for each that could not stay as it was.
    pub notes: Vec<String>,
}

/// Objects, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken now.
    pub taken: u64,
    /// Taken by an earlier run.
    pub before: u64,
    /// Not taken, since what they belong to was deleted here.
    pub gone: u64,
    /// Not taken, for a reason that was noted.
    pub refused: u64,
}

impl Tally {
    /// Adds another's counts.
    pub fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.before += other.before;
        self.gone += other.gone;
        self.refused += other.refused;
    }

    /// All of them.
    pub fn all(self) -> u64 {
        self.taken + self.before + self.gone + self.refused
    }
}

/// What became of a page of groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupPage {
    /// Its groups.
    pub groups: Page,
    /// Their memberships.
    pub memberships: Tally,
}

impl App {
    /// Takes users.
    pub async fn import_users(&self, page: Vec<SourceUser>) -> Result<Page> {
        self.write(&Context::new(Caller::Service), page, |unit, page| user::take(unit, page)).await
    }

    /// Takes relations. Their users must have been taken before.
    pub async fn import_relations(&self, page: Vec<SourceRelations>) -> Result<Page> {
        self.write(&Context::new(Caller::Service), page, |unit, page| relation::take(unit, page)).await
    }

    /// Takes groups with their members, who must have been taken before.
    pub async fn import_groups(&self, page: Vec<SourceGroup>) -> Result<GroupPage> {
        self.write(&Context::new(Caller::Service), page, |unit, page| group::take(unit, page)).await
    }

    /// Takes messages, numbered in the order in which they come. Their groups and authors must have
    /// been taken before.
    pub async fn import_messages(&self, page: Vec<SourceMessage>) -> Result<Page> {
        self.write(&Context::new(Caller::Service), page, |unit, page| message::take(unit, page)).await
    }

    /// Moves read marks forward. The messages must have been taken before. Answers how many moved.
    pub async fn import_marks(&self, page: Vec<SourceMark>) -> Result<u64> {
        self.write(&Context::new(Caller::Service), page, |unit, page| message::take_marks(unit, page)).await
    }

    /// How many of the source's objects were taken.
    pub async fn import_check(&self, check: Check) -> Result<u64> {
        self.read(&Context::new(Caller::Service), check, |tx, _, check| check::count(tx, check)).await
    }
}

impl Page {
    fn note(&mut self, line: String) {
        self.notes.push(line);
    }

    fn refuse(&mut self, line: String) {
        self.tally.refused += 1;
        self.note(line);
    }
}

/// Users of the source: the users that they became, as far as these still exist.
struct People(HashMap<Uuid, Option<User>>);

/// What a user of the source became.
enum Person<'p> {
    /// This user.
    Standing(&'p User),
    /// One who was deleted here since.
    Deleted,
    /// No user: it was not taken.
    Unknown,
}

impl People {
    /// Finds those with these ids.
    fn find(tx: &dyn Tx, ids: impl IntoIterator<Item = Uuid>) -> Result<Self> {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        let mut people = HashMap::new();
        for (id, found) in ids.iter().zip(tx.imported(ImportKind::User, &ids)?) {
            if let Some(Imported::User(user)) = found {
                people.insert(*id, tx.user(user)?);
            }
        }
        Ok(Self(people))
    }

    fn get(&self, id: Uuid) -> Person<'_> {
        match self.0.get(&id) {
            Some(Some(user)) => Person::Standing(user),
            Some(None) => Person::Deleted,
            None => Person::Unknown,
        }
    }

    /// The user, if it still exists.
    fn standing(&self, id: Uuid) -> Option<&User> {
        self.0.get(&id).and_then(Option::as_ref)
    }
}

//! Imports of another service's data, page by page, each page in one transaction. Every id, date, role,
//! relation and read mark stays. A source may be read again without harm, because each of its objects is
//! imported once. Imports publish no events: no server runs at the same time.
//!
//! Each object that cannot stay unchanged gets a note that says what it has become.

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

use super::{App, Context, Growth, Unit};
use crate::Result;
use crate::store::{ImportKind, Imported, Tx};
use crate::user::{Caller, User};

/// The result of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportPage {
    /// Its objects, by result.
    pub tally: Tally,
    /// A note for each object that was changed or refused.
    pub notes: Vec<String>,
}

/// Objects, by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Imported now.
    pub taken: u64,
    /// Imported by an earlier run.
    pub before: u64,
    /// Not imported, because the object that they belong to was deleted here.
    pub gone: u64,
    /// Not imported, for a reason in the notes.
    pub refused: u64,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.before += other.before;
        self.gone += other.gone;
        self.refused += other.refused;
    }

    /// The total.
    pub fn all(self) -> u64 {
        self.taken + self.before + self.gone + self.refused
    }
}

/// The result of a page of groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupPage {
    pub groups: ImportPage,
    pub memberships: Tally,
}

impl App {
    /// Imports users.
    pub async fn import_users(&self, page: Vec<SourceUser>) -> Result<ImportPage> {
        self.write(Growth::Adds, &Context::new(Caller::Service), page, |unit, page| user::take(unit, page))
            .await
    }

    /// Imports relations. Their users must have been imported before.
    pub async fn import_relations(&self, page: Vec<SourceRelations>) -> Result<ImportPage> {
        self.write(Growth::Adds, &Context::new(Caller::Service), page, |unit, page| {
            relation::take(unit, page)
        })
        .await
    }

    /// Imports groups with their members, who must have been imported before.
    pub async fn import_groups(&self, page: Vec<SourceGroup>) -> Result<GroupPage> {
        self.write(Growth::Adds, &Context::new(Caller::Service), page, |unit, page| group::take(unit, page))
            .await
    }

    /// Imports messages and numbers them in the given order. Their groups and authors must have been imported
    /// before.
    pub async fn import_messages(&self, page: Vec<SourceMessage>) -> Result<ImportPage> {
        self.write(Growth::Adds, &Context::new(Caller::Service), page, |unit, page| message::take(unit, page))
            .await
    }

    /// Moves read marks forward. The messages must have been imported before. Returns the number of moved
    /// marks.
    pub async fn import_marks(&self, page: Vec<SourceMark>) -> Result<u64> {
        self.write(Growth::Bounded, &Context::new(Caller::Service), page, |unit, page| {
            message::take_marks(unit, page)
        })
        .await
    }

    /// The number of these objects that were imported.
    pub async fn import_check(&self, check: Check) -> Result<u64> {
        self.read(&Context::new(Caller::Service), check, |tx, _, check| check::count(tx, check)).await
    }
}

impl ImportPage {
    fn note(&mut self, line: String) {
        self.notes.push(line);
    }

    fn refuse(&mut self, line: String) {
        self.tally.refused += 1;
        self.note(line);
    }
}

/// The users that users of the source became, if they still exist.
struct People(HashMap<Uuid, Option<User>>);

/// The user that a user of the source became.
enum Person<'p> {
    /// This user.
    Standing(&'p User),
    /// The user was deleted here since.
    Deleted,
    /// The user was not imported.
    Unknown,
}

impl People {
    /// Finds the users with these ids.
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

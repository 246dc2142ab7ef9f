//! Imports of another service's data, in pages. Each page is one transaction. Ids, dates, roles, relations
//! and read marks are preserved. Imports are idempotent: reading a source again imports each object only
//! once. They publish no events, because no server runs at the same time.
//!
//! For each object that cannot be preserved unchanged, a note states the difference.

mod check;
mod content;
mod file;
mod group;
mod mark;
mod message;
mod reaction;
mod relation;
mod state;
mod user;

pub use check::Check;
pub use file::{FileSlot, SourceFile};
pub use group::SourceGroup;
pub use mark::SourceMark;
pub use message::{SourceMentions, SourceMessage, SourceReaction};
pub use relation::SourceRelations;
pub use state::{MessageLookup, MessageState};
pub use user::SourceUser;

use std::collections::HashMap;

use uuid::Uuid;

use super::{App, Context, Growth, Unit};
use crate::store::{ImportKind, Imported, Tx};
use crate::user::User;
use crate::{FileId, Name, Result};

/// The result of importing a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportPage {
    /// The page's objects, counted by result.
    pub tally: Tally,
    /// One note per object that was changed or refused.
    pub notes: Vec<String>,
}

/// Counts of objects by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Imported by this run.
    pub taken: u64,
    /// Imported by an earlier run.
    pub before: u64,
    /// Not present: the object was deleted here after an earlier run, or it was not imported because the
    /// object that contains it was deleted here.
    pub gone: u64,
    /// Not imported. A note gives the reason.
    pub refused: u64,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.before += other.before;
        self.gone += other.gone;
        self.refused += other.refused;
    }

    pub fn all(self) -> u64 {
        self.taken + self.before + self.gone + self.refused
    }
}

/// The result of importing a page of messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessagePage {
    pub messages: ImportPage,
    pub reactions: Tally,
    /// Stored files of messages that were not imported. They expire like unused uploads.
    pub unused: Vec<FileId>,
}

/// The result of importing a page of groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupPage {
    pub groups: ImportPage,
    pub memberships: Tally,
}

impl App {
    pub async fn import_users(&self, page: Vec<SourceUser>) -> Result<ImportPage> {
        self.write(Growth::Adds, &Context::server(), page, |unit, page| user::take(unit, page)).await
    }

    /// Imports relations. Import their users first.
    pub async fn import_relations(&self, page: Vec<SourceRelations>) -> Result<ImportPage> {
        self.write(Growth::Adds, &Context::server(), page, |unit, page| relation::take(unit, page)).await
    }

    /// Imports groups with their members. Import the members first.
    pub async fn import_groups(&self, page: Vec<SourceGroup>) -> Result<GroupPage> {
        self.write(Growth::Adds, &Context::server(), page, |unit, page| group::take(unit, page)).await
    }

    /// Imports messages and numbers them in the given order. Import their groups and authors first.
    pub async fn import_messages(&self, page: Vec<SourceMessage>) -> Result<MessagePage> {
        self.write(Growth::Adds, &Context::server(), page, |unit, page| message::take(unit, page)).await
    }

    /// Moves read marks forward. Import the messages first. Returns the number of marks that moved.
    pub async fn import_marks(&self, page: Vec<SourceMark>) -> Result<u64> {
        self.write(Growth::Bounded, &Context::server(), page, |unit, page| mark::take(unit, page)).await
    }

    /// Reserves an upload for a file of a message, or finds the file that an earlier run stored. Import the
    /// owner first. User quotas do not apply to imports.
    pub async fn import_file(&self, file: SourceFile) -> Result<FileSlot> {
        self.rules.limits.files.admit_size(file.size)?;
        self.write(Growth::Adds, &Context::server(), file, file::slot).await
    }

    /// The current names of imported users, by their ids in the source, in the order of `ids`.
    pub async fn import_names(&self, ids: Vec<Uuid>) -> Result<Vec<Option<Name>>> {
        self.read(&Context::server(), ids, |tx, _, ids| {
            let people = People::find(tx, ids.iter().copied())?;
            Ok(ids.iter().map(|id| people.existing(*id).map(|user| user.name.clone())).collect())
        })
        .await
    }

    /// The state of each message before its import, in the order of `lookups`.
    pub async fn import_states(&self, lookups: Vec<MessageLookup>) -> Result<Vec<MessageState>> {
        self.read(&Context::server(), lookups, |tx, _, lookups| state::find(tx, lookups)).await
    }

    /// How many of these objects are imported.
    pub async fn import_check(&self, check: Check) -> Result<u64> {
        self.read(&Context::server(), check, |tx, _, check| check::count(tx, check)).await
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

/// Users of the source and the users that they became. `None` for users who no longer exist.
struct People(HashMap<Uuid, Option<User>>);

/// The result of looking up a user of the source.
enum Person<'p> {
    Standing(&'p User),
    /// The user was imported, and has since been deleted here.
    Deleted,
    /// The user was not imported.
    Unknown,
}

impl People {
    /// Finds the users by their ids in the source.
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
    fn existing(&self, id: Uuid) -> Option<&User> {
        self.0.get(&id).and_then(Option::as_ref)
    }
}

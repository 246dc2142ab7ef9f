//! Records of imported objects, as a store keeps them. An object is imported once: what became
//! of it here since is its own affair.

use uuid::Uuid;

use crate::{GroupId, Result, UserId};

/// Records of imports, in a transaction.
pub trait Imports {
    /// The results of importing these objects of one kind, in the order of `ids`, which are those that they
    /// had elsewhere: `None` where none was taken. Bounded by the caller.
    fn imported(&self, kind: ImportKind, ids: &[Uuid]) -> Result<Vec<Option<Imported>>>;

    /// Whether a user came by an import.
    fn is_imported(&self, user: UserId) -> Result<bool>;

    /// Records objects that were taken. Each pair of kind and id is recorded once.
    fn imported_add(&mut self, taken: &[(Uuid, Imported)]) -> Result<()>;
}

/// Kinds of objects that imports take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImportKind {
    /// A user.
    User,
    /// A group.
    Group,
    /// The relations of two users.
    Relation,
    /// One user in one group.
    Membership,
    /// One user's reaction to one message.
    Reaction,
}

/// The result of importing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// This user, who may be deleted since.
    User(UserId),
    /// This group, which may be deleted since.
    Group(GroupId),
    /// Relations of two users.
    Relation,
    /// A membership.
    Membership,
    /// A reaction, which may be removed since.
    Reaction,
}

impl Imported {
    /// Its kind.
    pub fn kind(self) -> ImportKind {
        match self {
            Self::User(_) => ImportKind::User,
            Self::Group(_) => ImportKind::Group,
            Self::Relation => ImportKind::Relation,
            Self::Membership => ImportKind::Membership,
            Self::Reaction => ImportKind::Reaction,
        }
    }
}

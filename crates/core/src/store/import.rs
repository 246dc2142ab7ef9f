//! Records of imported objects in the store. Each object is imported only once; later changes to it here do
//! not matter.

use uuid::Uuid;

use crate::{GroupId, Result, UserId};

/// Records of imports, in a transaction.
pub trait Imports {
    /// The results of importing these objects of one kind, in the order of `ids`, which are their ids in the
    /// source. `None` if an object was not imported. The caller must bound their number.
    fn imported(&self, kind: ImportKind, ids: &[Uuid]) -> Result<Vec<Option<Imported>>>;

    /// Whether an import created the user.
    fn is_imported(&self, user: UserId) -> Result<bool>;

    /// Records imported objects. Each pair of kind and id is recorded only once.
    fn imported_add(&mut self, taken: &[(Uuid, Imported)]) -> Result<()>;
}

/// The kinds of objects that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImportKind {
    /// A user.
    User,
    /// A group.
    Group,
    /// The relation between two users.
    Relation,
    /// The membership of a user in a group.
    Membership,
    /// A reaction of a user to a message.
    Reaction,
}

/// The result of importing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// The user, who may have been deleted since.
    User(UserId),
    /// The group, which may have been deleted since.
    Group(GroupId),
    /// A relation between two users.
    Relation,
    /// A membership.
    Membership,
    /// A reaction, which may have been removed since.
    Reaction,
}

impl Imported {
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

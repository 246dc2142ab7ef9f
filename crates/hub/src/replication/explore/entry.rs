//! Entries of the explored log in transit: in a commit, or in a hint.

use chinwag_core::{Seq, UserId};

use crate::replication::group::{Entry, EntryKind};

/// An entry as it reaches a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Received {
    pub(super) seq: Seq,
    pub(super) joined: Vec<UserId>,
    pub(super) left: Vec<UserId>,
    pub(super) author: Option<UserId>,
    /// The socket that sent the request.
    pub(super) asker: Option<usize>,
    pub(super) form: Form,
    pub(super) is_local: bool,
    pub(super) size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Form {
    Text,
    Update,
    Removal(UserId),
    /// The user becomes a member. The number belongs to the entry before.
    Accepted(UserId),
    Invited(UserId),
    Declined(UserId),
    Deleted,
    /// The end of the group, for a user whose membership is pending.
    Ended(UserId),
    /// The number of changes so far of the user's own settings of the group. It has no number in the log.
    Settings(UserId, u8),
}

impl Received {
    /// An entry that was committed on this node and changes no membership here.
    pub(super) fn attached(seq: Seq, form: Form) -> Self {
        let (joined, left) = (Vec::new(), Vec::new());
        Self { seq, joined, left, author: None, asker: None, form, is_local: true, size: 1 }
    }
}

impl Entry for Received {
    fn kind(&self) -> EntryKind {
        match self.form {
            Form::Text => EntryKind::Content,
            Form::Update => EntryKind::Membership,
            Form::Removal(user) => EntryKind::Removal(user),
            Form::Accepted(_) | Form::Settings(..) => EntryKind::Content,
            Form::Invited(_) | Form::Declined(_) | Form::Ended(_) => EntryKind::Pending,
            Form::Deleted => EntryKind::Deletion,
        }
    }

    fn joined(&self) -> &[UserId] {
        &self.joined
    }

    fn author(&self) -> Option<UserId> {
        self.author.filter(|_| self.is_local)
    }

    fn size(&self) -> usize {
        self.size
    }
}

/// A hint in transit to the other node. The first field is the receiving node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Hint {
    /// On the group's channel.
    Entry(usize, Received),
    /// On the user's channel.
    Joined(usize, UserId, Seq),
    User(usize, UserId, Received),
}

impl Hint {
    pub(super) fn node(&self) -> usize {
        let (Self::Entry(node, ..) | Self::Joined(node, ..) | Self::User(node, ..)) = self;
        *node
    }
}

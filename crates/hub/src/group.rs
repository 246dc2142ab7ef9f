//! What the hub knows of one group: which connected users are in it, and how far its log has
//! been delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chinwag_core::{GroupId, Seq};
use parking_lot::{Mutex, MutexGuard};

use crate::user::User;

/// One group that a connected user is in. Its entry goes with the last of them.
pub(crate) struct Group {
    pub(crate) id: GroupId,
    /// The last number delivered; see [`Members::certain`]. Written under the lock, after the
    /// delivery, so that who reads it without the lock reads no more than has been delivered.
    last: AtomicI64,
    members: Mutex<Members>,
}

/// A group's connected users.
pub(crate) struct Members {
    pub(crate) users: Vec<Arc<User>>,
    /// Whether `last` was dispatched here. Otherwise it is the head that the store had when the
    /// first of the users asked, and events up to it may still come.
    pub(crate) certain: bool,
    /// The entry has been given up: nobody may be added.
    pub(crate) gone: bool,
}

/// What a number means for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is the next one.
    Next,
    /// It was delivered before.
    Repeated,
    /// It is the first to be dispatched here, and `base`, which the store had, is not before it:
    /// sockets that are live have everything up to `base` from their snapshots.
    Behind { base: Seq },
    /// Numbers between `last` and this one are missing.
    Gap { last: Seq },
}

impl Group {
    /// A group whose log was delivered up to `last`; `certain` if no event up to it can come.
    pub(crate) fn new(id: GroupId, last: Seq, certain: bool) -> Self {
        let members = Members { users: Vec::new(), certain, gone: false };
        Self { id, last: AtomicI64::new(last.0), members: Mutex::new(members) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock()
    }

    pub(crate) fn last(&self) -> Seq {
        Seq(self.last.load(Ordering::Acquire))
    }

    /// Everything up to `seq` has been delivered. Under the lock only.
    pub(crate) fn delivered(&self, members: &mut Members, seq: Seq) {
        members.certain = true;
        self.last.store(seq.0, Ordering::Release);
    }

    /// What `seq` means now. Under the lock only.
    pub(crate) fn turn(&self, members: &Members, seq: Seq) -> Turn {
        let last = self.last();
        match (members.certain, seq) {
            (_, seq) if seq == last.next() => Turn::Next,
            (_, seq) if seq > last => Turn::Gap { last },
            (true, _) => Turn::Repeated,
            (false, _) => Turn::Behind { base: last },
        }
    }
}

impl Members {
    pub(crate) fn remove(&mut self, user: &Arc<User>) {
        if let Some(at) = self.users.iter().position(|u| Arc::ptr_eq(u, user)) {
            self.users.swap_remove(at);
        }
        if self.users.capacity() > 16 && self.users.len() * 4 < self.users.capacity() {
            self.users.shrink_to_fit();
        }
    }
}

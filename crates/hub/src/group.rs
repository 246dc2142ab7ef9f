//! What the hub knows of one group: which connected users are in it, and how far its log has
//! been delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chinwag_core::{GroupId, Seq};
use parking_lot::{Mutex, MutexGuard};

use crate::floors::Floor;
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
    pub(crate) fn turn(&self, seq: Seq) -> Turn {
        let last = self.last();
        if seq == last.next() {
            Turn::Next
        } else if seq > last {
            Turn::Gap { last }
        } else {
            Turn::Repeated
        }
    }

    /// Makes ready for an event of this number. If it is the first to be dispatched here, and
    /// not after the head that the store had, it is none that was missed: sockets that are live
    /// have everything up to that head from their snapshots and skip it, and all the others
    /// learn how far they are when they go live. Who joins with such an event has not got it.
    pub(crate) fn expect(&self, members: &mut Members, seq: Seq) {
        let base = self.last();
        if members.certain || seq > base {
            return;
        }
        for user in &members.users {
            for seat in user.lock().seats.iter().filter(|seat| seat.live) {
                seat.socket.set_floor(self.id, Floor::Shown(base));
            }
        }
        self.delivered(members, Seq(seq.0 - 1));
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

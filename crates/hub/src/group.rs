//! A group's entry: its connected members and the last delivered number.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chinwag_core::{GroupId, Seq};
use parking_lot::{Mutex, MutexGuard};

use crate::replication::cursor::Cursor;
use crate::user::User;

/// A group with connected members. The entry is removed together with the last member.
pub(crate) struct Group {
    pub(crate) id: GroupId,
    /// The last delivered number; see [`Members::certain`]. It is written under the lock and after the
    /// delivery, so that a reader without the lock never sees an undelivered number.
    last: AtomicI64,
    members: Mutex<Members>,
}

pub(crate) struct Members {
    pub(crate) users: Vec<Arc<User>>,
    /// Whether this node delivered `last`. Otherwise `last` is the head in the first user's snapshot, and
    /// events up to it may still arrive.
    pub(crate) certain: bool,
    /// Whether the entry was removed. No user may be added then.
    pub(crate) gone: bool,
}

/// The position of a number relative to the last delivered one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeqOrder {
    Next,
    Repeated,
    /// Numbers between `last` and this one are missing.
    Gap {
        last: Seq,
    },
}

impl Group {
    /// A group whose log was delivered up to `last`. `certain` if no event up to `last` can still arrive.
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

    /// Records that everything up to `seq` was delivered. The caller holds the lock.
    pub(crate) fn delivered(&self, members: &mut Members, seq: Seq) {
        members.certain = true;
        self.last.store(seq.0, Ordering::Release);
    }

    /// Compares a number with the last delivered one. The caller holds the lock.
    pub(crate) fn order_of(&self, seq: Seq) -> SeqOrder {
        let last = self.last();
        if seq == last.next() {
            SeqOrder::Next
        } else if seq > last {
            SeqOrder::Gap { last }
        } else {
            SeqOrder::Repeated
        }
    }

    /// Prepares for an event with this number. The first event after the entry was created may already be
    /// covered by the head of the first user's snapshot. Live sockets have such an event from their
    /// snapshots, so their cursors move to that head; other sockets get their cursors when they go live. A
    /// user who joins with the event still receives it.
    pub(crate) fn expect(&self, members: &mut Members, seq: Seq) {
        let base = self.last();
        if members.certain || seq > base {
            return;
        }
        for user in &members.users {
            for entry in user.lock().sockets.iter().filter(|entry| entry.live) {
                entry.socket.set_cursor(self.id, Cursor::At(base));
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

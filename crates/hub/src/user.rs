//! A user's entry: its sockets, groups and presence.

use std::sync::Arc;

use chinwag_core::event::Origin;
use chinwag_core::presence::{Appearance, Status};
use chinwag_core::{GroupId, Name, Seq, SocketId, UserId};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::budget::{Budget, Total};
use crate::group::Group;
use crate::replication::invitations::Invitations;
use crate::socket::{Close, Socket};

/// A connected user. The entry exists while the user has sockets, and until the end of the last one is
/// announced. The user stays subscribed to its groups for the same time.
pub(crate) struct User {
    pub(crate) id: UserId,
    /// The queued bytes of all of its sockets.
    pub(crate) budget: Arc<Budget>,
    state: Mutex<UserState>,
}

pub(crate) struct UserState {
    pub(crate) name: Name,
    pub(crate) sockets: Vec<SocketEntry>,
    /// The groups whose events this user receives, in ascending order of id. Each of them lists the user as a
    /// member.
    pub(crate) groups: Vec<Arc<Group>>,
    /// Used only in a cluster.
    pub(crate) invitations: Invitations,
    /// Whether the user's groups were read from the store.
    pub(crate) subscribed: bool,
    /// The number of reads in progress.
    pub(crate) subscribing: u32,
    /// Groups that the user left during a read, whose answer is therefore outdated.
    pub(crate) left: Vec<GroupId>,
    /// Whether the user was renamed during a read.
    pub(crate) renamed: bool,
    /// Whether the entry was removed. Nothing may be added then.
    pub(crate) gone: bool,
    pub(crate) presence: UserPresence,
}

pub(crate) struct SocketEntry {
    pub(crate) socket: Arc<Socket>,
    pub(crate) live: bool,
    pub(crate) status: Status,
}

#[derive(Default)]
pub(crate) struct UserPresence {
    /// The appearance on this node. It outlasts the last socket by the grace period.
    pub(crate) shown: Appearance,
    /// The last announced appearance.
    pub(crate) announced: Appearance,
    /// Whether the user is in the presence task's queue.
    pub(crate) dirty: bool,
    /// Whether the announcement also goes to the user's own sockets.
    pub(crate) tell_self: bool,
    /// The request that the next announcement will answer.
    pub(crate) asker: Option<Box<Origin>>,
    /// When the last live socket ended. None while one is live.
    pub(crate) left_at: Option<Instant>,
    /// Whether the grace period is running.
    pub(crate) leaving: bool,
}

impl User {
    pub(crate) fn new(id: UserId, name: Name, total: Arc<Total>) -> Self {
        let state = UserState {
            name,
            sockets: Vec::with_capacity(1),
            groups: Vec::new(),
            invitations: Invitations::default(),
            subscribed: false,
            subscribing: 0,
            left: Vec::new(),
            renamed: false,
            gone: false,
            presence: UserPresence::default(),
        };
        Self { id, budget: Arc::new(Budget::new(total)), state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, UserState> {
        self.state.lock()
    }

    /// Closes this user's sockets with the most queued bytes, until the sum is within the limit.
    pub(crate) fn relieve(&self) {
        if !self.budget.is_over() {
            return;
        }
        // The holder of the lock is queueing frames for this user. The next tick tries again.
        let Some(state) = self.state.try_lock() else { return };
        let mut counted: Vec<_> =
            state.sockets.iter().map(|entry| (entry.socket.counted(), &entry.socket)).collect();
        counted.sort_unstable_by_key(|(bytes, _)| *bytes);
        while let Some((1.., socket)) = counted.pop().filter(|_| self.budget.is_over()) {
            tracing::info!(
                user = self.id.0,
                socket = socket.id().0,
                "the queues of a user's sockets exceed their limit"
            );
            self.budget.total().close();
            socket.close(Close::TooSlow);
        }
    }
}

impl UserState {
    pub(crate) fn socket_entry(&mut self, socket: SocketId) -> Option<&mut SocketEntry> {
        self.sockets.iter_mut().find(|entry| entry.socket.id() == socket)
    }

    pub(crate) fn is_live(&self) -> bool {
        self.sockets.iter().any(|entry| entry.live)
    }

    /// The appearance over all live sockets.
    pub(crate) fn appearance(&self) -> Appearance {
        Appearance::of(self.sockets.iter().filter(|entry| entry.live).map(|entry| entry.status))
    }

    /// The last delivered number of a group, if the user is a member.
    pub(crate) fn position(&self, id: GroupId) -> Option<Seq> {
        self.group_at(id).ok().map(|at| self.groups[at].last())
    }

    pub(crate) fn group_at(&self, id: GroupId) -> Result<usize, usize> {
        // Snapshots list groups in ascending order, so appending is the common case.
        if self.groups.last().is_none_or(|last| last.id < id) {
            return Err(self.groups.len());
        }
        self.groups.binary_search_by_key(&id, |group| group.id)
    }
}

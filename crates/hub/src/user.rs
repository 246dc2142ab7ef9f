//! What the hub knows of one user who is connected, or was until a moment ago.

use std::sync::Arc;

use chinwag_core::event::Origin;
use chinwag_core::presence::{Appearance, Status};
use chinwag_core::{GroupId, Name, SocketId, UserId};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::budget::{Budget, Total};
use crate::group::Group;
use crate::socket::{Close, Socket};

/// One user. Its entry lives while it has sockets, and after the last one until that has been
/// announced; its groups stay subscribed as long.
pub(crate) struct User {
    pub(crate) id: UserId,
    /// What waits for all of its sockets.
    pub(crate) budget: Arc<Budget>,
    state: Mutex<State>,
}

/// A user's sockets, groups and presence.
pub(crate) struct State {
    pub(crate) name: Name,
    pub(crate) seats: Vec<Seat>,
    /// The groups whose events this user is told, in ascending order of id. Each of them has the
    /// user among its members.
    pub(crate) groups: Vec<Arc<Group>>,
    /// Whether the user's groups have been read from the store.
    pub(crate) subscribed: bool,
    /// How many are reading them now.
    pub(crate) subscribing: u32,
    /// Groups left while they were being read: what the store said of them is out of date.
    pub(crate) left: Vec<GroupId>,
    /// Whether the user was renamed while they were being read.
    pub(crate) renamed: bool,
    /// The entry has been given up: nothing may be added.
    pub(crate) gone: bool,
    pub(crate) presence: Presence,
}

/// One of a user's sockets.
pub(crate) struct Seat {
    pub(crate) socket: Arc<Socket>,
    pub(crate) live: bool,
    pub(crate) status: Status,
}

/// How present a user is, and what of it is still to be told.
#[derive(Default)]
pub(crate) struct Presence {
    /// What the user is shown as; it outlasts the last socket by the grace.
    pub(crate) shown: Appearance,
    /// What the contacts, and the other nodes, were last told.
    pub(crate) announced: Appearance,
    /// Whether the user waits to be looked at by the presence task.
    pub(crate) dirty: bool,
    /// Whether the user's own sockets are to be told too.
    pub(crate) tell_self: bool,
    /// The socket whose request is answered by the next announcement.
    pub(crate) asker: Option<Box<Origin>>,
    /// When the last live socket ended, if none is live.
    pub(crate) left_at: Option<Instant>,
    /// Whether the user waits for its grace to end.
    pub(crate) leaving: bool,
}

impl User {
    pub(crate) fn new(id: UserId, name: Name, total: Arc<Total>) -> Self {
        let state = State {
            name,
            seats: Vec::with_capacity(1),
            groups: Vec::new(),
            subscribed: false,
            subscribing: 0,
            left: Vec::new(),
            renamed: false,
            gone: false,
            presence: Presence::default(),
        };
        Self { id, budget: Arc::new(Budget::new(total)), state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Closes sockets of this user, those for which most waits, while more waits than may.
    pub(crate) fn relieve(&self) {
        if !self.budget.is_over() {
            return;
        }
        // Whoever holds the lock queues something for this user; the next tick looks again.
        let Some(state) = self.state.try_lock() else { return };
        let mut counted: Vec<_> =
            state.seats.iter().map(|seat| (seat.socket.counted(), &seat.socket)).collect();
        counted.sort_unstable_by_key(|(bytes, _)| *bytes);
        while let Some((1.., socket)) = counted.pop().filter(|_| self.budget.is_over()) {
            tracing::info!(user = self.id.0, socket = socket.id().0, "too much waits for a user's sockets");
            self.budget.total().close();
            socket.close(Close::TooSlow);
        }
    }
}

impl State {
    pub(crate) fn seat(&mut self, socket: SocketId) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.socket.id() == socket)
    }

    pub(crate) fn is_live(&self) -> bool {
        self.seats.iter().any(|seat| seat.live)
    }

    /// The user's appearance over all of its live sockets.
    pub(crate) fn appearance(&self) -> Appearance {
        Appearance::of(self.seats.iter().filter(|seat| seat.live).map(|seat| seat.status))
    }

    pub(crate) fn group_at(&self, id: GroupId) -> Result<usize, usize> {
        self.groups.binary_search_by_key(&id, |group| group.id)
    }
}

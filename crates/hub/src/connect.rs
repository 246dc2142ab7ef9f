//! The start and end of a socket, and the handover from its snapshot to live events without loss or
//! repetition.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chinwag_core::presence::{Appearance, Status};
use chinwag_core::store::Tx;
use chinwag_core::token::TokenHash;
use chinwag_core::{Date, GroupId, Name, Result, Seq, SocketId, UserId};

use crate::replication::cursor::Cursor;
use crate::replication::snapshot::{SnapshotHeads, ahead, start_cursors, unknown};
use crate::user::{SocketEntry, User};
use crate::{Close, Hub, Socket};

/// A socket's snapshot, with the head of each of its groups in that snapshot.
pub type Snapshot<T> = (T, Heads);
/// Groups, each with a log number.
pub type Heads = Vec<(GroupId, Seq)>;

/// A user's groups in one snapshot of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memberships {
    /// The groups whose events the user receives.
    pub accepted: Heads,
    /// The groups that the user has not accepted yet.
    pub pending: Heads,
}

/// Attempts to read a snapshot again, when more events followed it than the socket may hold. Then the socket
/// is closed.
const MAX_SNAPSHOT_READS: usize = 4;

/// The owner of a socket, according to its credential.
#[derive(Debug, Clone)]
pub struct Identity {
    pub user: UserId,
    pub name: Name,
    /// The token or bot key, if it is stored and outlives the handshake. The socket is closed when it ends.
    /// None for a ticket, which ends when it is used, and for external credentials.
    pub token: Option<TokenHash>,
    /// When the credential expires, if ever. The socket is then closed within 2 s.
    pub expires: Option<Date>,
    /// If `token` is the hash of a bot's key, the groups whose events the socket receives. It receives no
    /// other events.
    pub scope: Option<Vec<GroupId>>,
}

/// Why a socket was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterError {
    /// The process has reached its limit of sockets.
    Full,
    /// The user has reached the limit of sockets per user.
    TooManyOfUser,
    /// The process is draining.
    Draining,
}

impl RegisterError {
    /// A label for metrics and log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "all",
            Self::TooManyOfUser => "user",
            Self::Draining => "draining",
        }
    }
}

/// A registered socket. Dropping the connection unregisters it.
pub struct Connection {
    hub: Arc<Hub>,
    socket: Arc<Socket>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.socket).finish()
    }
}

impl Deref for Connection {
    type Target = Arc<Socket>;

    fn deref(&self) -> &Arc<Socket> {
        &self.socket
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.hub.unregister(&self.socket);
    }
}

impl Hub {
    /// Registers a socket. From now on it holds its user's events, up to the limits of its queue.
    ///
    /// The caller then calls [`subscribe`](Self::subscribe) and [`go_live`](Self::go_live).
    #[allow(clippy::needless_pass_by_value, reason = "as a caller has it: one identity, one socket")]
    pub fn register(self: &Arc<Self>, identity: Identity) -> Result<Connection, RegisterError> {
        if self.draining.load(Ordering::Acquire) {
            return Err(RegisterError::Draining);
        }
        if self.sockets.fetch_add(1, Ordering::AcqRel) >= self.options.sockets {
            self.sockets.fetch_sub(1, Ordering::AcqRel);
            return Err(RegisterError::Full);
        }
        let id = SocketId(self.last_socket.fetch_add(1, Ordering::Relaxed) + 1);
        let Some(socket) = self.add_socket(id, &identity) else {
            self.sockets.fetch_sub(1, Ordering::AcqRel);
            return Err(RegisterError::TooManyOfUser);
        };
        // A concurrent drain may have missed this socket.
        if self.draining.load(Ordering::Acquire) {
            socket.close(Close::Restarting);
        }
        Ok(Connection { hub: self.clone(), socket })
    }

    /// Reads the socket's snapshot with `shown`, which also returns the user's groups. Subscribes the user to
    /// its accepted groups, unless it is subscribed already.
    ///
    /// If more events follow the snapshot than the socket may hold, the snapshot is read again. After a few
    /// attempts the socket is closed with [`Close::ResyncRequired`]. If the user or its credential is not
    /// valid any more, the socket is closed with [`Close::CredentialEnded`] or [`Close::Suspended`].
    ///
    /// Returns `None` if the socket is being closed. May be called again after an error of the store.
    pub async fn subscribe<T: Send + 'static>(
        &self,
        socket: &Arc<Socket>,
        shown: impl Fn(&dyn Tx, UserId) -> Result<(T, Memberships)> + Clone + Send + 'static,
    ) -> Result<Option<Snapshot<T>>> {
        let user = socket.owner().clone();
        let reading = SnapshotRead::begin(&user);
        let unserved = self.unserved.load(Ordering::Acquire);
        let Some((name, (found, groups))) = self.read(socket, shown.clone()).await? else {
            return Ok(None);
        };
        let mut whole = true;
        if !reading.subscribed {
            for (group, head) in &groups.accepted {
                whole &= self.add_to_group(*group, *head, &user);
            }
            // An event of a group without an entry may be neither in the snapshot nor held.
            whole &= self.unserved.load(Ordering::Acquire) == unserved;
        }
        reading.done(name);
        self.show_pending(socket, &groups.pending);
        if whole && !socket.lacks() {
            return Ok(Some((found, groups.accepted)));
        }
        for _ in 0..MAX_SNAPSHOT_READS {
            socket.start_over();
            let read = self.read(socket, shown.clone());
            let Some((_, (found, groups))) = read.await? else { return Ok(None) };
            self.show_pending(socket, &groups.pending);
            if !socket.lacks() {
                return Ok(Some((found, groups.accepted)));
            }
        }
        socket.close(Close::ResyncRequired);
        Ok(None)
    }

    /// Applies the pending memberships of a socket's snapshot. Those that may differ on the user's other
    /// sockets, or in held events, are looked up.
    fn show_pending(&self, socket: &Socket, pending: &[(GroupId, Seq)]) {
        let Some(cluster) = &self.cluster else { return };
        socket.drop_shown(pending);
        let user = socket.owner();
        let mut state = user.lock();
        // In these groups this node knows the user as a member: it has accepted since, or was invited again.
        let (here, outside): (Heads, Heads) =
            pending.iter().partition(|(group, _)| state.group_at(*group).is_ok());
        let doubtful = state.invitations.take_snapshot(&outside);
        for (group, _) in &here {
            state.invitations.doubt(*group);
        }
        cluster.doubt(user.id, here.into_iter().map(|(group, _)| group).chain(doubtful));
    }

    /// The user's name and the result of `shown`. If the user or the credential is not valid any more, closes
    /// the socket and returns `None`.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        socket: &Arc<Socket>,
        shown: impl Fn(&dyn Tx, UserId) -> Result<T> + Send + 'static,
    ) -> Result<Option<(Name, T)>> {
        let (id, token, is_key) = (socket.user(), socket.token, socket.is_scoped());
        let now = self.clock.now();
        let found = self.store.read(move |tx| {
            let is_kept = match token {
                Some(hash) if is_key => tx.bot_key(&hash)?.is_some_and(|key| key.user == id),
                Some(hash) => tx.token(&hash)?.is_some_and(|token| token.user == id),
                None => true,
            };
            let Some((user, standing)) = tx.user_standing(id)?.filter(|_| is_kept) else {
                return Ok(Err(Close::CredentialEnded));
            };
            if standing.suspended_at(now).is_some() {
                return Ok(Err(Close::Suspended));
            }
            Ok(Ok((user.name, shown(tx, id)?)))
        });
        match found.await? {
            Ok(found) => Ok(Some(found)),
            Err(close) => {
                socket.close(close);
                Ok(None)
            }
        }
    }

    /// Starts live delivery. The snapshot's frames in `first` are sent first, then the held events that are
    /// not in the snapshot. The groups and heads of the snapshot are in `heads`, or in the
    /// [pages](Self::begin_pages). The user becomes online, unless it appears offline on its other sockets on
    /// any node. Does nothing if the socket is live already or is being closed.
    ///
    /// `first` counts towards the user's limit, but not towards the queue's.
    pub fn go_live(&self, socket: &Arc<Socket>, first: Vec<Bytes>, heads: &[(GroupId, Seq)]) {
        let mut heads = heads.to_vec();
        heads.sort_unstable();
        let snapshot = SnapshotHeads { heads: &heads };
        let user = socket.owner();
        let mut state = user.lock();
        let cursors = |joined: &[(GroupId, Seq)], snapshot: &SnapshotHeads<'_>| {
            let positions = state.groups.iter().map(|group| (group.id, group.last()));
            start_cursors(positions, snapshot, joined)
        };
        let Some(heads) = socket.go_live(first, &snapshot, cursors) else { return };
        if let Some(cluster) = &self.cluster {
            let snapshot = SnapshotHeads { heads: &heads };
            let unknown = unknown(&snapshot, |id| state.group_at(id).is_ok());
            let absent = state.groups.iter().map(|group| group.id);
            let absent = absent.filter(|id| matches!(socket.cursor(*id), Some(Cursor::Detached(_))));
            cluster.doubt(user.id, unknown.chain(absent));
        }
        // A user who appears offline on its other sockets, on any node, also does so on this one.
        let is_hidden = self.appearance(user.id, state.appearance()) == Appearance::Hidden;
        let Some(entry) = state.socket_entry(socket.id()) else { return };
        entry.live = true;
        entry.status = if is_hidden { Status::Disconnected } else { Status::Online };
        state.presence.left_at = None;
        let before = self.seen_as(user.id, state.presence.shown);
        if self.show(user, &mut state, false) && self.seen_as(user.id, state.presence.shown) != before {
            let is_other = |entry: &SocketEntry| entry.live && entry.socket.id() != socket.id();
            self.send_status(user, &state, None, is_other);
        }
    }

    /// Holds the events of a live socket while the caller reads the missed events from the store. The caller
    /// must then call [`resume`](Self::resume). Returns the last delivered number of each of the groups.
    pub fn pause(&self, socket: &Socket, groups: impl IntoIterator<Item = GroupId>) -> Heads {
        let state = socket.owner().lock();
        socket.pause();
        let sent = |id: GroupId| Some((id, state.groups[state.group_at(id).ok()?].last()));
        groups.into_iter().filter_map(sent).collect()
    }

    /// Splits `since` into the groups of which the client already has everything, so that nothing needs to be
    /// read, and the remainder. For use between [`pause`](Self::pause) and [`resume`](Self::resume).
    pub fn split_current(&self, socket: &Socket, since: Heads) -> (Heads, Heads) {
        let state = socket.owner().lock();
        since.into_iter().partition(|(id, held)| {
            state.group_at(*id).is_ok_and(|at| state.groups[at].last() == *held)
                && socket.cursor(*id).is_none()
        })
    }

    /// Continues after a [`pause`](Self::pause): sends `missed`, then the held events. `missed` contains
    /// everything of the groups in `heads` up to those numbers; held events up to them are skipped.
    ///
    /// `missed` counts towards the user's limit, but not towards the queue's.
    pub fn resume(&self, socket: &Socket, missed: Vec<Bytes>, heads: &[(GroupId, Seq)]) {
        let mut heads = heads.to_vec();
        heads.sort_unstable();
        let snapshot = SnapshotHeads { heads: &heads };
        let user = socket.owner();
        let state = user.lock();
        let ahead: Vec<_> = ahead(|id| state.position(id), &snapshot).collect();
        socket.resume(missed, &snapshot, &ahead);
        if let Some(cluster) = &self.cluster {
            cluster.doubt(user.id, unknown(&snapshot, |id| state.group_at(id).is_ok()));
        }
    }

    /// Removes the socket. If it was the user's last live one, the user is announced as disconnected after
    /// the grace period. [`Connection`] calls this when it is dropped. Idempotent.
    pub fn unregister(&self, socket: &Arc<Socket>) {
        let user = socket.owner();
        let mut state = user.lock();
        let Some(at) = state.sockets.iter().position(|entry| entry.socket.id() == socket.id()) else {
            return;
        };
        state.sockets.swap_remove(at);
        if let Some(token) = &socket.token
            && !state.sockets.iter().any(|entry| entry.socket.token.as_ref() == Some(token))
        {
            self.tokens.remove(token);
        }
        if state.is_live() {
            self.show(user, &mut state, true);
        } else {
            self.leave_later(user, &mut state);
        }
        drop(state);
        self.sockets.fetch_sub(1, Ordering::AcqRel);
    }

    /// Makes a user a member of a group on this node, according to a snapshot with the group's head. Returns
    /// whether the user is a member and the head is at least the last number delivered here, so that a socket
    /// which starts from the head misses nothing.
    ///
    /// Does not add the user once another read of its groups has completed: from then on only events change
    /// its memberships, and this snapshot may be older.
    fn add_to_group(&self, id: GroupId, head: Seq, user: &Arc<User>) -> bool {
        loop {
            let group = self.group_entry(id, head, self.cluster.is_some());
            let mut members = group.lock();
            if members.gone {
                self.remove_group_entry(&group);
                continue;
            }
            let mut state = user.lock();
            let may = !state.gone && !state.subscribed && !state.left.contains(&id);
            let place = state.group_at(id);
            if may {
                state.invitations.join(id);
            }
            if let (true, Err(at)) = (may, place) {
                state.groups.insert(at, group.clone());
                members.users.push(user.clone());
                if let Some(cluster) = &self.cluster {
                    cluster.add_newcomer(id, user.id, head);
                }
            }
            drop(state);
            self.close_if_empty(&group, &mut members);
            return (may || place.is_ok()) && group.last() <= head;
        }
    }

    fn add_socket(&self, id: SocketId, identity: &Identity) -> Option<Arc<Socket>> {
        loop {
            let user = self.user_entry(identity.user, &identity.name);
            let mut state = user.lock();
            if state.gone {
                self.remove_user_entry(&user);
                continue;
            }
            if state.sockets.len() >= self.options.sockets_per_user.max(1) {
                return None;
            }
            let socket = Arc::new(Socket::new(id, user.clone(), identity));
            if let Some(token) = identity.token {
                self.tokens.insert(token, user.id);
            }
            state.sockets.push(SocketEntry {
                socket: socket.clone(),
                live: false,
                status: Status::Disconnected,
            });
            return Some(socket);
        }
    }
}

/// A read of a user's groups. Groups that the user leaves and a rename are recorded during the read, because
/// the read may return the older state.
struct SnapshotRead<'a> {
    user: &'a User,
    subscribed: bool,
}

impl<'a> SnapshotRead<'a> {
    fn begin(user: &'a User) -> Self {
        let mut state = user.lock();
        state.subscribing += 1;
        Self { user, subscribed: state.subscribed }
    }

    /// Records that the user's groups and name were read.
    fn done(self, name: Name) {
        let mut state = self.user.lock();
        if !state.renamed {
            state.name = name;
        }
        state.subscribed = true;
        state.groups.shrink_to_fit();
    }
}

impl Drop for SnapshotRead<'_> {
    fn drop(&mut self) {
        let mut state = self.user.lock();
        state.subscribing -= 1;
        if state.subscribing == 0 {
            state.left = Vec::new();
            state.renamed = false;
        }
    }
}

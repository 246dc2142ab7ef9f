//! The hub: its parts, its start, and what is asked of it beside connecting.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::presence::Status;
use chinwag_core::store::Store;
use chinwag_core::token::TokenHash;
use chinwag_core::{Clock, GroupId, UserId};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::bus::Receiver;
use crate::counts::{Counts, Tally};
use crate::group::Group;
use crate::queue::Bounds;
use crate::shards::Shards;
use crate::typing::Typing;
use crate::user::User;
use crate::{Close, Encode, Options, Socket, presence, timer};

/// Everything that is connected to this process. Its tasks end when it is dropped, which the
/// [connections](crate::Connection) put off.
pub struct Hub {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) encode: Arc<dyn Encode>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
    pub(crate) users: Shards<UserId, Arc<User>>,
    pub(crate) groups: Shards<GroupId, Arc<Group>>,
    /// Whose the tokens of the connected sockets are.
    pub(crate) tokens: Shards<TokenHash, UserId>,
    pub(crate) sockets: AtomicUsize,
    pub(crate) last_socket: AtomicU64,
    pub(crate) draining: AtomicBool,
    pub(crate) waiting: Arc<presence::Waiting>,
    pub(crate) typing: Typing,
    pub(crate) tally: Tally,
    /// Sockets with something to write whose tasks sleep. Each is in it at most once.
    pub(crate) due: Mutex<Vec<Arc<Socket>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Hub {
    /// Starts a hub with its dispatcher, its timer and its presence task, on the runtime that
    /// this is called in. `events` is the receiver of `bus`.
    pub fn start(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        events: Receiver,
        encode: Arc<dyn Encode>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Arc<Self> {
        let waiting = Arc::new(presence::Waiting::default());
        Arc::new_cyclic(|hub| Self {
            store,
            bus,
            encode,
            clock,
            options,
            users: Shards::new(),
            groups: Shards::new(),
            tokens: Shards::new(),
            sockets: AtomicUsize::new(0),
            last_socket: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            waiting: waiting.clone(),
            typing: Typing::default(),
            tally: Tally::default(),
            due: Mutex::default(),
            tasks: vec![
                tokio::spawn(dispatch(hub.clone(), events)),
                tokio::spawn(timer::run(hub.clone())),
                tokio::spawn(presence::run(hub.clone(), waiting)),
            ],
        })
    }

    /// Queues a frame for one socket: an answer or an error. Before [`Hub::go_live`] it is held.
    /// It counts towards the queue's bounds: who has much to answer writes it itself.
    pub fn send(&self, socket: &Arc<Socket>, frame: Bytes) {
        self.push(socket, frame);
    }

    /// Tells an event that was never stored, such as that somebody types. Dropped when the bus is
    /// full.
    pub fn tell(&self, event: Event) {
        self.bus.publish_ephemeral(vec![event]);
    }

    /// Closes one socket.
    pub fn close(&self, socket: &Socket, close: Close) {
        socket.close(close);
    }

    /// What each of `users` was last announced as, in their order: what is told next is news.
    pub fn status_of(&self, users: &[UserId]) -> Vec<Status> {
        users
            .iter()
            .map(|id| self.users.get(id).map_or(Status::Disconnected, |u| u.lock().presence.announced))
            .collect()
    }

    /// Whether a user may be told as having begun or ceased to type: once in 3 s for each user,
    /// group and kind. Remembers a bounded number; when there are more, answers no.
    pub fn typing_allowed(&self, user: UserId, group: GroupId, started: bool) -> bool {
        self.typing.allow(user, group, started)
    }

    /// Figures for metrics. Cheap: no socket is looked at, `queued_*` are up to a second old.
    pub fn counts(&self) -> Counts {
        Counts {
            sockets: self.sockets.load(Ordering::Relaxed),
            users: self.users.len(),
            groups: self.groups.len(),
            ..self.tally.read()
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { frames: self.options.queue_frames, bytes: self.options.queue_bytes }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The one dispatcher: hands over events in the order in which the bus gives them.
async fn dispatch(hub: Weak<Hub>, mut events: Receiver) {
    while let Some(batch) = events.recv().await {
        let Some(hub) = hub.upgrade() else { return };
        hub.dispatch_all(&batch);
    }
}

//! The hub: its parts, its start, and what is asked of it beside connecting.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::presence::Status;
use chinwag_core::store::Store;
use chinwag_core::token::TokenHash;
use chinwag_core::{Clock, GroupId, Name, Seq, UserId};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::budget::Total;
use crate::bus::Receiver;
use crate::bus::link::Channel;
use crate::cluster::{self, Cluster};
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
    /// Moves when something happens in a group that nobody here is in, and before a group's entry
    /// goes: whoever finds it where it was knows that each group that was told anything meanwhile
    /// has its entry still, which says how far.
    pub(crate) unserved: AtomicU64,
    pub(crate) last_socket: AtomicU64,
    pub(crate) draining: AtomicBool,
    pub(crate) waiting: Arc<presence::Waiting>,
    pub(crate) typing: Typing,
    pub(crate) tally: Tally,
    /// What waits for all sockets.
    pub(crate) total: Arc<Total>,
    /// Sockets with something to write whose tasks sleep. Each is in it at most once.
    pub(crate) due: Mutex<Vec<Arc<Socket>>>,
    /// The other nodes, if there are any.
    pub(crate) cluster: Option<Cluster>,
    tasks: OnceLock<Vec<JoinHandle<()>>>,
}

impl Hub {
    /// Starts a hub with its dispatcher, its timer and its presence task, on the runtime that
    /// this is called in. `events` is the receiver of `bus`.
    pub fn start(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        mut events: Receiver,
        encode: Arc<dyn Encode>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Arc<Self> {
        let waiting = Arc::new(presence::Waiting::default());
        let others = events.others.take();
        let nodes = options.nodes.clone();
        let cluster = others.as_ref().map(|others| Cluster::new(others.link.clone(), &options.nodes));
        let total = Total::new(options.total_bytes, options.user_bytes);
        let hub = Arc::new(Self {
            total,
            store,
            bus,
            encode,
            clock,
            options,
            users: Shards::new(),
            groups: Shards::new(),
            tokens: Shards::new(),
            sockets: AtomicUsize::new(0),
            unserved: AtomicU64::new(0),
            last_socket: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            waiting: waiting.clone(),
            typing: Typing::default(),
            tally: Tally::default(),
            due: Mutex::default(),
            cluster,
            tasks: OnceLock::new(),
        });
        let this = Arc::downgrade(&hub);
        let mut tasks = match (others, &hub.cluster) {
            (Some(others), Some(cluster)) => cluster::tasks(&this, cluster, &nodes, events, others.heard),
            _ => vec![tokio::spawn(dispatch(this.clone(), events))],
        };
        tasks.push(tokio::spawn(timer::run(this.clone())));
        tasks.push(tokio::spawn(presence::run(this, waiting)));
        let _ = hub.tasks.set(tasks);
        hub.listen();
        hub
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

    /// What each of `users` was last announced as, in their order: what is told next is news. On a
    /// node among others over all of them, as far as it is known here.
    pub fn status_of(&self, users: &[UserId]) -> Vec<Status> {
        if let Some(cluster) = &self.cluster {
            return users.iter().map(|id| cluster.status(*id)).collect();
        }
        users
            .iter()
            .map(|id| {
                self.users.get(id).map(|user| user.lock().presence.announced).unwrap_or_default().status()
            })
            .collect()
    }

    /// Whether a user may be told as having begun or ceased to type: once in 3 s for each user,
    /// group and kind. Remembers a bounded number; when there are more, answers no.
    pub fn typing_allowed(&self, user: UserId, group: GroupId, started: bool) -> bool {
        self.typing.allow(user, group, started)
    }

    /// Whether the link to the other nodes is there; none on a node alone.
    pub fn link(&self) -> Option<bool> {
        self.cluster.as_ref().map(|cluster| cluster.link.is_up())
    }

    /// Figures for metrics. Cheap: no socket is looked at, `queued_*` are up to a second old.
    pub fn counts(&self) -> Counts {
        Counts {
            sockets: self.sockets.load(Ordering::Relaxed),
            users: self.users.len(),
            groups: self.groups.len(),
            nodes: self.cluster.as_ref().map_or(0, Cluster::nodes),
            link: self.cluster.as_ref().map(|cluster| cluster.link.figures()),
            ..self.tally.read(&self.total)
        }
    }

    /// A user's entry, made if there is none.
    pub(crate) fn user_entry(&self, id: UserId, name: &Name) -> Arc<User> {
        let mut is_new = false;
        let user = self.users.get_or_insert_with(id, || {
            is_new = true;
            Arc::new(User::new(id, name.clone(), self.total.clone()))
        });
        if is_new {
            self.look_at(Channel::User(id));
        }
        user
    }

    /// A group's entry; if there is none, one is made whose log was delivered up to `last`.
    pub(crate) fn group_entry(&self, id: GroupId, last: Seq, certain: bool) -> Arc<Group> {
        let mut is_new = false;
        let group = self.groups.get_or_insert_with(id, || {
            is_new = true;
            Arc::new(Group::new(id, last, certain))
        });
        if is_new {
            self.look_at(Channel::Group(id));
        }
        group
    }

    pub(crate) fn give_up_user(&self, user: &Arc<User>) {
        self.users.remove_exact(&user.id, user);
        self.look_at(Channel::User(user.id));
    }

    pub(crate) fn give_up_group(&self, group: &Arc<Group>) {
        self.unserved.fetch_add(1, Ordering::AcqRel);
        self.groups.remove_exact(&group.id, group);
        self.look_at(Channel::Group(group.id));
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { frames: self.options.queue_frames, bytes: self.options.queue_bytes }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.tasks.get().into_iter().flatten().for_each(JoinHandle::abort);
    }
}

/// The one dispatcher: hands over events in the order in which the bus gives them.
async fn dispatch(hub: Weak<Hub>, mut events: Receiver) {
    while let Some(batch) = events.recv().await {
        let Some(hub) = hub.upgrade() else { return };
        hub.dispatch_all(&batch);
    }
}

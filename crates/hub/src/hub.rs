//! The hub: its state, its start, and its smaller operations.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::presence::Status;
use chinwag_core::store::Store;
use chinwag_core::token::TokenHash;
use chinwag_core::{Clock, GroupId, Name, Seq, UserId};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::budget::Total;
use crate::bus::Receiver;
use crate::bus::link::Channel;
use crate::cluster::{self, Cluster};
use crate::counts::{Counters, Counts};
use crate::group::Group;
use crate::queue::QueueBounds;
use crate::shards::Shards;
use crate::tasks::spawn;
use crate::typing::Typing;
use crate::user::User;
use crate::{Close, Encode, Options, Socket, dispatcher, presence, timer};

/// The sockets, users and groups of this process. The hub's tasks end when it is dropped; each
/// [connection](crate::Connection) holds a reference.
pub struct Hub {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) encode: Arc<dyn Encode>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
    pub(crate) users: Shards<UserId, Arc<User>>,
    pub(crate) groups: Shards<GroupId, Arc<Group>>,
    /// Maps the tokens of connected sockets to their users.
    pub(crate) tokens: Shards<TokenHash, UserId>,
    pub(crate) sockets: AtomicUsize,
    /// Counts removed group entries, and events of groups without an entry. As long as it does not change,
    /// every group with a new event has kept its entry, and with it the last delivered number.
    pub(crate) unserved: AtomicU64,
    pub(crate) last_socket: AtomicU64,
    pub(crate) draining: AtomicBool,
    pub(crate) presence_queue: Arc<presence::PresenceQueue>,
    pub(crate) typing: Typing,
    pub(crate) counters: Counters,
    /// The queued bytes of all sockets.
    pub(crate) total: Arc<Total>,
    /// Sockets with frames to write, whose tasks sleep. Each is listed at most once.
    pub(crate) due: Mutex<Vec<Arc<Socket>>>,
    /// None on a single node whose bus never lacks an event.
    pub(crate) cluster: Option<Cluster>,
    tasks: OnceLock<Vec<JoinHandle<()>>>,
    /// Notified when a task has panicked.
    pub(crate) broken: Arc<Notify>,
}

impl Hub {
    /// Starts a hub with its dispatcher, timer and presence task on the current runtime. `events` is the
    /// receiver of `bus`.
    pub fn start(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        events: Receiver,
        encode: Arc<dyn Encode>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Arc<Self> {
        let waiting = Arc::new(presence::PresenceQueue::default());
        let nodes = options.nodes.clone();
        let cluster = events.others.as_ref().map(|others| Cluster::new(others.link.clone(), &nodes));
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
            presence_queue: waiting.clone(),
            typing: Typing::default(),
            counters: Counters::default(),
            due: Mutex::default(),
            cluster,
            tasks: OnceLock::new(),
            broken: Arc::default(),
        });
        let this = Arc::downgrade(&hub);
        let (outcomes, fetched) = mpsc::channel(256);
        let broken = &hub.broken;
        let mut tasks = vec![spawn(broken, dispatcher::run(this.clone(), events, outcomes.clone(), fetched))];
        if let Some(cluster) = &hub.cluster {
            tasks.extend(cluster::tasks(&this, broken, cluster, &nodes, outcomes));
        }
        tasks.push(spawn(broken, timer::run(this.clone())));
        tasks.push(spawn(broken, presence::run(this, waiting)));
        let _ = hub.tasks.set(tasks);
        hub.filter_channels();
        hub
    }

    /// Waits until one of the hub's tasks has panicked. From then on events, pings or presence may stop.
    pub async fn broken(&self) {
        self.broken.notified().await;
    }

    /// Queues a frame for one socket: an answer or an error. Before [`Hub::go_live`] the frame is held. It
    /// counts towards the queue's limits.
    pub fn send(&self, socket: &Arc<Socket>, frame: Bytes) {
        self.push_own(socket, frame);
    }

    /// Publishes an event that is not stored, such as typing. It is dropped when the bus is full.
    pub fn publish_ephemeral(&self, event: Event) {
        self.bus.publish_ephemeral(vec![event]);
    }

    pub fn close(&self, socket: &Socket, close: Close) {
        socket.close(close);
    }

    /// The last announced status of each user in `users`, in the same order, over all nodes as far as this
    /// node knows.
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

    /// Whether a typing event may be sent: one per user, group and kind in 3 s. The number of remembered
    /// events is bounded; beyond the bound, events are refused.
    pub fn typing_allowed(&self, user: UserId, group: GroupId, started: bool) -> bool {
        self.typing.allow(user, group, started)
    }

    /// Whether the link to the other nodes is up. None on a single node.
    pub fn link(&self) -> Option<bool> {
        self.others().map(|cluster| cluster.link.is_up())
    }

    /// Figures for metrics. Cheap, since it visits no socket; `queued_*` are up to one second old.
    pub fn counts(&self) -> Counts {
        Counts {
            sockets: self.open_sockets(),
            users: self.users.len(),
            groups: self.groups.len(),
            nodes: self.others().map_or(0, Cluster::nodes),
            link: self.others().map(|cluster| cluster.link.figures()),
            ..self.counters.read(&self.total)
        }
    }

    pub fn open_sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    /// The state of a node in a cluster. None on a single node.
    pub(crate) fn others(&self) -> Option<&Cluster> {
        self.cluster.as_ref().filter(|cluster| !cluster.link.is_alone())
    }

    /// The tokens and bot keys of all open sockets, without duplicates.
    pub fn open_tokens(&self) -> Vec<TokenHash> {
        let mut tokens = HashSet::new();
        self.users.each(|user| {
            tokens.extend(user.lock().sockets.iter().filter_map(|entry| entry.socket.token));
        });
        tokens.into_iter().collect()
    }

    /// A user's entry. Created if there is none.
    pub(crate) fn user_entry(&self, id: UserId, name: &Name) -> Arc<User> {
        let mut is_new = false;
        let user = self.users.get_or_insert_with(id, || {
            is_new = true;
            Arc::new(User::new(id, name.clone(), self.total.clone()))
        });
        if is_new {
            self.recheck(Channel::User(id));
        }
        user
    }

    /// A group's entry. If there is none, creates one with `last` as the last delivered number.
    pub(crate) fn group_entry(&self, id: GroupId, last: Seq, certain: bool) -> Arc<Group> {
        let mut is_new = false;
        let group = self.groups.get_or_insert_with(id, || {
            is_new = true;
            Arc::new(Group::new(id, last, certain))
        });
        if is_new {
            self.recheck(Channel::Group(id));
        }
        group
    }

    pub(crate) fn remove_user_entry(&self, user: &Arc<User>) {
        self.users.remove_exact(&user.id, user);
        self.recheck(Channel::User(user.id));
    }

    pub(crate) fn remove_group_entry(&self, group: &Arc<Group>) {
        self.unserved.fetch_add(1, Ordering::AcqRel);
        self.groups.remove_exact(&group.id, group);
        self.recheck(Channel::Group(group.id));
    }

    pub(crate) fn bounds(&self) -> QueueBounds {
        QueueBounds { frames: self.options.queue_frames, bytes: self.options.queue_bytes }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.tasks.get().into_iter().flatten().for_each(JoinHandle::abort);
    }
}

//! This node among others: the hints that it publishes and receives, presence over all nodes, and the
//! audit that finds in the store whatever no hint has told. A node alone has none of it, or only the audit where its
//! store may not tell it the end of a commit.
//!
//! Hints are never the truth. A numbered one is delivered if it is the next of its group; for anything
//! else that it may mean the store is read.

mod audit;
mod hints;
mod late_presence;
mod link_events;
mod peers;
mod refresh;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

use chinwag_core::presence::{Appearance, Status};
use chinwag_core::{GroupId, Seq, UserId};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::Hub;
use crate::bus::link::{Channel, Link};
use crate::catch_up::FetchOutcome;
use crate::options::Nodes;

pub(crate) use link_events::Checks;

/// Removals that are remembered.
const REMOVALS: usize = 1024;

/// The additional state of a node among others.
pub(crate) struct Cluster {
    pub(crate) link: Arc<dyn Link>,
    peers: peers::Peers,
    /// Users who were told of their removal by a hint or an answer of the store, with the number up to
    /// which: an event that says so arrives later, and is not delivered.
    removals: Mutex<VecDeque<(UserId, GroupId, Seq)>>,
    /// Groups that are being read, with the users whom a snapshot has made members since, and its head.
    newcomers: Mutex<HashMap<GroupId, Vec<(UserId, Seq)>>>,
    /// Groups of which a user's socket was shown something else than is known here: they are looked up.
    doubted: Mutex<Vec<(GroupId, UserId)>>,
    pub(crate) doubts: Arc<Notify>,
    /// Requests an audit.
    audit: Arc<Notify>,
    /// Requests that everybody's contacts are sent again.
    refresh: Arc<Notify>,
    /// Whether this node has said goodbye.
    ended: AtomicBool,
}

impl Cluster {
    pub(crate) fn new(link: Arc<dyn Link>, options: &Nodes) -> Self {
        Self {
            peers: peers::Peers::new(options.lease),
            link,
            removals: Mutex::default(),
            newcomers: Mutex::default(),
            doubted: Mutex::default(),
            doubts: Arc::default(),
            audit: Arc::default(),
            refresh: Arc::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// A read of a group begins: from here on newcomers are remembered.
    pub(crate) fn begin_read(&self, group: GroupId) {
        self.newcomers.lock().insert(group, Vec::new());
    }

    /// A snapshot as of `head` has made a user a member.
    pub(crate) fn add_newcomer(&self, group: GroupId, user: UserId, head: Seq) {
        if let Some(newcomers) = self.newcomers.lock().get_mut(&group) {
            newcomers.push((user, head));
        }
    }

    /// The read has ended. Returns the newcomers.
    pub(crate) fn end_read(&self, group: GroupId) -> Vec<(UserId, Seq)> {
        self.newcomers.lock().remove(&group).unwrap_or_default()
    }

    /// A socket was shown something else of these groups than is known of its user.
    pub(crate) fn doubt(&self, user: UserId, groups: impl Iterator<Item = GroupId>) {
        let mut doubted = self.doubted.lock();
        let before = doubted.len();
        doubted.extend(groups.map(|group| (group, user)));
        if doubted.len() > before {
            self.doubts.notify_one();
        }
    }

    pub(crate) fn remember_removal(&self, user: UserId, group: GroupId, seq: Seq) {
        let mut removals = self.removals.lock();
        if removals.len() >= REMOVALS {
            removals.pop_front();
        }
        removals.push_back((user, group, seq));
    }

    /// Whether the user was told, by a hint or an answer of the store, of its removal with the number
    /// `seq` or a later one.
    pub(crate) fn was_told_of_removal(&self, user: UserId, group: GroupId, seq: Seq) -> bool {
        self.removals.lock().iter().any(|(who, id, at)| (*who, *id) == (user, group) && *at >= seq)
    }
}

/// The tasks of a node among others, beside the dispatcher.
pub(crate) fn tasks(
    hub: &Weak<Hub>,
    cluster: &Cluster,
    options: &Nodes,
    outcomes: mpsc::Sender<FetchOutcome>,
) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(audit::run(hub.clone(), cluster.audit.clone(), outcomes)),
        tokio::spawn(peers::run(hub.clone(), options.clone())),
        tokio::spawn(refresh::run(hub.clone(), cluster.refresh.clone())),
    ]
}

impl Hub {
    /// Gives the link the filter of wanted channels.
    pub(crate) fn filter_channels(self: &Arc<Self>) {
        let Some(cluster) = &self.cluster else { return };
        let hub = Arc::downgrade(self);
        cluster.link.set_filter(Box::new(move |channel| {
            let Some(hub) = hub.upgrade() else { return false };
            match channel {
                Channel::Group(id) => hub.groups.get(&id).is_some(),
                Channel::User(id) => hub.users.get(&id).is_some(),
                Channel::Nodes | Channel::Node(_) => true,
            }
        }));
    }

    /// A user's or group's entry was made or removed: its channel may be wanted, or no more.
    pub(crate) fn recheck(&self, channel: Channel) {
        if let Some(cluster) = &self.cluster {
            cluster.link.recheck(channel);
        }
    }

    /// A user's status over all nodes, given its appearance `here`.
    pub(crate) fn seen_as(&self, user: UserId, here: Appearance) -> Status {
        self.appearance(user, here).status()
    }

    /// A user's appearance over all nodes, given that `here`.
    pub(crate) fn appearance(&self, user: UserId, here: Appearance) -> Appearance {
        self.cluster.as_ref().map_or(here, |cluster| here.max(cluster.peers.elsewhere(user)))
    }
}

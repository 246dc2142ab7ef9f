//! A node's part in a cluster: hints that it publishes and receives, presence over all nodes, and the audit,
//! which finds in the store what no hint carried. A single node has none of it, or only the audit if its
//! store may lose the outcome of a commit.
//!
//! Hints are never the truth. A numbered hint is delivered if it is the next entry of its group. In all other
//! cases the store is read.

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
use crate::tasks::spawn;

pub(crate) use link_events::PendingChecks;

/// The most removals to remember.
const MAX_REMEMBERED_REMOVALS: usize = 1024;

/// The additional state of a node in a cluster.
pub(crate) struct Cluster {
    pub(crate) link: Arc<dyn Link>,
    peers: peers::Peers,
    /// Users who were notified of their removal because of a hint or a store answer, with the number up to
    /// which. A later event of the same removal is not delivered.
    removals: Mutex<VecDeque<(UserId, GroupId, Seq)>>,
    /// Groups that are being read, each with the users who became members by a snapshot since the read began,
    /// and the heads of those snapshots.
    newcomers: Mutex<HashMap<GroupId, Vec<(UserId, Seq)>>>,
    /// Groups and users to look up, because a socket received something other than this node knows.
    doubted: Mutex<Vec<(GroupId, UserId)>>,
    pub(crate) doubts: Arc<Notify>,
    audit: Arc<Notify>,
    /// Requests that every user receives its contacts again.
    refresh: Arc<Notify>,
    /// Whether this node has announced its end.
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

    /// Marks the start of a group's read. From now on its newcomers are recorded.
    pub(crate) fn begin_read(&self, group: GroupId) {
        self.newcomers.lock().insert(group, Vec::new());
    }

    /// Records a user who became a member by a snapshot as of `head`.
    pub(crate) fn add_newcomer(&self, group: GroupId, user: UserId, head: Seq) {
        if let Some(newcomers) = self.newcomers.lock().get_mut(&group) {
            newcomers.push((user, head));
        }
    }

    /// Marks the end of the read, and returns the newcomers.
    pub(crate) fn end_read(&self, group: GroupId) -> Vec<(UserId, Seq)> {
        self.newcomers.lock().remove(&group).unwrap_or_default()
    }

    /// Requests a look-up of groups that a socket saw differently from what this node knows of its user.
    pub(crate) fn doubt(&self, user: UserId, groups: impl Iterator<Item = GroupId>) {
        let mut doubted = self.doubted.lock();
        let before = doubted.len();
        doubted.extend(groups.map(|group| (group, user)));
        if doubted.len() > before {
            self.doubts.notify_one();
        }
    }

    /// Recovers from a loss of hints: compares everything with the store, and sends every user its contacts
    /// again.
    fn recover(&self) {
        self.audit.notify_one();
        self.refresh.notify_one();
    }

    pub(crate) fn remember_removal(&self, user: UserId, group: GroupId, seq: Seq) {
        let mut removals = self.removals.lock();
        if removals.len() >= MAX_REMEMBERED_REMOVALS {
            removals.pop_front();
        }
        removals.push_back((user, group, seq));
    }

    /// Whether a hint or a store answer has notified the user of its removal with the number `seq` or a later
    /// one.
    pub(crate) fn has_announced_removal(&self, user: UserId, group: GroupId, seq: Seq) -> bool {
        self.removals.lock().iter().any(|(who, id, at)| (*who, *id) == (user, group) && *at >= seq)
    }
}

/// Spawns the tasks of a node in a cluster, apart from the dispatcher.
pub(crate) fn tasks(
    hub: &Weak<Hub>,
    broken: &Arc<Notify>,
    cluster: &Cluster,
    options: &Nodes,
    outcomes: mpsc::Sender<FetchOutcome>,
) -> Vec<JoinHandle<()>> {
    vec![
        spawn(broken, audit::run(hub.clone(), cluster.audit.clone(), outcomes)),
        spawn(broken, peers::run(hub.clone(), options.clone())),
        spawn(broken, refresh::run(hub.clone(), cluster.refresh.clone())),
    ]
}

impl Hub {
    /// Passes the link the filter of channels to subscribe to.
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

    /// Lets the link check whether it still needs a channel, after a user's or group's entry was created or
    /// removed.
    pub(crate) fn recheck(&self, channel: Channel) {
        if let Some(cluster) = &self.cluster {
            cluster.link.recheck(channel);
        }
    }

    /// A user's status over all nodes, given its appearance on this one.
    pub(crate) fn seen_as(&self, user: UserId, here: Appearance) -> Status {
        self.appearance(user, here).status()
    }

    /// A user's appearance over all nodes, given its appearance on this one.
    pub(crate) fn appearance(&self, user: UserId, here: Appearance) -> Appearance {
        self.cluster.as_ref().map_or(here, |cluster| here.max(cluster.peers.elsewhere(user)))
    }
}

//! This node among others: what it tells them, what it makes of their hints, and how it finds out
//! from the store what no hint has told. A node alone has none of it.
//!
//! Hints are never the truth. A numbered one is applied if it is the next of its group; anything
//! else that it may mean is looked up in the store.

mod audit;
mod desk;
mod hints;
mod late;
mod peers;
mod refresh;
mod repair;
mod waiting;

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

use chinwag_core::presence::{Appearance, Status};
use chinwag_core::{GroupId, Seq, UserId};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::Hub;
use crate::bus::Receiver;
use crate::bus::link::{Channel, Heard, Link};
use crate::options::Nodes;

/// How many of those who were told of the end of their membership are remembered.
const QUITS: usize = 1024;

/// What the hub of a node among others has beside.
pub(crate) struct Cluster {
    pub(crate) link: Arc<dyn Link>,
    peers: peers::Peers,
    /// Who was told to be out of a group by what the store says, and with which number: the event
    /// that says so comes after, and is not told again.
    quits: Mutex<VecDeque<(UserId, GroupId, Seq)>>,
    /// Groups in which a user is known to be, or is not, other than its socket was shown: they are
    /// looked up.
    different: Mutex<Vec<(GroupId, UserId)>>,
    news: Arc<Notify>,
    /// Everything is to be compared with the store soon.
    audit: Arc<Notify>,
    /// Everybody's contacts are to be told anew.
    refresh: Arc<Notify>,
    /// Whether this node has said its last word.
    ended: AtomicBool,
}

impl Cluster {
    pub(crate) fn new(link: Arc<dyn Link>, options: &Nodes) -> Self {
        Self {
            peers: peers::Peers::new(options.lease),
            link,
            quits: Mutex::default(),
            different: Mutex::default(),
            news: Arc::default(),
            audit: Arc::default(),
            refresh: Arc::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// Of these groups a socket was shown something else than is known of its user.
    pub(crate) fn differs(&self, user: UserId, groups: impl Iterator<Item = GroupId>) {
        let mut different = self.different.lock();
        let before = different.len();
        different.extend(groups.map(|group| (group, user)));
        if different.len() > before {
            self.news.notify_one();
        }
    }

    fn has_quit(&self, user: UserId, group: GroupId, seq: Seq) {
        let mut quits = self.quits.lock();
        if quits.len() >= QUITS {
            quits.pop_front();
        }
        quits.push_back((user, group, seq));
    }

    /// Whether this user was told already that it is out of this group since `seq`.
    fn knows_it_quit(&self, user: UserId, group: GroupId, seq: Seq) -> bool {
        self.quits.lock().iter().any(|(who, id, at)| (*who, *id) == (user, group) && *at >= seq)
    }
}

/// The tasks of a node among others.
pub(crate) fn tasks(
    hub: &Weak<Hub>,
    cluster: &Cluster,
    options: &Nodes,
    events: Receiver,
    heard: mpsc::Receiver<Heard>,
) -> Vec<JoinHandle<()>> {
    let (looked_up, results) = mpsc::channel(256);
    vec![
        tokio::spawn(desk::run(hub.clone(), cluster.news.clone(), events, heard, looked_up.clone(), results)),
        tokio::spawn(audit::run(hub.clone(), cluster.audit.clone(), looked_up)),
        tokio::spawn(peers::run(hub.clone(), options.clone())),
        tokio::spawn(refresh::run(hub.clone(), cluster.refresh.clone())),
    ]
}

impl Hub {
    /// Has the link ask here which channels are wanted.
    pub(crate) fn listen(self: &Arc<Self>) {
        let Some(cluster) = &self.cluster else { return };
        let hub = Arc::downgrade(self);
        cluster.link.listen(Box::new(move |channel| {
            let Some(hub) = hub.upgrade() else { return false };
            match channel {
                Channel::Group(id) => hub.groups.get(&id).is_some(),
                Channel::User(id) => hub.users.get(&id).is_some(),
                Channel::Nodes | Channel::Node(_) => true,
            }
        }));
    }

    /// A user's or group's entry has come or gone: it may be listened for, or no more.
    pub(crate) fn look_at(&self, channel: Channel) {
        if let Some(cluster) = &self.cluster {
            cluster.link.look_at(channel);
        }
    }

    /// What a user is shown as over all nodes who is `here` on this one.
    pub(crate) fn seen_as(&self, user: UserId, here: Appearance) -> Status {
        self.appearance(user, here).status()
    }

    /// A user's appearance over all nodes, who is `here` on this one.
    pub(crate) fn appearance(&self, user: UserId, here: Appearance) -> Appearance {
        self.cluster.as_ref().map_or(here, |cluster| here.max(cluster.peers.elsewhere(user)))
    }
}

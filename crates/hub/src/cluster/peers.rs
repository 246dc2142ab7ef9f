//! Presence over all nodes. Each node announces its users' appearances to all others, and sends its whole
//! roster on request. Each node keeps the announcements of the others while they are alive, so a status is
//! known without a request, even while the link is down. A node is alive as long as it renews its lease.
//! Redis stores none of this.

use std::collections::{HashMap, HashSet};
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chinwag_core::presence::{Appearance, Status};
use chinwag_core::{Name, UserId};
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Cluster;
use crate::Hub;
use crate::bus::link::{Channel, Hint, HintKind, NodeId};
use crate::options::Nodes;
use crate::presence::Announcement;

/// Users in one part of a roster.
const ROSTER_PART_USERS: usize = 4096;
/// The most parts that a received roster may have.
const MAX_ROSTER_PARTS: u32 = 4096;
/// Timeout for a requested roster.
const ROSTER_TIMEOUT: Duration = Duration::from_secs(1);
/// The age at which received hints are dropped.
const HINT_LIFETIME: Duration = Duration::from_secs(60);
/// The interval at which leases are checked.
const LEASE_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The appearance of each user on each node. Last in the lock order.
pub(super) struct Peers {
    table: Mutex<PresenceTable>,
    lease: Duration,
}

#[derive(Default)]
struct PresenceTable {
    users: HashMap<UserId, UserShares>,
    nodes: HashMap<NodeId, PeerNode>,
    /// The number of announcements that this node has made.
    count: u64,
    /// Users whose status is announced after their contacts are read.
    late: HashSet<UserId>,
}

/// One user's appearance on this node and on others.
#[derive(Default)]
struct UserShares {
    here: Appearance,
    there: Vec<(NodeId, Appearance)>,
    /// The last announced status.
    announced: Status,
}

struct PeerNode {
    last_seen: Instant,
    /// The number of this peer's announcement up to which all were applied here.
    count: u64,
    /// The number of the latest one that was applied. If some before it are missing, only a roster brings them, so that
    /// the order in which hints arrive does not matter.
    latest: u64,
    asked: Option<Instant>,
    answered: Option<Instant>,
    roster: Option<Roster>,
}

/// A partly received roster.
struct Roster {
    count: u64,
    next: u32,
    users: HashMap<UserId, Appearance>,
}

impl UserShares {
    fn elsewhere(&self) -> Appearance {
        self.there.iter().map(|(_, appearance)| *appearance).max().unwrap_or_default()
    }

    fn now(&self) -> Appearance {
        self.here.max(self.elsewhere())
    }

    fn set(&mut self, node: NodeId, appearance: Appearance) {
        self.there.retain(|(id, _)| *id != node);
        if appearance != Appearance::Absent {
            self.there.push((node, appearance));
        }
    }

    /// Whether the entry can be dropped, because it holds no state.
    fn is_vacant(&self) -> bool {
        self.now() == Appearance::Absent && self.announced == Status::Disconnected
    }
}

impl PresenceTable {
    /// Changes a user's shares. If its status changes, records the new status as announced and returns it.
    fn change(&mut self, user: UserId, change: impl FnOnce(&mut UserShares)) -> Option<Status> {
        let shares = self.users.entry(user).or_default();
        change(shares);
        let now = shares.now().status();
        let is_news = std::mem::replace(&mut shares.announced, now) != now;
        if shares.is_vacant() {
            self.users.remove(&user);
        }
        is_news.then_some(now)
    }

    /// Like [`change`](Self::change), but leaves the announcement for later.
    fn change_late(&mut self, user: UserId, change: impl FnOnce(&mut UserShares)) {
        let shares = self.users.entry(user).or_default();
        change(shares);
        if shares.now().status() != shares.announced {
            self.late.insert(user);
        } else if shares.is_vacant() {
            self.users.remove(&user);
        }
    }

    fn of_node(&self, node: NodeId) -> Vec<UserId> {
        let has = |shares: &UserShares| shares.there.iter().any(|(id, _)| *id == node);
        self.users.iter().filter(|(_, shares)| has(shares)).map(|(user, _)| *user).collect()
    }

    /// The node's entry. A new entry counts as just seen.
    fn peer(&mut self, node: NodeId) -> &mut PeerNode {
        self.nodes.entry(node).or_insert_with(PeerNode::new)
    }
}

impl PeerNode {
    fn new() -> Self {
        let last_seen = Instant::now();
        Self { last_seen, count: 0, latest: 0, asked: None, answered: None, roster: None }
    }

    /// Records an announcement. Returns whether it must be applied, and is not older than one that was.
    fn announced(&mut self, count: u64) -> bool {
        let is_new = count > self.latest;
        if is_new && count == self.count + 1 {
            self.count = count;
        }
        self.latest = self.latest.max(count);
        is_new
    }

    /// Adds a part of a roster. Returns the users of the roster after its last part, unless a later announcement has
    /// overtaken it. The next heartbeat then requests it again.
    fn take_part(
        &mut self,
        (count, part, parts): (u64, u32, u32),
        users: Vec<(UserId, Appearance)>,
    ) -> Option<HashMap<UserId, Appearance>> {
        if part == 0 && parts <= MAX_ROSTER_PARTS {
            self.roster = Some(Roster { count, next: 0, users: HashMap::new() });
        }
        let mut roster = self.roster.take().filter(|roster| roster.count == count && roster.next == part)?;
        roster.users.extend(users);
        roster.next += 1;
        if roster.next < parts {
            self.roster = Some(roster);
            return None;
        }
        if count < self.latest {
            return None;
        }
        (self.count, self.latest) = (count, count);
        Some(roster.users)
    }
}

impl Peers {
    pub(super) fn new(lease: Duration) -> Self {
        Self { table: Mutex::default(), lease }
    }

    /// The user's appearance on the other nodes.
    pub(super) fn elsewhere(&self, user: UserId) -> Appearance {
        self.table.lock().users.get(&user).map(UserShares::elsewhere).unwrap_or_default()
    }

    pub(super) fn take_late(&self, most: usize) -> Vec<UserId> {
        self.table.lock().late.extract_if(|_| true).take(most).collect()
    }

    pub(super) fn late(&self) -> usize {
        self.table.lock().late.len()
    }

    pub(super) fn put_late(&self, users: &[UserId]) {
        self.table.lock().late.extend(users);
    }
}

impl Cluster {
    pub(crate) fn nodes(&self) -> usize {
        self.peers.table.lock().nodes.len()
    }

    /// The user's last announced status.
    pub(crate) fn status(&self, user: UserId) -> Status {
        self.peers.table.lock().users.get(&user).map(|shares| shares.announced).unwrap_or_default()
    }

    /// Publishes the user's new appearance on this node to the other nodes, and its status to its contacts if
    /// that has changed over all nodes. Returns whether it has.
    pub(crate) fn share(
        &self,
        hub: &Hub,
        name: &Name,
        contacts: Vec<UserId>,
        announcement: &Announcement,
    ) -> bool {
        let (user, appearance) = (announcement.user(), announcement.appearance);
        let mut table = self.peers.table.lock();
        let changed = table.change(user, |shares| shares.here = appearance);
        table.count += 1;
        let receivers = contacts.iter().copied().chain([user]).collect();
        let hint = HintKind::Presence { count: table.count, user, name: name.clone(), appearance, receivers };
        self.link.publish(Channel::Nodes, Hint::new(hint));
        let Some(status) = changed else { return false };
        // Published under the lock, so that announcements keep the order of the changes.
        hub.publish_status(name.clone(), status, announcement.recipients(contacts), announcement);
        true
    }

    /// Applies another node's announcement.
    pub(super) fn shared(&self, hub: &Hub, node: NodeId, said: HintKind) {
        let HintKind::Presence { count, user, name, appearance, receivers } = said else { return };
        let mut table = self.peers.table.lock();
        let peer = table.peer(node);
        if !peer.announced(count) {
            return;
        }
        if count > peer.count {
            self.ask(node, peer);
        }
        if let Some(status) = table.change(user, |shares| shares.set(node, appearance)) {
            hub.publish_status(name, status, receivers, None);
        }
    }

    /// Applies another node's heartbeat or farewell.
    pub(super) fn beat(&self, hub: &Hub, node: NodeId, count: u64, last: bool) {
        let mut table = self.peers.table.lock();
        let is_new = !table.nodes.contains_key(&node);
        let (lease, peer) = (self.peers.lease, table.peer(node));
        peer.last_seen = Instant::now();
        if last {
            // Keep the node's users for the grace: they may reconnect to another node.
            let spent = lease.saturating_sub(hub.options.presence_grace);
            peer.last_seen = Instant::now().checked_sub(spent).unwrap_or(peer.last_seen);
            return;
        }
        if count > peer.count {
            self.ask(node, peer);
        }
        if is_new {
            let beat = HintKind::Beat { count: table.count, last: false };
            self.link.publish(Channel::Node(node), Hint::new(beat));
        }
    }

    fn ask(&self, node: NodeId, peer: &mut PeerNode) {
        if peer.asked.is_none_or(|at| at.elapsed() >= ROSTER_TIMEOUT) {
            peer.asked = Some(Instant::now());
            peer.roster = None;
            self.link.publish(Channel::Node(node), Hint::new(HintKind::Ask));
        }
    }

    /// Requests the roster of every known node, since announcements may have been lost.
    pub(super) fn ask_all(&self) {
        let mut table = self.peers.table.lock();
        let nodes: Vec<_> = table.nodes.keys().copied().collect();
        for node in nodes {
            let peer = table.peer(node);
            peer.asked = None;
            self.ask(node, peer);
        }
    }

    /// Answers another node's request for the roster.
    pub(super) fn answer(&self, node: NodeId) {
        let mut table = self.peers.table.lock();
        let peer = table.peer(node);
        if peer.answered.is_some_and(|at| at.elapsed() < ROSTER_TIMEOUT / 2) {
            return;
        }
        peer.answered = Some(Instant::now());
        let here = table.users.iter().filter(|(_, shares)| shares.here != Appearance::Absent);
        let users: Vec<_> = here.map(|(user, shares)| (*user, shares.here)).collect();
        let mut chunks: Vec<_> = users.chunks(ROSTER_PART_USERS).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        let parts = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        for (part, users) in (0..).zip(chunks) {
            let said = HintKind::Roster { count: table.count, part, parts, users: users.to_vec() };
            self.link.publish(Channel::Node(node), Hint::new(said));
        }
    }

    /// Applies a part of another node's roster. Changes are announced later.
    pub(super) fn roster(&self, hub: &Hub, node: NodeId, said: HintKind) {
        let HintKind::Roster { count, part, parts, users } = said else { return };
        let mut table = self.peers.table.lock();
        let Some(roster) = table.peer(node).take_part((count, part, parts), users) else { return };
        for user in table.of_node(node) {
            if !roster.contains_key(&user) {
                table.change_late(user, |shares| shares.set(node, Appearance::Absent));
            }
        }
        for (user, appearance) in roster {
            table.change_late(user, |shares| shares.set(node, appearance));
        }
        drop(table);
        hub.presence_queue.news.notify_one();
    }

    /// Restarts every node's lease after a time without hints, and sends a heartbeat.
    pub(super) fn renew(&self) {
        let mut table = self.peers.table.lock();
        for peer in table.nodes.values_mut() {
            peer.last_seen = Instant::now();
        }
        let beat = HintKind::Beat { count: table.count, last: false };
        self.link.publish(Channel::Nodes, Hint::new(beat));
    }

    /// Makes up for a time in which this node was suspended, if it was: it has not received the heartbeats
    /// that were sent meanwhile.
    fn wake_up(&self, asleep: Duration) {
        if asleep < self.peers.lease / 2 {
            return;
        }
        tracing::warn!(?asleep, "this node was suspended: the statuses of other nodes are requested again");
        self.renew();
        self.ask_all();
        if asleep >= HINT_LIFETIME {
            self.recover();
        }
    }

    /// Removes nodes whose lease has expired. No lease expires while the link is down.
    fn expire(&self, hub: &Hub) {
        if !self.link.is_up() {
            return;
        }
        let mut table = self.peers.table.lock();
        let lease = self.peers.lease;
        let dead: Vec<_> = table
            .nodes
            .iter()
            .filter(|(_, peer)| peer.last_seen.elapsed() >= lease)
            .map(|(id, _)| *id)
            .collect();
        for node in dead {
            table.nodes.remove(&node);
            let users = table.of_node(node);
            tracing::info!(%node, users = users.len(), "a node is gone");
            for user in users {
                table.change_late(user, |shares| shares.set(node, Appearance::Absent));
            }
            hub.presence_queue.news.notify_one();
        }
    }

    /// Announces the end of this node, upon which the others remove it.
    pub(crate) fn farewell(&self) {
        self.ended.store(true, Ordering::Release);
        let count = self.peers.table.lock().count;
        self.link.publish(Channel::Nodes, Hint::new(HintKind::Beat { count, last: true }));
    }

    /// Passes the user's status to `tell` if it differs from the announced one, and records it as announced.
    pub(super) fn announce_now(&self, user: UserId, tell: impl FnOnce(Status)) {
        let mut table = self.peers.table.lock();
        if !table.users.contains_key(&user) {
            return;
        }
        if let Some(status) = table.change(user, |_| {}) {
            tell(status);
        }
    }
}

/// Renews this node's lease, and removes nodes whose lease has expired.
pub(super) async fn run(hub: Weak<Hub>, options: Nodes) {
    let mut ticked = Instant::now();
    let mut ticks = interval(LEASE_CHECK_INTERVAL.min(options.beat_every));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said: Option<Instant> = None;
    loop {
        ticks.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        let Some(cluster) = &hub.cluster else { return };
        if cluster.ended.load(Ordering::Acquire) {
            return;
        }
        if hub.others().is_some() {
            cluster.wake_up(ticked.elapsed());
        }
        ticked = Instant::now();
        if said.is_none_or(|at| at.elapsed() >= options.beat_every) && cluster.link.is_up() {
            let count = cluster.peers.table.lock().count;
            cluster.link.publish(Channel::Nodes, Hint::new(HintKind::Beat { count, last: false }));
            said = Some(Instant::now());
        }
        cluster.expire(&hub);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_announcement_is_not_set_back_by_earlier_hints() {
        let (user, mut peer) = (vec![(UserId(1), Appearance::Online)], PeerNode::new());
        assert!(peer.announced(1));
        assert!(peer.announced(3), "the second is delayed");
        assert!(!peer.announced(2), "it is older than the third");
        assert_eq!(peer.count, 1, "a roster is requested");
        assert_eq!(peer.take_part((2, 0, 1), user.clone()), None, "it does not have the third");
        assert_eq!(peer.take_part((3, 0, 1), user.clone()), Some(user.into_iter().collect()));
        assert_eq!((peer.count, peer.announced(3), peer.announced(4)), (3, false, true));
    }

    #[test]
    fn late_user_waits_once_however_often_it_changes() {
        let mut table = PresenceTable::default();
        for node in 1..=3 {
            table.change_late(UserId(1), |shares| shares.set(NodeId(node), Appearance::Online));
        }
        assert_eq!(table.late.len(), 1);
    }
}

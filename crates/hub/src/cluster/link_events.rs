//! The dispatcher's cluster part: it handles hints of other nodes, and compares with the store whatever no
//! hint may have carried.

use std::collections::HashSet;
use std::sync::Arc;

use chinwag_core::{GroupId, Seq};

use super::audit;
use crate::bus::link::{Channel, Hint, HintKind, LinkEvent, NodeId};
use crate::catch_up::{FetchOutcome, StoredHead, UserGroups};
use crate::dispatcher::Dispatcher;
use crate::entry::ReceivedEntry;
use crate::replication::group::Input;
use crate::tasks::spawn;
use crate::{Hub, batch};

/// Groups and users per comparison with the store.
const CHECKS: usize = 256;

/// The comparison of newly subscribed channels with the store.
#[derive(Default)]
pub(crate) struct PendingChecks {
    /// Subscribed channels that are not compared yet.
    channels: HashSet<Channel>,
    is_running: bool,
    /// Whether the link went down and has not come up since.
    was_down: bool,
}

impl Dispatcher {
    pub(crate) fn link_events(&mut self, hub: &Arc<Hub>, events: &mut Vec<LinkEvent>) {
        let mut events = events.drain(..);
        while !events.as_slice().is_empty() {
            let (count, batch) = batch::of_hints(events.as_slice());
            let is_done = batch
                .is_some_and(|(id, first, frames)| self.is_live(id) && hub.deliver_batch(id, first, &frames));
            for event in events.by_ref().take(count) {
                if !is_done {
                    self.link_event(hub, event);
                }
            }
        }
    }

    fn link_event(&mut self, hub: &Arc<Hub>, event: LinkEvent) {
        let Some(cluster) = &hub.cluster else { return };
        match event {
            LinkEvent::Hint(node, hint, _bytes) => self.hint(hub, node, hint),
            LinkEvent::Subscribed(channels) => {
                self.checks.channels.extend(channels);
                self.check(hub);
            }
            LinkEvent::Up => {
                cluster.renew();
                cluster.ask_all();
                if std::mem::take(&mut self.checks.was_down) {
                    cluster.recover();
                }
            }
            LinkEvent::Down => self.checks.was_down = true,
            LinkEvent::Broken => hub.broken.notify_one(),
        }
    }

    fn hint(&mut self, hub: &Arc<Hub>, node: NodeId, hint: Hint) {
        let Some(cluster) = &hub.cluster else { return };
        match (&hint.kind, hint.group, hint.seq) {
            (HintKind::Presence { .. }, ..) => cluster.shared(hub, node, hint.kind),
            (HintKind::Beat { count, last }, ..) => cluster.beat(hub, node, *count, *last),
            (HintKind::Ask, ..) => cluster.answer(node),
            (HintKind::Roster { .. }, ..) => cluster.roster(hub, node, hint.kind),
            (HintKind::Joined(user), Some(id), Some(seq)) => {
                self.drive(hub, id, Input::Joined { seq, users: vec![*user] });
            }
            (HintKind::Unknown, Some(id), Some(seq)) => self.drive(hub, id, Input::Taken(seq)),
            // Without a frame the hint only announces the joins.
            (HintKind::Changed { joined, .. }, Some(id), Some(seq)) if hint.frame.is_empty() => {
                self.drive(hub, id, Input::Joined { seq, users: joined.clone() });
            }
            (
                HintKind::Group(_) | HintKind::Changed { .. } | HintKind::Passed { .. } | HintKind::Deleted,
                Some(id),
                Some(seq),
            ) => self.entry(hub, id, seq, ReceivedEntry::Remote(hint)),
            (HintKind::User(_) | HintKind::Invited(_), Some(id), Some(seq)) => {
                self.drive(hub, id, Input::Attached { seq, entry: ReceivedEntry::Remote(hint) });
            }
            _ => hub.apply_entry(&ReceivedEntry::Remote(hint)),
        }
    }

    /// Looks up users whose sockets received something other than this node knows.
    pub(crate) fn doubts(&mut self, hub: &Arc<Hub>) {
        let Some(cluster) = &hub.cluster else { return };
        for (id, user) in std::mem::take(&mut *cluster.doubted.lock()) {
            let input = Input::Doubt { joining: vec![user], leaving: vec![user], is_urgent: true };
            self.drive(hub, id, input);
        }
    }

    /// Handles the result of a comparison with the store.
    pub(crate) fn compared(&mut self, hub: &Arc<Hub>, outcome: FetchOutcome) {
        match outcome {
            FetchOutcome::Group { .. } => {}
            FetchOutcome::Heads(heads) => self.heads(hub, heads),
            FetchOutcome::Memberships(memberships) => {
                for stored in &memberships {
                    self.memberships(hub, stored);
                }
            }
            FetchOutcome::Checked => {
                self.checks.is_running = false;
                self.check(hub);
            }
        }
    }

    fn heads(&mut self, hub: &Arc<Hub>, heads: Vec<StoredHead>) {
        let mut lost = 0;
        for StoredHead { id, head, delivered } in heads {
            match head {
                Some(head) if Some(head) < delivered => lost += usize::from(self.take_back(hub, id, head)),
                // On a single node the bus delivers the entries.
                _ if hub.cluster.is_none() => {}
                Some(head) => self.drive(hub, id, Input::Taken(head)),
                None => self.drive(hub, id, Input::Vanished),
            }
        }
        if lost > 0 {
            tracing::error!(
                groups = lost,
                "the database no longer has the last messages of some groups, as after a failover or a restored \
                 backup: stop every node and run chinwag history --renew"
            );
        }
    }

    /// Moves a group's position back to `head`: the store's log ends before what was delivered here, and the
    /// store will assign the later numbers again. The members' sockets must resume. Returns false if the
    /// position is not beyond `head`.
    fn take_back(&mut self, hub: &Arc<Hub>, id: GroupId, head: Seq) -> bool {
        let Some(group) = hub.groups.get(&id).filter(|group| group.last() > head) else { return false };
        // The numbers of held or missing entries may now belong to other entries.
        self.drive(hub, id, Input::Failed { is_final: true });
        group.delivered(&mut group.lock(), head);
        true
    }

    /// Compares a group with the store soon.
    pub(crate) fn compare(&mut self, hub: &Arc<Hub>, id: GroupId) {
        self.checks.channels.insert(Channel::Group(id));
        self.check(hub);
    }

    /// Compares a user's groups with those in the store. Differences are looked up, unless they resolve by
    /// themselves.
    fn memberships(&mut self, hub: &Arc<Hub>, stored: &UserGroups) {
        let (user, groups) = (stored.user, &stored.accepted);
        let Some(found) = hub.users.get(&user) else { return };
        let state = found.lock();
        if !state.subscribed || state.subscribing > 0 {
            return;
        }
        let here: HashSet<_> = state.groups.iter().map(|group| group.id).collect();
        let invited = state.invitations.differences(&stored.pending);
        drop(state);
        for id in groups.iter().chain(&invited).filter(|id| !here.contains(id)) {
            let input = Input::Doubt { joining: vec![user], leaving: vec![], is_urgent: false };
            self.drive(hub, *id, input);
        }
        for id in here.iter().filter(|id| !groups.contains(id)) {
            let input = Input::Doubt { joining: vec![], leaving: vec![user], is_urgent: false };
            self.drive(hub, *id, input);
        }
    }

    /// Compares newly subscribed channels with the store.
    fn check(&mut self, hub: &Arc<Hub>) {
        let checks = &mut self.checks;
        if checks.is_running || checks.channels.is_empty() {
            return;
        }
        checks.is_running = true;
        let (mut groups, mut users) = (Vec::new(), Vec::new());
        let some: Vec<_> = checks.channels.iter().take(CHECKS).copied().collect();
        for channel in some {
            checks.channels.remove(&channel);
            match channel {
                Channel::Group(id) => groups.push(id),
                Channel::User(id) => users.push(id),
                Channel::Nodes | Channel::Node(_) => {}
            }
        }
        spawn(&hub.broken, audit::check(hub.clone(), groups, users, self.outcomes()));
    }
}

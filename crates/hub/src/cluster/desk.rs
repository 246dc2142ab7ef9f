//! The dispatcher of a node among others: takes what comes from here and from there, and sees to it
//! that each group's numbers are delivered in their order, once. What is missing is waited for for
//! a moment, then read from the store; other groups do not wait for it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use chinwag_core::app::resume::Behind;
use chinwag_core::event::{Audience, Event, Kind};
use chinwag_core::{GroupId, Seq, UserId};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::{Duration, Instant, sleep_until};

use super::hints::{close_asker, is_in, tell_of_quit};
use super::repair::Looked;
use super::waiting::{Item, Waiting};
use super::{audit, repair};
use crate::bus::Receiver;
use crate::bus::link::{Channel, Heard, Hint, Kind as Said, NodeId};
use crate::dispatch::{Frames, To};
use crate::group::Turn;
use crate::{Close, Hub};

/// Groups that are read from the store at a time.
const READS: usize = 8;
/// Groups, and users, that are compared with the store at a time.
const CHECKS: usize = 256;
/// How long the store is left alone after it has failed, at first and at most.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(2);
/// How long the dispatcher sleeps when nothing waits.
const IDLE: Duration = Duration::from_secs(3600);

pub(super) struct Desk {
    waiting: HashMap<GroupId, Waiting>,
    due: BTreeSet<(Instant, GroupId)>,
    looked: mpsc::Sender<Looked>,
    reads: Arc<Semaphore>,
    /// What has begun to be listened for, and is to be compared with the store once.
    unchecked: HashSet<Channel>,
    checking: bool,
    /// Whether the link was lost before.
    was_down: bool,
}

/// Runs until the hub is gone.
pub(super) async fn run(
    hub: Weak<Hub>,
    news: Arc<Notify>,
    mut events: Receiver,
    mut heard: mpsc::Receiver<Heard>,
    looked: mpsc::Sender<Looked>,
    mut results: mpsc::Receiver<Looked>,
) {
    let mut desk = Desk::new(looked);
    loop {
        let due = desk.due.first().map_or_else(|| Instant::now() + IDLE, |(at, _)| *at);
        tokio::select! {
            batch = events.recv() => {
                let (Some(hub), Some(batch)) = (hub.upgrade(), batch) else { return };
                desk.events(&hub, batch);
                hub.flush();
            }
            Some(said) = heard.recv() => {
                let Some(hub) = hub.upgrade() else { return };
                desk.heard(&hub, said);
                hub.flush();
            }
            Some(found) = results.recv() => {
                let Some(hub) = hub.upgrade() else { return };
                desk.looked(&hub, found);
                hub.flush();
            }
            () = news.notified() => {
                let Some(hub) = hub.upgrade() else { return };
                let Some(cluster) = &hub.cluster else { return };
                for (id, user) in std::mem::take(&mut *cluster.different.lock()) {
                    let waiting = desk.wait(id, Duration::ZERO);
                    waiting.newcomers.insert(user);
                    waiting.suspects.insert(user);
                }
            }
            () = sleep_until(due) => {
                let Some(hub) = hub.upgrade() else { return };
                // What was committed here before is here: it may be just what is waited for.
                while let Ok(batch) = events.committed.try_recv() {
                    desk.events(&hub, batch);
                }
                desk.ring(&hub, Instant::now());
                hub.flush();
            }
        }
    }
}

impl Desk {
    fn new(looked: mpsc::Sender<Looked>) -> Self {
        Self {
            waiting: HashMap::new(),
            due: BTreeSet::new(),
            looked,
            reads: Arc::new(Semaphore::new(READS)),
            unchecked: HashSet::new(),
            checking: false,
            was_down: false,
        }
    }

    fn events(&mut self, hub: &Arc<Hub>, batch: Vec<Event>) {
        for event in batch {
            self.event(hub, event);
        }
    }

    /// Something has happened here.
    fn event(&mut self, hub: &Arc<Hub>, event: Event) {
        hub.tally.events.fetch_add(1, Ordering::Relaxed);
        let frames = hub.pass_on(&event);
        match (&event.kind, &event.to, event.seq) {
            (Kind::GroupQuit { group, .. }, _, Some(seq)) => self.quit(hub, *group, seq, event),
            (Kind::Pending(pending), _, Some(seq)) => {
                self.pending(hub, pending.group(), seq, Item::Event(event, frames));
            }
            (Kind::GroupAccepted(view), ..) => self.accepted(hub, view.group.id, view.group.head, event),
            (_, Audience::Group(id) | Audience::Others(id, _), Some(seq)) => {
                self.numbered(hub, *id, seq, Item::Event(event, frames));
            }
            _ => hub.apply_item(&Item::Event(event, frames)),
        }
    }

    fn heard(&mut self, hub: &Arc<Hub>, heard: Heard) {
        let Some(cluster) = &hub.cluster else { return };
        match heard {
            Heard::Hint(node, hint, _load) => self.hint(hub, node, hint),
            Heard::Listening(channels) => {
                self.unchecked.extend(channels);
                self.check(hub);
            }
            Heard::Up => {
                cluster.renew();
                cluster.ask_all();
                if std::mem::take(&mut self.was_down) {
                    cluster.audit.notify_one();
                    cluster.refresh.notify_one();
                }
            }
            Heard::Down => self.was_down = true,
        }
    }

    fn hint(&mut self, hub: &Arc<Hub>, node: NodeId, hint: Hint) {
        let Some(cluster) = &hub.cluster else { return };
        match (&hint.kind, hint.group, hint.seq) {
            (Said::Presence { .. }, ..) => cluster.shared(hub, node, hint.kind),
            (Said::Beat { count, last }, ..) => cluster.beat(hub, node, *count, *last),
            (Said::Ask, ..) => cluster.answer(node),
            (Said::Roster { .. }, ..) => cluster.roster(hub, node, hint.kind),
            (Said::Joined(user), Some(id), Some(seq)) => self.joined(hub, id, seq, &[*user]),
            (Said::Unknown, Some(id), Some(seq)) => self.missing(hub, id, seq),
            // Without a frame it says no more than that.
            (Said::Changed { joined, .. }, Some(id), Some(seq)) if hint.frame.is_empty() => {
                self.joined(hub, id, seq, joined);
            }
            (
                Said::Group(_) | Said::Changed { .. } | Said::Passed { .. } | Said::Deleted,
                Some(id),
                Some(seq),
            ) => {
                self.numbered(hub, id, seq, Item::Hint(hint));
            }
            (Said::User(_), Some(id), Some(seq)) => self.pending(hub, id, seq, Item::Hint(hint)),
            _ => hub.apply_item(&Item::Hint(hint)),
        }
    }

    /// Something has the number `seq` of a group.
    fn numbered(&mut self, hub: &Arc<Hub>, id: GroupId, seq: Seq, item: Item) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            let let_go = waiting.hold(seq, item);
            for item in &let_go {
                close_asker(hub, id, item);
            }
            return self.settle(hub, id);
        }
        let Some(group) = hub.served(id) else { return self.unserved(hub, id, seq, item) };
        match group.turn(seq) {
            Turn::Next => hub.apply_item(&item),
            Turn::Repeated => self.repeated(hub, id, &item),
            Turn::Gap { .. } => {
                let waiting = self.wait(id, hub.options.nodes.hold);
                waiting.hold(seq, item);
            }
        }
    }

    /// Something has happened in a group of which nobody is here; with it somebody may come.
    fn unserved(&mut self, hub: &Arc<Hub>, id: GroupId, seq: Seq, item: Item) {
        item.left().iter().for_each(|user| hub.leave(id, *user));
        // A group that is made here: nothing can have come before.
        if matches!(item, Item::Event(..)) && seq == Seq(1) {
            return hub.apply_item(&item);
        }
        self.come(hub, id, item.joined());
        // Who has asked is in it, which no hint has told yet, and is answered once it is looked up.
        if let Item::Event(event, _) = &item
            && let Some(asker) = hub.asker(event)
        {
            let waiting = self.wait(id, Duration::ZERO);
            waiting.newcomers.insert(asker);
            waiting.hold(seq, item);
        }
    }

    /// Something has come that was delivered already.
    fn repeated(&mut self, hub: &Arc<Hub>, id: GroupId, item: &Item) {
        tracing::debug!(group = %id, "a repeated event is dropped");
        if let Item::Event(event, _) = item {
            hub.answer_asker(id, event);
        }
        self.come(hub, id, item.joined());
    }

    /// Something for users who have yet to accept a group. It follows what has the same number.
    fn pending(&mut self, hub: &Arc<Hub>, id: GroupId, seq: Seq, item: Item) {
        let is_behind = hub.groups.get(&id).is_some_and(|group| group.last() < seq);
        match self.waiting.get_mut(&id) {
            Some(waiting) if is_behind => drop(waiting.hold(seq, item)),
            _ => hub.apply_item(&item),
        }
    }

    /// A user has accepted a group here. Where the log is known up to just there, the user is shown the
    /// group and follows it; otherwise it is looked up.
    fn accepted(&mut self, hub: &Arc<Hub>, id: GroupId, head: Seq, event: Event) {
        let is_there = hub.groups.get(&id).is_none_or(|group| group.last() == head);
        if is_there && !self.waiting.contains_key(&id) {
            hub.apply_item(&Item::Event(event, Frames::default()));
        } else {
            self.come(hub, id, event.users());
        }
    }

    /// Users are said to have come into a group: those who are here and not known to be in it are
    /// looked up.
    fn come(&mut self, hub: &Arc<Hub>, id: GroupId, users: &[UserId]) {
        let is_new =
            |user: &&UserId| hub.users.get(user).is_some_and(|user| user.lock().group_at(id).is_err());
        let newcomers: Vec<_> = users.iter().filter(is_new).copied().collect();
        if !newcomers.is_empty() {
            self.wait(id, Duration::ZERO).newcomers.extend(newcomers);
        }
    }

    /// The same, told to the users' own nodes. The event itself, if this node hears it, brings
    /// them in.
    fn joined(&mut self, hub: &Arc<Hub>, id: GroupId, seq: Seq, users: &[UserId]) {
        match hub.groups.get(&id) {
            Some(group) if seq > group.last() => {
                self.missing(hub, id, seq);
                if let Some(waiting) = self.waiting.get_mut(&id) {
                    waiting.newcomers.extend(users.iter().filter(|user| hub.users.get(user).is_some()));
                }
            }
            _ => self.come(hub, id, users),
        }
    }

    /// The store, or a hint that says no more, has a number of a group.
    fn missing(&mut self, hub: &Arc<Hub>, id: GroupId, upto: Seq) {
        if hub.groups.get(&id).is_some_and(|group| group.last() < upto) {
            let waiting = self.wait(id, hub.options.nodes.hold);
            waiting.upto = waiting.upto.max(upto);
        }
    }

    /// A user of this node has quit. It is told so after the change that has put it out.
    fn quit(&mut self, hub: &Arc<Hub>, id: GroupId, seq: Seq, event: Event) {
        let is_behind = hub.groups.get(&id).is_none_or(|group| group.last() < seq);
        match self.waiting.get_mut(&id) {
            Some(waiting) if is_behind => {
                waiting.hold(seq, Item::Event(event, Frames::default()));
            }
            _ => tell_of_quit(hub, id, seq, event),
        }
    }

    /// The group's wait, which ends `after` this if it begins now.
    fn wait(&mut self, id: GroupId, after: Duration) -> &mut Waiting {
        let due = Instant::now() + after;
        let waiting = self.waiting.entry(id).or_insert_with(|| Waiting::new(due));
        self.due.insert((waiting.due, id));
        waiting
    }

    /// Delivers what has got its turn. The wait is over if nothing is missing any more.
    fn settle(&mut self, hub: &Arc<Hub>, id: GroupId) {
        if self.waiting.get(&id).is_none_or(|waiting| waiting.reading) {
            return;
        }
        while let Some((next, seq, items)) = self.pop(hub, id) {
            for item in items {
                if seq == next && !item.quits() {
                    hub.apply_item(&item);
                    if let (Item::Event(event, _), Some(waiting)) = (&item, self.waiting.get(&id)) {
                        hub.answer_newcomer(event, waiting.newcomers.iter().copied());
                    }
                } else {
                    self.passed(hub, id, seq, item);
                }
            }
        }
        let group = hub.groups.get(&id);
        let Some(waiting) = self.waiting.get_mut(&id) else { return };
        waiting.suspects.retain(|user| is_in(hub, id, *user) == Some(true));
        waiting.newcomers.retain(|user| is_in(hub, id, *user) == Some(false));
        let is_whole = group.as_ref().is_none_or(|group| waiting.upto <= group.last());
        let is_settled =
            is_whole && (waiting.holds_nothing() || group.is_none()) && waiting.suspects.is_empty();
        if is_settled && waiting.newcomers.is_empty() && !(waiting.vanished && group.is_some()) {
            let rest = self.waiting.remove(&id).map(|mut waiting| waiting.take()).unwrap_or_default();
            // The last member here has gone: it is still told so, and who comes after it is looked up.
            for (seq, items) in rest {
                for item in items {
                    self.passed(hub, id, seq, item);
                }
            }
        }
    }

    /// Takes what is held of the group's next number, which comes first, or of one before it.
    fn pop(&mut self, hub: &Hub, id: GroupId) -> Option<(Seq, Seq, Vec<Item>)> {
        let next = hub.groups.get(&id)?.last().next();
        let (seq, items) = self.waiting.get_mut(&id)?.pop(next)?;
        Some((next, seq, items))
    }

    /// The turn of something that was held has passed otherwise.
    fn passed(&mut self, hub: &Arc<Hub>, id: GroupId, seq: Seq, item: Item) {
        match item {
            Item::Event(event, _) if matches!(event.kind, Kind::GroupQuit { .. }) => {
                tell_of_quit(hub, id, seq, event);
            }
            item if item.pends() => hub.apply_item(&item),
            item => self.repeated(hub, id, &item),
        }
    }

    /// Asks the store about every group whose wait is over.
    fn ring(&mut self, hub: &Arc<Hub>, now: Instant) {
        while let Some((at, id)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, id));
            if self.waiting.get(&id).is_none_or(|waiting| waiting.due != at || waiting.reading) {
                continue;
            }
            self.settle(hub, id);
            let Some(waiting) = self.waiting.get_mut(&id) else { continue };
            waiting.reading = true;
            let group = hub.groups.get(&id);
            let after = group.as_ref().map_or(Seq(0), |group| group.last());
            let mut users: Vec<_> = waiting.newcomers.iter().copied().collect();
            if let Some(group) = &group {
                users.extend(group.lock().users.iter().map(|user| user.id));
            }
            let upto = if group.is_some() { waiting.upto } else { Seq(0) };
            if upto > after {
                hub.gap(id, after, upto);
            }
            let view = !waiting.newcomers.is_empty() || !waiting.suspects.is_empty();
            let asked = Behind { group: id, after, upto, users, view };
            tokio::spawn(repair::read(hub.clone(), asked, self.reads.clone(), self.looked.clone()));
        }
    }

    fn looked(&mut self, hub: &Arc<Hub>, looked: Looked) {
        match looked {
            Looked::Group(asked, found) => {
                let id = asked.group;
                let Some(waiting) = self.waiting.get_mut(&id) else { return };
                waiting.reading = false;
                match found {
                    Ok(found) => {
                        (waiting.failing, waiting.tries) = (None, 0);
                        waiting.vanished = false;
                        asked.users.iter().for_each(|user| {
                            waiting.newcomers.remove(user);
                            waiting.suspects.remove(user);
                        });
                        for (seq, item) in repair::mend(hub, waiting, &asked, found) {
                            self.passed(hub, id, seq, item);
                        }
                    }
                    Err(error) => return self.failed(hub, id, &error),
                }
                self.again(hub, id, Duration::ZERO);
            }
            Looked::Heads(heads) => {
                for (id, head) in heads {
                    match head {
                        Some(head) => self.missing(hub, id, head),
                        None if hub.groups.get(&id).is_some() => {
                            self.wait(id, hub.options.nodes.hold).vanished = true;
                        }
                        None => {}
                    }
                }
            }
            Looked::Places(places) => {
                for (user, groups) in &places {
                    self.places(hub, *user, groups);
                }
            }
            Looked::Checked => {
                self.checking = false;
                self.check(hub);
            }
        }
    }

    /// Goes on with a group that was looked up; more may have come to be looked up meanwhile.
    fn again(&mut self, hub: &Arc<Hub>, id: GroupId, after: Duration) {
        self.settle(hub, id);
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.due = Instant::now() + after;
            self.due.insert((waiting.due, id));
        }
    }

    fn failed(&mut self, hub: &Arc<Hub>, id: GroupId, error: &chinwag_core::Error) {
        let Some(waiting) = self.waiting.get_mut(&id) else { return };
        let since = *waiting.failing.get_or_insert_with(Instant::now);
        if since.elapsed() < hub.options.nodes.give_up {
            tracing::warn!(group = %id, %error, "what is missing of a group cannot be read yet");
            let pause = (RETRY * 2_u32.saturating_pow(waiting.tries)).min(RETRY_MOST);
            waiting.tries = waiting.tries.saturating_add(1).min(16);
            return self.again(hub, id, pause);
        }
        tracing::error!(group = %id, %error, "what is missing of a group cannot be read: its sockets are closed");
        hub.close_audience(To::Group(id, &[]), Close::ResyncRequired);
        if let Some(group) = hub.groups.get(&id) {
            let upto = waiting.upto.max(group.last());
            group.delivered(&mut group.lock(), upto);
        }
        let held = self.waiting.remove(&id).map(|mut waiting| waiting.take()).unwrap_or_default();
        for (seq, items) in held {
            items.into_iter().filter(Item::quits).for_each(|item| self.passed(hub, id, seq, item));
        }
    }

    /// The store has a user in these groups: whatever differs from what is known here is looked at
    /// closely, unless it has come meanwhile.
    fn places(&mut self, hub: &Arc<Hub>, user: UserId, groups: &[GroupId]) {
        let Some(found) = hub.users.get(&user) else { return };
        let state = found.lock();
        if !state.subscribed || state.subscribing > 0 {
            return;
        }
        let here: HashSet<_> = state.groups.iter().map(|group| group.id).collect();
        drop(state);
        let hold = hub.options.nodes.hold;
        for id in groups.iter().filter(|id| !here.contains(id)) {
            self.wait(*id, hold).newcomers.insert(user);
        }
        for id in here.iter().filter(|id| !groups.contains(id)) {
            self.wait(*id, hold).suspects.insert(user);
        }
    }

    /// Compares what has begun to be listened for with the store.
    fn check(&mut self, hub: &Arc<Hub>) {
        if self.checking || self.unchecked.is_empty() {
            return;
        }
        self.checking = true;
        let (mut groups, mut users) = (Vec::new(), Vec::new());
        let some: Vec<_> = self.unchecked.iter().take(CHECKS).copied().collect();
        for channel in some {
            self.unchecked.remove(&channel);
            match channel {
                Channel::Group(id) => groups.push(id),
                Channel::User(id) => users.push(id),
                Channel::Nodes | Channel::Node(_) => {}
            }
        }
        tokio::spawn(audit::check(hub.clone(), groups, users, self.looked.clone()));
    }
}

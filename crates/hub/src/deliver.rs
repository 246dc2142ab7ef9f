//! The delivery of one event: its recipients, its order among other events, and its effects on users and
//! groups of this node.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chinwag_core::event::{Audience, Ended, Event, Kind, Pending};
use chinwag_core::presence::Status;
use chinwag_core::relation::Outcome;
use chinwag_core::{GroupId, Name, Seq, SocketId, UserId};

use crate::group::{Group, Members, SeqOrder};
use crate::queue::QueueBounds;
use crate::replication::snapshot::EventTag;
use crate::user::User;
use crate::{Close, Hub, Socket};

/// An event of this or another node, with its recipients.
pub(crate) struct Delivery<'a> {
    pub(crate) to: Recipients<'a>,
    pub(crate) seq: Option<Seq>,
    pub(crate) tag: EventTag,
    /// None for an event of another node.
    pub(crate) event: Option<&'a Event>,
    /// The frame, if the event is already encoded.
    pub(crate) frame: Option<Bytes>,
    /// The frame for users to whom the group is new.
    pub(crate) whole: Option<Bytes>,
}

/// An encoded event.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventFrames {
    pub(crate) all: Option<Bytes>,
    /// For users to whom the event's group is new, if there are any.
    pub(crate) whole: Option<Bytes>,
}

#[derive(Clone, Copy)]
pub(crate) enum Recipients<'a> {
    /// A group's members except the listed users.
    Group(GroupId, &'a [UserId]),
    Users(&'a [UserId]),
}

impl<'a> Delivery<'a> {
    pub(crate) fn of(event: &'a Event, frames: EventFrames) -> Self {
        let to = match &event.to {
            Audience::Group(id) => Recipients::Group(*id, &[]),
            Audience::Others(id, users) => Recipients::Group(*id, users),
            Audience::Users(users) => Recipients::Users(users),
        };
        let quits = matches!(event.kind, Kind::GroupQuit { .. } | Kind::GroupDelete(_));
        let pending = matches!(event.kind, Kind::Pending(_));
        let tag = EventTag { group: event.group(), seq: event.seq, quits, pending, ..EventTag::default() };
        Self { to, seq: event.seq, tag, event: Some(event), frame: frames.all, whole: frames.whole }
    }
}

impl Hub {
    /// Runs the delivery of one event. If it panics, the dispatcher continues, and the recipients' sockets
    /// are closed, so that no client has a silent gap.
    pub(crate) fn guarded(&self, to: Recipients<'_>, seq: Option<Seq>, apply: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(apply)).is_err() {
            tracing::error!(?seq, "an event could not be delivered: its sockets are closed");
            self.close_audience(to, Close::Fault);
        }
    }

    /// Delivers an event and applies its consequences on this node.
    pub(crate) fn apply(&self, event: &Event, frames: EventFrames) {
        let delivery = Delivery::of(event, frames);
        match &event.kind {
            Kind::Ended(ended) => self.end_credential(*ended),
            Kind::GroupUpdate { view, joined, left, .. } => {
                self.group_update(delivery, view.group.id, joined, left);
            }
            Kind::MemberChanged { group, left } => self.skip_number(*group, delivery.seq, left.as_slice()),
            Kind::GroupDelete(group) => {
                self.deliver(delivery, &[]);
                self.forget(*group);
            }
            Kind::GroupAccepted { view, .. } => self.accepted(&delivery, view.group.id, view.group.head),
            Kind::Pending(pending) => self.pending(delivery, matches!(pending, Pending::Added(_))),
            Kind::UserUpdate { user, new_name, .. } => {
                if let Some(new_name) = new_name {
                    self.rename(*user, new_name);
                }
                self.deliver(delivery, &[]);
            }
            Kind::ContactUpdate { author, name, outcome: Outcome::Contact } => {
                self.deliver(delivery, &[]);
                self.send_contact_status(author.0, name);
                self.send_contact_status(name.0, author);
            }
            _ => self.deliver(delivery, &[]),
        }
    }

    pub(crate) fn deliver(&self, delivery: Delivery<'_>, joined: &[UserId]) {
        match delivery.to {
            Recipients::Group(id, but) => self.deliver_in_group(delivery, id, but, joined),
            Recipients::Users(users) => {
                let mut fanout = Fanout::of(self, delivery, joined);
                for user in users.iter().filter_map(|id| self.users.get(id)) {
                    fanout.to(&user);
                }
            }
        }
    }

    fn deliver_in_group(&self, delivery: Delivery<'_>, id: GroupId, but: &[UserId], joined: &[UserId]) {
        let newcomers: Vec<_> = joined.iter().filter_map(|user| self.users.get(user)).collect();
        let seq = delivery.seq;
        while let Some(group) = self.group_for(seq, id, &newcomers) {
            let mut members = group.lock();
            if members.gone {
                self.remove_group_entry(&group);
                continue;
            }
            if seq.is_none_or(|seq| self.admit(&group, &members, seq)) {
                for user in &newcomers {
                    join(&group, &mut members, user);
                }
                let mut fanout = Fanout::of(self, delivery, joined);
                members.users.iter().filter(|user| !but.contains(&user.id)).for_each(|user| fanout.to(user));
                if let Some(seq) = seq {
                    group.delivered(&mut members, seq);
                }
            }
            self.close_if_empty(&group, &mut members);
            return;
        }
    }

    /// The group's entry. Created only if a connected user joins with this event.
    fn group_for(&self, seq: Option<Seq>, id: GroupId, newcomers: &[Arc<User>]) -> Option<Arc<Group>> {
        if newcomers.is_empty() {
            return self.local_group(id);
        }
        let before = Seq(seq.unwrap_or_default().0 - 1);
        Some(self.group_entry(id, before, seq.is_some()))
    }

    /// The group's entry, if it has members here. Otherwise nobody here receives the event, so users whose
    /// groups are being read must read them again.
    pub(crate) fn local_group(&self, id: GroupId) -> Option<Arc<Group>> {
        self.groups.get(&id).or_else(|| {
            self.unserved.fetch_add(1, Ordering::AcqRel);
            self.groups.get(&id)
        })
    }

    /// Removes a group's entry if it has no members here.
    pub(crate) fn close_if_empty(&self, group: &Arc<Group>, members: &mut Members) {
        if members.users.is_empty() {
            members.gone = true;
            self.remove_group_entry(group);
        }
    }

    /// Whether to deliver a numbered event of a group now.
    fn admit(&self, group: &Group, members: &Members, seq: Seq) -> bool {
        match group.order_of(seq) {
            SeqOrder::Next => true,
            SeqOrder::Repeated => {
                tracing::debug!(group = %group.id, %seq, "a repeated event is dropped");
                false
            }
            SeqOrder::Gap { last } => {
                if members.certain {
                    self.catch_up(group.id, last, seq);
                }
                true
            }
        }
    }

    /// Reports a gap that no fetch repairs. On a single node it is a fault of the store.
    fn catch_up(&self, group: GroupId, last: Seq, seq: Seq) {
        self.counters.gaps.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%group, %last, %seq, "numbers are missing from a group's log");
    }

    pub(crate) fn group_update(
        &self,
        delivery: Delivery<'_>,
        id: GroupId,
        joined: &[UserId],
        left: &[UserId],
    ) {
        if let (Some(seq), Some(group)) = (delivery.seq, self.groups.get(&id))
            && group.order_of(seq) == SeqOrder::Repeated
        {
            tracing::debug!(group = %id, %seq, "a repeated change of a group is dropped");
            return;
        }
        for user in left {
            self.remove_from_group(id, *user, delivery.seq);
        }
        let mut joined = joined.to_vec();
        joined.sort_unstable();
        self.deliver(delivery, &joined);
    }

    /// Skips a number of a group's log whose entry the members receive as another event.
    pub(crate) fn skip_number(&self, id: GroupId, seq: Option<Seq>, left: &[UserId]) {
        for user in left {
            self.remove_from_group(id, *user, seq);
        }
        let (Some(seq), Some(group)) = (seq, self.local_group(id)) else { return };
        let mut members = group.lock();
        if !members.gone && self.admit(&group, &members, seq) {
            group.delivered(&mut members, seq);
        }
    }

    /// Delivers an event that starts or ends a pending membership. A user who has accepted since does not
    /// receive it.
    pub(crate) fn pending(&self, delivery: Delivery<'_>, is_pending: bool) {
        let (Recipients::Users(users), Some(id)) = (delivery.to, delivery.tag.group) else { return };
        let seq = delivery.seq;
        let mut fanout = Fanout::of(self, delivery, &[]);
        for user in users.iter().filter_map(|user| self.users.get(user)) {
            let mut state = user.lock();
            let is_over = state.group_at(id).is_ok_and(|at| Some(state.groups[at].last()) >= seq);
            let is_news = !is_over
                && (self.cluster.is_none()
                    || state.invitations.take_event(id, seq.unwrap_or_default(), is_pending));
            if is_news && state.subscribing > 0 && !state.left.contains(&id) {
                // A concurrent read that returns the user as a member is outdated.
                state.left.push(id);
            }
            drop(state);
            if is_news {
                fanout.to(&user);
            }
        }
    }

    /// Makes users members of a group that they have accepted, and delivers the group as of `head`, which is
    /// the position up to which the log was delivered here.
    fn accepted(&self, delivery: &Delivery<'_>, id: GroupId, head: Seq) {
        let Recipients::Users(users) = delivery.to else { return };
        for user in users.iter().filter_map(|user| self.users.get(user)) {
            if let Some(cluster) = &self.cluster
                && !user.lock().invitations.is_pending(id, head)
            {
                cluster.doubt(user.id, std::iter::once(id));
                continue;
            }
            loop {
                let group = self.group_entry(id, head, true);
                let mut members = group.lock();
                if members.gone {
                    self.remove_group_entry(&group);
                    continue;
                }
                group.expect(&mut members, head.next());
                join(&group, &mut members, &user);
                let Delivery { to, seq, tag, event, ref frame, ref whole } = *delivery;
                let only = Delivery { to, seq, tag, event, frame: frame.clone(), whole: whole.clone() };
                Fanout::of(self, only, &[user.id]).to(&user);
                self.close_if_empty(&group, &mut members);
                break;
            }
        }
    }

    pub(crate) fn remove_from_group(&self, id: GroupId, user: UserId, seq: Option<Seq>) {
        let Some(user) = self.users.get(&user) else { return };
        let mut state = user.lock();
        if state.subscribing > 0 && !state.left.contains(&id) {
            state.left.push(id);
        }
        let Ok(at) = state.group_at(id) else { return };
        let group = state.groups[at].clone();
        drop(state);
        let mut members = group.lock();
        let mut state = user.lock();
        if let Ok(at) = state.group_at(id) {
            state.groups.remove(at);
        }
        if self.cluster.is_some() {
            state.invitations.take_removal(id, seq.unwrap_or_default());
        }
        drop(state);
        members.remove(&user);
        self.close_if_empty(&group, &mut members);
    }

    /// Removes the entry of an ended group.
    pub(crate) fn forget(&self, id: GroupId) {
        let Some(group) = self.groups.get(&id) else { return };
        let mut members = group.lock();
        for user in std::mem::take(&mut members.users) {
            let mut state = user.lock();
            if let Ok(at) = state.group_at(id) {
                state.groups.remove(at);
            }
        }
        self.close_if_empty(&group, &mut members);
    }

    pub(crate) fn rename(&self, user: UserId, name: &Name) {
        if let Some(user) = self.users.get(&user) {
            let mut state = user.lock();
            state.name = name.clone();
            state.renamed = state.subscribing > 0;
        }
    }

    /// Delivers the status of a new contact to a user.
    pub(crate) fn send_contact_status(&self, user: UserId, contact: &(UserId, Name)) {
        let here = self.users.get(&contact.0).map(|user| user.lock().presence.shown).unwrap_or_default();
        let status = self.seen_as(contact.0, here);
        if status != Status::Disconnected {
            let kind = Kind::StatusUpdate { author: contact.1.clone(), status };
            self.deliver(Delivery::of(&Event::to_users(kind, vec![user]), EventFrames::default()), &[]);
        }
    }

    pub(crate) fn end_credential(&self, ended: Ended) {
        let (user, token, close) = match ended {
            Ended::User(user) => (Some(user), None, Close::CredentialEnded),
            Ended::Suspended(user) => (Some(user), None, Close::Suspended),
            Ended::Token(hash) => (self.tokens.get(&hash), Some(hash), Close::CredentialEnded),
        };
        let Some(user) = user.and_then(|user| self.users.get(&user)) else { return };
        for entry in &user.lock().sockets {
            if token.is_none() || entry.socket.token == token {
                entry.socket.close(close);
            }
        }
    }

    /// Closes the recipients' sockets.
    pub(crate) fn close_audience(&self, to: Recipients<'_>, close: Close) {
        let users = match to {
            Recipients::Group(id, _) => {
                self.groups.get(&id).map(|group| group.lock().users.clone()).unwrap_or_default()
            }
            Recipients::Users(users) => users.iter().filter_map(|id| self.users.get(id)).collect(),
        };
        for user in users {
            user.lock().sockets.iter().for_each(|entry| entry.socket.close(close));
        }
    }
}

/// Makes a user a member of a group on this node.
pub(crate) fn join(group: &Arc<Group>, members: &mut Members, user: &Arc<User>) {
    let mut state = user.lock();
    state.left.retain(|id| *id != group.id);
    if state.gone {
        return;
    }
    state.invitations.join(group.id);
    if let Err(at) = state.group_at(group.id) {
        state.groups.insert(at, group.clone());
        members.users.push(user.clone());
    }
}

/// Whether the event contains values of this joining user alone.
fn has_mentions_of(event: &Event, user: UserId) -> bool {
    matches!(&event.kind, Kind::GroupUpdate { view, .. } if view.mentioned_of(user) > 0)
}

/// The delivery of one event to many sockets. Each form of the event is encoded when the first recipient
/// needs it: the shared frame, the frame for users to whom the group is new, and the frame with a reference
/// for the socket that sent the request.
struct Fanout<'a> {
    event: Option<&'a Event>,
    /// In ascending order.
    joined: &'a [UserId],
    hub: &'a Hub,
    bounds: QueueBounds,
    tag: EventTag,
    /// The socket that sent the request, and the reference of that request.
    asker: Option<(SocketId, &'a str)>,
    shared: Option<Bytes>,
    whole: Option<Bytes>,
    due: Vec<Arc<Socket>>,
}

impl Drop for Fanout<'_> {
    fn drop(&mut self) {
        self.hub.due(&mut self.due);
    }
}

impl<'a> Fanout<'a> {
    fn of(hub: &'a Hub, delivery: Delivery<'a>, joined: &'a [UserId]) -> Self {
        let origin = delivery.event.and_then(|event| event.origin.as_ref());
        let asker = origin.and_then(|o| Some((o.socket, o.reference.as_deref()?)));
        Self {
            event: delivery.event,
            joined,
            hub,
            bounds: hub.bounds(),
            tag: delivery.tag,
            asker,
            shared: delivery.frame,
            whole: delivery.whole,
            due: Vec::new(),
        }
    }

    fn to(&mut self, user: &User) {
        let joins = self.joined.binary_search(&user.id).is_ok();
        let tag = EventTag { joins, ..self.tag };
        let encode = &self.hub.encode;
        for entry in &user.lock().sockets {
            let frame = match (self.asker, self.event) {
                (Some((socket, reference)), Some(event)) if socket == entry.socket.id() => {
                    if joins {
                        encode.whole(event, Some(user.id), Some(reference))
                    } else {
                        encode.event(event, Some(reference))
                    }
                }
                (_, Some(event)) if joins && has_mentions_of(event, user.id) => {
                    encode.whole(event, Some(user.id), None)
                }
                (_, event) if joins => {
                    let whole = || event.map_or_else(Bytes::new, |event| encode.whole(event, None, None));
                    self.whole.get_or_insert_with(whole).clone()
                }
                (_, event) => {
                    let shared = || event.map_or_else(Bytes::new, |event| encode.event(event, None));
                    self.shared.get_or_insert_with(shared).clone()
                }
            };
            self.hub.counters.pushed(entry.socket.push(frame, tag, self.bounds, &mut self.due), 1);
        }
    }
}

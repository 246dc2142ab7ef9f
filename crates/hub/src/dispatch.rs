//! The delivery of one event: who is told, in which order, and what the hub itself learns of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chinwag_core::event::{Audience, Ended, Event, Kind};
use chinwag_core::presence::Status;
use chinwag_core::relation::Outcome;
use chinwag_core::{GroupId, Name, Seq, SocketId, UserId};

use crate::group::{Group, Members, Turn};
use crate::queue::{Bounds, Tag};
use crate::user::User;
use crate::{Close, Hub, Socket};

impl Hub {
    /// Delivers one event. Only the dispatcher calls this, one event after the other.
    pub(crate) fn dispatch(&self, event: &Event) {
        self.tally.events.fetch_add(1, Ordering::Relaxed);
        // A fault in one event must not end the dispatcher, nor leave a silent gap behind.
        if catch_unwind(AssertUnwindSafe(|| self.apply(event))).is_err() {
            tracing::error!(?event.to, ?event.seq, "an event could not be delivered: its sockets are closed");
            self.close_audience(event);
        }
    }

    fn apply(&self, event: &Event) {
        if let (Some(id), Some(seq)) = (group_of(event), event.seq)
            && let Some(group) = self.groups.get(&id)
        {
            group.expect(&mut group.lock(), seq);
        }
        match &event.kind {
            Kind::Ended(ended) => self.end(*ended),
            Kind::GroupUpdate { view, joined, left } => self.group_update(event, view.group.id, joined, left),
            Kind::GroupDelete(group) => {
                self.deliver(event, &[]);
                self.forget(*group);
            }
            Kind::UserUpdate { user, new_name, .. } => {
                self.rename(*user, new_name);
                self.deliver(event, &[]);
            }
            Kind::ContactUpdate { author, name, outcome: Outcome::Contact } => {
                self.deliver(event, &[]);
                self.introduce(author.0, name);
                self.introduce(name.0, author);
            }
            _ => self.deliver(event, &[]),
        }
    }

    fn deliver(&self, event: &Event, joined: &[UserId]) {
        match &event.to {
            Audience::Group(id) => self.deliver_in_group(event, *id, None, joined),
            Audience::Others(id, user) => self.deliver_in_group(event, *id, Some(*user), joined),
            Audience::Users(users) => {
                let mut copies = Copies::of(self, event, joined);
                for user in users.iter().filter_map(|id| self.users.get(id)) {
                    copies.to(&user);
                }
            }
        }
    }

    fn deliver_in_group(&self, event: &Event, id: GroupId, but: Option<UserId>, joined: &[UserId]) {
        let newcomers: Vec<_> = joined.iter().filter_map(|user| self.users.get(user)).collect();
        while let Some(group) = self.group_for(event, id, &newcomers) {
            let mut members = group.lock();
            if members.gone {
                self.groups.remove_exact(&id, &group);
                continue;
            }
            if event.seq.is_none_or(|seq| self.admit(&group, &members, seq)) {
                for user in &newcomers {
                    join(&group, &mut members, user);
                }
                let mut copies = Copies::of(self, event, joined);
                members.users.iter().filter(|user| Some(user.id) != but).for_each(|user| copies.to(user));
                if let Some(seq) = event.seq {
                    group.delivered(&mut members, seq);
                }
            }
            self.close_if_empty(&group, &mut members);
            return;
        }
    }

    /// The group's entry. One is made only if somebody who is connected joins with this event.
    fn group_for(&self, event: &Event, id: GroupId, newcomers: &[Arc<User>]) -> Option<Arc<Group>> {
        if newcomers.is_empty() {
            return self.groups.get(&id);
        }
        let before = Seq(event.seq.unwrap_or_default().0 - 1);
        let make = || Arc::new(Group::new(id, before, event.seq.is_some()));
        Some(self.groups.get_or_insert_with(id, make))
    }

    /// Gives a group's entry up if nobody is in it.
    pub(crate) fn close_if_empty(&self, group: &Arc<Group>, members: &mut Members) {
        if members.users.is_empty() {
            members.gone = true;
            self.groups.remove_exact(&group.id, group);
        }
    }

    /// Whether a numbered event of a group is to be delivered now.
    fn admit(&self, group: &Group, members: &Members, seq: Seq) -> bool {
        match group.turn(seq) {
            Turn::Next => true,
            Turn::Repeated => {
                tracing::debug!(group = %group.id, %seq, "a repeated event is dropped");
                false
            }
            Turn::Gap { last } => {
                if members.certain {
                    self.catch_up(group.id, last, seq);
                }
                true
            }
        }
    }

    /// The place to read from the store what lies between `last` and `seq`, for a bus that may
    /// lose: within one process there is no gap, and one that is seen is a fault of the store's.
    fn catch_up(&self, group: GroupId, last: Seq, seq: Seq) {
        self.tally.gaps.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%group, %last, %seq, "numbers are missing from a group's log");
    }

    fn group_update(&self, event: &Event, id: GroupId, joined: &[UserId], left: &[UserId]) {
        if let (Some(seq), Some(group)) = (event.seq, self.groups.get(&id))
            && group.turn(seq) == Turn::Repeated
        {
            tracing::debug!(group = %id, %seq, "a repeated change of a group is dropped");
            return;
        }
        for user in left {
            self.leave(id, *user);
        }
        let mut joined = joined.to_vec();
        joined.sort_unstable();
        self.deliver(event, &joined);
    }

    /// Unsubscribes a user from a group that it has left.
    fn leave(&self, id: GroupId, user: UserId) {
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
        drop(state);
        members.remove(&user);
        self.close_if_empty(&group, &mut members);
    }

    /// Drops the entry of a group that is no more.
    fn forget(&self, id: GroupId) {
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

    fn rename(&self, user: UserId, name: &Name) {
        if let Some(user) = self.users.get(&user) {
            let mut state = user.lock();
            state.name = name.clone();
            state.renamed = state.subscribing > 0;
        }
    }

    /// Tells a user what its new contact is shown as.
    fn introduce(&self, user: UserId, contact: &(UserId, Name)) {
        let status = self.users.get(&contact.0).map(|user| user.lock().presence.shown);
        if let Some(status) = status.filter(|status| *status != Status::Disconnected) {
            let kind = Kind::StatusUpdate { author: contact.1.clone(), status };
            self.deliver(&Event::to_users(kind, vec![user]), &[]);
        }
    }

    fn end(&self, ended: Ended) {
        let (user, token) = match ended {
            Ended::User(user) => (Some(user), None),
            Ended::Token(hash) => (self.tokens.get(&hash), Some(hash)),
        };
        let Some(user) = user.and_then(|user| self.users.get(&user)) else { return };
        for seat in &user.lock().seats {
            if token.is_none() || seat.socket.token == token {
                seat.socket.close(Close::CredentialEnded);
            }
        }
    }

    fn close_audience(&self, event: &Event) {
        let users = match &event.to {
            Audience::Group(id) | Audience::Others(id, _) => {
                self.groups.get(id).map(|group| group.lock().users.clone()).unwrap_or_default()
            }
            Audience::Users(users) => users.iter().filter_map(|id| self.users.get(id)).collect(),
        };
        for user in users {
            user.lock().seats.iter().for_each(|seat| seat.socket.close(Close::Fault));
        }
    }
}

/// Puts a user into a group because an event says so.
fn join(group: &Arc<Group>, members: &mut Members, user: &Arc<User>) {
    let mut state = user.lock();
    state.left.retain(|id| *id != group.id);
    if state.gone {
        return;
    }
    if let Err(at) = state.group_at(group.id) {
        state.groups.insert(at, group.clone());
        members.users.push(user.clone());
    }
}

/// An event's frames: one for all, made when the first receiver is found, and one for the
/// socket that asked, if its copy carries a reference.
struct Copies<'a> {
    event: &'a Event,
    /// In ascending order.
    joined: &'a [UserId],
    hub: &'a Hub,
    bounds: Bounds,
    tag: Tag,
    /// The socket whose copy is its own.
    asker: Option<(SocketId, &'a str)>,
    shared: Option<Bytes>,
    due: Vec<Arc<Socket>>,
}

impl Drop for Copies<'_> {
    fn drop(&mut self) {
        self.hub.due(&mut self.due);
    }
}

impl<'a> Copies<'a> {
    fn of(hub: &'a Hub, event: &'a Event, joined: &'a [UserId]) -> Self {
        let asker = event.origin.as_ref().and_then(|o| Some((o.socket, o.reference.as_deref()?)));
        Self {
            event,
            joined,
            hub,
            bounds: hub.bounds(),
            tag: Tag {
                group: group_of(event),
                seq: event.seq,
                joins: false,
                quits: matches!(event.kind, Kind::GroupQuit { .. }),
            },
            asker,
            shared: None,
            due: Vec::new(),
        }
    }

    fn to(&mut self, user: &User) {
        let joins = self.joined.binary_search(&user.id).is_ok();
        let tag = Tag { joins, ..self.tag };
        for seat in &user.lock().seats {
            let frame = match self.asker {
                Some((socket, reference)) if socket == seat.socket.id() => {
                    self.hub.encode.event(self.event, Some(reference))
                }
                _ => self.shared.get_or_insert_with(|| self.hub.encode.event(self.event, None)).clone(),
            };
            self.hub.tally.pushed(seat.socket.push(frame, tag, self.bounds, &mut self.due), 1);
        }
    }
}

/// The group that an event is about.
fn group_of(event: &Event) -> Option<GroupId> {
    match &event.kind {
        Kind::MessageText(message) | Kind::MessageUpdate(message) => Some(message.group),
        Kind::MessageDelete { group, .. }
        | Kind::MessageRead { group, .. }
        | Kind::GroupQuit { group, .. }
        | Kind::GroupDelete(group)
        | Kind::Typing { group, .. } => Some(*group),
        Kind::GroupUpdate { view, .. } => Some(view.group.id),
        Kind::ContactUpdate { .. }
        | Kind::StatusUpdate { .. }
        | Kind::UserUpdate { .. }
        | Kind::UserDelete { .. }
        | Kind::Ended(_) => None,
    }
}

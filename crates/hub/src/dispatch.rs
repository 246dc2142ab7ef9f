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
use crate::queue::Bounds;
use crate::snapshot::Tag;
use crate::user::User;
use crate::{Close, Hub, Socket};

/// What is to be delivered, made here or on another node.
pub(crate) struct Note<'a> {
    pub(crate) to: To<'a>,
    pub(crate) seq: Option<Seq>,
    pub(crate) tag: Tag,
    /// The event, if it is one of this node's.
    pub(crate) event: Option<&'a Event>,
    /// The frame for all, if it is there already.
    pub(crate) frame: Option<Bytes>,
    /// The same for those to whom the group is new.
    pub(crate) whole: Option<Bytes>,
}

/// An event's ready frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frames {
    /// For all.
    pub(crate) all: Option<Bytes>,
    /// For those to whom the event's group is new, if there are any.
    pub(crate) whole: Option<Bytes>,
}

/// Who is told.
#[derive(Clone, Copy)]
pub(crate) enum To<'a> {
    /// A group's members, but for these.
    Group(GroupId, &'a [UserId]),
    Users(&'a [UserId]),
}

impl<'a> Note<'a> {
    pub(crate) fn of(event: &'a Event, frames: Frames) -> Self {
        let to = match &event.to {
            Audience::Group(id) => To::Group(*id, &[]),
            Audience::Others(id, users) => To::Group(*id, users),
            Audience::Users(users) => To::Users(users),
        };
        let quits = matches!(event.kind, Kind::GroupQuit { .. } | Kind::GroupDelete(_));
        let pending = matches!(event.kind, Kind::Pending(_));
        let tag = Tag { group: group_of(event), seq: event.seq, quits, pending, ..Tag::default() };
        Self { to, seq: event.seq, tag, event: Some(event), frame: frames.all, whole: frames.whole }
    }
}

impl Hub {
    /// Delivers one event. Only the dispatcher calls this, one event after the other.
    pub(crate) fn dispatch(&self, event: &Event) {
        self.tally.events.fetch_add(1, Ordering::Relaxed);
        self.guarded(Note::of(event, Frames::default()).to, event.seq, || {
            self.apply(event, Frames::default());
        });
    }

    /// Does what one event asks. A fault in it must not end the dispatcher, nor leave a silent gap
    /// behind.
    pub(crate) fn guarded(&self, to: To<'_>, seq: Option<Seq>, apply: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(apply)).is_err() {
            tracing::error!(?seq, "an event could not be delivered: its sockets are closed");
            self.close_audience(to, Close::Fault);
        }
    }

    /// Does what an event asks, with its frames if those have been made.
    pub(crate) fn apply(&self, event: &Event, frames: Frames) {
        // These two carry a number of the group's log that was delivered before.
        let repeats = matches!(event.kind, Kind::Pending(_) | Kind::GroupAccepted(_));
        if let (false, Some(id), Some(seq)) = (repeats, group_of(event), event.seq)
            && let Some(group) = self.groups.get(&id)
        {
            group.expect(&mut group.lock(), seq);
        }
        let note = Note::of(event, frames);
        match &event.kind {
            Kind::Ended(ended) => self.end(*ended),
            Kind::GroupUpdate { view, joined, left } => self.group_update(note, view.group.id, joined, left),
            Kind::MemberChanged { group, left } => self.pass(*group, note.seq, left.as_slice()),
            Kind::GroupDelete(group) => {
                self.deliver(note, &[]);
                self.forget(*group);
            }
            Kind::GroupAccepted(view) => self.accepted(&note, view.group.id, view.group.head),
            Kind::Pending(_) => self.pending(note),
            Kind::UserUpdate { user, new_name, .. } => {
                self.rename(*user, new_name);
                self.deliver(note, &[]);
            }
            Kind::ContactUpdate { author, name, outcome: Outcome::Contact } => {
                self.deliver(note, &[]);
                self.introduce(author.0, name);
                self.introduce(name.0, author);
            }
            _ => self.deliver(note, &[]),
        }
    }

    pub(crate) fn deliver(&self, note: Note<'_>, joined: &[UserId]) {
        match note.to {
            To::Group(id, but) => self.deliver_in_group(note, id, but, joined),
            To::Users(users) => {
                let mut copies = Copies::of(self, note, joined);
                for user in users.iter().filter_map(|id| self.users.get(id)) {
                    copies.to(&user);
                }
            }
        }
    }

    fn deliver_in_group(&self, note: Note<'_>, id: GroupId, but: &[UserId], joined: &[UserId]) {
        let newcomers: Vec<_> = joined.iter().filter_map(|user| self.users.get(user)).collect();
        let seq = note.seq;
        while let Some(group) = self.group_for(seq, id, &newcomers) {
            let mut members = group.lock();
            if members.gone {
                self.give_up_group(&group);
                continue;
            }
            if seq.is_none_or(|seq| self.admit(&group, &members, seq)) {
                for user in &newcomers {
                    join(&group, &mut members, user);
                }
                let mut copies = Copies::of(self, note, joined);
                members.users.iter().filter(|user| !but.contains(&user.id)).for_each(|user| copies.to(user));
                if let Some(seq) = seq {
                    group.delivered(&mut members, seq);
                }
            }
            self.close_if_empty(&group, &mut members);
            return;
        }
    }

    /// The group's entry. One is made only if somebody who is connected joins with this event.
    fn group_for(&self, seq: Option<Seq>, id: GroupId, newcomers: &[Arc<User>]) -> Option<Arc<Group>> {
        if newcomers.is_empty() {
            return self.served(id);
        }
        let before = Seq(seq.unwrap_or_default().0 - 1);
        Some(self.group_entry(id, before, seq.is_some()))
    }

    /// The group, if anybody is in it here: nobody else is to be told of what happens there. Whoever
    /// reads its groups meanwhile, and may come too late for this, reads them again.
    pub(crate) fn served(&self, id: GroupId) -> Option<Arc<Group>> {
        self.groups.get(&id).or_else(|| {
            self.unserved.fetch_add(1, Ordering::AcqRel);
            self.groups.get(&id)
        })
    }

    /// Gives a group's entry up if nobody is in it.
    pub(crate) fn close_if_empty(&self, group: &Arc<Group>, members: &mut Members) {
        if members.users.is_empty() {
            members.gone = true;
            self.give_up_group(group);
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

    pub(crate) fn group_update(&self, note: Note<'_>, id: GroupId, joined: &[UserId], left: &[UserId]) {
        if let (Some(seq), Some(group)) = (note.seq, self.groups.get(&id))
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
        self.deliver(note, &joined);
    }

    /// A number of a group has passed, of which its members are told by another event.
    pub(crate) fn pass(&self, id: GroupId, seq: Option<Seq>, left: &[UserId]) {
        for user in left {
            self.leave(id, *user);
        }
        let (Some(seq), Some(group)) = (seq, self.served(id)) else { return };
        let mut members = group.lock();
        if !members.gone && self.admit(&group, &members, seq) {
            group.delivered(&mut members, seq);
        }
    }

    /// Tells users of a group that they have yet to accept. Who is known to have accepted it since is
    /// not told what was before.
    pub(crate) fn pending(&self, note: Note<'_>) {
        let (To::Users(users), Some(id)) = (note.to, note.tag.group) else { return };
        let seq = note.seq;
        let mut copies = Copies::of(self, note, &[]);
        for user in users.iter().filter_map(|user| self.users.get(user)) {
            let state = user.lock();
            let is_over = state.group_at(id).is_ok_and(|at| Some(state.groups[at].last()) >= seq);
            drop(state);
            if !is_over {
                copies.to(&user);
            }
        }
    }

    /// Subscribes users to a group that they have accepted, which they are shown as of `head`. All of
    /// the log up to there has been dispatched here, and nothing after it.
    fn accepted(&self, note: &Note<'_>, id: GroupId, head: Seq) {
        let To::Users(users) = note.to else { return };
        for user in users.iter().filter_map(|user| self.users.get(user)) {
            loop {
                let group = self.group_entry(id, head, true);
                let mut members = group.lock();
                if members.gone {
                    self.give_up_group(&group);
                    continue;
                }
                group.expect(&mut members, head.next());
                join(&group, &mut members, &user);
                let Note { to, seq, tag, event, ref frame, ref whole } = *note;
                let only = Note { to, seq, tag, event, frame: frame.clone(), whole: whole.clone() };
                Copies::of(self, only, &[user.id]).to(&user);
                self.close_if_empty(&group, &mut members);
                break;
            }
        }
    }

    /// Unsubscribes a user from a group that it has left.
    pub(crate) fn leave(&self, id: GroupId, user: UserId) {
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

    /// Tells a user what its new contact is shown as.
    pub(crate) fn introduce(&self, user: UserId, contact: &(UserId, Name)) {
        let here = self.users.get(&contact.0).map(|user| user.lock().presence.shown).unwrap_or_default();
        let status = self.seen_as(contact.0, here);
        if status != Status::Disconnected {
            let kind = Kind::StatusUpdate { author: contact.1.clone(), status };
            self.deliver(Note::of(&Event::to_users(kind, vec![user]), Frames::default()), &[]);
        }
    }

    pub(crate) fn end(&self, ended: Ended) {
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

    /// Closes the sockets of those who would be told.
    pub(crate) fn close_audience(&self, to: To<'_>, close: Close) {
        let users = match to {
            To::Group(id, _) => {
                self.groups.get(&id).map(|group| group.lock().users.clone()).unwrap_or_default()
            }
            To::Users(users) => users.iter().filter_map(|id| self.users.get(id)).collect(),
        };
        for user in users {
            user.lock().seats.iter().for_each(|seat| seat.socket.close(close));
        }
    }
}

/// Puts a user into a group because an event says so.
pub(crate) fn join(group: &Arc<Group>, members: &mut Members, user: &Arc<User>) {
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

/// An event's frames: one for all and one for those to whom its group is new, each made when the
/// first receiver is found, and one for the socket that asked, if its copy carries a reference.
struct Copies<'a> {
    event: Option<&'a Event>,
    /// In ascending order.
    joined: &'a [UserId],
    hub: &'a Hub,
    bounds: Bounds,
    tag: Tag,
    /// The socket whose copy is its own.
    asker: Option<(SocketId, &'a str)>,
    shared: Option<Bytes>,
    whole: Option<Bytes>,
    due: Vec<Arc<Socket>>,
}

impl Drop for Copies<'_> {
    fn drop(&mut self) {
        self.hub.due(&mut self.due);
    }
}

impl<'a> Copies<'a> {
    fn of(hub: &'a Hub, note: Note<'a>, joined: &'a [UserId]) -> Self {
        let origin = note.event.and_then(|event| event.origin.as_ref());
        let asker = origin.and_then(|o| Some((o.socket, o.reference.as_deref()?)));
        Self {
            event: note.event,
            joined,
            hub,
            bounds: hub.bounds(),
            tag: note.tag,
            asker,
            shared: note.frame,
            whole: note.whole,
            due: Vec::new(),
        }
    }

    fn to(&mut self, user: &User) {
        let joins = self.joined.binary_search(&user.id).is_ok();
        let tag = Tag { joins, ..self.tag };
        let encode = &self.hub.encode;
        for seat in &user.lock().seats {
            let frame = match (self.asker, self.event) {
                (Some((socket, reference)), Some(event)) if socket == seat.socket.id() => {
                    if joins {
                        encode.whole(event, Some(reference))
                    } else {
                        encode.event(event, Some(reference))
                    }
                }
                (_, event) if joins => {
                    let whole = || event.map_or_else(Bytes::new, |event| encode.whole(event, None));
                    self.whole.get_or_insert_with(whole).clone()
                }
                (_, event) => {
                    let shared = || event.map_or_else(Bytes::new, |event| encode.event(event, None));
                    self.shared.get_or_insert_with(shared).clone()
                }
            };
            self.hub.tally.pushed(seat.socket.push(frame, tag, self.bounds, &mut self.due), 1);
        }
    }
}

/// The group that an event is about.
pub(crate) fn group_of(event: &Event) -> Option<GroupId> {
    match &event.kind {
        Kind::MessageText(message) | Kind::MessageUpdate(message) => Some(message.group),
        Kind::MessageDelete { group, .. }
        | Kind::MessagesDelete { group, .. }
        | Kind::MessageRead { group, .. }
        | Kind::GroupQuit { group, .. }
        | Kind::GroupDelete(group)
        | Kind::Typing { group, .. } => Some(*group),
        Kind::MemberChanged { group, .. } => Some(*group),
        Kind::GroupUpdate { view, .. } | Kind::GroupAccepted(view) => Some(view.group.id),
        Kind::Pending(pending) => Some(pending.group()),
        Kind::ContactUpdate { .. }
        | Kind::StatusUpdate { .. }
        | Kind::UserUpdate { .. }
        | Kind::UserDelete { .. }
        | Kind::GroupMe { .. }
        | Kind::Ended(_) => None,
    }
}

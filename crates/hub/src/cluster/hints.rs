//! What the other nodes are told of an event, and what is done with what they tell.

use std::sync::Arc;

use chinwag_core::event::{Audience, Ended, Event, Kind};
use chinwag_core::relation::Outcome;
use chinwag_core::{GroupId, Seq, UserId};

use super::waiting::Item;
use crate::bus::link::{Channel, Hint, Kind as Said};
use crate::dispatch::{Frames, Note, To};
use crate::snapshot::Tag;
use crate::{Close, Hub};

/// Up to so many who join are told by a channel of their own each; more by that of all nodes.
const JOINED: usize = 32;

impl Hub {
    /// Tells the other nodes of an event of this one. Answers its frames, which are made
    /// for all.
    pub(super) fn pass_on(&self, event: &Event) -> Frames {
        let Some(cluster) = self.cluster.as_ref() else { return Frames::default() };
        let say = |channel, hint| cluster.link.say(channel, hint);
        let ended = match &event.kind {
            // Presence goes its own way; the members of a group see in its update who has quit.
            Kind::StatusUpdate { .. } | Kind::GroupQuit { .. } => return Frames::default(),
            // The users' other nodes look up how the group stands.
            Kind::GroupAccepted(view) => {
                for user in event.users() {
                    let hint =
                        Hint { group: Some(view.group.id), seq: event.seq, ..Hint::new(Said::Joined(*user)) };
                    say(Channel::User(*user), hint);
                }
                return Frames::default();
            }
            Kind::Ended(Ended::Token(hash)) => Some(Said::TokenEnded(*hash)),
            Kind::Ended(Ended::User(user)) => Some(Said::UserEnded(*user)),
            _ => None,
        };
        if let Some(ended) = ended {
            say(Channel::Nodes, Hint::new(ended));
            return Frames::default();
        }
        if let Kind::MemberChanged { group, left } = &event.kind {
            let kind = Said::Passed { left: left.iter().copied().collect() };
            say(Channel::Group(*group), Hint { group: Some(*group), seq: event.seq, ..Hint::new(kind) });
            return Frames::default();
        }
        let frame = self.encode.event(event, None);
        let is_new = matches!(&event.kind, Kind::GroupUpdate { joined, .. } if !joined.is_empty());
        let whole = is_new.then(|| self.encode.whole(event, None));
        let frames = Frames { all: Some(frame.clone()), whole };
        match &event.to {
            Audience::Group(id) => self.pass_on_in_group(event, *id, &[], &frames),
            Audience::Others(id, but) => self.pass_on_in_group(event, *id, but, &frames),
            Audience::Users(users) => {
                let group = match &event.kind {
                    Kind::Pending(pending) => Some(pending.group()),
                    _ => None,
                };
                for to in users {
                    let hint = Hint::new(to_user(&event.kind, *to)).with(frame.clone());
                    say(
                        Channel::User(*to),
                        Hint { group, seq: event.seq.filter(|_| group.is_some()), ..hint },
                    );
                }
            }
        }
        frames
    }

    fn pass_on_in_group(&self, event: &Event, id: GroupId, but: &[UserId], frames: &Frames) {
        let Some(cluster) = &self.cluster else { return };
        let about = |kind| Hint { group: Some(id), seq: event.seq, ..Hint::new(kind) };
        let said = match &event.kind {
            Kind::GroupUpdate { joined, left, .. } => {
                if joined.len() > JOINED {
                    let (joined, left) = (joined.clone(), Vec::new());
                    cluster.link.say(Channel::Nodes, about(Said::Changed { joined, left }));
                } else {
                    for user in joined {
                        cluster.link.say(Channel::User(*user), about(Said::Joined(*user)));
                    }
                }
                Said::Changed { joined: joined.clone(), left: left.clone() }
            }
            Kind::GroupDelete(_) => Said::Deleted,
            _ => Said::Group(but.to_vec()),
        };
        let frame = frames.all.clone().unwrap_or_default();
        let whole = frames.whole.clone().unwrap_or_default();
        cluster.link.say(Channel::Group(id), Hint { whole, ..about(said).with(frame) });
    }

    /// Does what an item asks whose turn has come.
    pub(super) fn apply_item(&self, item: &Item) {
        match item {
            Item::Event(event, frames) => {
                let to = Note::of(event, Frames::default()).to;
                self.guarded(to, event.seq, || self.apply(event, frames.clone()));
            }
            Item::Hint(hint) => {
                let nobody = To::Users(&[]);
                let to = hint.group.map_or(nobody, |id| To::Group(id, &[]));
                self.guarded(to, hint.seq, || self.apply_hint(hint));
            }
        }
    }

    fn apply_hint(&self, hint: &Hint) {
        let quits = matches!(hint.kind, Said::Deleted);
        // To one user it is of a group only where that user has yet to accept it.
        let pending = matches!(hint.kind, Said::User(_)) && hint.group.is_some();
        let tag = Tag { group: hint.group, seq: hint.seq, quits, pending, ..Tag::default() };
        let whole = if hint.whole.is_empty() { &hint.frame } else { &hint.whole };
        let note = |to| Note {
            to,
            seq: hint.seq,
            tag,
            event: None,
            frame: Some(hint.frame.clone()),
            whole: Some(whole.clone()),
        };
        match (&hint.kind, hint.group) {
            (Said::Group(but), Some(id)) => self.deliver(note(To::Group(id, but)), &[]),
            (Said::Changed { joined, left }, Some(id)) => {
                for user in left {
                    self.tell_quit(id, *user, hint.seq);
                }
                self.group_update(note(To::Group(id, &[])), id, joined, left);
            }
            (Said::Passed { left }, Some(id)) => self.pass(id, hint.seq, left),
            (Said::Deleted, Some(id)) => {
                self.deliver(note(To::Group(id, &[])), &[]);
                self.forget(id);
            }
            (Said::User(to), Some(_)) => self.pending(note(To::Users(&[*to]))),
            (Said::User(to), None) => self.deliver(note(To::Users(&[*to])), &[]),
            (Said::Renamed { to, user, name }, _) => {
                self.rename(*user, name);
                self.deliver(note(To::Users(&[*to])), &[]);
            }
            (Said::Contact { to, contact }, _) => {
                self.deliver(note(To::Users(&[*to])), &[]);
                self.introduce(*to, contact);
            }
            (Said::TokenEnded(hash), _) => self.end(Ended::Token(*hash)),
            (Said::UserEnded(user), _) => self.end(Ended::User(*user)),
            _ => {}
        }
    }

    /// Tells a user who is known here as a member that it is no more.
    pub(super) fn tell_quit(&self, group: GroupId, user: UserId, seq: Option<Seq>) {
        let Some(found) = self.users.get(&user) else { return };
        let state = found.lock();
        if state.group_at(group).is_err() {
            return;
        }
        let kind = Kind::GroupQuit { group, name: state.name.clone() };
        drop(state);
        self.deliver(Note::of(&Event { seq, ..Event::to_users(kind, vec![user]) }, Frames::default()), &[]);
    }

    /// The user who is here and has asked for an event, if its copy is to say so. Looks at everybody.
    pub(super) fn asker(&self, event: &Event) -> Option<UserId> {
        let origin = event.origin.as_ref().filter(|origin| origin.reference.is_some())?;
        let mut found = None;
        self.users.each(|user| {
            if user.lock().seats.iter().any(|seat| seat.socket.id() == origin.socket) {
                found = Some(user.id);
            }
        });
        found
    }

    /// Gives the socket that asked its own copy of an event, where its user is known to come into the
    /// group and was not told with the others.
    pub(super) fn answer_newcomer(&self, event: &Event, newcomers: impl Iterator<Item = UserId>) {
        let Some(origin) = event.origin.as_ref().filter(|origin| origin.reference.is_some()) else { return };
        for user in newcomers.filter_map(|id| self.users.get(&id)) {
            if let Some(seat) = user.lock().seats.iter().find(|seat| seat.socket.id() == origin.socket) {
                self.send(&seat.socket, self.encode.event(event, origin.reference.as_deref()));
            }
        }
    }

    /// Gives the socket that asked its own copy of an event that all were told already.
    pub(super) fn answer_asker(&self, group: GroupId, event: &Event) {
        let Some(origin) = event.origin.as_ref().filter(|origin| origin.reference.is_some()) else { return };
        let members = match (&event.to, self.groups.get(&group)) {
            (Audience::Users(users), _) => users.iter().filter_map(|id| self.users.get(id)).collect(),
            (_, Some(group)) => group.lock().users.clone(),
            (_, None) => self.asker(event).and_then(|user| self.users.get(&user)).into_iter().collect(),
        };
        let reference = origin.reference.as_deref();
        for user in members {
            let is_new = matches!(&event.kind, Kind::GroupUpdate { joined, .. } if joined.contains(&user.id));
            let frame = || {
                if is_new { self.encode.whole(event, reference) } else { self.encode.event(event, reference) }
            };
            if let Some(seat) = user.lock().seats.iter().find(|seat| seat.socket.id() == origin.socket) {
                self.send(&seat.socket, frame());
            }
        }
    }
}

/// Whether a user who is here is known to be in a group.
pub(super) fn is_in(hub: &Hub, id: GroupId, user: UserId) -> Option<bool> {
    hub.users.get(&user).map(|user| user.lock().group_at(id).is_ok())
}

/// Tells a user that it has quit, unless it was told already by what the store says, or the store
/// has it in the group again; the asker is answered in any case.
pub(super) fn tell_of_quit(hub: &Arc<Hub>, id: GroupId, seq: Seq, event: Event) {
    let told = match (&event.to, &hub.cluster) {
        (Audience::Users(users), Some(cluster)) => {
            let over = |user| cluster.knows_it_quit(user, id, seq) || is_in(hub, id, user) == Some(true);
            users.first().is_some_and(|user| over(*user))
        }
        _ => false,
    };
    if told {
        hub.answer_asker(id, &event);
    } else {
        hub.apply_item(&Item::Event(event, Frames::default()));
    }
}

/// What is let go takes the asker's answer with it: its socket is closed, so that it asks again.
pub(super) fn close_asker(hub: &Arc<Hub>, id: GroupId, item: &Item) {
    let Item::Event(event, _) = item else { return };
    let (Some(origin), Some(group)) = (&event.origin, hub.groups.get(&id)) else { return };
    for user in group.lock().users.clone() {
        if let Some(seat) = user.lock().seat(origin.socket) {
            seat.socket.close(Close::ResyncRequired);
        }
    }
}

/// How an event that has no group is said to one of those whom it concerns.
fn to_user(kind: &Kind, to: UserId) -> Said {
    match kind {
        Kind::UserUpdate { user, new_name, .. } => Said::Renamed { to, user: *user, name: new_name.clone() },
        Kind::ContactUpdate { author, name, outcome: Outcome::Contact } => {
            let contact = if author.0 == to { name } else { author };
            Said::Contact { to, contact: contact.clone() }
        }
        _ => Said::User(to),
    }
}

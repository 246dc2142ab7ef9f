//! Hints: publishing those of this node's events, and delivering those of other nodes.

use bytes::Bytes;
use chinwag_core::event::{Audience, Ended, Event, Kind, Pending};
use chinwag_core::relation::Outcome;
use chinwag_core::{GroupId, Seq, UserId};

use crate::bus::link::{Channel, Hint, HintKind};
use crate::deliver::{Delivery, EventFrames, Recipients};
use crate::entry::ReceivedEntry;
use crate::replication::snapshot::EventTag;
use crate::{Close, Hub};

/// The most joining users that receive hints on their own channels. With more, all nodes receive one hint.
const MAX_JOINER_CHANNELS: usize = 32;

impl Hub {
    /// Publishes an event of this node to the other nodes. Returns its frames, encoded once for all nodes.
    pub(crate) fn publish_hints(&self, event: &Event) -> EventFrames {
        let Some(cluster) = self.others() else { return EventFrames::default() };
        let publish = |channel, hint| cluster.link.publish(channel, hint);
        let ended = match &event.kind {
            // Presence has its own hints. A removed user's node learns of the removal from the change of the
            // group.
            Kind::StatusUpdate { .. } | Kind::GroupQuit { .. } => return EventFrames::default(),
            // The users' other nodes look the membership up.
            Kind::GroupAccepted { view, .. } => {
                for user in event.users() {
                    let hint = Hint {
                        group: Some(view.group.id),
                        seq: event.seq,
                        ..Hint::new(HintKind::Joined(*user))
                    };
                    publish(Channel::User(*user), hint);
                }
                return EventFrames::default();
            }
            Kind::Ended(Ended::Token(hash)) => Some(HintKind::TokenEnded(*hash)),
            Kind::Ended(Ended::User(user)) => Some(HintKind::UserEnded(*user)),
            Kind::Ended(Ended::Suspended(user)) => Some(HintKind::UserSuspended(*user)),
            _ => None,
        };
        if let Some(ended) = ended {
            publish(Channel::Nodes, Hint::new(ended));
            return EventFrames::default();
        }
        if let Kind::MemberChanged { group, left } = &event.kind {
            let kind = HintKind::Passed { left: left.iter().copied().collect() };
            publish(Channel::Group(*group), Hint { group: Some(*group), seq: event.seq, ..Hint::new(kind) });
            return EventFrames::default();
        }
        let frame = self.encode.event(event, None);
        let is_new = matches!(&event.kind, Kind::GroupUpdate { joined, .. } if !joined.is_empty());
        // No node has the group of a user who joins, so a frame with the user's own values is not needed:
        // that node reads them from the store.
        let whole = is_new.then(|| self.encode.whole(event, None, None));
        let frames = EventFrames { all: Some(frame.clone()), whole };
        match &event.to {
            Audience::Group(id) => self.publish_in_group(event, *id, &[], &frames),
            Audience::Others(id, but) => self.publish_in_group(event, *id, but, &frames),
            Audience::Users(users) => {
                let group = match &event.kind {
                    Kind::Pending(pending) => Some(pending.group()),
                    _ => None,
                };
                for to in users {
                    let hint = Hint::new(to_user(&event.kind, *to)).with(frame.clone());
                    publish(
                        Channel::User(*to),
                        Hint { group, seq: event.seq.filter(|_| group.is_some()), ..hint },
                    );
                }
            }
        }
        frames
    }

    fn publish_in_group(&self, event: &Event, id: GroupId, but: &[UserId], frames: &EventFrames) {
        let Some(cluster) = &self.cluster else { return };
        let about = |kind| Hint { group: Some(id), seq: event.seq, ..Hint::new(kind) };
        let kind = match &event.kind {
            Kind::GroupUpdate { joined, left, .. } => {
                if joined.len() > MAX_JOINER_CHANNELS {
                    let (joined, left) = (joined.clone(), Vec::new());
                    cluster.link.publish(Channel::Nodes, about(HintKind::Changed { joined, left }));
                } else {
                    for user in joined {
                        cluster.link.publish(Channel::User(*user), about(HintKind::Joined(*user)));
                    }
                }
                HintKind::Changed { joined: joined.clone(), left: left.clone() }
            }
            Kind::GroupDelete(_) => HintKind::Deleted,
            _ => HintKind::Group(but.to_vec()),
        };
        let frame = frames.all.clone().unwrap_or_default();
        let whole = frames.whole.clone().unwrap_or_default();
        cluster.link.publish(Channel::Group(id), Hint { whole, ..about(kind).with(frame) });
    }

    /// Delivers an entry and applies its consequences on this node.
    pub(crate) fn apply_entry(&self, entry: &ReceivedEntry) {
        match entry {
            ReceivedEntry::Local(event, frames) => {
                let to = Delivery::of(event, EventFrames::default()).to;
                self.guarded(to, event.seq, || self.apply(event, frames.clone()));
            }
            ReceivedEntry::Remote(hint) => {
                let none = Recipients::Users(&[]);
                let to = hint.group.map_or(none, |id| Recipients::Group(id, &[]));
                self.guarded(to, hint.seq, || self.apply_hint(hint));
            }
        }
    }

    fn apply_hint(&self, hint: &Hint) {
        let quits = matches!(hint.kind, HintKind::Deleted);
        // A hint for one user names a group only if the membership is pending.
        let pending = matches!(hint.kind, HintKind::User(_) | HintKind::Invited(_)) && hint.group.is_some();
        let tag = EventTag { group: hint.group, seq: hint.seq, quits, pending, ..EventTag::default() };
        let whole = if hint.whole.is_empty() { &hint.frame } else { &hint.whole };
        let delivery = |to| Delivery {
            to,
            seq: hint.seq,
            tag,
            event: None,
            frame: Some(hint.frame.clone()),
            whole: Some(whole.clone()),
        };
        match (&hint.kind, hint.group) {
            (HintKind::Group(but), Some(id)) => self.deliver(delivery(Recipients::Group(id, but)), &[]),
            (HintKind::Changed { joined, left }, Some(id)) => {
                for user in left {
                    self.deliver_removal(id, *user, hint.seq);
                }
                self.group_update(delivery(Recipients::Group(id, &[])), id, joined, left);
            }
            (HintKind::Passed { left }, Some(id)) => self.skip_number(id, hint.seq, left),
            (HintKind::Deleted, Some(id)) => {
                self.deliver(delivery(Recipients::Group(id, &[])), &[]);
                self.forget(id);
            }
            (HintKind::Invited(to), Some(_)) => self.pending(delivery(Recipients::Users(&[*to])), true),
            (HintKind::User(to), Some(_)) => self.pending(delivery(Recipients::Users(&[*to])), false),
            (HintKind::User(to), None) => self.deliver(delivery(Recipients::Users(&[*to])), &[]),
            (HintKind::Renamed { to, user, name }, _) => {
                self.rename(*user, name);
                self.deliver(delivery(Recipients::Users(&[*to])), &[]);
            }
            (HintKind::Contact { to, contact }, _) => {
                self.deliver(delivery(Recipients::Users(&[*to])), &[]);
                self.send_contact_status(*to, contact);
            }
            (HintKind::TokenEnded(hash), _) => self.end_credential(Ended::Token(*hash)),
            (HintKind::UserEnded(user), _) => self.end_credential(Ended::User(*user)),
            (HintKind::UserSuspended(user), _) => self.end_credential(Ended::Suspended(*user)),
            _ => {}
        }
    }

    /// Delivers `group.quit` to a user who is a member on this node.
    pub(super) fn deliver_removal(&self, group: GroupId, user: UserId, seq: Option<Seq>) {
        let Some(found) = self.users.get(&user) else { return };
        let state = found.lock();
        if state.group_at(group).is_err() {
            return;
        }
        let kind = Kind::GroupQuit { group, name: state.name.clone() };
        drop(state);
        // An earlier removal that this node committed may not have been dispatched yet.
        if let (Some(cluster), Some(seq)) = (&self.cluster, seq) {
            cluster.remember_removal(user, group, seq);
        }
        self.deliver(
            Delivery::of(&Event { seq, ..Event::to_users(kind, vec![user]) }, EventFrames::default()),
            &[],
        );
    }

    /// The connected user whose request caused the event, if its frame carries a reference. Searches all
    /// users.
    pub(crate) fn asker(&self, event: &Event) -> Option<UserId> {
        let origin = event.origin.as_ref().filter(|origin| origin.reference.is_some())?;
        let mut found = None;
        self.users.each(|user| {
            if user.lock().sockets.iter().any(|entry| entry.socket.id() == origin.socket) {
                found = Some(user.id);
            }
        });
        found
    }

    /// The event's asker, if it is among the users who are joining and not yet a member on this node.
    pub(crate) fn joining_asker(
        &self,
        group: GroupId,
        event: &Event,
        mut joining: impl Iterator<Item = UserId>,
    ) -> Option<UserId> {
        let origin = event.origin.as_ref().filter(|origin| origin.reference.is_some())?;
        joining.find(|user| {
            self.users.get(user).is_some_and(|user| {
                let mut state = user.lock();
                state.group_at(group).is_err() && state.socket_entry(origin.socket).is_some()
            })
        })
    }

    /// Answers an asker that has become a member. If it has been removed since, closes its socket, so that
    /// the client repeats the request.
    pub(crate) fn answer_or_close(&self, group: GroupId, asker: UserId, event: &Event) {
        let (Some(user), Some(origin)) = (self.users.get(&asker), &event.origin) else { return };
        let mut state = user.lock();
        if state.group_at(group).is_err() {
            if let Some(entry) = state.socket_entry(origin.socket) {
                entry.socket.close(Close::ResyncRequired);
            }
            return;
        }
        drop(state);
        self.answer_asker(group, event);
    }

    /// Sends the asker its own frame of an event that was already delivered to the others.
    pub(crate) fn answer_asker(&self, group: GroupId, event: &Event) {
        let Some(origin) = event.origin.as_ref().filter(|origin| origin.reference.is_some()) else { return };
        let members: Vec<_> = match (&event.to, self.groups.get(&group)) {
            (Audience::Users(users), _) => users.clone(),
            (_, Some(group)) => group.lock().users.iter().map(|user| user.id).collect(),
            (_, None) => self.asker(event).into_iter().collect(),
        };
        let reference = origin.reference.as_deref();
        for user in members {
            let is_new = matches!(&event.kind, Kind::GroupUpdate { joined, .. } if joined.contains(&user));
            self.send_to_asker(user, event, || {
                if is_new {
                    self.encode.whole(event, Some(user), reference)
                } else {
                    self.encode.event(event, reference)
                }
            });
        }
    }

    fn send_to_asker(&self, user: UserId, event: &Event, frame: impl FnOnce() -> Bytes) {
        let (Some(user), Some(origin)) = (self.users.get(&user), &event.origin) else { return };
        if let Some(entry) = user.lock().socket_entry(origin.socket) {
            self.send(&entry.socket, frame());
        }
    }

    /// Closes the socket of the asker, whose answer was dropped with a full buffer. The client repeats the
    /// request.
    pub(crate) fn close_asker(&self, id: GroupId, entry: &ReceivedEntry) {
        let ReceivedEntry::Local(event, _) = entry else { return };
        let (Some(origin), Some(group)) = (&event.origin, self.groups.get(&id)) else { return };
        for user in group.lock().users.clone() {
            if let Some(entry) = user.lock().socket_entry(origin.socket) {
                entry.socket.close(Close::ResyncRequired);
            }
        }
    }
}

/// The kind of the hint for one recipient of an event for single users.
fn to_user(kind: &Kind, to: UserId) -> HintKind {
    match kind {
        Kind::UserUpdate { user, new_name: Some(new_name), .. } => {
            HintKind::Renamed { to, user: *user, name: new_name.clone() }
        }
        Kind::ContactUpdate { author, name, outcome: Outcome::Contact } => {
            let contact = if author.0 == to { name } else { author };
            HintKind::Contact { to, contact: contact.clone() }
        }
        Kind::Pending(Pending::Added(_)) => HintKind::Invited(to),
        _ => HintKind::User(to),
    }
}

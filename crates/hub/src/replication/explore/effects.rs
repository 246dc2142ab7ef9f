//! Carries out a replica's effects in the explored system, in the same way as the hub.

use std::cell::Cell;

use chinwag_core::{Seq, UserId};

use super::entry::{Form, Received};
use super::socket::Frame;
use super::world::{GROUP, Read, World, node_of, user_of};
use crate::replication::cursor::Cursor;
use crate::replication::effect::Effect;
use crate::replication::group::Entry;
use crate::replication::snapshot::EventTag;

thread_local! {
    /// Reorder buffers that overflowed, and groups whose sockets had to resume.
    pub(super) static OVERFLOWS: Cell<usize> = const { Cell::new(0) };
    pub(super) static RESYNCS: Cell<usize> = const { Cell::new(0) };
}

const TAG: EventTag =
    EventTag { group: Some(GROUP), seq: None, joins: false, quits: false, pending: false, upto: None };

impl World {
    pub(super) fn carry_out(&mut self, at: usize, effect: Effect<Received>) {
        let node = &mut self.nodes[at];
        match effect {
            Effect::Deliver(entry) => self.deliver(at, &entry),
            Effect::DeliverToMembers(entry) => {
                self.deliver(at, &Received { joined: Vec::new(), left: Vec::new(), ..entry });
            }
            Effect::Discard(entry) => {
                if let Some(socket) = entry.asker.map(|asker| &mut self.sockets[asker])
                    && socket.is_asking(entry.seq)
                {
                    let is_text = entry.form == Form::Text;
                    socket.received.push(if is_text { Frame::Text } else { Frame::Update }(entry.seq));
                    socket.answer(entry.seq);
                }
            }
            Effect::Overflow(dropped) => {
                OVERFLOWS.set(OVERFLOWS.get() + 1);
                // The store does not return these for a user who is not a member.
                self.is_excused |= dropped.iter().any(|entry| entry.kind().is_attached());
                let askers = dropped.iter().filter_map(|entry| entry.asker);
                askers.for_each(|socket| self.sockets[socket].close());
            }
            Effect::Delete { seq, held } => self.delete(at, seq, held),
            Effect::Invite { user, is_pending, head } => self.invite(at, user, is_pending, head),
            Effect::AnnounceRemoval(seq, entry) => {
                let Form::Removal(user) = entry.form else { return };
                let is_told = node.removals.iter().any(|(who, told)| *who == user && *told >= seq);
                let is_over = is_told || node.members.contains(&user) || node_of(user_of(user)) != at;
                let invitations = &mut self.users[user_of(user)].invitations;
                let pending = invitations.is_shown(GROUP);
                if !is_over && invitations.take_removal(GROUP, seq) {
                    let tag = EventTag { seq: Some(seq), quits: true, pending, ..TAG };
                    self.push(at, user, tag, Frame::Quit(seq));
                }
            }
            Effect::Start(_) => node.timer = true,
            Effect::Fetch(fetch) => {
                let users = fetch.joining.iter().chain(&node.members).copied().collect();
                node.read = Read::Requested(fetch, users);
                node.newcomers = Vec::new();
            }
            Effect::Advance(seq) => node.position = node.position.map(|_| seq),
            Effect::Remove { user, held, head } => self.remove(at, user, held, head),
            Effect::Add(user) => self.add(at, user),
            Effect::RequireResync => {
                RESYNCS.set(RESYNCS.get() + 1);
                for user in node.members.clone() {
                    self.sockets_of(user_of(user)).for_each(|socket| self.sockets[socket].close());
                }
            }
        }
    }

    fn push(&mut self, at: usize, user: UserId, tag: EventTag, frame: Frame) {
        if self.is_connected(at, user) {
            self.sockets_of(user_of(user)).for_each(|socket| self.sockets[socket].push(tag, frame));
        }
    }

    pub(super) fn deliver(&mut self, at: usize, entry: &Received) {
        let seq = entry.seq;
        let tag = EventTag { seq: Some(seq), ..TAG };
        match entry.form {
            Form::Accepted(user) => return self.accept(at, user, seq),
            Form::Invited(user) => return self.pending(at, user, Frame::Invited(seq), seq),
            Form::Declined(user) => return self.pending(at, user, Frame::Declined(seq), seq),
            Form::Ended(user) => return self.pending(at, user, Frame::Deleted, seq),
            Form::Settings(user, count) => return self.push(at, user, TAG, Frame::Settings(count)),
            _ => {}
        }
        if entry.form == Form::Update && !entry.is_local {
            for user in &entry.left {
                if self.nodes[at].members.contains(user) {
                    self.nodes[at].removals.push((*user, seq));
                    self.push(at, *user, EventTag { quits: true, ..tag }, Frame::Quit(seq));
                }
            }
        }
        if self.nodes[at].position.is_some_and(|position| seq <= position) {
            return;
        }
        for user in entry.left.clone() {
            self.remove_from_group(at, user, seq);
        }
        let joined: Vec<_> =
            entry.joined.iter().filter(|user| self.is_connected(at, **user)).copied().collect();
        for user in &joined {
            self.subscribe_group(at, Seq(seq.0 - 1));
            self.join(at, *user);
        }
        if self.nodes[at].position.is_none() {
            return self.mark_stale(at);
        }
        for user in self.nodes[at].members.clone() {
            let joins = joined.contains(&user);
            let frame = match entry.form {
                Form::Text => Frame::Text(seq),
                Form::Deleted => Frame::Deleted,
                _ if joins => Frame::Whole(seq),
                _ => Frame::Update(seq),
            };
            let quits = entry.form == Form::Deleted;
            self.push(at, user, EventTag { joins, quits, ..tag }, frame);
        }
        if let Some(asker) = entry.asker {
            self.sockets[asker].answer(seq);
        }
        self.nodes[at].position = Some(seq);
        if entry.form == Form::Deleted {
            self.nodes[at].members.clear();
        }
        self.close_if_empty(at);
    }

    fn join(&mut self, at: usize, user: UserId) {
        self.nodes[at].members.insert(user);
        let user = &mut self.users[user_of(user)];
        user.invitations.join(GROUP);
        user.left = false;
    }

    fn accept(&mut self, at: usize, user: UserId, head: Seq) {
        if !self.is_connected(at, user) {
            return;
        }
        if !self.users[user_of(user)].invitations.is_pending(GROUP, head) {
            return self.nodes[at].doubted.push(user_of(user));
        }
        self.subscribe_group(at, head);
        self.join(at, user);
        self.push(at, user, EventTag { seq: Some(head), joins: true, ..TAG }, Frame::Whole(head));
    }

    /// See [`Hub::pending`](crate::Hub::pending).
    fn pending(&mut self, at: usize, user: UserId, frame: Frame, seq: Seq) {
        if !self.is_connected(at, user) {
            return;
        }
        let (node, invitations) = (&self.nodes[at], &mut self.users[user_of(user)].invitations);
        let is_over = node.members.contains(&user) && node.position >= Some(seq);
        let is_pending = matches!(frame, Frame::Invited(_));
        if !is_over && invitations.take_event(GROUP, seq, is_pending) {
            self.mark_left(user_of(user));
            self.push(at, user, EventTag { seq: Some(seq), pending: true, ..TAG }, frame);
        }
    }

    /// See [`invite`](crate::catch_up::invite).
    fn invite(&mut self, at: usize, user: UserId, is_pending: bool, head: Seq) {
        let is_outside = self.is_connected(at, user) && !self.is_here(user_of(user));
        if is_outside && self.users[user_of(user)].invitations.take_answer(GROUP, head, is_pending) {
            let frame = if is_pending { Frame::Invited(head) } else { Frame::Declined(head) };
            self.push(at, user, EventTag { seq: Some(head), pending: true, ..TAG }, frame);
        }
    }

    /// See [`delete`](crate::catch_up::delete).
    fn delete(&mut self, at: usize, seq: Seq, held: Option<Received>) {
        let mut asked = self.nodes[at].asked.clone();
        asked.retain(|user| self.is_connected(at, *user));
        for user in &asked {
            if self.users[user_of(*user)].invitations.take_deletion(GROUP) {
                self.push(at, *user, EventTag { pending: true, ..TAG }, Frame::Deleted);
            }
        }
        if self.nodes[at].position.is_some() {
            self.nodes[at].position = Some(Seq(seq.0 - 1));
            if let Some(held) = held {
                return self.deliver(at, &held);
            }
            for user in std::mem::take(&mut self.nodes[at].members) {
                let upto = Some(Seq(i64::MAX));
                self.push(at, user, EventTag { quits: true, upto, ..TAG }, Frame::Deleted);
            }
            return self.close_if_empty(at);
        }
        for user in asked {
            for socket in self.sockets_of(user_of(user)) {
                self.sockets[socket].end_group(|_| Frame::Deleted, seq);
            }
        }
    }

    pub(super) fn remove_from_group(&mut self, at: usize, user: UserId, seq: Seq) {
        let who = user_of(user);
        if node_of(who) != at {
            return;
        }
        self.mark_left(who);
        if self.nodes[at].members.remove(&user) {
            self.users[who].invitations.take_removal(GROUP, seq);
        }
        self.close_if_empty(at);
    }

    /// See [`remove`](crate::catch_up::remove).
    fn remove(&mut self, at: usize, user: UserId, held: Option<Received>, head: Seq) {
        if !self.is_connected(at, user) {
            return;
        }
        if !self.is_here(user_of(user)) {
            for socket in self.sockets_of(user_of(user)) {
                self.sockets[socket].end_group(|known| Frame::Quit(known.next()), head);
            }
            return;
        }
        let cursors = || self.sockets_of(user_of(user)).filter_map(|socket| self.sockets[socket].cursor());
        if cursors().any(|cursor| cursor.is_later(head)) {
            return;
        }
        let known = cursors().filter_map(|cursor| match cursor {
            Cursor::At(seq) => Some(seq),
            Cursor::Detached(_) => None,
        });
        let position = self.nodes[at].position;
        let known = known.max().max(position).unwrap_or_default();
        let seq = held.map_or(Seq(0), |held| held.seq).max(known.next());
        let upto = Some(head).filter(|_| position < Some(head));
        self.push(at, user, EventTag { seq: Some(seq), quits: true, upto, ..TAG }, Frame::Quit(seq));
        self.remove_from_group(at, user, seq);
        self.nodes[at].removals.push((user, head));
    }

    /// See [`add`](crate::catch_up::add).
    fn add(&mut self, at: usize, user: UserId) {
        if !self.is_connected(at, user) {
            return;
        }
        let head = self.nodes[at].head;
        let position = self.subscribe_group(at, head);
        let is_known = self.is_here(user_of(user));
        let tag = EventTag { seq: Some(head), joins: true, ..TAG };
        let live = self.sockets_of(user_of(user)).filter(|socket| self.sockets[*socket].receives());
        let live: Vec<_> = live.map(|socket| (socket, self.sockets[socket].cursor())).collect();
        if is_known {
            self.users[user_of(user)].invitations.join(GROUP);
            let detached = live.iter().filter(|(_, cursor)| matches!(cursor, Some(Cursor::Detached(_))));
            for (socket, _) in detached {
                self.sockets[*socket].push(EventTag { upto: Some(head), ..tag }, Frame::Whole(head));
            }
            return;
        }
        for (socket, cursor) in live {
            if matches!(cursor, Some(Cursor::At(known)) if known < head) {
                self.sockets[socket].close();
            }
        }
        self.join(at, user);
        let upto = Some(head).filter(|_| position < head);
        self.push(at, user, EventTag { upto, ..tag }, Frame::Whole(head));
    }
}

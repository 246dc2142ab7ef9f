//! The driver of the explored system: it carries out actions and effects as the dispatcher and the
//! hub do, on sets and lists.

use chinwag_core::{Seq, UserId};

use super::socket::{Frame, Socket, Stage};
use super::world::{
    Action, Answer, Form, GROUP, Hint, Local, LogItem, NODES, Node, Read, Received, World, user_id, user_of,
};
use crate::replication::cursor::Cursor;
use crate::replication::fetch::Standing;
use crate::replication::group::{Effect, Input};
use crate::replication::invitations::Invitations;
use crate::replication::snapshot::EventTag;

const TAG: EventTag =
    EventTag { group: Some(GROUP), seq: None, joins: false, quits: false, pending: false, upto: None };

impl World {
    pub(super) fn apply(&mut self, action: &Action) {
        match action {
            Action::Send(node) => self.commit(*node, LogItem::Sent),
            Action::Turn(node, user) => {
                let is_member = self.is_member(*user, self.head());
                self.commit(*node, if is_member { LogItem::Left(*user) } else { LogItem::Joined(*user) });
            }
            Action::Consent(node, user) => self.consent(*node, *user),
            Action::Decline(node, user) => self.commit(*node, LogItem::Declined(*user)),
            Action::Delete(node) => self.delete_group(*node),
            Action::Reconnect(socket) => {
                self.budget.reconnects -= 1;
                self.drop_socket(*socket);
            }
            Action::Advance(socket) => self.advance(*socket),
            Action::Dispatch(node) => self.dispatch(*node),
            Action::Receive(hint) => {
                self.take_hint(hint);
                self.receive(hint);
            }
            Action::Repeat(hint) => {
                self.budget.repeats -= 1;
                self.receive(hint);
            }
            Action::Lose(hint) => {
                self.budget.losses -= 1;
                self.is_excused = true;
                self.take_hint(hint);
            }
            Action::Fire(node) => {
                self.nodes[*node].timer = false;
                self.drive(*node, Input::Due);
            }
            Action::ReadStore(node) => self.read_store(*node),
            Action::FailStore(node) => {
                self.budget.failures -= 1;
                self.nodes[*node].read = Read::None;
                self.drive(*node, Input::Failed { is_final: false });
            }
            Action::Answer(at) => {
                let node = &mut self.nodes[*at];
                if let Read::Answered(fetch, users, answer) = std::mem::replace(&mut node.read, Read::None) {
                    (node.head, node.asked) = (answer.as_ref().map_or(Seq(0), |answer| answer.head), users);
                    self.drive(*at, Input::Fetched(fetch, answer.map(Answer::fetched)));
                    self.nodes[*at].asked = Vec::new();
                }
            }
            Action::Audit(node) => self.audit(*node),
            Action::Restart(node) => self.restart(*node),
        }
    }

    fn commit(&mut self, node: usize, item: LogItem) {
        let is_consent = matches!(item, LogItem::Invited(_) | LogItem::Declined(_));
        *(if is_consent { &mut self.budget.consents } else { &mut self.budget.operations }) -= 1;
        self.log.push(item);
        let seq = self.head();
        let entry = |form, joined, left| Received { seq, joined, left, form, is_local: true };
        let bus = &mut self.nodes[node].bus;
        match item {
            LogItem::Invited(user) => bus.push_back(vec![
                entry(Form::Update, vec![], vec![]),
                entry(Form::Invited(user_id(user)), vec![], vec![]),
            ]),
            LogItem::Declined(user) => bus.push_back(vec![
                entry(Form::Update, vec![], vec![user_id(user)]),
                entry(Form::Declined(user_id(user)), vec![], vec![]),
            ]),
            LogItem::Sent => bus.push_back(vec![entry(Form::Text, vec![], vec![])]),
            LogItem::Joined(user) => bus.push_back(vec![entry(Form::Update, vec![user_id(user)], vec![])]),
            LogItem::Left(user) => bus.push_back(vec![
                entry(Form::Update, vec![], vec![user_id(user)]),
                entry(Form::Removal(user_id(user)), vec![], vec![]),
            ]),
        }
    }

    fn consent(&mut self, node: usize, user: usize) {
        if self.standing_now(user) == Standing::Outside {
            return self.commit(node, LogItem::Invited(user));
        }
        self.budget.consents -= 1;
        let seq = self.head();
        self.accepted.push((user, seq));
        self.nodes[node].bus.push_back(vec![Received::attached(seq, Form::Accepted(user_id(user)))]);
    }

    fn delete_group(&mut self, node: usize) {
        self.budget.deletions -= 1;
        let seq = self.head().next();
        let ended = (0..NODES).filter(|user| self.standing_now(*user) == Standing::Pending);
        let ended = ended.map(|user| Received::attached(seq, Form::Ended(user_id(user))));
        let entries = std::iter::once(Received::attached(seq, Form::Deleted)).chain(ended).collect();
        self.nodes[node].bus.push_back(entries);
        self.is_deleted = true;
    }

    fn dispatch(&mut self, at: usize) {
        for entry in self.nodes[at].bus.pop_front().into_iter().flatten() {
            self.dispatch_entry(at, entry);
        }
    }

    fn dispatch_entry(&mut self, at: usize, entry: Received) {
        let (to, seq) = (1 - at, entry.seq);
        match entry.form {
            Form::Removal(_) => return self.drive(at, Input::Attached { seq, entry }),
            Form::Accepted(user) => {
                self.add_hint(Hint::Joined(to, user, seq));
                return self.drive(at, Input::Accepted { head: seq, entry, users: vec![user] });
            }
            Form::Invited(user) | Form::Declined(user) | Form::Ended(user) => {
                self.add_hint(Hint::User(to, user, Received { is_local: false, ..entry.clone() }));
                return self.drive(at, Input::Attached { seq, entry });
            }
            _ => {}
        }
        self.add_hint(Hint::Entry(to, Received { is_local: false, ..entry.clone() }));
        for user in &entry.joined {
            self.add_hint(Hint::Joined(to, *user, seq));
        }
        self.entry(at, entry);
    }

    fn entry(&mut self, at: usize, entry: Received) {
        let (node, seq) = (&self.nodes[at], entry.seq);
        if !node.replica.is_settled() || node.position.is_some() {
            return self.drive(at, Input::Entry { seq, entry, is_ordered: false });
        }
        let is_first = entry.is_local && seq == Seq(1);
        self.sockets[at].mark_stale();
        if !is_first {
            for user in entry.left.clone() {
                self.remove_from_group(at, user, seq);
            }
        }
        self.drive(at, Input::Unserved { seq, entry, is_first, asker: None });
    }

    fn add_hint(&mut self, hint: Hint) {
        let at = self.hints.partition_point(|other| *other < hint);
        self.hints.insert(at, hint);
    }

    fn take_hint(&mut self, hint: &Hint) {
        if let Some(at) = self.hints.iter().position(|other| other == hint) {
            self.hints.remove(at);
        }
    }

    /// A hint arrives, where somebody subscribes to its channel.
    fn receive(&mut self, hint: &Hint) {
        match hint {
            Hint::Entry(at, entry) if self.nodes[*at].position.is_some() => self.entry(*at, entry.clone()),
            Hint::Joined(at, user, seq) if user_of(*user) == *at && self.sockets[*at].is_connected() => {
                self.drive(*at, Input::Joined { seq: *seq, users: vec![*user] });
            }
            Hint::User(at, user, entry) if user_of(*user) == *at && self.sockets[*at].is_connected() => {
                self.drive(*at, Input::Attached { seq: entry.seq, entry: entry.clone() });
            }
            _ => {}
        }
    }

    fn read_store(&mut self, at: usize) {
        let Read::Requested(fetch, users) = std::mem::replace(&mut self.nodes[at].read, Read::None) else {
            return;
        };
        let head = self.head();
        if self.is_deleted {
            self.nodes[at].read = Read::Answered(fetch, users, None);
            return;
        }
        let upto = fetch.upto.min(head);
        let missed = fetch.after.0..upto.0.max(fetch.after.0);
        let items: Vec<_> =
            missed.map(|seq| (Seq(seq + 1), self.log[usize::try_from(seq).unwrap()])).collect();
        // All changes of the group are told as one, with the number of the last.
        let last_change = items.iter().rev().find(|(_, item)| *item != LogItem::Sent).map(|(seq, _)| *seq);
        let entry =
            |seq, form| (Some(seq), Received { seq, joined: vec![], left: vec![], form, is_local: true });
        let entries = items.iter().filter_map(|(seq, item)| match item {
            LogItem::Sent => Some(entry(*seq, Form::Text)),
            _ if Some(*seq) == last_change => Some(entry(*seq, Form::Update)),
            _ => None,
        });
        let standing = |user: &UserId| (*user, self.standing(user_of(*user), head));
        let answer = Answer { head, entries: entries.collect(), users: users.iter().map(standing).collect() };
        self.nodes[at].read = Read::Answered(fetch, users, Some(answer));
    }

    fn audit(&mut self, at: usize) {
        let head = self.head();
        if self.nodes[at].position.is_some() {
            self.drive(at, if self.is_deleted { Input::Vanished } else { Input::Taken(head) });
        }
        let (user, is_member) = (user_id(at), self.standing_now(at) == Standing::Member);
        let is_here = self.nodes[at].members.contains(&user);
        let (joining, leaving) = match (is_member, is_here) {
            (true, false) => (vec![user], vec![]),
            (false, true) => (vec![], vec![user]),
            _ if self.differences(at).is_empty() => return,
            _ => (vec![user], vec![]),
        };
        self.drive(at, Input::Doubt { joining, leaving, is_urgent: false });
    }

    fn restart(&mut self, at: usize) {
        self.budget.restarts -= 1;
        self.is_excused = true;
        self.nodes[at] = Node::new();
        self.sockets[at] = Socket::absent();
    }

    fn drop_socket(&mut self, at: usize) {
        self.sockets[at] = Socket::absent();
        self.nodes[at].invitations = Invitations::default();
        self.nodes[at].members.remove(&user_id(at));
        self.close_if_empty(at);
    }

    /// Registers; reads; subscribes; goes live.
    pub(super) fn advance(&mut self, at: usize) {
        let (snapshot, pending) = self.snapshot(at);
        let socket = &mut self.sockets[at];
        match &mut socket.stage {
            Stage::Absent => {
                socket.stage = Stage::Registered(Vec::new());
                self.is_excused = true;
            }
            Stage::Registered(held) => {
                let held = std::mem::take(held);
                socket.stage = Stage::Read { held, snapshot, pending, is_stale: false };
            }
            Stage::Read { .. } => self.subscribe(at),
            Stage::Subscribed { snapshot, .. } => {
                socket.head = *snapshot;
                let is_member = self.nodes[at].members.contains(&user_id(at));
                let position = self.nodes[at].position.filter(|_| is_member);
                socket.go_live(position);
                let is_detached = matches!(socket.cursor(), Some(Cursor::Detached(_)));
                if socket.head.is_some() && !is_member || is_member && is_detached {
                    self.doubt(at);
                }
            }
            Stage::Live | Stage::Closed => {}
        }
    }

    fn subscribe(&mut self, at: usize) {
        let Stage::Read { held, snapshot, pending, is_stale } = self.sockets[at].stage.clone() else {
            return;
        };
        let user = user_id(at);
        let mut is_whole = true;
        if let Some(read) = snapshot {
            let position = self.subscribe_group(at, read);
            let (may, node) = (!self.sockets[at].left, &mut self.nodes[at]);
            if may {
                node.invitations.join(GROUP);
                node.members.insert(user);
            }
            is_whole = (may || node.members.contains(&user)) && position <= read;
        }
        is_whole &= !is_stale;
        // It is read again, which shows what was held.
        let (held, snapshot, again) = if is_whole {
            (held, snapshot, None)
        } else {
            let (snapshot, pending) = self.snapshot(at);
            (Vec::new(), snapshot, Some(pending))
        };
        self.sockets[at].left = false;
        self.sockets[at].stage = Stage::Subscribed { held, snapshot };
        self.close_if_empty(at);
        for pending in std::iter::once(pending).chain(again) {
            self.show_pending(at, pending);
        }
    }

    /// See [`Hub::show_pending`](crate::Hub::show_pending).
    fn show_pending(&mut self, at: usize, pending: Option<Seq>) {
        self.sockets[at].show_pending(pending);
        let is_here = self.nodes[at].members.contains(&user_id(at));
        let outside: Vec<_> = pending.filter(|_| !is_here).map(|head| (GROUP, head)).into_iter().collect();
        let doubtful = self.nodes[at].invitations.take_snapshot(&outside);
        let is_overtaken = pending.is_some() && is_here;
        if is_overtaken {
            self.nodes[at].invitations.doubt(GROUP);
        }
        if !doubtful.is_empty() || is_overtaken {
            self.doubt(at);
        }
    }

    fn doubt(&mut self, at: usize) {
        let user = user_id(at);
        self.drive(at, Input::Doubt { joining: vec![user], leaving: vec![user], is_urgent: true });
    }

    /// The position of the group's entry, which is made with `first`.
    fn subscribe_group(&mut self, at: usize, first: Seq) -> Seq {
        self.is_excused |= self.nodes[at].position.is_none();
        *self.nodes[at].position.get_or_insert(first)
    }

    /// Gives the group's entry up if nobody is in it.
    fn close_if_empty(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.members.is_empty() && node.position.take().is_some() {
            self.sockets[at].mark_stale();
        }
    }

    fn drive(&mut self, at: usize, input: Input<Received>) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let node = &mut self.nodes[at];
            let connected = self.sockets[at].is_connected().then(|| user_id(at));
            let local = Local { position: node.position, members: node.members.clone(), connected };
            for effect in node.replica.step(&local, input) {
                self.carry_out(at, effect);
                next = Some(Input::Continue);
            }
        }
        if self.nodes[at].replica.is_settled() {
            self.nodes[at].timer = false;
        }
        if std::mem::take(&mut self.nodes[at].doubts) {
            self.doubt(at);
        }
    }

    fn carry_out(&mut self, at: usize, effect: Effect<Received>) {
        let node = &mut self.nodes[at];
        match effect {
            Effect::Deliver(entry) => self.deliver(at, &entry),
            Effect::Discard(_) | Effect::Overflow(_) => {}
            Effect::Delete { seq, held } => self.delete(at, seq, held),
            Effect::Invite { user, is_pending, head } => self.invite(at, user, is_pending, head),
            Effect::TellRemoval(seq, entry) => {
                let Form::Removal(user) = entry.form else { return };
                let is_told = node.removals.iter().any(|(who, told)| *who == user && *told >= seq);
                let pending = node.invitations.is_shown(GROUP);
                let is_over = is_told || node.members.contains(&user);
                if !is_over && user_of(user) == at && node.invitations.take_removal(GROUP, seq) {
                    let tag = EventTag { seq: Some(seq), quits: true, pending, ..TAG };
                    self.push(at, user, tag, Frame::Quit(seq));
                }
            }
            Effect::Start(_) => node.timer = true,
            Effect::Fetch(fetch) => {
                let users = fetch.joining.iter().chain(&node.members).copied().collect();
                node.read = Read::Requested(fetch, users);
            }
            Effect::Advance(seq) => node.position = node.position.map(|_| seq),
            Effect::Remove { user, held, head } => self.remove(at, user, held, head),
            Effect::Add(user) => self.add(at, user),
            Effect::RequireResync => {
                if !self.nodes[at].members.is_empty() {
                    self.sockets[at].stage = Stage::Closed;
                }
            }
        }
    }

    fn push(&mut self, at: usize, user: UserId, tag: EventTag, frame: Frame) {
        if user_of(user) == at && self.sockets[at].is_connected() {
            self.sockets[at].push(tag, frame);
        }
    }

    fn deliver(&mut self, at: usize, entry: &Received) {
        let seq = entry.seq;
        let tag = EventTag { seq: Some(seq), ..TAG };
        match entry.form {
            Form::Accepted(user) => return self.accept(at, user, seq),
            Form::Invited(user) => return self.pending(at, user, Frame::Invited(seq), seq),
            Form::Declined(user) => return self.pending(at, user, Frame::Declined(seq), seq),
            Form::Ended(user) => return self.pending(at, user, Frame::Deleted, seq),
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
        let here = user_id(at);
        let joins = entry.joined.contains(&here) && self.sockets[at].is_connected();
        if joins {
            self.subscribe_group(at, Seq(seq.0 - 1));
            self.join(at);
        }
        if self.nodes[at].position.is_none() {
            self.sockets[at].mark_stale();
            return;
        }
        if self.nodes[at].members.contains(&here) {
            let frame = match entry.form {
                Form::Text => Frame::Text(seq),
                Form::Deleted => Frame::Deleted,
                _ if joins => Frame::Whole(seq),
                _ => Frame::Update(seq),
            };
            let quits = entry.form == Form::Deleted;
            self.push(at, here, EventTag { joins, quits, ..tag }, frame);
        }
        self.nodes[at].position = Some(seq);
        if entry.form == Form::Deleted {
            self.nodes[at].members.clear();
        }
        self.close_if_empty(at);
    }

    fn join(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.members.insert(user_id(at));
        node.invitations.join(GROUP);
        self.sockets[at].left = false;
    }

    fn accept(&mut self, at: usize, user: UserId, head: Seq) {
        if user_of(user) != at || !self.sockets[at].is_connected() {
            return;
        }
        if !self.nodes[at].invitations.is_pending(GROUP, head) {
            return self.nodes[at].doubts = true;
        }
        self.subscribe_group(at, head);
        self.join(at);
        self.push(at, user, EventTag { seq: Some(head), joins: true, ..TAG }, Frame::Whole(head));
    }

    /// See [`Hub::pending`](crate::Hub::pending).
    fn pending(&mut self, at: usize, user: UserId, frame: Frame, seq: Seq) {
        if user_of(user) != at || !self.sockets[at].is_connected() {
            return;
        }
        let node = &mut self.nodes[at];
        let is_over = node.members.contains(&user) && node.position >= Some(seq);
        let is_pending = matches!(frame, Frame::Invited(_));
        if !is_over && node.invitations.take_event(GROUP, seq, is_pending) {
            self.sockets[at].mark_left();
            self.push(at, user, EventTag { seq: Some(seq), pending: true, ..TAG }, frame);
        }
    }

    /// See [`invite`](crate::catch_up::invite).
    fn invite(&mut self, at: usize, user: UserId, is_pending: bool, head: Seq) {
        let node = &mut self.nodes[at];
        let is_here = user_of(user) == at && self.sockets[at].is_connected();
        if is_here && !node.members.contains(&user) && node.invitations.take_answer(GROUP, head, is_pending) {
            let frame = if is_pending { Frame::Invited(head) } else { Frame::Declined(head) };
            self.push(at, user, EventTag { seq: Some(head), pending: true, ..TAG }, frame);
        }
    }

    /// See [`delete`](crate::catch_up::delete).
    fn delete(&mut self, at: usize, seq: Seq, held: Option<Received>) {
        let user = user_id(at);
        let is_asked = self.nodes[at].asked.contains(&user) && self.sockets[at].is_connected();
        if is_asked && self.nodes[at].invitations.take_deletion(GROUP) {
            self.push(at, user, EventTag { pending: true, ..TAG }, Frame::Deleted);
        }
        if self.nodes[at].position.is_some() {
            self.nodes[at].position = Some(Seq(seq.0 - 1));
            if let Some(held) = held {
                return self.deliver(at, &held);
            }
            if self.nodes[at].members.contains(&user) {
                let upto = Some(Seq(i64::MAX));
                self.push(at, user, EventTag { quits: true, upto, ..TAG }, Frame::Deleted);
            }
            self.nodes[at].members.clear();
            return self.close_if_empty(at);
        }
        let socket = &mut self.sockets[at];
        if is_asked && socket.stage == Stage::Live && matches!(socket.cursor(), Some(Cursor::At(_))) {
            socket.received.push(Frame::Deleted);
            socket.set_cursor(Cursor::Detached(seq));
        }
    }

    fn remove_from_group(&mut self, at: usize, user: UserId, seq: Seq) {
        if user_of(user) != at {
            return;
        }
        self.sockets[at].mark_left();
        if self.nodes[at].members.remove(&user) {
            self.nodes[at].invitations.take_removal(GROUP, seq);
        }
        self.close_if_empty(at);
    }

    /// See [`remove`](crate::catch_up::remove).
    fn remove(&mut self, at: usize, user: UserId, held: Option<Received>, head: Seq) {
        if user_of(user) != at || !self.sockets[at].is_connected() {
            return;
        }
        let known = match self.sockets[at].cursor() {
            Some(Cursor::At(seq)) => Some(seq),
            _ => None,
        };
        if !self.nodes[at].members.contains(&user) {
            if let (Some(known), Stage::Live) = (known, &self.sockets[at].stage) {
                self.sockets[at].received.push(Frame::Quit(known.next()));
                self.sockets[at].set_cursor(Cursor::Detached(head));
            }
            return;
        }
        let position = self.nodes[at].position;
        let known = known.max(position).unwrap_or_default();
        let seq = held.map_or(Seq(0), |held| held.seq).max(known.next());
        let upto = Some(head).filter(|_| position < Some(head));
        self.push(at, user, EventTag { seq: Some(seq), quits: true, upto, ..TAG }, Frame::Quit(seq));
        self.remove_from_group(at, user, seq);
        self.nodes[at].removals.push((user, head));
    }

    /// See [`add`](crate::catch_up::add).
    fn add(&mut self, at: usize, user: UserId) {
        if user_of(user) != at || !self.sockets[at].is_connected() {
            return;
        }
        let head = self.nodes[at].head;
        let position = self.subscribe_group(at, head);
        let is_known = self.nodes[at].members.contains(&user);
        let tag = EventTag { seq: Some(head), joins: true, ..TAG };
        let is_live = self.sockets[at].stage == Stage::Live;
        if is_known {
            self.nodes[at].invitations.join(GROUP);
            if is_live && matches!(self.sockets[at].cursor(), Some(Cursor::Detached(_))) {
                self.push(at, user, EventTag { upto: Some(head), ..tag }, Frame::Whole(head));
            }
            return;
        }
        if is_live && matches!(self.sockets[at].cursor(), Some(Cursor::At(known)) if known < head) {
            self.sockets[at].stage = Stage::Closed;
        }
        self.join(at);
        let upto = Some(head).filter(|_| position < head);
        self.push(at, user, EventTag { upto, ..tag }, Frame::Whole(head));
    }
}

const _: () = assert!(NODES == 2, "hints go to the other node");

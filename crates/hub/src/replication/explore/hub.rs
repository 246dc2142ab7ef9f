//! The driver of the explored system: it carries out actions and effects as the dispatcher and the
//! hub do, on sets and lists.

use chinwag_core::{Seq, UserId};

use super::socket::{Socket, Stage};
use super::world::{
    Action, Answer, Form, GROUP, Hint, Local, LogItem, NODES, Node, Read, Received, World, node_of, user_id,
    user_of,
};
use crate::replication::cursor::Cursor;
use crate::replication::fetch::Standing;
use crate::replication::group::Input;

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
                    let newcomers = std::mem::take(&mut node.newcomers);
                    self.drive(*at, Input::Fetched(fetch, answer.map(|answer| answer.fetched(newcomers))));
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
        let ended = (0..self.sockets.len()).filter(|user| self.standing_now(*user) == Standing::Pending);
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
        self.mark_stale(at);
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
            Hint::Joined(at, user, seq) if self.is_connected(*at, *user) => {
                self.drive(*at, Input::Joined { seq: *seq, users: vec![*user] });
            }
            Hint::User(at, user, entry) if self.is_connected(*at, *user) => {
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
        for who in self.users_at(at).filter(|who| self.sockets[*who].is_live()).collect::<Vec<_>>() {
            let (user, is_member) = (user_id(who), self.standing_now(who) == Standing::Member);
            let (joining, leaving) = match (is_member, self.is_here(who)) {
                (true, false) => (vec![user], vec![]),
                (false, true) => (vec![], vec![user]),
                _ if self.differences(who).is_empty() => continue,
                _ => (vec![user], vec![]),
            };
            self.drive(at, Input::Doubt { joining, leaving, is_urgent: false });
        }
    }

    /// Whether a user is connected to a node.
    pub(super) fn is_connected(&self, at: usize, user: UserId) -> bool {
        node_of(user_of(user)) == at && self.sockets[user_of(user)].is_connected()
    }

    /// Something happened in the group that nobody here could be told.
    pub(super) fn mark_stale(&mut self, at: usize) {
        self.users_at(at).for_each(|user| self.sockets[user].mark_stale());
    }

    fn restart(&mut self, at: usize) {
        self.budget.restarts -= 1;
        self.is_excused = true;
        self.nodes[at] = Node::new();
        self.users_at(at).for_each(|user| self.sockets[user] = Socket::absent());
    }

    fn drop_socket(&mut self, user: usize) {
        self.sockets[user] = Socket::absent();
        self.nodes[node_of(user)].members.remove(&user_id(user));
        self.close_if_empty(node_of(user));
    }

    /// Registers; reads; subscribes; goes live.
    pub(super) fn advance(&mut self, user: usize) {
        let (snapshot, pending) = self.snapshot(user);
        let (is_here, node) = (self.is_here(user), &self.nodes[node_of(user)]);
        let socket = &mut self.sockets[user];
        match &mut socket.stage {
            Stage::Absent => {
                socket.stage = Stage::Registered(Vec::new());
                self.is_excused = true;
            }
            Stage::Registered(held) => {
                let held = std::mem::take(held);
                socket.stage = Stage::Read { held, snapshot, pending, is_stale: false };
            }
            Stage::Read { .. } => self.subscribe(user),
            Stage::Subscribed { snapshot, .. } => {
                socket.head = *snapshot;
                socket.go_live(node.position.filter(|_| is_here));
                let is_detached = matches!(socket.cursor(), Some(Cursor::Detached(_)));
                if socket.head.is_some() && !is_here || is_here && is_detached {
                    self.doubt(user);
                }
            }
            Stage::Live | Stage::Closed => {}
        }
    }

    fn subscribe(&mut self, user: usize) {
        let at = node_of(user);
        let Stage::Read { held, snapshot, pending, is_stale } = self.sockets[user].stage.clone() else {
            return;
        };
        let mut is_whole = true;
        if let Some(read) = snapshot {
            let position = self.subscribe_group(at, read);
            let may = !self.sockets[user].left;
            if may {
                self.sockets[user].invitations.join(GROUP);
                let node = &mut self.nodes[at];
                let is_new = node.members.insert(user_id(user));
                if is_new && node.read != Read::None {
                    node.newcomers.push((user_id(user), read));
                }
            }
            is_whole = (may || self.is_here(user)) && position <= read;
        }
        is_whole &= !is_stale;
        // It is read again, which shows what was held.
        let (held, snapshot, again) = if is_whole {
            (held, snapshot, None)
        } else {
            let (snapshot, pending) = self.snapshot(user);
            (Vec::new(), snapshot, Some(pending))
        };
        self.sockets[user].left = false;
        self.sockets[user].stage = Stage::Subscribed { held, snapshot };
        self.close_if_empty(at);
        for pending in std::iter::once(pending).chain(again) {
            self.show_pending(user, pending);
        }
    }

    /// See [`Hub::show_pending`](crate::Hub::show_pending).
    fn show_pending(&mut self, user: usize, pending: Option<Seq>) {
        self.sockets[user].show_pending(pending);
        let is_here = self.is_here(user);
        let outside: Vec<_> = pending.filter(|_| !is_here).map(|head| (GROUP, head)).into_iter().collect();
        let doubtful = self.sockets[user].invitations.take_snapshot(&outside);
        let is_overtaken = pending.is_some() && is_here;
        if is_overtaken {
            self.sockets[user].invitations.doubt(GROUP);
        }
        if !doubtful.is_empty() || is_overtaken {
            self.doubt(user);
        }
    }

    fn doubt(&mut self, user: usize) {
        let (joining, leaving) = (vec![user_id(user)], vec![user_id(user)]);
        self.drive(node_of(user), Input::Doubt { joining, leaving, is_urgent: true });
    }

    /// The position of the group's entry, which is made with `first`.
    pub(super) fn subscribe_group(&mut self, at: usize, first: Seq) -> Seq {
        self.is_excused |= self.nodes[at].position.is_none();
        *self.nodes[at].position.get_or_insert(first)
    }

    /// Gives the group's entry up if nobody is in it.
    pub(super) fn close_if_empty(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.members.is_empty() && node.position.take().is_some() {
            self.mark_stale(at);
        }
    }

    fn drive(&mut self, at: usize, input: Input<Received>) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let connected = self.users_at(at).filter(|user| self.sockets[*user].is_connected());
            let connected = connected.map(user_id).collect();
            let node = &mut self.nodes[at];
            let local = Local { position: node.position, members: node.members.clone(), connected };
            for effect in node.replica.step(&local, input) {
                self.carry_out(at, effect);
                next = Some(Input::Continue);
            }
        }
        if self.nodes[at].replica.is_settled() {
            self.nodes[at].timer = false;
        }
        for user in std::mem::take(&mut self.nodes[at].doubted) {
            self.doubt(user);
        }
    }
}

const _: () = assert!(NODES == 2, "hints go to the other node");

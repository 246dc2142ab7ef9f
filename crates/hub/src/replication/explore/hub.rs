//! The driver of the explored system. It carries out actions and effects as the dispatcher and the hub do, on
//! plain sets and lists.

use chinwag_core::{Seq, UserId};

use super::entry::{Form, Hint, Received};
use super::socket::{ModelSocket, ResumeAnswer, Stage};
use super::world::{
    Action, Answer, GROUP, Local, LogItem, ModelUser, NODES, Node, PAIRED, Read, World, node_of, user_id,
    user_of,
};
use crate::replication::buffer::MAX_BUFFERED_BYTES;
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
            Action::Set(node) => self.change_settings(*node),
            Action::Reconnect(socket) => {
                self.budget.reconnects -= 1;
                self.drop_socket(*socket, Stage::Absent);
            }
            Action::Leave(socket) => {
                self.budget.reconnects -= 1;
                self.drop_socket(*socket, Stage::Gone);
            }
            Action::Resync(socket) => self.drop_socket(*socket, Stage::Absent),
            Action::Resume(socket) => {
                self.budget.resumes -= 1;
                let position = self.position_of(self.sockets[*socket].user);
                self.sockets[*socket].pause(position);
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
                let page = if self.budget.is_narrow { 1 } else { usize::MAX };
                let node = &mut self.nodes[*at];
                if let Read::Answered(fetch, users, answer) = std::mem::replace(&mut node.read, Read::None) {
                    (node.head, node.asked) = (answer.as_ref().map_or(Seq(0), |answer| answer.head), users);
                    let newcomers = std::mem::take(&mut node.newcomers);
                    self.drive(
                        *at,
                        Input::Fetched(fetch, answer.map(|answer| answer.fetched(newcomers, page))),
                    );
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
        let size = if self.budget.is_narrow { MAX_BUFFERED_BYTES } else { 1 };
        // A member who is connected to the node.
        let author =
            self.users_at(node).find(|user| self.standing_now(*user) == Standing::Member).map(user_id);
        let entry = |form, joined, left| Received { joined, left, size, ..Received::attached(seq, form) };
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
            LogItem::Sent => bus.push_back(vec![Received { author, ..entry(Form::Text, vec![], vec![]) }]),
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

    fn change_settings(&mut self, node: usize) {
        self.budget.settings -= 1;
        self.settings += 1;
        self.is_set_elsewhere |= node != node_of(PAIRED);
        let form = Form::Settings(user_id(PAIRED), self.settings);
        self.nodes[node].bus.push_back(vec![Received::attached(Seq(0), form)]);
    }

    fn dispatch(&mut self, at: usize) {
        for entry in self.nodes[at].bus.pop_front().into_iter().flatten() {
            self.dispatch_entry(at, entry);
        }
    }

    /// The live socket of a member that sent the request for this entry, unless a fetch has already delivered
    /// it.
    fn ask(&mut self, at: usize, entry: &Received) -> Option<usize> {
        let node = &self.nodes[at];
        let is_missing = node.position.is_some_and(|position| position < entry.seq);
        let is_content = entry.form != Form::Deleted;
        let is_asker = |socket: &ModelSocket| {
            let user = user_id(socket.user);
            let is_member = node_of(socket.user) == at && node.members.contains(&user);
            socket.stage == Stage::Live && is_member && !entry.left.contains(&user)
        };
        let asker = self.sockets.iter().position(is_asker).filter(|_| is_missing && is_content)?;
        self.sockets[asker].ask(entry.seq);
        Some(asker)
    }

    fn dispatch_entry(&mut self, at: usize, mut entry: Received) {
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
            Form::Settings(user, _) => {
                self.add_hint(Hint::User(to, user, Received { is_local: false, ..entry.clone() }));
                return self.deliver(at, &entry);
            }
            _ => {}
        }
        self.add_hint(Hint::Entry(to, Received { is_local: false, author: None, ..entry.clone() }));
        for user in &entry.joined {
            self.add_hint(Hint::Joined(to, *user, seq));
        }
        entry.asker = self.ask(at, &entry);
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

    /// Delivers a hint if the node subscribes to its channel.
    fn receive(&mut self, hint: &Hint) {
        match hint {
            Hint::Entry(at, entry) if self.nodes[*at].position.is_some() => self.entry(*at, entry.clone()),
            Hint::Joined(at, user, seq) if self.is_connected(*at, *user) => {
                self.drive(*at, Input::Joined { seq: *seq, users: vec![*user] });
            }
            Hint::User(at, user, entry) if self.is_connected(*at, *user) => {
                if matches!(entry.form, Form::Settings(..)) {
                    return self.deliver(*at, entry);
                }
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
        let entries = items.iter().map(|(seq, item)| {
            let form = if *item == LogItem::Sent { Form::Text } else { Form::Update };
            (Some(*seq), Received::attached(*seq, form))
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
        for who in self.users_at(at).filter(|who| self.is_live(*who)).collect::<Vec<_>>() {
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
        let mut sockets = self.sockets_of(user_of(user));
        node_of(user_of(user)) == at && sockets.any(|socket| self.sockets[socket].is_connected())
    }

    /// The last number delivered on the user's node, or none if the user is not a member there.
    fn position_of(&self, user: usize) -> Option<Seq> {
        self.nodes[node_of(user)].position.filter(|_| self.is_here(user))
    }

    /// Marks the snapshots that are being read as stale: this node dropped an event of a group without
    /// members here.
    pub(super) fn mark_stale(&mut self, at: usize) {
        let here = self.sockets.iter_mut().filter(|socket| node_of(socket.user) == at);
        here.for_each(ModelSocket::mark_stale);
    }

    /// The user was removed. A snapshot that is being read may be older.
    pub(super) fn mark_left(&mut self, user: usize) {
        self.users[user].left |= self.is_reading(user);
    }

    fn is_reading(&self, user: usize) -> bool {
        self.sockets_of(user).any(|socket| matches!(self.sockets[socket].stage, Stage::Read { .. }))
    }

    fn restart(&mut self, at: usize) {
        self.budget.restarts -= 1;
        self.is_excused = true;
        self.nodes[at] = Node::new();
        self.users_at(at).for_each(|user| self.users[user] = ModelUser::default());
        for socket in self.sockets.iter_mut().filter(|socket| node_of(socket.user) == at) {
            if socket.stage != Stage::Gone {
                *socket = ModelSocket::absent(socket.user);
            }
        }
    }

    fn drop_socket(&mut self, socket: usize, stage: Stage) {
        let user = self.sockets[socket].user;
        self.sockets[socket] = ModelSocket::absent(user);
        self.sockets[socket].stage = stage;
        if !self.is_connected(node_of(user), user_id(user)) {
            self.users[user] = ModelUser::default();
            self.nodes[node_of(user)].members.remove(&user_id(user));
            self.close_if_empty(node_of(user));
        }
    }

    /// Brings a connecting or resuming socket one step further: register, read, subscribe, go live; or read,
    /// then resume.
    pub(super) fn advance(&mut self, at: usize) {
        let user = self.sockets[at].user;
        let (snapshot, pending) = self.snapshot(user);
        let is_connected = self.is_connected(node_of(user), user_id(user));
        let (position, settings) = (self.position_of(user), self.settings);
        let is_known = self.users[user].is_subscribed;
        let socket = &mut self.sockets[at];
        match &mut socket.stage {
            Stage::Absent => {
                socket.stage = Stage::Registered(Vec::new());
                self.is_excused |= !is_connected;
            }
            Stage::Registered(held) => {
                let held = std::mem::take(held);
                socket.stage = Stage::Read { held, snapshot, pending, settings, is_stale: false, is_known };
            }
            Stage::Read { .. } => self.subscribe(at),
            Stage::Subscribed { .. } => {
                if socket.go_live(position) {
                    self.doubt(user);
                }
            }
            Stage::Paused { answer: answer @ ResumeAnswer::None, .. } => {
                *answer = ResumeAnswer::Read(snapshot);
            }
            Stage::Paused { .. } => {
                if socket.resume(position) {
                    self.doubt(user);
                }
            }
            Stage::Live | Stage::Closed | Stage::Gone => {}
        }
    }

    fn subscribe(&mut self, socket: usize) {
        let user = self.sockets[socket].user;
        let at = node_of(user);
        let Stage::Read { mut held, snapshot, pending, settings, is_stale, is_known } =
            self.sockets[socket].stage.clone()
        else {
            return;
        };
        let mut is_whole = true;
        if let Some(read) = snapshot.filter(|_| !is_known) {
            let position = self.subscribe_group(at, read);
            let may = !self.users[user].left && !self.users[user].is_subscribed;
            if may {
                self.users[user].invitations.join(GROUP);
                let node = &mut self.nodes[at];
                if node.members.insert(user_id(user)) && node.read != Read::None {
                    node.newcomers.push((user_id(user), read));
                }
            }
            is_whole = (may || self.is_here(user)) && position <= read;
        }
        is_whole &= is_known || !is_stale;
        // Reads the snapshot again, which then contains the held numbered events.
        let (shown, settings, again) = if is_whole {
            (snapshot, settings, None)
        } else {
            held.retain(|(tag, _)| tag.seq.is_none());
            let (shown, pending) = self.snapshot(user);
            (shown, self.settings, Some(pending))
        };
        self.sockets[socket].stage = Stage::Subscribed { held, snapshot: shown, settings };
        self.users[user].is_subscribed = true;
        self.users[user].left &= self.is_reading(user);
        self.close_if_empty(at);
        for pending in std::iter::once(pending).chain(again) {
            self.show_pending(socket, pending);
        }
    }

    /// See [`Hub::show_pending`](crate::Hub::show_pending).
    fn show_pending(&mut self, socket: usize, pending: Option<Seq>) {
        self.sockets[socket].show_pending(pending);
        let user = self.sockets[socket].user;
        let is_here = self.is_here(user);
        let outside: Vec<_> = pending.filter(|_| !is_here).map(|head| (GROUP, head)).into_iter().collect();
        let doubtful = self.users[user].invitations.take_snapshot(&outside);
        let is_overtaken = pending.is_some() && is_here;
        if is_overtaken {
            self.users[user].invitations.doubt(GROUP);
        }
        if !doubtful.is_empty() || is_overtaken {
            self.doubt(user);
        }
    }

    fn doubt(&mut self, user: usize) {
        let (joining, leaving) = (vec![user_id(user)], vec![user_id(user)]);
        self.drive(node_of(user), Input::Doubt { joining, leaving, is_urgent: true });
    }

    /// Returns the position of the group's entry. Creates the entry with the position `first` if there is
    /// none.
    pub(super) fn subscribe_group(&mut self, at: usize, first: Seq) -> Seq {
        self.is_excused |= self.nodes[at].position.is_none();
        *self.nodes[at].position.get_or_insert(first)
    }

    /// Removes the group's entry if it has no members.
    pub(super) fn close_if_empty(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.members.is_empty() && node.position.take().is_some() {
            self.mark_stale(at);
        }
    }

    fn drive(&mut self, at: usize, input: Input<Received>) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let connected = self.users_at(at).map(user_id);
            let connected = connected.filter(|user| self.is_connected(at, *user)).collect();
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

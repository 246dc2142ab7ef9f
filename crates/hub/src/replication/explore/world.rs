//! The explored system: one log, two nodes with one user and one socket each, and hints between them.

use std::collections::{BTreeSet, VecDeque};

use chinwag_core::{GroupId, Seq, UserId};
use uuid::Uuid;

use super::socket::Socket;
use crate::replication::fetch::{Fetch, Fetched};
use crate::replication::group::{Entry, EntryKind, LocalGroup, Replica};

pub(super) const NODES: usize = 2;
pub(super) const GROUP: GroupId = GroupId(Uuid::from_u128(1));

/// One entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum LogItem {
    Sent,
    Joined(usize),
    Left(usize),
}

/// An entry as it reaches a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Received {
    pub(super) seq: Seq,
    pub(super) joined: Vec<UserId>,
    pub(super) left: Vec<UserId>,
    pub(super) form: Form,
    pub(super) is_local: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Form {
    Text,
    Update,
    Removal(UserId),
}

impl Entry for Received {
    fn kind(&self) -> EntryKind {
        match self.form {
            Form::Text => EntryKind::Content,
            Form::Update => EntryKind::Membership,
            Form::Removal(user) => EntryKind::Removal(user),
        }
    }

    fn joined(&self) -> &[UserId] {
        &self.joined
    }

    fn size(&self) -> usize {
        1
    }
}

/// A hint on its way to the other node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Hint {
    /// On the group's channel.
    Entry(usize, Received),
    /// On the user's channel.
    Joined(usize, UserId, Seq),
}

/// A read of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Read {
    None,
    Requested(Fetch, Vec<UserId>),
    Answered(Fetch, Answer),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Answer {
    pub(super) head: Seq,
    pub(super) entries: Vec<(Option<Seq>, Received)>,
    pub(super) users: Vec<(UserId, bool)>,
}

impl Answer {
    pub(super) fn fetched(self) -> Fetched<Received> {
        let (head, users) = (self.head, self.users);
        Fetched { head, users, entries: self.entries.into(), is_too_far: false }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) replica: Replica<Received>,
    pub(super) timer: bool,
    pub(super) read: Read,
    /// Committed here, and not dispatched yet: the entries of each commit.
    pub(super) bus: VecDeque<Vec<Received>>,
    /// The position and the members of the group's entry. None without members here.
    pub(super) position: Option<Seq>,
    pub(super) members: BTreeSet<UserId>,
    /// Users who were told of their removal by a hint or an answer of the store.
    pub(super) removals: Vec<(UserId, Seq)>,
    /// The head of the answer that is being carried out.
    pub(super) head: Seq,
}

/// The operations and faults that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Commits.
    pub(super) operations: u8,
    /// Sockets that are dropped and connect again.
    pub(super) reconnects: u8,
    pub(super) losses: u8,
    pub(super) repeats: u8,
    pub(super) restarts: u8,
    pub(super) failures: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) log: Vec<LogItem>,
    pub(super) nodes: [Node; NODES],
    /// Of each user one, on the node of the same index.
    pub(super) sockets: [Socket; NODES],
    /// In ascending order.
    pub(super) hints: Vec<Hint>,
    pub(super) budget: Budget,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Commit a message on a node.
    Send(usize),
    /// Commit on a node that a user joins, or is removed.
    Turn(usize, usize),
    /// Drop a socket; it connects again.
    Reconnect(usize),
    /// Bring a connecting socket one step further.
    Advance(usize),
    Dispatch(usize),
    Receive(Hint),
    Repeat(Hint),
    Lose(Hint),
    Fire(usize),
    ReadStore(usize),
    FailStore(usize),
    Answer(usize),
    Audit(usize),
    Restart(usize),
}

pub(super) fn user_id(user: usize) -> UserId {
    UserId(i64::try_from(user).expect("it is small") + 1)
}

pub(super) fn user_of(id: UserId) -> usize {
    usize::try_from(id.0).expect("it is positive") - 1
}

/// A node's group, as the replica sees it.
pub(super) struct Local {
    pub(super) position: Option<Seq>,
    pub(super) members: BTreeSet<UserId>,
    pub(super) connected: Option<UserId>,
}

impl LocalGroup for Local {
    fn position(&self) -> Option<Seq> {
        self.position
    }

    fn is_member(&self, user: UserId) -> Option<bool> {
        (self.connected == Some(user)).then(|| self.members.contains(&user))
    }
}

impl Node {
    pub(super) fn new() -> Self {
        Self {
            replica: Replica::default(),
            timer: false,
            read: Read::None,
            bus: VecDeque::new(),
            position: None,
            members: BTreeSet::new(),
            removals: Vec::new(),
            head: Seq(0),
        }
    }
}

impl World {
    /// Both users are connected; those in `members` are members.
    pub(super) fn new(members: &[usize], budget: Budget) -> Self {
        let log: Vec<_> = members.iter().map(|user| LogItem::Joined(*user)).collect();
        let nodes = [Node::new(), Node::new()];
        let sockets = [Socket::absent(), Socket::absent()];
        let mut world = Self { log, nodes, sockets, hints: Vec::new(), budget };
        for socket in 0..NODES {
            for _ in 0..3 {
                world.advance(socket);
            }
        }
        world
    }

    pub(super) fn head(&self) -> Seq {
        Seq(i64::try_from(self.log.len()).expect("it is short"))
    }

    /// Whether a user is a member after the number `upto`.
    pub(super) fn is_member(&self, user: usize, upto: Seq) -> bool {
        let upto = usize::try_from(upto.0).unwrap_or(0).min(self.log.len());
        let turn = self.log[..upto].iter().rev().find_map(|item| match item {
            LogItem::Joined(who) if *who == user => Some(true),
            LogItem::Left(who) if *who == user => Some(false),
            _ => None,
        });
        turn.unwrap_or(false)
    }

    /// All that can happen next.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.budget.operations > 0 {
            for node in 0..NODES {
                actions.push(Action::Send(node));
                actions.extend((0..NODES).map(|user| Action::Turn(node, user)));
            }
        }
        self.add_environment(&mut actions);
        for node in 0..NODES {
            if self.budget.reconnects > 0 && self.sockets[node].is_live() {
                actions.push(Action::Reconnect(node));
            }
            if self.budget.restarts > 0 {
                actions.push(Action::Restart(node));
            }
            if self.budget.failures > 0 && matches!(self.nodes[node].read, Read::Requested(..)) {
                actions.push(Action::FailStore(node));
            }
        }
        for hint in &self.hints {
            if self.budget.losses > 0 {
                actions.push(Action::Lose(hint.clone()));
            }
            if self.budget.repeats > 0 {
                actions.push(Action::Repeat(hint.clone()));
            }
        }
        actions.dedup();
        actions
    }

    /// All that happens by itself.
    pub(super) fn add_environment(&self, actions: &mut Vec<Action>) {
        for (at, node) in self.nodes.iter().enumerate() {
            if !self.sockets[at].is_live() {
                actions.push(Action::Advance(at));
            }
            if !node.bus.is_empty() {
                actions.push(Action::Dispatch(at));
            }
            match node.read {
                Read::None => {}
                Read::Requested(..) => actions.push(Action::ReadStore(at)),
                Read::Answered(..) => actions.push(Action::Answer(at)),
            }
            if node.timer {
                actions.push(Action::Fire(at));
            }
            if self.needs_audit(at) {
                actions.push(Action::Audit(at));
            }
        }
        actions.extend(self.hints.iter().cloned().map(Action::Receive));
    }

    /// Whether a comparison with the store would find something on this node that nothing else there is
    /// about to find.
    fn needs_audit(&self, at: usize) -> bool {
        let node = &self.nodes[at];
        let is_hinted = self.hints.iter().any(|(Hint::Entry(to, ..) | Hint::Joined(to, ..))| *to == at);
        let is_quiet = node.replica.is_settled() && node.bus.is_empty() && !is_hinted;
        if !is_quiet || !self.sockets[at].is_live() {
            return false;
        }
        let is_behind = node.position.is_some_and(|position| position < self.head());
        is_behind || node.members.contains(&user_id(at)) != self.is_member(at, self.head())
    }
}

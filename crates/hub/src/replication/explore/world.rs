//! The explored system: one log, two nodes with one user and one socket each, or two on the second, and
//! hints between them.

use std::collections::{BTreeSet, VecDeque};

use chinwag_core::{GroupId, Seq, UserId};
use uuid::Uuid;

use super::socket::Socket;
use crate::replication::fetch::{Fetch, Fetched, Standing};
use crate::replication::group::{Entry, EntryKind, LocalGroup, Replica};

pub(super) const NODES: usize = 2;
/// A user who stays a member, on the second node.
pub(super) const NEIGHBOUR: usize = 2;
pub(super) const GROUP: GroupId = GroupId(Uuid::from_u128(1));

/// One entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum LogItem {
    Sent,
    Joined(usize),
    Left(usize),
    /// The user is added, and has to accept.
    Invited(usize),
    /// The user's pending membership ends.
    Declined(usize),
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
    /// The user is a member after the number, which another entry has.
    Accepted(UserId),
    Invited(UserId),
    Declined(UserId),
    /// The end of the group.
    Deleted,
    /// The same, for a user whose membership is pending.
    Ended(UserId),
}

impl Received {
    /// An entry of this node that changes no membership here.
    pub(super) fn attached(seq: Seq, form: Form) -> Self {
        Self { seq, joined: Vec::new(), left: Vec::new(), form, is_local: true }
    }
}

impl Entry for Received {
    fn kind(&self) -> EntryKind {
        match self.form {
            Form::Text => EntryKind::Content,
            Form::Update => EntryKind::Membership,
            Form::Removal(user) => EntryKind::Removal(user),
            Form::Accepted(_) => EntryKind::Content,
            Form::Invited(_) | Form::Declined(_) | Form::Ended(_) => EntryKind::Pending,
            Form::Deleted => EntryKind::Deletion,
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
    User(usize, UserId, Received),
}

impl Hint {
    pub(super) fn node(&self) -> usize {
        let (Self::Entry(node, ..) | Self::Joined(node, ..) | Self::User(node, ..)) = self;
        *node
    }
}

/// A read of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Read {
    None,
    Requested(Fetch, Vec<UserId>),
    /// With the users asked about; without an answer if there is no such group.
    Answered(Fetch, Vec<UserId>, Option<Answer>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Answer {
    pub(super) head: Seq,
    pub(super) entries: Vec<(Option<Seq>, Received)>,
    pub(super) users: Vec<(UserId, Standing)>,
}

impl Answer {
    pub(super) fn fetched(self, newcomers: Vec<(UserId, Seq)>) -> Fetched<Received> {
        let (head, users) = (self.head, self.users);
        Fetched { head, users, entries: self.entries.into(), is_too_far: false, newcomers }
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
    /// The head of the answer that is being carried out, and the users asked about.
    pub(super) head: Seq,
    pub(super) asked: Vec<UserId>,
    /// Users who became members by their snapshots since the store was asked, with those heads.
    pub(super) newcomers: Vec<(UserId, Seq)>,
    /// Users who are to be looked up.
    pub(super) doubted: Vec<usize>,
}

/// The operations and faults that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Commits.
    pub(super) operations: u8,
    /// Invitations, their ends and acceptances.
    pub(super) consents: u8,
    /// The end of the group.
    pub(super) deletions: u8,
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
    /// Users who have accepted, each after a number.
    pub(super) accepted: Vec<(usize, Seq)>,
    pub(super) is_deleted: bool,
    pub(super) nodes: [Node; NODES],
    /// Of each user one.
    pub(super) sockets: Vec<Socket>,
    /// Whether a hint may be missing on a node: it was lost, or its channel was not subscribed to.
    pub(super) is_excused: bool,
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
    /// Commit on a node that a user is invited, or accepts.
    Consent(usize, usize),
    /// Commit on a node that a pending membership ends.
    Decline(usize, usize),
    /// Commit on a node that the group ends.
    Delete(usize),
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

/// The node of a user.
pub(super) fn node_of(user: usize) -> usize {
    user.min(1)
}

/// A node's group, as the replica sees it.
pub(super) struct Local {
    pub(super) position: Option<Seq>,
    pub(super) members: BTreeSet<UserId>,
    pub(super) connected: Vec<UserId>,
}

impl LocalGroup for Local {
    fn position(&self) -> Option<Seq> {
        self.position
    }

    fn is_member(&self, user: UserId) -> Option<bool> {
        self.connected.contains(&user).then(|| self.members.contains(&user))
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
            asked: Vec::new(),
            newcomers: Vec::new(),
            doubted: Vec::new(),
        }
    }
}

impl World {
    /// The users are connected, and the log has these entries.
    pub(super) fn new(log: &[LogItem], budget: Budget) -> Self {
        let has_neighbour = log.contains(&LogItem::Joined(NEIGHBOUR));
        let log = log.to_vec();
        let nodes = [Node::new(), Node::new()];
        let sockets = vec![Socket::absent(); if has_neighbour { NEIGHBOUR + 1 } else { NODES }];
        let (accepted, is_deleted) = (Vec::new(), false);
        let mut world =
            Self { log, accepted, is_deleted, nodes, sockets, is_excused: false, hints: Vec::new(), budget };
        for user in 0..world.sockets.len() {
            for _ in 0..4 {
                world.advance(user);
            }
        }
        world.is_excused = false;
        world
    }

    pub(super) fn head(&self) -> Seq {
        Seq(i64::try_from(self.log.len()).expect("it is short"))
    }

    /// A user's membership after the number `upto`, and the acceptances that follow it.
    pub(super) fn standing(&self, user: usize, upto: Seq) -> Standing {
        let has_accepted = self.accepted.contains(&(user, upto));
        if has_accepted { Standing::Member } else { self.log_standing(user, upto) }
    }

    /// A user's membership after the number `upto`, before an acceptance that follows it.
    pub(super) fn log_standing(&self, user: usize, upto: Seq) -> Standing {
        let end = usize::try_from(upto.0).unwrap_or(0).min(self.log.len());
        let turn = (1..).map(Seq).zip(&self.log[..end]).fold(None, |turn, (seq, item)| match item {
            _ if seq < upto && self.accepted.contains(&(user, seq)) => Some(Standing::Member),
            LogItem::Joined(who) if *who == user => Some(Standing::Member),
            LogItem::Invited(who) if *who == user => Some(Standing::Pending),
            LogItem::Left(who) | LogItem::Declined(who) if *who == user => Some(Standing::Outside),
            _ => turn,
        });
        turn.unwrap_or(Standing::Outside)
    }

    /// Whether a user is a member after the number `upto`.
    pub(super) fn is_member(&self, user: usize, upto: Seq) -> bool {
        self.standing(user, upto) == Standing::Member
    }

    /// A user's membership now.
    pub(super) fn standing_now(&self, user: usize) -> Standing {
        if self.is_deleted { Standing::Outside } else { self.standing(user, self.head()) }
    }

    /// The head, if the user is a member now, and if its membership is pending.
    pub(super) fn snapshot(&self, user: usize) -> (Option<Seq>, Option<Seq>) {
        let standing = self.standing_now(user);
        let head_if = |wanted| Some(self.head()).filter(|_| standing == wanted);
        (head_if(Standing::Member), head_if(Standing::Pending))
    }

    /// All that can happen next.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        if !self.is_deleted {
            (0..NODES).for_each(|node| self.add_operations(node, &mut actions));
        }
        self.add_environment(&mut actions);
        for node in 0..NODES {
            // The user of the node but for the neighbour.
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

    /// Users whose membership changes.
    fn changing(&self) -> impl Iterator<Item = usize> {
        let has_neighbour = self.sockets.len() > NEIGHBOUR;
        (0..NODES).filter(move |user| *user > 0 || !has_neighbour)
    }

    /// The users of a node.
    pub(super) fn users_at(&self, node: usize) -> impl Iterator<Item = usize> + use<> {
        (0..self.sockets.len()).filter(move |user| node_of(*user) == node)
    }

    fn add_operations(&self, node: usize, actions: &mut Vec<Action>) {
        if self.budget.operations > 0 {
            actions.push(Action::Send(node));
            let turned = self.changing().filter(|user| self.standing_now(*user) != Standing::Pending);
            actions.extend(turned.map(|user| Action::Turn(node, user)));
        }
        for user in self.changing().filter(|_| self.budget.consents > 0) {
            let standing = self.standing_now(user);
            if standing != Standing::Member {
                actions.push(Action::Consent(node, user));
            }
            if standing == Standing::Pending {
                actions.push(Action::Decline(node, user));
            }
        }
        if self.budget.deletions > 0 {
            actions.push(Action::Delete(node));
        }
    }

    /// All that happens by itself.
    pub(super) fn add_environment(&self, actions: &mut Vec<Action>) {
        let advancing = (0..self.sockets.len()).filter(|user| !self.sockets[*user].is_live());
        actions.extend(advancing.map(Action::Advance));
        for (at, node) in self.nodes.iter().enumerate() {
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
        let is_hinted = self.hints.iter().any(|hint| hint.node() == at);
        let is_quiet = node.replica.is_settled() && node.bus.is_empty() && !is_hinted;
        if !is_quiet {
            return false;
        }
        let is_behind = node.position.is_some_and(|position| self.is_deleted || position < self.head());
        let live: Vec<_> = self.users_at(at).filter(|user| self.sockets[*user].is_live()).collect();
        let is_wrong = |user| {
            let is_member = self.standing_now(user) == Standing::Member;
            self.is_here(user) != is_member || !self.differences(user).is_empty()
        };
        is_behind && !live.is_empty() || live.into_iter().any(is_wrong)
    }

    /// Whether a user is a member as far as its node knows.
    pub(super) fn is_here(&self, user: usize) -> bool {
        self.nodes[node_of(user)].members.contains(&user_id(user))
    }

    /// Whether no node differs from the store.
    pub(super) fn is_consistent(&self) -> bool {
        (0..NODES).all(|at| !self.needs_audit(at))
    }

    /// See [`Invitations::differences`].
    pub(super) fn differences(&self, user: usize) -> Vec<GroupId> {
        let pending = self.snapshot(user).1.map(|_| GROUP);
        let mut differences = self.sockets[user].invitations.differences(pending.as_slice());
        differences.retain(|_| !self.is_here(user));
        differences
    }
}

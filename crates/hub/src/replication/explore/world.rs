//! The explored system: one log, two nodes, and the hints between them. The first node has one user, the
//! second has one or two. A user has one or two sockets.

use std::collections::{BTreeSet, VecDeque};

use chinwag_core::{GroupId, Seq, UserId};
use uuid::Uuid;

use super::entry::{Hint, Received};
use super::socket::{ModelSocket, Stage};
use crate::replication::fetch::{Fetch, Fetched, Standing};
use crate::replication::group::{LocalGroup, Replica};
use crate::replication::invitations::Invitations;

pub(super) const NODES: usize = 2;
/// A user on the second node who stays a member.
pub(super) const NEIGHBOUR: usize = 2;
/// The user on the second node who may have a second socket.
pub(super) const PAIRED: usize = 1;
pub(super) const GROUP: GroupId = GroupId(Uuid::from_u128(1));

/// One entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum LogItem {
    Sent,
    Joined(usize),
    Left(usize),
    /// The user is added and has to accept.
    Invited(usize),
    /// The user's pending membership ends.
    Declined(usize),
}

/// A read of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Read {
    None,
    Requested(Fetch, Vec<UserId>),
    /// The answer, with the users that the fetch asked about. None if the group does not exist.
    Answered(Fetch, Vec<UserId>, Option<Answer>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Answer {
    pub(super) head: Seq,
    pub(super) entries: Vec<(Option<Seq>, Received)>,
    pub(super) users: Vec<(UserId, Standing)>,
}

impl Answer {
    /// `page` is the most entries that the store returns at once.
    pub(super) fn fetched(self, newcomers: Vec<(UserId, Seq)>, page: usize) -> Fetched<Received> {
        let (head, users) = (self.head, self.users);
        let is_too_far = self.entries.len() > page;
        let entries = if is_too_far { VecDeque::new() } else { self.entries.into() };
        Fetched { head, entries, is_too_far, users, newcomers }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) replica: Replica<Received>,
    pub(super) timer: bool,
    pub(super) read: Read,
    /// Commits of this node that are not dispatched yet, each with its entries.
    pub(super) bus: VecDeque<Vec<Received>>,
    /// The position and the members of the group's entry. No position without members on this node.
    pub(super) position: Option<Seq>,
    pub(super) members: BTreeSet<UserId>,
    /// Users who were notified of their removal because of a hint or a store answer.
    pub(super) removals: Vec<(UserId, Seq)>,
    /// The head of the store answer that is being applied, and the users that the fetch asked about.
    pub(super) head: Seq,
    pub(super) asked: Vec<UserId>,
    /// Users who became members by a snapshot since the fetch began, with the heads of those snapshots.
    pub(super) newcomers: Vec<(UserId, Seq)>,
    /// Users whose membership must be looked up.
    pub(super) doubted: Vec<usize>,
}

/// A connected user, from its node's point of view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct ModelUser {
    pub(super) invitations: Invitations,
    /// Whether the user's groups were read from the store.
    pub(super) is_subscribed: bool,
    /// Whether the user was removed while its groups were being read.
    pub(super) left: bool,
}

/// The remaining operations and faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) operations: u8,
    /// Invitations, their acceptances and their ends.
    pub(super) consents: u8,
    /// Deletions of the group.
    pub(super) deletions: u8,
    /// Changes of a member's own settings of the group.
    pub(super) settings: u8,
    /// Sockets that are dropped and reconnect, and one of two sockets that is dropped for good.
    pub(super) reconnects: u8,
    /// Resumes of live sockets.
    pub(super) resumes: u8,
    pub(super) losses: u8,
    pub(super) repeats: u8,
    pub(super) restarts: u8,
    pub(super) failures: u8,
    /// A reorder buffer holds one entry, the store returns at most one entry, and a closed socket reconnects.
    pub(super) is_narrow: bool,
    /// One user has two sockets.
    pub(super) is_paired: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) log: Vec<LogItem>,
    /// Users who have accepted, each with the number of the preceding entry.
    pub(super) accepted: Vec<(usize, Seq)>,
    pub(super) is_deleted: bool,
    pub(super) nodes: [Node; NODES],
    /// The number of changes of [`PAIRED`]'s own settings.
    pub(super) settings: u8,
    /// Whether one of them was committed on the other node, so that only a hint carries it here.
    pub(super) is_set_elsewhere: bool,
    pub(super) users: Vec<ModelUser>,
    /// One socket per user, then the second socket of [`PAIRED`].
    pub(super) sockets: Vec<ModelSocket>,
    /// Whether a node may lack a hint, because the hint was lost or the node did not subscribe to its
    /// channel.
    pub(super) is_excused: bool,
    /// In ascending order.
    pub(super) hints: Vec<Hint>,
    pub(super) budget: Budget,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Commit a message on a node.
    Send(usize),
    /// Commit on a node that a user joins or is removed.
    Turn(usize, usize),
    /// Commit on a node that a user is invited or accepts.
    Consent(usize, usize),
    /// Commit the end of a pending membership on a node.
    Decline(usize, usize),
    /// Commit the deletion of the group on a node.
    Delete(usize),
    /// Commit a change of a member's own settings on a node.
    Set(usize),
    /// Drop a socket, which then reconnects.
    Reconnect(usize),
    /// Drop a socket for good.
    Leave(usize),
    /// A live socket requests the events that it missed.
    Resume(usize),
    /// A closed socket reconnects.
    Resync(usize),
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

/// The group as a node's replica sees it.
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
    /// A world with connected users and a log of these entries.
    pub(super) fn new(log: &[LogItem], budget: Budget) -> Self {
        let has_neighbour = log.contains(&LogItem::Joined(NEIGHBOUR));
        let users = if has_neighbour { NEIGHBOUR + 1 } else { NODES };
        let owners = (0..users).chain(budget.is_paired.then_some(PAIRED));
        let mut world = Self {
            log: log.to_vec(),
            accepted: Vec::new(),
            is_deleted: false,
            nodes: [Node::new(), Node::new()],
            settings: 0,
            is_set_elsewhere: false,
            users: vec![ModelUser::default(); users],
            sockets: owners.map(ModelSocket::absent).collect(),
            is_excused: false,
            hints: Vec::new(),
            budget,
        };
        for socket in 0..world.sockets.len() {
            for _ in 0..4 {
                world.advance(socket);
            }
        }
        world.is_excused = false;
        world
    }

    pub(super) fn head(&self) -> Seq {
        Seq(i64::try_from(self.log.len()).expect("it is short"))
    }

    /// A user's standing at the number `upto`, including an acceptance at that number.
    pub(super) fn standing(&self, user: usize, upto: Seq) -> Standing {
        let has_accepted = self.accepted.contains(&(user, upto));
        if has_accepted { Standing::Member } else { self.log_standing(user, upto) }
    }

    /// A user's standing at the number `upto`, without an acceptance at that number.
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

    /// Whether a user is a member at the number `upto`.
    pub(super) fn is_member(&self, user: usize, upto: Seq) -> bool {
        self.standing(user, upto) == Standing::Member
    }

    /// A user's current standing.
    pub(super) fn standing_now(&self, user: usize) -> Standing {
        if self.is_deleted { Standing::Outside } else { self.standing(user, self.head()) }
    }

    /// The head if the user is a member now, and the head if its membership is pending now.
    pub(super) fn snapshot(&self, user: usize) -> (Option<Seq>, Option<Seq>) {
        let standing = self.standing_now(user);
        let head_if = |wanted| Some(self.head()).filter(|_| standing == wanted);
        (head_if(Standing::Member), head_if(Standing::Pending))
    }

    /// All possible next actions.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        if !self.is_deleted {
            (0..NODES).for_each(|node| self.add_operations(node, &mut actions));
        }
        self.add_environment(&mut actions);
        self.add_ends_of_sockets(&mut actions);
        for node in 0..NODES {
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

    /// Adds the actions by which sockets resume, reconnect or leave.
    fn add_ends_of_sockets(&self, actions: &mut Vec<Action>) {
        for (at, socket) in self.sockets.iter().enumerate() {
            if socket.user == NEIGHBOUR || !socket.is_live() {
                continue;
            }
            if self.budget.resumes > 0 && socket.stage == Stage::Live {
                actions.push(Action::Resume(at));
            }
            if self.budget.reconnects > 0 {
                actions.push(Action::Reconnect(at));
                let of_user = self.sockets_of(socket.user).filter(|other| self.sockets[*other].is_live());
                if of_user.count() > 1 {
                    actions.push(Action::Leave(at));
                }
            }
        }
    }

    /// The users whose memberships the operations change.
    fn changing(&self) -> impl Iterator<Item = usize> {
        let has_neighbour = self.users.len() > NEIGHBOUR;
        (0..NODES).filter(move |user| *user > 0 || !has_neighbour)
    }

    /// The users of a node.
    pub(super) fn users_at(&self, node: usize) -> impl Iterator<Item = usize> + use<> {
        (0..self.users.len()).filter(move |user| node_of(*user) == node)
    }

    /// The sockets of a user.
    pub(super) fn sockets_of(&self, user: usize) -> impl Iterator<Item = usize> + use<> {
        let second = Some(self.sockets.len() - 1).filter(|_| user == PAIRED && self.budget.is_paired);
        std::iter::once(user).chain(second)
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
        if self.budget.settings > 0 && self.standing_now(PAIRED) == Standing::Member {
            actions.push(Action::Set(node));
        }
    }

    /// Adds the actions that need no operation and no fault.
    pub(super) fn add_environment(&self, actions: &mut Vec<Action>) {
        let advancing = (0..self.sockets.len()).filter(|at| !self.sockets[*at].is_at_rest());
        actions.extend(advancing.map(Action::Advance));
        let closed = (0..self.sockets.len()).filter(|at| self.sockets[*at].stage == Stage::Closed);
        actions.extend(closed.filter(|_| self.budget.is_narrow).map(Action::Resync));
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

    /// Whether an audit would find a difference that no hint and no step in progress would repair on this
    /// node.
    fn needs_audit(&self, at: usize) -> bool {
        let node = &self.nodes[at];
        let is_hinted = self.hints.iter().any(|hint| hint.node() == at);
        let is_quiet = node.replica.is_settled() && node.bus.is_empty() && !is_hinted;
        if !is_quiet {
            return false;
        }
        let is_behind = node.position.is_some_and(|position| self.is_deleted || position < self.head());
        let live: Vec<_> = self.users_at(at).filter(|user| self.is_live(*user)).collect();
        let is_wrong = |user| {
            let is_member = self.standing_now(user) == Standing::Member;
            self.is_here(user) != is_member || !self.differences(user).is_empty()
        };
        is_behind && !live.is_empty() || live.into_iter().any(is_wrong)
    }

    /// Whether one of the user's sockets has finished connecting.
    pub(super) fn is_live(&self, user: usize) -> bool {
        self.sockets_of(user).any(|socket| self.sockets[socket].is_live())
    }

    /// Whether the user is a member as far as its node knows.
    pub(super) fn is_here(&self, user: usize) -> bool {
        self.nodes[node_of(user)].members.contains(&user_id(user))
    }

    /// Whether every node agrees with the store.
    pub(super) fn is_consistent(&self) -> bool {
        (0..NODES).all(|at| !self.needs_audit(at))
    }

    /// See [`Invitations::differences`].
    pub(super) fn differences(&self, user: usize) -> Vec<GroupId> {
        let pending = self.snapshot(user).1.map(|_| GROUP);
        let mut differences = self.users[user].invitations.differences(pending.as_slice());
        differences.retain(|_| !self.is_here(user));
        differences
    }
}

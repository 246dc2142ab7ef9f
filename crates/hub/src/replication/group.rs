//! One group's position on one node, as a state machine without I/O, locks or a clock.
//!
//! [`Replica::step`] takes an input and returns effects. The dispatcher carries them out in order and then
//! passes [`Input::Continue`], until a step returns no effects. Example, for a group whose log was delivered
//! up to 4 on this node:
//!
//! | input | state | effects |
//! | --- | --- | --- |
//! | entry 5 | live | deliver 5 |
//! | entry 7 | gap | start the timer |
//! | the timer fires | fetching | fetch 6 to 7 |
//! | the store's answer: 6, 7 | live | deliver 6, deliver 7 (as it was held) |
//!
//! An entry whose number was delivered before is discarded. Entries that arrive early wait in the [reorder
//! buffer](super::buffer); no other group waits for them. Membership that the next entry in order does not
//! determine comes from the store: when something suggests that a user has joined or was removed, the next
//! fetch looks the user up.

use std::collections::{BTreeSet, VecDeque};

use chinwag_core::{Seq, UserId};

use super::buffer::ReorderBuffer;
use super::effect::{Delay, Effect, Effects};
use super::fault::{Fault, is_injected};
use super::fetch::{Fetch, Fetched, Merge};

/// An entry of a log as it reached this node.
pub(crate) trait Entry {
    fn kind(&self) -> EntryKind;

    /// Users who become members with this entry.
    fn joined(&self) -> &[UserId];

    /// The member who sent the message on this node, if the entry is a message.
    fn author(&self) -> Option<UserId>;

    /// The size in a buffer, in bytes.
    fn size(&self) -> usize;
}

/// The part of an entry that decides how it is merged with fetched ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// Changes no membership.
    Content,
    /// Changes the group or its members. The store's answer has a later state of them.
    Membership,
    /// Ends the group.
    Deletion,
    /// Notifies one user of its removal. Its number is that of the removal.
    Removal(UserId),
    /// For users whose membership is pending. Its number belongs to another entry.
    Pending,
}

impl EntryKind {
    /// Whether the entry follows another entry of the same number.
    pub(super) fn is_attached(self) -> bool {
        matches!(self, Self::Removal(_) | Self::Pending)
    }
}

/// The local state of the group, provided by the driver.
pub(crate) trait LocalGroup {
    /// The last number delivered here. None while no connected user is a member.
    fn position(&self) -> Option<Seq>;

    /// Whether a user is a member as far as this node knows. None if the user is not connected.
    fn is_member(&self, user: UserId) -> Option<bool>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// No entry is missing.
    Live,
    /// A number is missing, or a user's membership is in doubt. A timer runs until the fetch.
    Gap,
    /// The store is being read.
    Fetching,
    /// The store did not answer, or its answer was outdated. A timer runs until the next attempt.
    Unavailable,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input<T> {
    /// An entry of a group with members here. `is_ordered` if the bus delivers the whole log in order: a gap
    /// is then a fault that no fetch repairs.
    Entry {
        seq: Seq,
        entry: T,
        is_ordered: bool,
    },
    /// An entry of a group without members here. `is_first` if no entry can precede it; `asker` is the
    /// connected user whose request caused it.
    Unserved {
        seq: Seq,
        entry: T,
        is_first: bool,
        asker: Option<UserId>,
    },
    /// An entry for single users, delivered after the entry of the same number.
    Attached {
        seq: Seq,
        entry: T,
    },
    /// Users connected here have accepted their membership, as of the log's `head`.
    Accepted {
        head: Seq,
        entry: T,
        users: Vec<UserId>,
    },
    /// A hint says that these users joined with the number `seq`.
    Joined {
        seq: Seq,
        users: Vec<UserId>,
    },
    /// The number `seq` is assigned.
    Taken(Seq),
    /// The membership of these users is in doubt. The users in `joining` may have joined, or their pending
    /// membership may have changed; those in `leaving` may have been removed.
    Doubt {
        joining: Vec<UserId>,
        leaving: Vec<UserId>,
        is_urgent: bool,
    },
    /// The group no longer exists in the store.
    Vanished,
    /// The timer has fired.
    Due,
    Fetched(Fetch, Option<Fetched<T>>),
    /// The store did not answer. `is_final` if it has failed for too long.
    Failed {
        is_final: bool,
    },
    /// The previous step's effects were carried out.
    Continue,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Replica<T> {
    pub(super) state: State,
    pub(super) buffer: ReorderBuffer<T>,
    /// The highest number that is known to be assigned.
    pub(super) target: Seq,
    /// Connected users who may have joined, or whose pending membership may differ from what their sockets
    /// received.
    pub(super) joining: BTreeSet<UserId>,
    /// Local members who may have been removed.
    pub(super) leaving: BTreeSet<UserId>,
    /// The users of `joining` and of `leaving` that the fetch in progress covers. Doubts that arise later
    /// need another fetch.
    pub(super) asked: (BTreeSet<UserId>, BTreeSet<UserId>),
    /// The group may have ended.
    pub(super) vanished: bool,
    /// The timer has fired. The buffer is checked once more before the fetch.
    is_due: bool,
    /// Nothing is missing. The timer runs before the held entries are delivered.
    is_ending: bool,
    /// Failed attempts.
    pub(super) attempts: u32,
    /// The remainder of a store answer.
    pub(super) merge: Option<Merge<T>>,
    /// Entries that were overtaken by a store answer, or by the end of the last membership on this node.
    pub(super) overtaken: VecDeque<(Seq, T)>,
}

impl<T> Default for Replica<T> {
    fn default() -> Self {
        Self {
            state: State::Live,
            buffer: ReorderBuffer::default(),
            target: Seq(0),
            joining: BTreeSet::new(),
            leaving: BTreeSet::new(),
            asked: Default::default(),
            vanished: false,
            is_due: false,
            is_ending: false,
            attempts: 0,
            merge: None,
            overtaken: VecDeque::new(),
        }
    }
}

impl<T: Entry> Replica<T> {
    /// Whether the replica can be dropped, because it holds no state.
    pub(crate) fn is_settled(&self) -> bool {
        self.state == State::Live && self.overtaken.is_empty()
    }

    /// Users who may have joined. They receive the group once the store confirms it.
    pub(crate) fn joining(&self) -> impl Iterator<Item = UserId> {
        let added = self.merge.iter().flat_map(Merge::added);
        self.joining.union(&self.asked.0).copied().chain(added)
    }

    /// Applies one input. The driver carries out the effects in order, before the next input.
    pub(crate) fn step(&mut self, local: &impl LocalGroup, input: Input<T>) -> Effects<T> {
        match input {
            Input::Entry { seq, entry, is_ordered } => self.entry(local, seq, entry, is_ordered),
            Input::Unserved { seq, entry, is_first, asker } => {
                self.unserved(local, seq, entry, is_first, asker)
            }
            Input::Attached { seq, entry } => self.attached(local, seq, entry),
            Input::Accepted { head, entry, users } => {
                let is_there = local.position().is_none_or(|position| position == head);
                if is_there && self.state == State::Live {
                    Effects::one(Effect::Deliver(entry))
                } else {
                    Effects::two(self.look_up(local, &users), None)
                }
            }
            Input::Joined { seq, users } => self.joined(local, seq, &users),
            Input::Taken(seq) => Effects::two(self.taken(local, seq), None),
            Input::Doubt { joining, leaving, is_urgent } => {
                self.joining.extend(joining);
                self.leaving.extend(leaving);
                Effects::two(self.open(if is_urgent { Delay::None } else { Delay::Hold }), None)
            }
            Input::Vanished if local.position().is_some() => {
                self.vanished = true;
                Effects::two(self.open(Delay::Hold), None)
            }
            Input::Vanished => Effects::none(),
            Input::Due if self.state == State::Live || self.state == State::Fetching => Effects::none(),
            Input::Due => {
                self.is_due = true;
                self.proceed(local)
            }
            Input::Fetched(asked, found) => self.fetched(local, &asked, found),
            Input::Failed { is_final } => self.failed(local, is_final),
            Input::Continue => self.proceed(local),
        }
    }

    fn entry(&mut self, local: &impl LocalGroup, seq: Seq, entry: T, is_ordered: bool) -> Effects<T> {
        if self.state != State::Live {
            return self.hold(local, seq, entry);
        }
        let next = local.position().unwrap_or_default().next();
        if seq < next {
            return self.discard(local, entry);
        }
        if seq == next || is_ordered || is_injected(Fault::DeliverEarly) {
            return Effects::one(Effect::Deliver(entry));
        }
        self.expect_author(local, &entry);
        self.buffer.push(seq, entry);
        self.target = self.target.max(seq);
        Effects::two(self.open(Delay::Hold), None)
    }

    /// Looks up the author of a held message, unless it is a known member. The author's join may be among the
    /// missing entries, and the message is the answer to its request.
    fn expect_author(&mut self, local: &impl LocalGroup, entry: &T) {
        let author = entry.author().filter(|author| local.is_member(*author) == Some(false));
        self.joining.extend(author);
    }

    fn unserved(
        &mut self,
        local: &impl LocalGroup,
        seq: Seq,
        entry: T,
        is_first: bool,
        asker: Option<UserId>,
    ) -> Effects<T> {
        if self.state != State::Live {
            return self.hold(local, seq, entry);
        }
        if is_first {
            return Effects::one(Effect::Deliver(entry));
        }
        let look_up = self.look_up(local, entry.joined());
        let Some(asker) = asker else { return Effects::two(look_up, None) };
        // The asker is a member, but no hint of its join has arrived. It is answered after the fetch.
        self.joining.insert(asker);
        self.buffer.push(seq, entry);
        self.target = self.target.max(seq);
        Effects::two(look_up, self.open(Delay::None))
    }

    fn attached(&mut self, local: &impl LocalGroup, seq: Seq, entry: T) -> Effects<T> {
        let is_removal = matches!(entry.kind(), EntryKind::Removal(_));
        let is_early = local.position().is_none_or(|position| position < seq);
        let is_hasty = is_injected(if is_removal { Fault::RemovalAtOnce } else { Fault::InvitationAtOnce });
        if self.state != State::Live && is_early && !is_hasty {
            return self.hold_only(local, seq, entry);
        }
        // Earlier entries may still arrive.
        if !is_removal
            && !is_hasty
            && let Some(started) = self.taken(local, seq)
        {
            self.buffer.push(seq, entry);
            return Effects::one(started);
        }
        Effects::one(if is_removal { Effect::AnnounceRemoval(seq, entry) } else { Effect::Deliver(entry) })
    }

    fn joined(&mut self, local: &impl LocalGroup, seq: Seq, users: &[UserId]) -> Effects<T> {
        if local.position().is_none_or(|position| seq <= position) {
            return Effects::two(self.look_up(local, users), None);
        }
        // The entry itself adds the users, if it arrives.
        let started = self.taken(local, seq);
        self.joining.extend(users.iter().filter(|user| local.is_member(**user).is_some()));
        Effects::two(started, None)
    }

    fn taken(&mut self, local: &impl LocalGroup, seq: Seq) -> Option<Effect<T>> {
        if local.position().is_none_or(|position| seq <= position) {
            return None;
        }
        self.target = self.target.max(seq);
        self.open(Delay::Hold)
    }

    /// Looks up those of `users` who are connected and not known to be members.
    fn look_up(&mut self, local: &impl LocalGroup, users: &[UserId]) -> Option<Effect<T>> {
        let before = self.joining.len();
        self.joining.extend(users.iter().filter(|user| local.is_member(**user) == Some(false)));
        if self.joining.len() > before { self.open(Delay::None) } else { None }
    }

    /// Leaves [`State::Live`].
    fn open(&mut self, delay: Delay) -> Option<Effect<T>> {
        if self.state != State::Live {
            return None;
        }
        self.state = State::Gap;
        Some(Effect::Start(delay))
    }

    fn hold(&mut self, local: &impl LocalGroup, seq: Seq, entry: T) -> Effects<T> {
        self.expect_author(local, &entry);
        let held = self.hold_only(local, seq, entry);
        if held.is_some() { held } else { self.proceed(local) }
    }

    fn hold_only(&mut self, local: &impl LocalGroup, seq: Seq, entry: T) -> Effects<T> {
        self.target = self.target.max(seq);
        let dropped = self.buffer.push(seq, entry);
        let joined = dropped.iter().flat_map(Entry::joined).filter(|_| !is_injected(Fault::ForgetOverflow));
        self.joining.extend(joined.filter(|user| local.is_member(**user).is_some()));
        if dropped.is_empty() { Effects::none() } else { Effects::one(Effect::Overflow(dropped)) }
    }

    pub(super) fn discard(&mut self, local: &impl LocalGroup, entry: T) -> Effects<T> {
        let look_up = self.look_up(local, entry.joined());
        Effects::two(Some(Effect::Discard(entry)), look_up)
    }

    /// Handles an entry that missed its turn.
    fn overtake(&mut self, local: &impl LocalGroup, seq: Seq, entry: T) -> Effects<T> {
        match entry.kind() {
            EntryKind::Removal(_) => Effects::one(Effect::AnnounceRemoval(seq, entry)),
            EntryKind::Pending => Effects::one(Effect::Deliver(entry)),
            _ => self.discard(local, entry),
        }
    }

    /// Continues the work in progress by one delivery.
    fn proceed(&mut self, local: &impl LocalGroup) -> Effects<T> {
        if let Some(effects) = self.merge_one(local) {
            return effects;
        }
        if let Some((seq, entry)) = self.overtaken.pop_front().filter(|_| !is_injected(Fault::DropOvertaken))
        {
            return self.overtake(local, seq, entry);
        }
        if self.state == State::Live || self.state == State::Fetching {
            return Effects::none();
        }
        if let Some(position) = local.position()
            && let Some((seq, entry)) = self.buffer.pop_due(position)
        {
            return if seq > position {
                Effects::one(Effect::Deliver(entry))
            } else {
                self.overtake(local, seq, entry)
            };
        }
        self.settle(local)
    }

    /// No held entry is due. Goes live if nothing is missing, otherwise fetches the missing entries.
    fn settle(&mut self, local: &impl LocalGroup) -> Effects<T> {
        self.leaving.retain(|user| local.is_member(*user) == Some(true));
        let position = local.position();
        let is_whole = position.is_none_or(|position| self.target <= position && self.buffer.is_empty());
        if is_whole || is_injected(Fault::ForgetJoin) {
            // A missing entry may remove a member who then joined again with a later entry.
            self.joining.retain(|user| local.is_member(*user) == Some(false));
        }
        let is_certain = self.leaving.is_empty() && self.joining.is_empty();
        if is_whole && is_certain && !(self.vanished && position.is_some()) {
            // The last local member may have left. An entry that notifies it may still follow.
            if !self.buffer.is_empty() && !self.is_due {
                let is_started = std::mem::replace(&mut self.is_ending, true);
                return if is_started { Effects::none() } else { Effects::one(Effect::Start(Delay::None)) };
            }
            let overtaken = self.buffer.take().into();
            *self = Self { overtaken, ..Self::default() };
            return if self.overtaken.is_empty() { Effects::none() } else { self.proceed(local) };
        }
        if !std::mem::take(&mut self.is_due) {
            return Effects::none();
        }
        if is_injected(Fault::SkipFetch) {
            let upto = position.unwrap_or_default().max(self.target);
            *self = Self::default();
            return Effects::one(Effect::Advance(upto));
        }
        self.state = State::Fetching;
        self.asked = (std::mem::take(&mut self.joining), std::mem::take(&mut self.leaving));
        let outside = self.asked.0.iter().copied().filter(|user| local.is_member(*user) == Some(false));
        Effects::one(Effect::Fetch(Fetch {
            after: position.unwrap_or_default(),
            upto: if position.is_some() { self.target } else { Seq(0) },
            joining: outside.collect(),
            needs_view: !is_certain,
        }))
    }

    pub(super) fn try_again(&mut self) -> Effects<T> {
        self.state = State::Unavailable;
        self.joining.append(&mut self.asked.0);
        self.leaving.append(&mut self.asked.1);
        if is_injected(Fault::NoRetry) {
            return Effects::none();
        }
        let attempts = self.attempts;
        self.attempts = attempts.saturating_add(1).min(16);
        Effects::one(Effect::Start(Delay::Backoff(attempts)))
    }

    fn failed(&mut self, local: &impl LocalGroup, is_final: bool) -> Effects<T> {
        if !is_final {
            return self.try_again();
        }
        let upto = self.target.max(local.position().unwrap_or_default());
        let held = self.buffer.take().into_iter();
        let attached = held.filter(|(_, entry)| entry.kind().is_attached());
        *self = Self { overtaken: attached.collect(), ..Self::default() };
        Effects::two(Some(Effect::RequireResync), Some(Effect::Advance(upto)))
    }
}

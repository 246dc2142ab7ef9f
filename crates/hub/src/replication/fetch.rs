//! A fetch: the question to the store, its answer, and how the answer is merged with the entries
//! that arrived meanwhile.

use std::collections::VecDeque;

use chinwag_core::{Seq, UserId};

use super::effect::{Delay, Effect, Effects};
use super::fault::{Fault, is_injected};
use super::group::{Entry, EntryKind, LocalGroup, Replica, State};

/// A question to the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Fetch {
    /// The last number delivered here.
    pub(crate) after: Seq,
    /// The last number that is known to be taken.
    pub(crate) upto: Seq,
    /// Users beside the members here whose membership is asked about.
    pub(crate) joining: Vec<UserId>,
    /// Whether somebody may have to be shown the group.
    pub(crate) needs_view: bool,
}

/// A user's membership in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    Outside,
    /// It has yet to accept.
    Pending,
    Member,
}

/// The store's answer, all of one snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fetched<T> {
    pub(crate) head: Seq,
    /// The entries of the numbers asked for, in order. One without a number belongs to the next.
    pub(crate) entries: VecDeque<(Option<Seq>, T)>,
    /// Whether there were too many.
    pub(crate) is_too_far: bool,
    /// All users asked about.
    pub(crate) users: Vec<(UserId, Standing)>,
    /// Users who have become members here since the question, with the head of their snapshot.
    pub(crate) newcomers: Vec<(UserId, Seq)>,
}

/// An answer that is being carried out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Merge<T> {
    head: Seq,
    upto: Seq,
    /// Held removals of users who are no members here, and have joined again.
    told: VecDeque<(Seq, T)>,
    removed: VecDeque<UserId>,
    is_too_far: bool,
    entries: VecDeque<(Option<Seq>, T)>,
    is_read: bool,
    added: VecDeque<UserId>,
    /// Users who are no members, and whether the membership of each is pending.
    outside: VecDeque<(UserId, bool)>,
}

impl<T> Merge<T> {
    /// Users who are about to be added.
    pub(super) fn added(&self) -> impl Iterator<Item = UserId> {
        self.added.iter().copied()
    }
}

impl<T: Entry> Replica<T> {
    pub(super) fn fetched(
        &mut self,
        local: &impl LocalGroup,
        asked: &Fetch,
        found: Option<Fetched<T>>,
    ) -> Effects<T> {
        let is_outdated = found.as_ref().is_some_and(|found| local.position() > Some(found.head));
        // An earlier snapshot has made somebody a member since, whom a later entry may have removed.
        let is_narrow = found.as_ref().is_some_and(|found| {
            let mut newcomers = found.newcomers.iter();
            newcomers.any(|(_, head)| *head < found.head) && !is_injected(Fault::IgnoreNewcomers)
        });
        if is_outdated && !is_injected(Fault::ApplyOutdated) || is_narrow {
            // A member has connected since, with a later snapshot. All is read again.
            return self.try_again();
        }
        (self.state, self.attempts, self.vanished) = (State::Gap, 0, false);
        self.asked = Default::default();
        let Some(found) = found else { return self.vanish(local, asked) };
        if is_injected(Fault::ForgetDoubt) {
            let is_answered = |user: &UserId| found.users.iter().any(|(other, _)| other == user);
            self.joining.retain(|user| !is_answered(user));
            self.leaving.retain(|user| !is_answered(user));
        }
        // The store has not given a later number: the hint that named one is wrong, or newer.
        if asked.upto > found.head {
            self.buffer.truncate(found.head);
            self.target = self.target.min(found.head);
        }
        let (mut removed, mut added, mut outside) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        for (user, standing) in found.users {
            if standing == Standing::Member {
                added.push_back(user);
                continue;
            }
            // Its snapshot is later than the answer.
            let is_later = found.newcomers.iter().any(|(newcomer, _)| *newcomer == user);
            if is_later && !is_injected(Fault::TrustOvertaken) {
                continue;
            }
            removed.push_back(user);
            if standing == Standing::Outside || asked.needs_view {
                outside.push_back((user, standing == Standing::Pending));
            } else {
                // It is to be shown the group, which was not read.
                self.joining.insert(user);
            }
        }
        // They are shown the group anew, and not what they have missed.
        let has_returned = |user| local.is_member(user) == Some(false) && added.contains(&user);
        let told = self.buffer.take_removals(found.head, has_returned);
        self.merge = Some(Merge {
            head: found.head,
            upto: asked.upto.min(found.head),
            told: if is_injected(Fault::ForgetReturn) { VecDeque::new() } else { told },
            removed: if is_injected(Fault::NoRemoval) { VecDeque::new() } else { removed },
            added: if asked.needs_view { added } else { VecDeque::new() },
            outside,
            is_too_far: found.is_too_far,
            entries: found.entries,
            is_read: false,
        });
        self.merge_one(local).unwrap_or_else(Effects::none)
    }

    /// The next effects of the answer that is being carried out; none once that is done.
    pub(super) fn merge_one(&mut self, local: &impl LocalGroup) -> Option<Effects<T>> {
        let merge = self.merge.as_mut()?;
        if let Some((seq, entry)) = merge.told.pop_front() {
            return Some(Effects::one(Effect::TellRemoval(seq, entry)));
        }
        // Removed users are told nothing of what they missed.
        if let Some(user) = merge.removed.pop_front() {
            let head = merge.head;
            let held = self.buffer.take_removal(user, head);
            // One who is no member here is told by the held entry itself, before a later invitation.
            if local.is_member(user) != Some(true) {
                let told = held.map(|(seq, entry)| Effect::TellRemoval(seq, entry));
                return Some(Effects::two(Some(Effect::Remove { user, held: None, head }), told));
            }
            return Some(Effects::one(Effect::Remove { user, held: held.map(|(_, entry)| entry), head }));
        }
        if !merge.is_read
            && let Some(effects) = self.merge_entry(local)
        {
            return Some(effects);
        }
        let merge = self.merge.as_mut()?;
        if let Some(user) = merge.added.pop_front().filter(|_| !is_injected(Fault::NoAddition)) {
            return Some(Effects::one(Effect::Add(user)));
        }
        let head = merge.head;
        if let Some((user, is_pending)) =
            merge.outside.pop_front().filter(|_| !is_injected(Fault::NoInvitation))
        {
            return Some(Effects::one(Effect::Invite { user, is_pending, head }));
        }
        self.merge = None;
        // More may have come to be looked up meanwhile.
        Some(Effects::one(Effect::Start(Delay::None)))
    }

    /// Delivers the next missed entry: of a number that was held, the held one.
    fn merge_entry(&mut self, local: &impl LocalGroup) -> Option<Effects<T>> {
        let merge = self.merge.as_mut()?;
        let Some(position) = local.position() else {
            merge.is_read = true;
            return None;
        };
        if std::mem::take(&mut merge.is_too_far) {
            return Some(Effects::one(Effect::RequireResync));
        }
        loop {
            let upto = merge.entries.front().map_or(Some(merge.upto), |(seq, _)| *seq);
            if let Some(upto) = upto
                && let Some((seq, entry)) = self.buffer.pop(upto)
            {
                match entry.kind() {
                    EntryKind::Content if seq > position => return Some(deliver(seq, entry)),
                    // The store knows members better than a held change of them does.
                    EntryKind::Membership if seq > position && !is_injected(Fault::ChangeAfterFetch) => {
                        let joined = entry.joined().iter();
                        self.joining.extend(joined.filter(|user| local.is_member(**user) == Some(false)));
                        return Some(reach(seq, Effect::DeliverToMembers(entry)));
                    }
                    _ => self.overtaken.push_back((seq, entry)),
                }
                continue;
            }
            match merge.entries.pop_front() {
                Some((None, entry)) => return Some(Effects::one(Effect::Deliver(entry))),
                Some((Some(seq), entry)) if seq > position => return Some(deliver(seq, entry)),
                Some((Some(seq), entry)) if is_injected(Fault::RepeatFetched) => {
                    return Some(deliver(seq, entry));
                }
                Some(_) => {}
                None => {
                    merge.is_read = true;
                    return Some(Effects::one(Effect::Advance(merge.upto.max(position))));
                }
            }
        }
    }

    fn vanish(&mut self, local: &impl LocalGroup, asked: &Fetch) -> Effects<T> {
        let Some(position) = local.position() else {
            return Effects::two(
                Some(Effect::Delete { seq: asked.after, held: None }),
                Some(Effect::Start(Delay::None)),
            );
        };
        let mut last = None;
        for (seq, entry) in self.buffer.take() {
            match entry.kind() {
                EntryKind::Deletion => last = Some((seq, entry)),
                EntryKind::Pending => self.overtaken.push_back((seq, entry)),
                _ => {}
            }
        }
        let (seq, held) = match last {
            Some((seq, entry)) => (seq, Some(entry)),
            None => (position.max(self.target).next(), None),
        };
        self.target = Seq(0);
        if is_injected(Fault::NoDeletion) {
            return Effects::one(Effect::Start(Delay::None));
        }
        Effects::two(Some(Effect::Delete { seq, held }), Some(Effect::Start(Delay::None)))
    }
}

fn deliver<T>(seq: Seq, entry: T) -> Effects<T> {
    reach(seq, Effect::Deliver(entry))
}

/// Numbers that were missing before it, such as those of erased messages, are skipped.
fn reach<T>(seq: Seq, effect: Effect<T>) -> Effects<T> {
    Effects::two(Some(Effect::Advance(Seq(seq.0 - 1))), Some(effect))
}

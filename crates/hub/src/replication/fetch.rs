//! A fetch: the request to the store, its answer, and the merge of the answer with the entries that arrived
//! in the meantime.

use std::collections::VecDeque;

use chinwag_core::{Seq, UserId};

use super::effect::{Delay, Effect, Effects};
use super::fault::{Fault, is_injected};
use super::group::{Entry, EntryKind, LocalGroup, Replica, State};

/// A request to the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Fetch {
    /// The last number delivered here.
    pub(crate) after: Seq,
    /// The highest number that is known to be assigned.
    pub(crate) upto: Seq,
    /// Users, other than the local members, whose membership is requested.
    pub(crate) joining: Vec<UserId>,
    /// Whether the group's view is needed, because a user may have to receive the whole group.
    pub(crate) needs_view: bool,
}

/// A user's membership in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    Outside,
    /// The user has not accepted yet.
    Pending,
    Member,
}

/// The store's answer, read in one snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fetched<T> {
    pub(crate) head: Seq,
    /// The requested entries, in order. An entry without a number belongs to the next numbered one.
    pub(crate) entries: VecDeque<(Option<Seq>, T)>,
    /// Whether there were too many entries to return.
    pub(crate) is_too_far: bool,
    /// All users that the fetch asked about.
    pub(crate) users: Vec<(UserId, Standing)>,
    /// Users who became local members since the fetch began, with the head of their snapshot.
    pub(crate) newcomers: Vec<(UserId, Seq)>,
}

/// A store answer that is being applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Merge<T> {
    head: Seq,
    upto: Seq,
    /// Held removals of users who are not local members and have joined again.
    removals: VecDeque<(Seq, T)>,
    removed: VecDeque<UserId>,
    is_too_far: bool,
    entries: VecDeque<(Option<Seq>, T)>,
    is_read: bool,
    added: VecDeque<UserId>,
    /// Users who are not members, and whether the membership of each is pending.
    outside: VecDeque<(UserId, bool)>,
}

impl<T> Merge<T> {
    /// Users who will be added.
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
        // A newcomer's snapshot is older than the answer, so a later entry may have removed that user.
        let is_narrow = found.as_ref().is_some_and(|found| {
            let mut newcomers = found.newcomers.iter();
            newcomers.any(|(_, head)| *head < found.head) && !is_injected(Fault::IgnoreNewcomers)
        });
        if is_outdated && !is_injected(Fault::ApplyOutdated) || is_narrow {
            // A member has connected since with a later snapshot. Read everything again.
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
        // The store has not assigned such a number: the hint that carried it is wrong, or newer than the
        // answer.
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
            // The user's snapshot is later than the answer.
            let is_later = found.newcomers.iter().any(|(newcomer, _)| *newcomer == user);
            if is_later && !is_injected(Fault::TrustOvertaken) {
                continue;
            }
            removed.push_back(user);
            if standing == Standing::Outside || asked.needs_view {
                outside.push_back((user, standing == Standing::Pending));
            } else {
                // The user's invitation must contain the group's view, which was not read.
                self.joining.insert(user);
            }
        }
        // These users receive the whole group instead of the events that they missed.
        let has_returned = |user| local.is_member(user) == Some(false) && added.contains(&user);
        let removals = self.buffer.take_removals(found.head, has_returned);
        self.merge = Some(Merge {
            head: found.head,
            upto: asked.upto.min(found.head),
            removals: if is_injected(Fault::ForgetReturn) { VecDeque::new() } else { removals },
            removed: if is_injected(Fault::NoRemoval) { VecDeque::new() } else { removed },
            added: if asked.needs_view { added } else { VecDeque::new() },
            outside,
            is_too_far: found.is_too_far,
            entries: found.entries,
            is_read: false,
        });
        self.merge_one(local).unwrap_or_else(Effects::none)
    }

    /// The next effects of the answer that is being applied. None when it is completely applied.
    pub(super) fn merge_one(&mut self, local: &impl LocalGroup) -> Option<Effects<T>> {
        let merge = self.merge.as_mut()?;
        if let Some((seq, entry)) = merge.removals.pop_front() {
            return Some(Effects::one(Effect::AnnounceRemoval(seq, entry)));
        }
        // Removed users do not receive what they missed.
        if let Some(user) = merge.removed.pop_front() {
            let head = merge.head;
            let held = self.buffer.take_removal(user, head);
            // For a user who is not a local member, the held entry itself is the notification; it precedes a
            // later invitation.
            if local.is_member(user) != Some(true) {
                let removals = held.map(|(seq, entry)| Effect::AnnounceRemoval(seq, entry));
                return Some(Effects::two(Some(Effect::Remove { user, held: None, head }), removals));
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
        // More users to look up may have been added in the meantime.
        Some(Effects::one(Effect::Start(Delay::None)))
    }

    /// Delivers the next missed entry. If an entry with that number is held, delivers the held one.
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
                    // The store's answer has later members than a held membership change.
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

/// Skips the numbers before `seq` that do not exist any more, such as those of erased messages.
fn reach<T>(seq: Seq, effect: Effect<T>) -> Effects<T> {
    Effects::two(Some(Effect::Advance(Seq(seq.0 - 1))), Some(effect))
}

//! Effects: the actions that a replica's step returns for its driver to carry out.

use chinwag_core::{Seq, UserId};

use super::fetch::Fetch;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Effect<T> {
    /// Deliver the entry: it is next in order, or has no number.
    Deliver(T),
    /// Deliver the entry to the group's members, but ignore its `joined` and `left` users: the store's answer
    /// already has the current members.
    DeliverToMembers(T),
    /// Do not deliver the entry; only answer its asker. The entry was delivered before, or the store's answer
    /// contains it.
    Discard(T),
    /// Notify a user of its removal, unless it was notified already or has joined again.
    AnnounceRemoval(Seq, T),
    /// The buffer overflowed. The askers of these entries must resume.
    Overflow(Vec<T>),
    /// Start the timer.
    Start(Delay),
    /// Read the store.
    Fetch(Fetch),
    /// Move the group's position to this number. Earlier numbers are delivered, or will never be.
    Advance(Seq),
    /// The user is not a member as of `head`. `held` is the removal event, if it arrived.
    Remove { user: UserId, held: Option<T>, head: Seq },
    /// The user is a member.
    Add(UserId),
    /// The user is not a member as of `head`; `is_pending` says whether its membership is pending.
    Invite { user: UserId, is_pending: bool, head: Seq },
    /// The group ended with the number `seq`.
    Delete { seq: Seq, held: Option<T> },
    /// The members' sockets must resume.
    RequireResync,
}

/// The delay of a timer. The driver maps it to a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Delay {
    None,
    /// Wait for missing entries that may still arrive.
    Hold,
    /// Retry delay, which grows with the number of failed attempts given here.
    Backoff(u32),
}

/// The effects of one step, at most two.
pub(crate) struct Effects<T>([Option<Effect<T>>; 2]);

impl<T> Effects<T> {
    pub(super) fn none() -> Self {
        Self([None, None])
    }

    pub(super) fn one(effect: Effect<T>) -> Self {
        Self([Some(effect), None])
    }

    /// Whether there is at least one effect.
    pub(super) fn is_some(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }

    pub(super) fn two(first: Option<Effect<T>>, second: Option<Effect<T>>) -> Self {
        Self([first, second])
    }
}

impl<T> Iterator for Effects<T> {
    type Item = Effect<T>;

    fn next(&mut self) -> Option<Effect<T>> {
        self.0.iter_mut().find_map(Option::take)
    }
}

//! The effects of a replica's steps, which its driver carries out.

use chinwag_core::{Seq, UserId};

use super::fetch::Fetch;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Effect<T> {
    /// Deliver the entry: it is the next one, or has no number.
    Deliver(T),
    /// Deliver the entry to the group's members. The users who join or leave with it are not looked at: the store's
    /// answer has the members.
    DeliverToMembers(T),
    /// Only the asker still needs the entry: it was delivered before, or the store told of it.
    Discard(T),
    /// Tell a user of its removal, unless that was done or it has joined again.
    TellRemoval(Seq, T),
    /// The buffer overflowed. The askers of these entries must resume.
    Overflow(Vec<T>),
    /// Start the timer.
    Start(Delay),
    /// Read the store.
    Fetch(Fetch),
    /// Everything up to this number was delivered, or is not to be.
    Advance(Seq),
    /// The user is not a member as of `head`. `held` is the entry that says so, if it arrived.
    Remove { user: UserId, held: Option<T>, head: Seq },
    /// The user is a member.
    Add(UserId),
    /// The user is no member as of `head`, and its membership is pending or not.
    Invite { user: UserId, is_pending: bool, head: Seq },
    /// The group has ended with the number `seq`.
    Delete { seq: Seq, held: Option<T> },
    /// The members' sockets must resume.
    RequireResync,
}

/// The delay of a timer; the driver knows how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Delay {
    None,
    /// Missing entries may still arrive.
    Hold,
    /// Longer with each failed attempt; this is their number.
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

    /// Whether there is one.
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

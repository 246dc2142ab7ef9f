//! Deliberate faults of the replication, injected one at a time. The exploration must find them.

/// A rule of the replication to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An entry is delivered before earlier, missing ones.
    DeliverEarly,
    /// A fetched entry is delivered although it was already delivered.
    RepeatFetched,
    /// A store answer that is older than the group's position is applied.
    ApplyOutdated,
    /// A store answer is applied although it may remove a member that the fetch did not ask about.
    IgnoreNewcomers,
    /// Missing entries are not fetched: the group goes live with a gap.
    SkipFetch,
    /// Entries that a store answer has overtaken are dropped, including removals.
    DropOvertaken,
    /// A change of members that is held while the store is read is delivered after the store's answer.
    ChangeAfterFetch,
    /// The users who join with an entry that a full buffer drops are not looked up.
    ForgetOverflow,
    /// A failed fetch is not retried.
    NoRetry,
    /// A membership that changes during its look-up is not looked up again.
    ForgetDoubt,
    /// A user who leaves and joins again with entries that are still missing is not looked up.
    ForgetJoin,
    /// A store answer removes a user who has joined during the look-up.
    TrustOvertaken,
    /// Users who are not members in the store stay members.
    NoRemoval,
    /// Users who are members in the store are not added.
    NoAddition,
    /// The end of a group that no longer exists in the store is not announced.
    NoDeletion,
    /// The removal of a user who is not a local member is announced before its turn.
    RemovalAtOnce,
    /// An event of a pending membership is delivered before the entries that precede it.
    InvitationAtOnce,
    /// Pending memberships in a store answer are not compared with the delivered ones.
    NoInvitation,
    /// An event of a pending membership is delivered after a later one.
    StaleInvitation,
    /// A removal is announced to a user who was invited again.
    StaleRemoval,
    /// A pending membership in an uncertain state counts as delivered.
    TrustDoubtful,
    /// A detached cursor skips an acceptance at its own number.
    SkipAcceptance,
    /// A detached cursor skips an invitation at or below its number.
    SkipInvitation,
    /// An invitation drops the cursor that covers the entry with the same number.
    InvitationLiftsCursor,
    /// A cursor does not cover its own number.
    CursorBelow,
    /// A detached cursor does not skip entries of the group.
    IgnoreDetached,
    /// An event that also covers later numbers sets no cursor.
    NoRaise,
    /// Held events are delivered although the snapshot contains them.
    ReleaseAll,
    /// A socket starts without cursors.
    NoStartCursors,
    /// A socket that was shown a group again after its snapshot starts at the number of the snapshot.
    StartBehind,
    /// A user who was removed and has joined again does not receive its held removal.
    ForgetReturn,
    /// The whole group is delivered to a socket whose snapshot contains it at an earlier number.
    ShowAnew,
    /// A group in a socket's snapshot is not looked up although the node does not know the user as a member.
    TrustSnapshot,
    /// A socket that received its user's removal while it resumed counts as one that was shown the group.
    ForgetHeldRemoval,
    /// A socket that resumes with an answer older than its user's removal counts as one that received the
    /// removal.
    KeepDetached,
    /// A store answer removes a user whom a later snapshot showed to a socket as a member.
    TrustOldAnswer,
}

#[cfg(test)]
impl Fault {
    /// The faults that the exploration finds. Whether it can find the others is unknown: in most orders
    /// another rule compensates for each of them.
    pub(crate) const FOUND: [Self; 33] = [
        Self::IgnoreNewcomers,
        Self::DeliverEarly,
        Self::RepeatFetched,
        Self::SkipFetch,
        Self::DropOvertaken,
        Self::ChangeAfterFetch,
        Self::ForgetOverflow,
        Self::NoRetry,
        Self::ForgetDoubt,
        Self::ForgetJoin,
        Self::TrustOvertaken,
        Self::NoRemoval,
        Self::NoAddition,
        Self::NoDeletion,
        Self::RemovalAtOnce,
        Self::InvitationAtOnce,
        Self::NoInvitation,
        Self::StaleInvitation,
        Self::StaleRemoval,
        Self::TrustDoubtful,
        Self::SkipAcceptance,
        Self::SkipInvitation,
        Self::CursorBelow,
        Self::IgnoreDetached,
        Self::ReleaseAll,
        Self::NoStartCursors,
        Self::StartBehind,
        Self::ForgetReturn,
        Self::ShowAnew,
        Self::TrustSnapshot,
        Self::ForgetHeldRemoval,
        Self::KeepDetached,
        Self::TrustOldAnswer,
    ];
}

#[cfg(test)]
thread_local! {
    static INJECTED: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
}

/// Whether the fault is injected into this thread. Always false outside the tests of this crate.
#[cfg(test)]
pub(crate) fn is_injected(fault: Fault) -> bool {
    INJECTED.get() == Some(fault)
}

#[cfg(not(test))]
pub(crate) const fn is_injected(_: Fault) -> bool {
    false
}

/// Runs `job` with the fault injected into this thread.
#[cfg(test)]
pub(crate) fn with<T>(fault: Fault, job: impl FnOnce() -> T) -> T {
    INJECTED.set(Some(fault));
    let done = job();
    INJECTED.set(None);
    done
}

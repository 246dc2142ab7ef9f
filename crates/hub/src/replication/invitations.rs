//! A user's pending memberships as its sockets received them. In a cluster, a node compares them with the
//! store, since hints may be lost, repeated and late.

use chinwag_core::{GroupId, Seq};

use super::fault::{Fault, is_injected};

/// The most ended memberships to remember. They let late events be dropped.
const MAX_ENDED: usize = 32;

/// One user's pending memberships, and some that have ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Invitations {
    known: Vec<Invitation>,
    /// Whether a snapshot was taken, so that this list is complete.
    is_read: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Invitation {
    group: GroupId,
    /// The sockets received everything up to this number.
    upto: Seq,
    is_pending: bool,
    /// Whether all sockets received the same state.
    is_certain: bool,
}

impl Invitations {
    /// Applies an event of a pending membership. Returns whether to deliver it: a later one may have been
    /// delivered.
    pub(crate) fn take_event(&mut self, group: GroupId, seq: Seq, is_pending: bool) -> bool {
        let is_read = self.is_read;
        let invitation = self.entry(group);
        if seq <= invitation.upto && !is_injected(Fault::StaleInvitation) {
            return false;
        }
        let is_shown = invitation.is_shown() || !is_read;
        (invitation.upto, invitation.is_pending) = (seq, is_pending);
        self.forget_ended();
        is_pending || is_shown
    }

    /// Applies a store answer for a user who is not a member as of the log's `head`. Returns whether to
    /// deliver it.
    pub(crate) fn take_answer(&mut self, group: GroupId, head: Seq, is_pending: bool) -> bool {
        let is_read = self.is_read;
        let invitation = self.entry(group);
        // A later event was delivered in the meantime.
        if head < invitation.upto {
            return false;
        }
        // A snapshot that is being read may show another state. The user is looked up again after it.
        let is_shown = invitation.is_pending || is_read && invitation.is_shown();
        let is_news = if is_pending { !invitation.is_pending || !invitation.is_certain } else { is_shown };
        *invitation = Invitation { group, upto: head, is_pending, is_certain: is_pending || is_read };
        self.forget_ended();
        is_news
    }

    /// Applies the end of a group. Returns whether to deliver it.
    pub(crate) fn take_deletion(&mut self, group: GroupId) -> bool {
        self.take_answer(group, Seq(i64::MAX), false)
    }

    /// Applies the removal of a member. Returns whether to deliver it: a later invitation may have been
    /// delivered.
    pub(crate) fn take_removal(&mut self, group: GroupId, seq: Seq) -> bool {
        let invitation = self.entry(group);
        if seq <= invitation.upto {
            return !invitation.is_pending || is_injected(Fault::StaleRemoval);
        }
        (invitation.upto, invitation.is_pending) = (seq, false);
        self.forget_ended();
        true
    }

    /// Whether a socket may show the membership of a group as pending.
    pub(crate) fn is_shown(&self, group: GroupId) -> bool {
        !self.is_read
            || self.known.iter().any(|invitation| invitation.group == group && invitation.is_shown())
    }

    /// Whether every socket received the membership as pending, and nothing after `head`. Otherwise an
    /// acceptance at `head` may be outdated.
    pub(crate) fn is_pending(&self, group: GroupId, head: Seq) -> bool {
        self.known.iter().any(|it| it.group == group && it.is_pending && it.is_certain && it.upto <= head)
    }

    /// The user is now a member.
    pub(crate) fn join(&mut self, group: GroupId) {
        self.known.retain(|invitation| invitation.group != group);
    }

    /// A socket's snapshot shows a pending membership of a group in which this node knows the user as a
    /// member.
    pub(crate) fn doubt(&mut self, group: GroupId) {
        self.entry(group).is_certain = false;
    }

    /// Applies the pending memberships of a socket's snapshot, given with the heads of their groups. Returns
    /// the groups to look up, because other sockets or held events may differ.
    pub(crate) fn take_snapshot(&mut self, shown: &[(GroupId, Seq)]) -> Vec<GroupId> {
        let is_first = !std::mem::replace(&mut self.is_read, true);
        for invitation in &mut self.known {
            let head = shown.iter().find(|(group, _)| *group == invitation.group).map(|(_, head)| *head);
            match head {
                Some(head) if is_first && head >= invitation.upto => {
                    *invitation =
                        Invitation { upto: head, is_pending: true, is_certain: true, ..*invitation };
                }
                Some(_) if is_first => {}
                None if is_first => invitation.is_certain = !invitation.is_pending,
                head => invitation.is_certain &= invitation.is_pending == head.is_some(),
            }
        }
        for (group, head) in shown {
            if !self.known.iter().any(|invitation| invitation.group == *group) {
                let upto = if is_first { *head } else { Seq(0) };
                self.known.push(Invitation {
                    group: *group,
                    upto,
                    is_pending: is_first,
                    is_certain: is_first,
                });
            }
        }
        self.known
            .iter()
            .filter(|invitation| !invitation.is_certain)
            .map(|invitation| invitation.group)
            .collect()
    }

    /// The groups for which the sockets received, or may have received, something other than `pending`.
    pub(crate) fn differences(&self, pending: &[GroupId]) -> Vec<GroupId> {
        let wrong = |it: &&Invitation| !it.is_certain || it.is_pending != pending.contains(&it.group);
        let known = self.known.iter().filter(wrong).map(|it| it.group);
        let unknown = pending.iter().filter(|id| !self.known.iter().any(|it| it.group == **id));
        known.chain(unknown.copied()).collect()
    }

    fn entry(&mut self, group: GroupId) -> &mut Invitation {
        let at = self.known.iter().position(|invitation| invitation.group == group).unwrap_or_else(|| {
            self.known.push(Invitation { group, upto: Seq(0), is_pending: false, is_certain: true });
            self.known.len() - 1
        });
        &mut self.known[at]
    }

    fn forget_ended(&mut self) {
        let is_ended = |it: &Invitation| !it.is_pending && it.is_certain;
        if self.known.iter().filter(|it| is_ended(it)).count() > MAX_ENDED
            && let Some(at) = self.known.iter().position(is_ended)
        {
            self.known.remove(at);
        }
    }
}

impl Invitation {
    /// Whether a socket may show the membership as pending.
    fn is_shown(&self) -> bool {
        self.is_pending || !self.is_certain && !is_injected(Fault::TrustDoubtful)
    }
}

//! The summary of a new socket, in pages. Each page is a snapshot of one moment.

use std::cmp::Reverse;

use super::message::show_to;
use super::{App, Context};
use crate::group::{Member, Summary};
use crate::limits::{LATEST, LISTED};
use crate::relation::Relations;
use crate::store::{CommitPoint, GroupPosition, Shown, Tx, Unread};
use crate::{Error, GroupId, Name, Result, Seq, UserId};

/// The number of groups on the first page. Later pages have as many as fit.
const FIRST: usize = 16;

/// The groups in a summary, and the number of their messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The number of groups, those with the latest activity first. Default: all, in order of id.
    pub groups: Option<usize>,
    /// The number of the newest messages of each group. Default: [`LATEST`].
    pub messages: Option<usize>,
}

/// The first part of a summary.
#[derive(Debug)]
pub struct Opening {
    /// The first groups.
    pub page: Vec<Summary>,
    /// The groups of later pages, in order.
    pub later: Vec<GroupId>,
    /// The number of groups that are left out.
    pub left_out: usize,
    /// The left out groups whose events the user receives.
    pub unshown: Vec<GroupId>,
    /// The user's relations and contacts, if there are no later pages.
    pub people: Option<People>,
    /// The head of every group whose events the user receives, at the same moment.
    pub heads: Vec<(GroupId, Seq)>,
    /// The same of every group that the user has yet to accept.
    pub pending: Vec<(GroupId, Seq)>,
    /// The point in the order of commits at that moment, for a socket with a window.
    pub point: Option<CommitPoint>,
}

/// The relations and contacts of a user.
#[derive(Debug, Default)]
pub struct People {
    pub relations: Relations,
    /// The user's contacts, for their presence.
    pub contacts: Vec<(UserId, Name)>,
}

/// A page of groups.
#[derive(Debug)]
pub struct SummaryPage {
    /// The groups of which the user is still a member.
    pub groups: Vec<Summary>,
    /// The user's relations and contacts, on the last page.
    pub people: Option<People>,
}

impl Window {
    /// Whether a parameter was given. Long lists of members are then left out as well.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    fn shown(&self) -> Shown {
        let members = if self.is_given() { LISTED } else { usize::MAX };
        Shown { messages: self.messages.unwrap_or(LATEST), members }
    }
}

/// The first part of a summary, from one snapshot. Of a key of a bot, `scope` has the groups, and no people are shown.
pub fn opening(tx: &dyn Tx, user: UserId, window: &Window, scope: Option<&[GroupId]>) -> Result<Opening> {
    // Others are not kept for a client that comes back.
    let point = if window.is_given() { Some(tx.commit_point()?) } else { None };
    let mut positions = tx.group_positions(user)?;
    let (mut heads, mut pending) = (Vec::with_capacity(positions.len()), Vec::new());
    for GroupPosition { group, head, pending: is_pending, .. } in &positions {
        if *is_pending { pending.push((*group, *head)) } else { heads.push((*group, *head)) }
    }
    if let Some(scope) = scope {
        positions.retain(|position| scope.contains(&position.group));
    }
    let all = positions.len();
    let mut invited = if pending.is_empty() { Vec::new() } else { tx.pending_beyond(user, 0)? };
    if let Some(limit) = window.groups {
        keep_newest(&mut positions, limit);
    }
    if window.groups.is_some() || scope.is_some() {
        invited.retain(|id| positions.iter().any(|position| position.group == *id));
    }
    let left_out = all - positions.len();
    let shown = positions.iter().filter(|position| !position.pending);
    let mut ids: Vec<_> = shown.map(|position| position.group).collect();
    let unshown = if left_out == 0 { Vec::new() } else { without(&heads, &ids) };
    let later = ids.split_off(ids.len().min(FIRST));
    // A pending member receives no events of these groups, so that they need no page of their own.
    ids.append(&mut invited);
    let page = summaries(tx, user, &ids, window)?;
    let people = match (later.is_empty(), scope) {
        (false, _) => None,
        (true, None) => Some(people(tx, user)?),
        (true, Some(_)) => Some(People::default()),
    };
    Ok(Opening { page, later, left_out, unshown, people, heads, pending, point })
}

/// The groups of `heads` that are not among `shown`.
fn without(heads: &[(GroupId, Seq)], shown: &[GroupId]) -> Vec<GroupId> {
    let mut shown = shown.to_vec();
    shown.sort_unstable();
    heads.iter().map(|(id, _)| *id).filter(|id| shown.binary_search(id).is_err()).collect()
}

impl App {
    /// The counts of what the calling user has not read in these groups, except those that are muted, each counted up to
    /// [`UNREAD`](crate::limits::UNREAD). Bounded by the caller.
    pub async fn unread(&self, context: &Context, groups: Vec<GroupId>) -> Result<Unread> {
        let now = self.clock().now();
        self.read(context, (groups, now), |tx, caller, (groups, now)| {
            let user = caller.user().ok_or(Error::Unauthenticated("a user's credential is needed"))?;
            tx.unread(user, groups, *now)
        })
        .await
    }
}

/// Those of the newest activity, newest first; of several alike the lower id.
fn keep_newest(positions: &mut Vec<GroupPosition>, limit: usize) {
    let order = |position: &GroupPosition| (Reverse(position.active), position.group);
    if limit < positions.len() {
        positions.select_nth_unstable_by_key(limit, order);
        positions.truncate(limit);
    }
    positions.sort_unstable_by_key(order);
}

/// A later page.
pub fn page(
    tx: &dyn Tx,
    user: UserId,
    ids: &[GroupId],
    is_last: bool,
    window: &Window,
    scope: Option<&[GroupId]>,
) -> Result<SummaryPage> {
    let groups = summaries(tx, user, ids, window)?;
    let people = match (is_last, scope) {
        (false, _) => None,
        (true, None) => Some(people(tx, user)?),
        (true, Some(_)) => Some(People::default()),
    };
    Ok(SummaryPage { groups, people })
}

/// The summaries of groups for this user: short for groups that it has not accepted, and with the current
/// blocks for private ones.
pub(super) fn summaries(tx: &dyn Tx, user: UserId, ids: &[GroupId], window: &Window) -> Result<Vec<Summary>> {
    let (mut groups, blocks) = (tx.summaries(user, ids, window.shown())?, tx.blocks(user)?);
    for summary in &mut groups {
        show_to(tx, Some(user), &mut summary.view.messages)?;
        summary.view.show_reads(&[user], &blocks);
        let is_other = |member: &Member| blocks.binary_search(&member.user).is_ok();
        if summary.view.group.private && summary.view.members.iter().any(is_other) {
            summary.view.restrict_all();
        }
        summary.hide_if_pending();
    }
    Ok(groups)
}

pub(super) fn people(tx: &dyn Tx, user: UserId) -> Result<People> {
    Ok(People { relations: tx.relations(user)?, contacts: tx.contacts(user)? })
}

impl SummaryPage {
    /// The head of each group whose events the user receives.
    pub fn heads(&self) -> Vec<(GroupId, Seq)> {
        let accepted = self.groups.iter().filter(|summary| !summary.pending);
        accepted.map(|summary| (summary.view.group.id, summary.view.group.head)).collect()
    }
}

//! The summary for a new socket, in pages. Each page is read from its own snapshot.

use std::cmp::Reverse;

use super::message::show_to;
use super::{App, Context};
use crate::group::{Member, Summary};
use crate::limits::{LATEST, MAX_LISTED_MEMBERS};
use crate::relation::Relations;
use crate::store::{CommitPoint, GroupPosition, Shown, Tx, Unread};
use crate::{Error, GroupId, Name, Result, Seq, UserId};

/// The number of groups on the first page. Later pages contain as many as fit.
const FIRST: usize = 16;

/// The part of a user's groups and messages that a summary contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The most groups, most recently active first. Default: all, in order of id.
    pub groups: Option<usize>,
    /// The most messages per group, newest first. Default: [`LATEST`].
    pub messages: Option<usize>,
}

/// The first part of a summary.
#[derive(Debug)]
pub struct Opening {
    /// The first groups.
    pub page: Vec<Summary>,
    /// The groups of the later pages, in order.
    pub later: Vec<GroupId>,
    /// The number of groups that the window excludes.
    pub left_out: usize,
    /// The excluded groups whose events the user receives.
    pub unshown: Vec<GroupId>,
    /// The user's relations and contacts. None if there are later pages.
    pub people: Option<People>,
    /// The heads of all groups whose events the user receives, from the same snapshot.
    pub heads: Vec<(GroupId, Seq)>,
    /// The heads of all groups that the user has not accepted yet, from the same snapshot.
    pub pending: Vec<(GroupId, Seq)>,
    /// The commit point of the snapshot. Only for a socket with a window.
    pub point: Option<CommitPoint>,
}

/// The relations and contacts of a user.
#[derive(Debug, Default)]
pub struct People {
    pub relations: Relations,
    /// The user's contacts, whose presence is to be shown.
    pub contacts: Vec<(UserId, Name)>,
}

/// A page of groups.
#[derive(Debug)]
pub struct SummaryPage {
    /// The groups of which the user is still a member.
    pub groups: Vec<Summary>,
    /// The user's relations and contacts. Only on the last page.
    pub people: Option<People>,
}

impl Window {
    /// Whether a parameter was given. If so, long lists of members are omitted as well.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    fn shown(&self) -> Shown {
        let members = if self.is_given() { MAX_LISTED_MEMBERS } else { usize::MAX };
        Shown { messages: self.messages.unwrap_or(LATEST), members }
    }
}

/// Reads the first part of a summary from one snapshot. `scope` limits it to the groups of a bot's key; then
/// no people are shown.
pub fn opening(tx: &dyn Tx, user: UserId, window: &Window, scope: Option<&[GroupId]>) -> Result<Opening> {
    // Only clients that use a window can resume from a commit point.
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
    // The user receives no events of groups that are not accepted, so these need no page of their own.
    ids.append(&mut invited);
    let page = summaries(tx, user, &ids, window)?;
    let people = match (later.is_empty(), scope) {
        (false, _) => None,
        (true, None) => Some(people(tx, user)?),
        (true, Some(_)) => Some(People::default()),
    };
    Ok(Opening { page, later, left_out, unshown, people, heads, pending, point })
}

/// The groups of `heads` that are not in `shown`.
fn without(heads: &[(GroupId, Seq)], shown: &[GroupId]) -> Vec<GroupId> {
    let mut shown = shown.to_vec();
    shown.sort_unstable();
    heads.iter().map(|(id, _)| *id).filter(|id| shown.binary_search(id).is_err()).collect()
}

impl App {
    /// The counts of what the calling user has not read in these groups. Muted groups are skipped, and each
    /// group is counted up to [`UNREAD`](crate::limits::UNREAD). The function that calls this bounds the
    /// number of groups.
    pub async fn unread(&self, context: &Context, groups: Vec<GroupId>) -> Result<Unread> {
        let now = self.clock().now();
        self.read(context, (groups, now), |tx, caller, (groups, now)| {
            let user = caller.user().ok_or(Error::Unauthenticated("a user's credential is required"))?;
            tx.unread(user, groups, *now)
        })
        .await
    }
}

/// Keeps the most recently active groups, most recent first. Ties are broken by the lower id.
fn keep_newest(positions: &mut Vec<GroupPosition>, limit: usize) {
    let order = |position: &GroupPosition| (Reverse(position.active), position.group);
    if limit < positions.len() {
        positions.select_nth_unstable_by_key(limit, order);
        positions.truncate(limit);
    }
    positions.sort_unstable_by_key(order);
}

/// Reads a later page.
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

/// The summaries of groups for this user: shortened for groups that it has not accepted, and with the current
/// blocks for private groups.
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
    /// The heads of the groups whose events the user receives.
    pub fn heads(&self) -> Vec<(GroupId, Seq)> {
        let accepted = self.groups.iter().filter(|summary| !summary.pending);
        accepted.map(|summary| (summary.view.group.id, summary.view.group.head)).collect()
    }
}

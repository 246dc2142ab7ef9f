//! What a socket is shown of the world when it comes: in pages, of which each is of one moment.

use crate::group::{Member, Summary};
use crate::limits::{LATEST, LISTED};
use crate::relation::Relations;
use crate::store::{Shown, Tx};
use crate::{GroupId, Name, Result, Seq, UserId};

/// Groups on the first page; later ones have as many as fit.
const FIRST: usize = 16;

/// Which groups a socket is shown, and how much of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// So many, those of the newest activity first. All in order of id where it is left out.
    pub groups: Option<usize>,
    /// So many of the newest messages of each. [`LATEST`] where it is left out.
    pub messages: Option<usize>,
}

/// What a socket is shown first.
#[derive(Debug)]
pub struct Opening {
    /// The first groups.
    pub page: Vec<Summary>,
    /// Those that are shown after them, in order.
    pub later: Vec<GroupId>,
    /// How many groups are not shown.
    pub left_out: usize,
    /// Whom the user knows, where nothing is shown later.
    pub people: Option<People>,
    /// The head of every group whose events the user is sent, of the same moment.
    pub heads: Vec<(GroupId, Seq)>,
}

/// Whom a user knows.
#[derive(Debug)]
pub struct People {
    /// The user's relations.
    pub relations: Relations,
    /// The user's contacts, for their presence.
    pub contacts: Vec<(UserId, Name)>,
}

/// A page of groups.
#[derive(Debug)]
pub struct Page {
    /// The groups that the user is still in.
    pub groups: Vec<Summary>,
    /// Whom the user knows, on the last page.
    pub people: Option<People>,
}

impl Window {
    /// Whether lists of members, too, are left out where they are long.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    fn shown(&self) -> Shown {
        let members = if self.is_given() { LISTED } else { usize::MAX };
        Shown { messages: self.messages.unwrap_or(LATEST), members }
    }
}

/// What a socket is shown first, all of one moment.
pub fn opening(tx: &dyn Tx, user: UserId, window: &Window) -> Result<Opening> {
    let heads = tx.heads_of(user)?;
    let mut pending = tx.pending_beyond(user, 0)?;
    let all = heads.len() + pending.len();
    let mut ids = match window.groups {
        None => heads.iter().map(|(id, _)| *id).collect(),
        Some(0) => Vec::new(),
        Some(limit) => tx.recent_groups(user, limit)?,
    };
    if window.groups.is_some() {
        pending.retain(|id| ids.contains(id));
        ids.retain(|id| !pending.contains(id));
    }
    let left_out = all.saturating_sub(ids.len() + pending.len());
    let later = ids.split_off(ids.len().min(FIRST));
    // Nothing happens to those that the user would have to be told: they need no page of their own.
    ids.append(&mut pending);
    let page = summaries(tx, user, &ids, window)?;
    let people = if later.is_empty() { Some(people(tx, user)?) } else { None };
    Ok(Opening { page, later, left_out, people, heads })
}

/// A later page.
pub fn page(tx: &dyn Tx, user: UserId, ids: &[GroupId], is_last: bool, window: &Window) -> Result<Page> {
    let groups = summaries(tx, user, ids, window)?;
    Ok(Page { groups, people: if is_last { Some(people(tx, user)?) } else { None } })
}

/// Groups as the user is shown them: little of what it has not accepted, and private ones as the
/// blocks between their users have it.
fn summaries(tx: &dyn Tx, user: UserId, ids: &[GroupId], window: &Window) -> Result<Vec<Summary>> {
    let (mut groups, blocks) = (tx.summaries(user, ids, window.shown())?, tx.blocks(user)?);
    for summary in &mut groups {
        summary.hide_if_pending();
        let is_other = |member: &Member| blocks.binary_search(&member.user).is_ok();
        if summary.view.group.private && summary.view.members.iter().any(is_other) {
            summary.view.restrict_all();
        }
    }
    Ok(groups)
}

fn people(tx: &dyn Tx, user: UserId) -> Result<People> {
    Ok(People { relations: tx.relations(user)?, contacts: tx.contacts(user)? })
}

impl Page {
    /// The last number of each group's log, of the groups whose events the user is sent.
    pub fn heads(&self) -> Vec<(GroupId, Seq)> {
        let accepted = self.groups.iter().filter(|summary| !summary.pending);
        accepted.map(|summary| (summary.view.group.id, summary.view.group.head)).collect()
    }
}

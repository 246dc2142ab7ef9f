//! What a socket is shown of the world when it comes: in pages, of which each is of one moment.

use crate::group::Summary;
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
    /// Every group's head, of the same moment.
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
    let mut ids = match window.groups {
        None => heads.iter().map(|(id, _)| *id).collect(),
        Some(0) => Vec::new(),
        Some(limit) => tx.recent_groups(user, limit)?,
    };
    let left_out = heads.len().saturating_sub(ids.len());
    let later = ids.split_off(ids.len().min(FIRST));
    let page = tx.summaries(user, &ids, window.shown())?;
    let people = if later.is_empty() { Some(people(tx, user)?) } else { None };
    Ok(Opening { page, later, left_out, people, heads })
}

/// A later page.
pub fn page(tx: &dyn Tx, user: UserId, ids: &[GroupId], is_last: bool, window: &Window) -> Result<Page> {
    let groups = tx.summaries(user, ids, window.shown())?;
    Ok(Page { groups, people: if is_last { Some(people(tx, user)?) } else { None } })
}

fn people(tx: &dyn Tx, user: UserId) -> Result<People> {
    Ok(People { relations: tx.relations(user)?, contacts: tx.contacts(user)? })
}

impl Page {
    /// The last number of each group's log.
    pub fn heads(&self) -> Vec<(GroupId, Seq)> {
        self.groups.iter().map(|summary| (summary.view.group.id, summary.view.group.head)).collect()
    }
}

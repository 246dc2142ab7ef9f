//! A user's groups in order of their latest activity, in pages. For the groups that the summary of a socket
//! omits.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::connect::{Window, summaries};
use super::{App, Context};
use crate::group::Summary;
use crate::store::{GroupPosition, Tx};
use crate::{Date, Error, GroupId, Name, Result, UserId};

/// The most groups that one job of the store reads. With 20 messages of maximum length each, they take about
/// 5 MiB.
pub const RECENT_PAGE: usize = 16;

/// A page of a user's groups, most recently active first. Ties are broken by the lower id.
#[derive(Debug, Clone)]
pub struct RecentPage {
    /// The position before the page.
    pub after: Option<RecentPlace>,
    /// The most groups. The caller must bound it.
    pub limit: usize,
    /// The number of newest messages per group.
    pub messages: usize,
    pub filter: RecentFilter,
}

/// A position in the order of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecentPlace {
    pub active: Reverse<Date>,
    pub group: GroupId,
}

/// The groups to include.
#[derive(Debug, Clone)]
pub enum RecentFilter {
    All,
    /// Those of these groups that the user is a member of.
    Ids(BTreeSet<GroupId>),
    /// The private group with this user.
    With(Name),
    /// The groups that the user has pinned.
    Pinned,
}

impl App {
    /// A page of the calling user's groups, in the same form as in the summary of a socket.
    pub async fn recent_groups(
        &self,
        context: &Context,
        page: RecentPage,
    ) -> Result<Vec<(RecentPlace, Summary)>> {
        self.read(context, page, |tx, caller, page| {
            let user =
                caller.user().ok_or_else(|| Error::forbidden("only a user has an order of its groups"))?;
            recent(tx, user, page)
        })
        .await
    }
}

fn recent(tx: &dyn Tx, user: UserId, page: &RecentPage) -> Result<Vec<(RecentPlace, Summary)>> {
    let mut positions = tx.group_positions(user)?;
    match &page.filter {
        RecentFilter::All => {}
        RecentFilter::Ids(ids) => positions.retain(|position| ids.contains(&position.group)),
        RecentFilter::With(name) => {
            let other = tx.users_named(std::slice::from_ref(name))?.pop().flatten();
            let pair = other.map(|other| tx.group_of_pair(user, other.id)).transpose()?.flatten();
            positions.retain(|position| Some(position.group) == pair);
        }
        RecentFilter::Pinned => positions.retain(|position| position.pinned),
    }
    let place =
        |position: &GroupPosition| RecentPlace { active: Reverse(position.active), group: position.group };
    let mut places: Vec<_> = positions.iter().map(place).collect();
    if let Some(after) = page.after {
        places.retain(|place| *place > after);
    }
    if page.limit < places.len() {
        places.select_nth_unstable(page.limit);
        places.truncate(page.limit);
    }
    places.sort_unstable();
    let ids: Vec<_> = places.iter().map(|place| place.group).collect();
    // Like a summary with a window: without the lists of members of large groups.
    let window = Window { groups: Some(ids.len()), messages: Some(page.messages) };
    let found = summaries(tx, user, &ids, &window)?;
    if found.len() != places.len() {
        return Err(Error::internal("a member's group is gone"));
    }
    // The store returns the groups in the order of `ids`.
    Ok(places.into_iter().zip(found).collect())
}

//! A user's groups in the order of their latest activity, in pages: those that the summary of a socket has left out.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::connect::{Window, summaries};
use super::{App, Context};
use crate::group::Summary;
use crate::store::{GroupPosition, Tx};
use crate::{Date, Error, GroupId, Name, Result, UserId};

/// Groups of one page that are read in one job of the store. With 20 of the longest messages each they are some 5 MiB.
pub const RECENT_PAGE: usize = 16;

/// A page of a user's groups, those with the latest activity first; of several alike the lower id.
#[derive(Debug, Clone)]
pub struct RecentPage {
    /// The place before the page.
    pub after: Option<RecentPlace>,
    /// At most so many groups. Bounded by the caller.
    pub limit: usize,
    /// The number of the newest messages of each.
    pub messages: usize,
    pub filter: RecentFilter,
}

/// A place in the order of activity: that of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecentPlace {
    pub active: Reverse<Date>,
    pub group: GroupId,
}

/// The groups that are asked for.
#[derive(Debug, Clone)]
pub enum RecentFilter {
    All,
    /// These, as far as the user is in them.
    Ids(BTreeSet<GroupId>),
    /// The private group with a user.
    With(Name),
    /// Those that the user has pinned.
    Pinned,
}

impl App {
    /// A page of the calling user's groups, each as in the summary of a socket.
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
    // As in a summary of which a part is asked for: without the lists of large groups.
    let window = Window { groups: Some(ids.len()), messages: Some(page.messages) };
    let found = summaries(tx, user, &ids, &window)?;
    if found.len() != places.len() {
        return Err(Error::internal("a member's group is gone"));
    }
    // The store answers in the order of the ids that it is given.
    Ok(places.into_iter().zip(found).collect())
}

//! `groups/?order=recent`: a user's groups by latest activity.

use std::cmp::Reverse;

use chinwag_core::app::recent::{RECENT_PAGE, RecentFilter, RecentPage, RecentPlace};
use chinwag_core::app::{App, Context};
use chinwag_core::group::Summary;
use chinwag_core::{Date, Error, GroupId};
use uuid::Uuid;

use super::list::{ListPosition, ListSource, Rows};
use crate::wire::fields::SelectedFields;
use crate::wire::object::Group;

/// The source of a list of the user's groups by latest activity.
pub(super) struct RecentGroupList {
    pub(super) app: App,
    pub(super) context: Context,
    pub(super) fields: SelectedFields,
    /// The number of newest messages to include for each group.
    pub(super) messages: usize,
    pub(super) filter: RecentFilter,
}

impl ListPosition for RecentPlace {
    fn sealed(self) -> Vec<u8> {
        [&self.active.0.micros().to_be_bytes()[..], self.group.0.as_bytes()].concat()
    }

    fn opened(bytes: &[u8]) -> Option<Self> {
        let (date, id) = bytes.split_first_chunk()?;
        let active = Reverse(Date::from_micros(i64::from_be_bytes(*date)));
        Some(RecentPlace { active, group: GroupId(Uuid::from_slice(id).ok()?) })
    }
}

impl ListSource for RecentGroupList {
    const NAME: &str = "recent groups";
    const PART: usize = RECENT_PAGE;
    type Place = RecentPlace;

    async fn rows(&self, after: Option<RecentPlace>, limit: usize) -> Result<Rows<RecentPlace>, Error> {
        let (messages, filter) = (self.messages, self.filter.clone());
        let page = RecentPage { after, limit, messages, filter };
        let found = self.app.recent_groups(&self.context, page).await?;
        let row = |(place, summary): &(RecentPlace, Summary)| {
            Ok((*place, Some(self.fields.json(&Group::summary(summary))?)))
        };
        found.iter().map(row).collect()
    }
}

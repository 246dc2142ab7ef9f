//! Parameters of the list of a user's groups by activity.

use std::collections::BTreeSet;

use chinwag_core::app::recent::RecentFilter;
use chinwag_core::limits::{IDS_PAGE, LATEST};
use chinwag_core::{Error, GroupId, Name, Result};

use super::{Query, digits};

impl Query {
    /// Whether groups are requested in the order of their activity.
    pub(crate) fn is_by_activity(&self) -> Result<bool> {
        match self.get("order")? {
            None => Ok(false),
            Some("recent") => Ok(true),
            Some(_) => Err(Error::field("order", "must be recent, or omitted")),
        }
    }

    /// Refuses the parameters of this list in a request for another one.
    pub(crate) fn refuse_by_activity(&self) -> Result<()> {
        for key in ["messages", "ids", "with", "pinned"] {
            if self.get(key)?.is_some() {
                return Err(Error::field(key, "applies only to groups by their activity: add order=recent"));
            }
        }
        Ok(())
    }

    /// The number of newest messages to include for each group.
    pub(crate) fn messages_shown(&self) -> Result<usize> {
        let Some(text) = self.get("messages")? else { return Ok(LATEST) };
        let number = digits(text).and_then(|number| usize::try_from(number).ok());
        let number = number.filter(|number| *number <= LATEST);
        number.ok_or_else(|| Error::field("messages", format!("must be a number from 0 to {LATEST}")))
    }

    /// The requested groups: all, or those of one of `ids`, `with` and `pinned`.
    pub(crate) fn recent_filter(&self) -> Result<RecentFilter> {
        let (ids, with, pinned) = (self.get("ids")?, self.get("with")?, self.get("pinned")?);
        match (ids, with, pinned) {
            (None, None, None) => Ok(RecentFilter::All),
            (Some(ids), None, None) => group_ids(ids).map(RecentFilter::Ids),
            (None, Some(name), None) => {
                Name::parse(name).map(RecentFilter::With).map_err(|why| Error::field("with", why))
            }
            (None, None, Some("true")) => Ok(RecentFilter::Pinned),
            (None, None, Some(_)) => Err(Error::field("pinned", "must be true, or omitted")),
            (Some(_), ..) => Err(Error::field("ids", "is a separate filter: omit with and pinned")),
            _ => Err(Error::field("with", "is a separate filter: omit pinned")),
        }
    }
}

/// Ids separated by commas.
fn group_ids(text: &str) -> Result<BTreeSet<GroupId>> {
    let ids = text.split(',').filter(|text| !text.is_empty());
    let ids: BTreeSet<GroupId> =
        ids.map(|id| id.parse().map_err(|why| Error::field("ids", why))).collect::<Result<_>>()?;
    if ids.len() > IDS_PAGE {
        return Err(Error::field("ids", format!("contains more than {IDS_PAGE} ids: request fewer")));
    }
    Ok(ids)
}

//! A few matching users, groups and messages at once, for a search box.

use super::directory::{self, Part};
use super::search::{Hit, Search, find};
use super::{App, Context};
use crate::group::Group;
use crate::limits::{Directory, LIST_PAGE};
use crate::profile::ProfileCard;
use crate::search::SearchQuery;
use crate::store::Tx;
use crate::user::Caller;
use crate::{GroupId, Result};

/// The most results of each kind.
const SHOWN: usize = 5;
/// The most pages of groups that are read for a service, which sees all groups.
const PAGES: usize = 10;

/// The first results of each kind.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Users whose name or display name begins with the text, as far as the caller can find them.
    pub people: Vec<ProfileCard>,
    /// The caller's groups whose name contains a word that begins with the text.
    pub groups: Vec<Group>,
    pub messages: Vec<Hit>,
    /// The progress of building the message index, in percent. None when it is complete.
    pub indexing: Option<u8>,
}

impl App {
    /// The users, groups and messages that match a text.
    pub async fn overview(&self, context: &Context, text: String) -> Result<Overview> {
        let query = (text, self.user_rules().directory);
        self.read(context, query, |tx, caller, (text, directory)| {
            let (messages, indexing) = match SearchQuery::parse(text) {
                Ok(query) => {
                    let page = find(tx, caller, &Search::new(query, SHOWN))?;
                    (page.hits, page.indexing)
                }
                Err(_) => (Vec::new(), None),
            };
            Ok(Overview {
                people: people(tx, caller, *directory, text)?,
                groups: groups(tx, caller, text)?,
                messages,
                indexing,
            })
        })
        .await
    }
}

fn people(tx: &dyn Tx, caller: Caller, directory: Directory, text: &str) -> Result<Vec<ProfileCard>> {
    // Names are matched by their prefix anyway, so the asterisk is not needed.
    let prefix = text.trim().trim_end_matches('*').to_owned();
    let part = Part { prefix: Some(prefix), after: None, limit: SHOWN };
    let users = directory::page(tx, caller, directory, &part)?;
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let profiles = users.into_iter().zip(tx.details(&ids)?).filter_map(|(user, details)| {
        let details = details?;
        let (display_name, avatar, kind) = (details.display_name, details.avatar, details.kind);
        Some(ProfileCard { name: user.name, display_name, avatar, kind })
    });
    Ok(profiles.collect())
}

fn groups(tx: &dyn Tx, caller: Caller, text: &str) -> Result<Vec<Group>> {
    let Some(query) = SearchQuery::beginning(text) else { return Ok(Vec::new()) };
    let (mut found, mut after): (Vec<Group>, Option<GroupId>) = (Vec::new(), None);
    for _ in 0..PAGES {
        let page = match caller {
            Caller::Service => tx.groups_page(after, LIST_PAGE)?,
            Caller::User(me) => tx.groups_of(me, after, LIST_PAGE)?,
        };
        let is_last = page.len() < LIST_PAGE;
        after = page.last().map(|group| group.id);
        found.extend(page.into_iter().filter(|group| !group.private && query.find(&group.name).is_some()));
        if is_last || found.len() >= SHOWN {
            break;
        }
    }
    found.truncate(SHOWN);
    Ok(found)
}

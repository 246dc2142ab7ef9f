//! Sends the summary of a new socket, page by page. On the wire all groups are one `group.summary`: a single frame if
//! they fit on one page, else one message in fragments.
//!
//! Each page is encoded within its read, so that sockets which open at the same time hold encoded pages instead of
//! member lists.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::app::connect::{People, opening, page};
use chinwag_core::app::profile::cards;
use chinwag_core::group::Summary;
use chinwag_core::store::Tx;
use chinwag_core::{Error, GroupId, Result, UserId};
use chinwag_hub::{Close, Memberships};

use super::more;
use super::session::Session;
use crate::wire::events;
use crate::wire::frame::Fragment;
use crate::wire::object::Group;
use crate::wire::summary::{self, Head};

/// The target size of a page, in bytes.
const PAGE: usize = 64 * 1024;
/// The maximum number of groups on a page, and the number on the first page after the opening.
const GROUPS: usize = 64;
const GROUPS_FIRST: usize = 8;

impl Session {
    /// Sends the summary, then switches the socket to live events.
    pub(super) async fn open(self: Arc<Self>) -> usize {
        let (hub, window, history) = (&self.state.hub, self.window, self.state.app.history());
        let scope = self.scope();
        let shown = move |tx: &dyn Tx, user| {
            let mut opening = opening(tx, user, &window, scope.as_deref())?;
            let page = mem::take(&mut opening.page);
            let memberships = Memberships {
                accepted: mem::take(&mut opening.heads),
                pending: mem::take(&mut opening.pending),
            };
            let head = Head { history, left_out: window.is_given().then_some(opening.left_out) };
            let mut shown = shown_users(&page);
            let frame = if opening.later.is_empty() {
                summary::whole(head, &groups(&page), &cards(tx, mem::take(&mut shown))?)
            } else {
                summary::part(Fragment::First, head, &groups(&page), &[])
            };
            Ok(((opening, frame, shown), memberships))
        };
        let mut subscribed = hub.subscribe(&self.connection, shown).await;
        let (mut left_out, mut unshown) = (0, Vec::new());
        if let Ok(Some(((opening, ..), _))) = &mut subscribed {
            (left_out, unshown) = (opening.left_out, mem::take(&mut opening.unshown));
            self.answered().point = opening.point;
        }
        let shown = match subscribed {
            Ok(Some(((opening, first, _), heads))) if opening.later.is_empty() => {
                let frames = self.with_people(first, opening.people.as_ref());
                hub.go_live(&self.connection, frames, &heads);
                Ok(())
            }
            Ok(Some(((opening, first, shown), heads))) => {
                hub.begin_pages(&self.connection, first, heads, &opening.later);
                self.show_pages(&opening.later, shown).await
            }
            // The socket is being closed.
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = shown {
            tracing::error!(%error, "a socket's summary failed");
            hub.close(&self.connection, Close::Fault);
        } else if left_out > 0 {
            more::begin(&self, unshown);
        }
        1
    }

    /// Sends the groups that are not on the first page, page by page, each after the previous one is written. The
    /// last page ends with the profiles of the users on all pages. `shown`: the users on the first page.
    async fn show_pages(&self, mut later: &[GroupId], mut shown: BTreeSet<UserId>) -> Result<()> {
        let (hub, window, history) = (&self.state.hub, self.window, self.state.app.history());
        let mut size = GROUPS_FIRST;
        while !later.is_empty() {
            let (ids, rest) = later.split_at(size.min(later.len()));
            let (asked, is_last, scope) = (ids.to_vec(), rest.is_empty(), self.scope());
            let part = if is_last { Fragment::Last } else { Fragment::Middle };
            let before = if is_last { mem::take(&mut shown) } else { BTreeSet::new() };
            let read = move |tx: &dyn Tx, user: UserId| {
                let page = page(tx, user, &asked, is_last, &window, scope.as_deref())?;
                let heads = page.heads();
                let mut shown = shown_users(&page.groups);
                let people = if is_last {
                    cards(tx, before.iter().copied().chain(mem::take(&mut shown)))?
                } else {
                    Vec::new()
                };
                let head = Head { history, left_out: None };
                let frame = summary::part(part, head, &groups(&page.groups), &people);
                Ok(((frame, page.people, shown), heads))
            };
            let Some((frame, people, more)) = hub.read_page(&self.connection, ids, read).await? else {
                return Ok(());
            };
            shown.extend(more);
            size = (size * PAGE / frame.len().max(1)).clamp(1, GROUPS);
            later = rest;
            if is_last {
                let people = people.ok_or_else(|| Error::internal("the last page has no people"))?;
                hub.go_live(&self.connection, self.with_people(frame, Some(&people)), &[]);
            } else {
                hub.send_first(&self.connection, vec![frame]);
            }
        }
        Ok(())
    }

    /// The frame, followed by the frames about the user's contacts.
    fn with_people(&self, frame: Bytes, people: Option<&People>) -> Vec<Bytes> {
        let mut frames = vec![frame];
        frames.extend(people.into_iter().flat_map(|people| self.contact_frames(people)));
        frames
    }

    /// The frames with the user's relations, and with the presence of each contact who is online.
    pub(in crate::ws) fn contact_frames(&self, People { relations, contacts }: &People) -> Vec<Bytes> {
        let ids: Vec<_> = contacts.iter().map(|(id, _)| *id).collect();
        let statuses = self.state.hub.status_of(&ids);
        let names = contacts.iter().map(|(_, name)| name);
        let presence: Vec<_> = names.zip(statuses).collect();
        let mut relations = relations.clone();
        if !self.state.app.limits().show_blocked_by {
            relations.blocked_by.clear();
        }
        events::contacts(&relations, &presence)
    }
}

/// The users whose profiles accompany these groups.
fn shown_users(page: &[Summary]) -> BTreeSet<UserId> {
    page.iter().flat_map(|summary| summary.view.shown_users()).collect()
}

fn groups(page: &[Summary]) -> Vec<Group<'_>> {
    page.iter().map(Group::summary).collect()
}

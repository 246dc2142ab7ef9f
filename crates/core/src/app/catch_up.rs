//! Catching up: the events of a group that one node of a cluster has missed, as connected sockets receive
//! them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::entry::live_entries;
use super::resume::show_profile;
use super::thread::Roots;
use super::{brief, complete_view, show_mentioned, show_reads};
use crate::event::{Audience, Event, Kind};
use crate::group::{Member, View};
use crate::limits::RESUME_EVENTS;
use crate::log::{LogEntry, LogRow};
use crate::store::Tx;
use crate::{GroupId, Result, Seq, UserId};

/// Up to this many members are looked up one by one.
const MAX_SINGLE_LOOKUPS: usize = 8;

/// The missed events of a group, with its current state, from one snapshot.
#[derive(Debug, Clone)]
pub struct CaughtUp {
    /// The head of the group's log.
    pub head: Seq,
    /// The events with the requested numbers, in order. Empty if there are too many.
    pub events: Vec<Event>,
    /// Whether there are too many events to return.
    pub too_far: bool,
    /// The requested users who are members and have accepted, in ascending order.
    pub members: Vec<UserId>,
    /// The requested users who have not accepted the group yet, in ascending order.
    pub pending: Vec<UserId>,
    /// The complete view of the group, if requested.
    pub view: Option<Arc<View>>,
}

/// A node's request for missed events of a group.
#[derive(Debug, Clone)]
pub struct CatchUpRequest {
    pub group: GroupId,
    /// The last number that the node has.
    pub after: Seq,
    /// The last number that the node knows of.
    pub upto: Seq,
    /// Users whose membership the node needs to know.
    pub users: Vec<UserId>,
    /// Whether the node needs the view of the group.
    pub view: bool,
}

/// Reads the missed events of a group. `None` if the group does not exist.
pub fn catch_up(tx: &dyn Tx, asked: &CatchUpRequest) -> Result<Option<CaughtUp>> {
    let group = asked.group;
    let Some(found) = tx.group(group)? else { return Ok(None) };
    let upto = asked.upto.min(found.head);
    let count = usize::try_from(upto.0 - asked.after.0).unwrap_or(0);
    let too_far = count > RESUME_EVENTS;
    let entries = if count == 0 || too_far { Vec::new() } else { tx.log(group, asked.after, count)? };
    let roots = Roots::of_rows(tx, group, &entries)?;
    let mut view = if asked.view { Some(complete_view(tx, group)?) } else { None };
    if let Some(view) = view.as_mut().filter(|_| asked.users.len() <= MAX_SINGLE_LOOKUPS) {
        show_reads(tx, view, &asked.users)?;
    }
    let (pending, members) = members_among(tx, group, &asked.users)?;
    if let Some(view) = view.as_mut().filter(|_| members.len() <= MAX_SINGLE_LOOKUPS) {
        show_mentioned(tx, view, &members)?;
    }
    Ok(Some(CaughtUp {
        head: found.head,
        events: events(tx, group, asked.after, entries, &roots)?,
        too_far,
        members,
        pending,
        view,
    }))
}

/// The pending members among `users`, and the other members, each in ascending order. Looks up a few users
/// one by one; for many, reads all members.
fn members_among(tx: &dyn Tx, group: GroupId, users: &[UserId]) -> Result<(Vec<UserId>, Vec<UserId>)> {
    let asked: BTreeSet<_> = users.iter().copied().collect();
    let mut members = if users.len() <= MAX_SINGLE_LOOKUPS {
        let mut found = Vec::with_capacity(users.len());
        for user in &asked {
            found.extend(tx.member(group, *user)?);
        }
        found
    } else {
        tx.members(group)?.into_iter().filter(|member| asked.contains(&member.user)).collect()
    };
    members.sort_unstable_by_key(|member| member.user);
    let (pending, accepted): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| member.pending);
    let ids = |members: Vec<Member>| members.into_iter().map(|member| member.user).collect();
    Ok((ids(pending), ids(accepted)))
}

/// The events of the log entries after `after`, for connected sockets. Each change of the group becomes an
/// event with its own number, its entry, and the current state of the group. The rename of a user becomes
/// two: an event without a number, and a numbered one that is delivered to nobody.
fn events(tx: &dyn Tx, group: GroupId, after: Seq, rows: Vec<LogRow>, roots: &Roots) -> Result<Vec<Event>> {
    let mut events = Vec::with_capacity(rows.len());
    let mut changes = if rows.iter().any(|row| row.entry.changes_group()) {
        Some((brief(tx, group)?, live_entries(tx, group, after, rows.len())?))
    } else {
        None
    };
    for LogRow { seq, entry, message } in rows {
        let of = entry.roots();
        if let LogEntry::MemberRenamed { user, .. } = entry {
            if let Some(mut kind) = entry.event(group, None) {
                show_profile(tx, &mut kind)?;
                let to = Audience::Others(group, tx.blocked_strangers(user)?);
                events.push(Event { kind, to, seq: None, origin: None });
            }
            events.push(Event::in_group(Kind::MemberChanged { group, left: None }, group, seq));
        } else if entry.changes_group() {
            let Some((view, entries)) = &mut changes else { continue };
            let (view, entry) = (view.clone(), entries.remove(&seq).map(Arc::new));
            let kind = Kind::GroupUpdate { view, joined: Vec::new(), left: Vec::new(), entry };
            events.push(Event::in_group(kind, group, seq));
        } else if let Some(mut kind) = entry.live_event(tx, group, message)? {
            roots.add_to(&mut kind, &of);
            events.push(Event::in_group(kind, group, seq));
        }
    }
    Ok(events)
}

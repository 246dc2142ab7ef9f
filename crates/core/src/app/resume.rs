//! Resuming: what a client has missed of its groups since the last number that it holds.

use std::collections::BTreeMap;

use super::{App, Context, standing};
use crate::event::{Event, Kind};
use crate::limits::{RESUME_EVENTS, RESUME_TOTAL};
use crate::store::{Entry, Logged, Tx};
use crate::{Error, GroupId, Result, Seq, UserId};

/// What was missed, all of one snapshot of the store.
#[derive(Debug, Clone, Default)]
pub struct Resumed {
    /// What happened, group by group, in ascending order of number within each.
    pub events: Vec<Event>,
    /// The head of each group that was answered: what is sent after it follows.
    pub heads: BTreeMap<GroupId, Seq>,
    /// The groups that were not, and why.
    pub refused: BTreeMap<GroupId, Refusal>,
}

/// Why a group cannot be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The number is past the group's last.
    SeqAhead,
    /// There is no such group, or the user is not in it.
    NotFound,
    /// Too much has happened since: the client reads the history instead.
    TooFar,
}

impl Refusal {
    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SeqAhead => "seq_ahead",
            Self::NotFound => "not_found",
            Self::TooFar => "too_far",
        }
    }
}

impl App {
    /// What has happened in the calling user's groups after the numbers that it holds.
    pub async fn resume(&self, context: &Context, since: Vec<(GroupId, Seq)>) -> Result<Resumed> {
        self.read(context, since, |tx, context, since| {
            let user =
                context.caller.user().ok_or(Error::Unauthenticated("a user's credential is needed"))?;
            let mut resumed = Resumed::default();
            for (group, after) in since {
                match missed(tx, user, *group, *after, RESUME_TOTAL - resumed.events.len())? {
                    Ok((head, events)) => {
                        resumed.events.extend(events);
                        resumed.heads.insert(*group, head);
                    }
                    Err(refusal) => {
                        resumed.refused.insert(*group, refusal);
                    }
                }
            }
            Ok(resumed)
        })
        .await
    }
}

type Missed = std::result::Result<(Seq, Vec<Event>), Refusal>;

fn missed(tx: &dyn Tx, user: UserId, group: GroupId, after: Seq, room: usize) -> Result<Missed> {
    if tx.member(group, user)?.is_none() {
        return Ok(Err(Refusal::NotFound));
    }
    let head = tx.group(group)?.ok_or_else(|| Error::internal("a member's group is gone"))?.head;
    let most = RESUME_EVENTS.min(room);
    if after > head {
        return Ok(Err(Refusal::SeqAhead));
    }
    let Some(count) = usize::try_from(head.0 - after.0).ok().filter(|count| *count <= most) else {
        return Ok(Err(Refusal::TooFar));
    };
    let entries = tx.log(group, after, count)?;
    if entries.len() != count || entries.last().is_some_and(|entry| entry.seq != head) {
        return Err(Error::internal(format!("the log of group {group} has a gap after {after}")));
    }
    Ok(Ok((head, events(tx, group, entries)?)))
}

/// The events that a client is sent for a stretch of a group's log. All of its changes of the
/// group are told as one, with the last one's number.
fn events(tx: &dyn Tx, group: GroupId, entries: Vec<Entry>) -> Result<Vec<Event>> {
    let changed = |entry: &Entry| matches!(entry.what, Logged::Group | Logged::Renamed { .. });
    let last_change = entries.iter().rev().find(|entry| changed(entry)).map(|entry| entry.seq);
    let mut events = Vec::with_capacity(entries.len());
    for Entry { seq, what } in entries {
        let kind = match what {
            Logged::Sent(message) => Kind::MessageText(message),
            Logged::Edited(Some(message)) => Kind::MessageUpdate(message),
            Logged::Deleted { id, seq } => Kind::MessageDelete { id, group, seq },
            Logged::Erased | Logged::Edited(None) => continue,
            Logged::Renamed { user, name, new_name } => {
                let kind = Kind::UserUpdate { user, name, new_name };
                events.push(Event { seq: None, ..Event::in_group(kind, group, seq) });
                if Some(seq) != last_change {
                    continue;
                }
                as_it_stands(tx, group)?
            }
            Logged::Group if Some(seq) == last_change => as_it_stands(tx, group)?,
            Logged::Group => continue,
        };
        events.push(Event::in_group(kind, group, seq));
    }
    Ok(events)
}

fn as_it_stands(tx: &dyn Tx, group: GroupId) -> Result<Kind> {
    let view = standing(tx, group)?;
    Ok(Kind::GroupUpdate { view, joined: vec![], left: vec![] })
}

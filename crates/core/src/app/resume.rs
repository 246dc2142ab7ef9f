//! Resuming: what a client has missed of its groups since the last number that it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{App, Context, brief, standing};
use crate::event::{Event, Kind};
use crate::group::View;
use crate::limits::{RESUME_EVENTS, RESUME_TOTAL};
use crate::store::{Entry, Logged, Tx};
use crate::{Error, GroupId, Result, Seq, UserId};

/// Members that are looked up one by one.
const FEW: usize = 8;

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
    /// The numbers that the client holds are another history's: it starts over from the summaries.
    HistoryChanged,
}

/// What a client holds, and asks what came after.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// The last number held of each group.
    pub since: Vec<(GroupId, Seq)>,
    /// The history that these are numbers of, as the client was told it.
    pub history: Option<Box<str>>,
}

impl Refusal {
    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SeqAhead => "seq_ahead",
            Self::NotFound => "not_found",
            Self::TooFar => "too_far",
            Self::HistoryChanged => "history_changed",
        }
    }
}

impl Resumed {
    /// Everything is refused, for the same reason.
    pub fn refusing(groups: impl IntoIterator<Item = GroupId>, refusal: Refusal) -> Self {
        Self { refused: groups.into_iter().map(|group| (group, refusal)).collect(), ..Self::default() }
    }
}

impl App {
    /// Whether what a client holds belongs to the history of this store, as far as the client says.
    pub fn is_of_this_history(&self, resume: &Resume) -> bool {
        let own = self.history().to_string();
        resume.history.as_ref().is_none_or(|history| history.eq_ignore_ascii_case(&own))
    }

    /// What has happened in the calling user's groups after the numbers that it holds.
    pub async fn resume(&self, context: &Context, since: Vec<(GroupId, Seq)>) -> Result<Resumed> {
        self.read(context, since, |tx, caller, since| {
            let user = caller.user().ok_or(Error::Unauthenticated("a user's credential is needed"))?;
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

/// What a node has missed of a group, and how the group stands, all of one snapshot of the store.
#[derive(Debug, Clone)]
pub struct CaughtUp {
    /// The last number of the group's log.
    pub head: Seq,
    /// What happened in the numbers asked for, in their order; nothing if they were too many.
    pub events: Vec<Event>,
    /// Whether they were too many.
    pub too_far: bool,
    /// Which of the users asked about are members, in ascending order.
    pub members: Vec<UserId>,
    /// The group as everybody in it sees it, if it was asked for.
    pub view: Option<Arc<View>>,
}

/// What a node asks about a group.
#[derive(Debug, Clone)]
pub struct Behind {
    /// Which group.
    pub group: GroupId,
    /// The last number that the node has.
    pub after: Seq,
    /// The last that it knows of.
    pub upto: Seq,
    /// Users of whom it must know whether they are members.
    pub users: Vec<UserId>,
    /// Whether it needs to show the group to somebody.
    pub view: bool,
}

/// Reads what a node has missed of a group; nothing if there is no such group.
pub fn catch_up(tx: &dyn Tx, asked: &Behind) -> Result<Option<CaughtUp>> {
    let group = asked.group;
    let Some(found) = tx.group(group)? else { return Ok(None) };
    let upto = asked.upto.min(found.head);
    let count = usize::try_from(upto.0 - asked.after.0).unwrap_or(0);
    let too_far = count > RESUME_EVENTS;
    let entries = if count == 0 || too_far { Vec::new() } else { tx.log(group, asked.after, count)? };
    let view = if asked.view { Some(standing(tx, group)?) } else { None };
    Ok(Some(CaughtUp {
        head: found.head,
        events: events(tx, group, entries)?,
        too_far,
        members: members_among(tx, group, &asked.users)?,
        view,
    }))
}

/// A few are looked up one by one, many by reading all members.
fn members_among(tx: &dyn Tx, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>> {
    let mut members: Vec<UserId> = if users.len() <= FEW {
        let mut found = Vec::with_capacity(users.len());
        for user in users {
            found.extend(tx.member(group, *user)?.map(|member| member.user));
        }
        found
    } else {
        let asked: BTreeSet<_> = users.iter().copied().collect();
        let all = tx.members(group)?.into_iter().map(|member| member.user);
        all.filter(|user| asked.contains(user)).collect()
    };
    members.sort_unstable();
    members.dedup();
    Ok(members)
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
    Ok(Kind::GroupUpdate { view: brief(tx, group)?, joined: vec![], left: vec![] })
}

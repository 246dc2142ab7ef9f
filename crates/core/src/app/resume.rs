//! Resuming: what a client has missed of its groups since the last number that it holds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{App, Context, brief, standing};
use crate::event::{Event, Kind};
use crate::group::View;
use crate::limits::{RESUME_EVENTS, RESUME_TOTAL};
use crate::store::{Entry, Logged, Tx};
use crate::{Error, GroupId, Result, Seq, UserId};

/// Members that are looked up one by one.
const FEW: usize = 8;

/// What a page of a resume has at most: so many numbers, and about so many bytes.
const PAGE: usize = 256;
const PAGE_BYTES: usize = 64 * 1024;
/// Numbers that are read at a time, at first: their messages may be long.
const CHUNK: usize = 16;

/// What was answered of each group.
#[derive(Debug, Clone, Default)]
pub struct Resumed {
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
    /// The user was added and has not accepted.
    Pending,
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
            Self::Pending => "pending",
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

    /// The next page of what has happened in the calling user's groups after the numbers that it
    /// holds, group by group, in ascending order of number within each. Each page is of another
    /// moment, and none has more than a group's head was when its first was read.
    pub async fn resume_page(&self, context: &Context, resuming: Resuming) -> Result<(Resuming, Vec<Event>)> {
        self.read(context, resuming, |tx, caller, resuming| {
            let user = caller.user().ok_or(Error::Unauthenticated("a user's credential is needed"))?;
            let mut resuming = resuming.clone();
            let events = resuming.page(tx, user)?;
            Ok((resuming, events))
        })
        .await
    }
}

/// A resume that is read in pages, and how far it is.
#[derive(Debug, Clone, Default)]
pub struct Resuming {
    /// What was answered so far; of a group that is answered in part, the last number told.
    pub resumed: Resumed,
    /// Whether the user has lost a group that was answered in part: the rest cannot be told.
    pub is_lost: bool,
    asked: VecDeque<(GroupId, Seq)>,
    group: Option<Stretch>,
    /// Numbers that were read so far.
    read: usize,
}

/// What is still to be told of one group.
#[derive(Debug, Clone)]
struct Stretch {
    group: GroupId,
    after: Seq,
    head: Seq,
    /// The number with which its changes are told.
    last_change: Option<Seq>,
}

impl Resuming {
    /// Begins to resume groups after these numbers.
    pub fn new(since: Vec<(GroupId, Seq)>) -> Self {
        Self { asked: since.into(), ..Self::default() }
    }

    /// Whether nothing more is to be read.
    pub fn is_done(&self) -> bool {
        self.is_lost || self.asked.is_empty() && self.group.is_none()
    }

    fn page(&mut self, tx: &dyn Tx, user: UserId) -> Result<Vec<Event>> {
        if let Some(Stretch { group, .. }) = &self.group
            && tx.member(*group, user)?.is_none_or(|member| member.pending)
        {
            self.is_lost = true;
            return Ok(Vec::new());
        }
        let (mut page, mut bytes, mut chunk, from) = (Vec::new(), 0, CHUNK, self.read);
        while bytes < PAGE_BYTES && self.read - from < PAGE {
            let Some(mut stretch) = self.next(tx, user)? else { break };
            let left = usize::try_from(stretch.head.0 - stretch.after.0).unwrap_or(0);
            let count = left.min(chunk).min(PAGE - (self.read - from));
            let entries = tx.log(stretch.group, stretch.after, count)?;
            let upto = Seq(stretch.after.0 + i64::try_from(count).unwrap_or(0));
            if entries.len() != count || entries.last().is_some_and(|entry| entry.seq != upto) {
                let Stretch { group, after, .. } = stretch;
                return Err(Error::internal(format!("the log of group {group} has a gap after {after}")));
            }
            let told = events(tx, stretch.group, entries, stretch.last_change)?;
            let size: usize = told.iter().map(size_of_event).sum();
            (self.read, bytes) = (self.read + count, bytes + size);
            chunk = if size < PAGE_BYTES / 4 { (chunk * 2).min(PAGE) } else { CHUNK };
            page.extend(told);
            stretch.after = upto;
            self.resumed.heads.insert(stretch.group, upto);
            self.group = (upto < stretch.head).then_some(stretch);
        }
        Ok(page)
    }

    /// What is to be read next; groups that cannot be resumed are refused.
    fn next(&mut self, tx: &dyn Tx, user: UserId) -> Result<Option<Stretch>> {
        if let Some(stretch) = self.group.take() {
            return Ok(Some(stretch));
        }
        while let Some((group, after)) = self.asked.pop_front() {
            match missed(tx, user, group, after, RESUME_TOTAL - self.read)? {
                Ok(stretch) => return Ok(Some(stretch)),
                Err(refusal) => self.resumed.refused.insert(group, refusal),
            };
        }
        Ok(None)
    }
}

/// About how many bytes an event has on the wire.
fn size_of_event(event: &Event) -> usize {
    const REST: usize = 256;
    REST + match &event.kind {
        Kind::MessageText(message) | Kind::MessageUpdate(message) => message.body.len(),
        Kind::GroupUpdate { view, .. } => {
            view.members.iter().map(|member| member.name.as_str().len() + 3).sum()
        }
        _ => 0,
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
    /// Which of the users asked about are members who have accepted, in ascending order.
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
    let changed = |entry: &&Entry| matches!(entry.what, Logged::Group | Logged::Renamed { .. });
    let last_change = entries.iter().rev().find(changed).map(|entry| entry.seq);
    let view = if asked.view { Some(standing(tx, group)?) } else { None };
    Ok(Some(CaughtUp {
        head: found.head,
        events: events(tx, group, entries, last_change)?,
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
            let member = tx.member(group, *user)?.filter(|member| !member.pending);
            found.extend(member.map(|member| member.user));
        }
        found
    } else {
        let asked: BTreeSet<_> = users.iter().copied().collect();
        let all = tx.members(group)?.into_iter().filter(|member| !member.pending);
        let all = all.map(|member| member.user);
        all.filter(|user| asked.contains(user)).collect()
    };
    members.sort_unstable();
    members.dedup();
    Ok(members)
}

type Missed = std::result::Result<Stretch, Refusal>;

fn missed(tx: &dyn Tx, user: UserId, group: GroupId, after: Seq, room: usize) -> Result<Missed> {
    match tx.member(group, user)? {
        None => return Ok(Err(Refusal::NotFound)),
        Some(member) if member.pending => return Ok(Err(Refusal::Pending)),
        Some(_) => {}
    }
    let head = tx.group(group)?.ok_or_else(|| Error::internal("a member's group is gone"))?.head;
    if after > head {
        return Ok(Err(Refusal::SeqAhead));
    }
    let count = usize::try_from(head.0 - after.0).ok();
    if count.is_none_or(|count| count > RESUME_EVENTS.min(room)) {
        return Ok(Err(Refusal::TooFar));
    }
    let last_change = tx.last_change(group, after, head)?;
    Ok(Ok(Stretch { group, after, head, last_change }))
}

/// The events that a client is sent for a stretch of a group's log. All of its changes of the
/// group are told as one, with the number of the last.
fn events(tx: &dyn Tx, group: GroupId, entries: Vec<Entry>, last_change: Option<Seq>) -> Result<Vec<Event>> {
    let mut events = Vec::with_capacity(entries.len());
    for Entry { seq, what } in entries {
        let kind = match what {
            Logged::Sent(message) => Kind::MessageText(message),
            Logged::Edited(Some(message)) => Kind::MessageUpdate(message),
            Logged::Deleted { id, seq } => Kind::MessageDelete { id, group, seq },
            Logged::ManyDeleted(ids) => Kind::MessagesDelete { group, ids },
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

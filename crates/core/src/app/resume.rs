//! Resuming: the events of a client's groups after the last numbers that the client has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;

use super::message::show_to;
use super::profile::cards;
use super::thread::Roots;
use super::{App, Context, brief};
use crate::bot::BotAct;
use crate::event::{Audience, Event, Kind};
use crate::limits::{CARDS, RESUME_EVENTS, RESUME_TOTAL};
use crate::log::{LogEntry, LogRow};
use crate::message::Message;
use crate::profile::ProfileCard;
use crate::store::Tx;
use crate::thread::RootState;
use crate::{Error, GroupId, MessageId, Result, Seq, UserId};

/// Limits of one page of a resume: log numbers, and approximate bytes.
const PAGE: usize = 256;
const PAGE_BYTES: usize = 64 * 1024;
/// The numbers read at first. Few, because their messages may be long.
const CHUNK: usize = 16;

/// The answers per group.
#[derive(Debug, Clone, Default)]
pub struct Resumed {
    /// The head of each group that was answered. The client receives later events live.
    pub heads: BTreeMap<GroupId, Seq>,
    /// The groups that cannot be resumed, with the reason.
    pub refused: BTreeMap<GroupId, Refusal>,
    /// The profiles of the authors of the messages that were sent.
    pub people: Vec<ProfileCard>,
    /// Whether the client's commit point is refused, so that its changes since then are unknown.
    pub is_since_refused: bool,
}

/// Why a group cannot be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The client's number is beyond the head of the group.
    SeqAhead,
    /// The group does not exist, or the user is not a member.
    NotFound,
    /// There are too many later events. The client must read the history instead.
    TooFar,
    /// The client's numbers belong to another history. The client must start again from a summary.
    HistoryChanged,
    /// The user has not accepted the group yet.
    Pending,
}

/// A client's request to resume.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// The last number that the client has of each group.
    pub since: Vec<(GroupId, Seq)>,
    /// The id of the history that these numbers belong to, as the client received it.
    pub history: Option<Box<str>>,
    /// Whether to return all changes, including those of groups that are not named.
    pub all: bool,
    /// The commit point from which to return changes, as the client received it.
    pub changed_since: Option<Box<str>>,
    /// Whether another part of the request follows.
    pub more: bool,
}

impl Refusal {
    pub const ALL: [Self; 5] =
        [Self::SeqAhead, Self::NotFound, Self::TooFar, Self::HistoryChanged, Self::Pending];

    /// The wire form.
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
    /// Adds the answers to a later part of the same request.
    pub fn add(&mut self, later: Self) {
        for group in later.heads.keys() {
            self.refused.remove(group);
        }
        for group in later.refused.keys() {
            self.heads.remove(group);
        }
        self.heads.extend(later.heads);
        self.refused.extend(later.refused);
        let known: BTreeSet<_> = self.people.iter().map(|card| card.name.clone()).collect();
        self.people.extend(later.people.into_iter().filter(|card| !known.contains(&card.name)));
        self.people.truncate(CARDS);
        self.is_since_refused |= later.is_since_refused;
    }

    /// Raises the heads of groups whose later events were already sent to the client.
    pub fn raise(&mut self, sent: &[(GroupId, Seq)]) {
        for (group, last) in sent {
            if let Some(head) = self.heads.get_mut(group) {
                *head = (*head).max(*last);
            }
        }
    }

    /// Refuses all groups for the same reason.
    pub fn refusing(groups: impl IntoIterator<Item = GroupId>, refusal: Refusal) -> Self {
        Self { refused: groups.into_iter().map(|group| (group, refusal)).collect(), ..Self::default() }
    }
}

impl App {
    /// Whether the client's numbers belong to this store's history. Assumed if the client does not name a
    /// history.
    pub fn is_of_this_history(&self, resume: &Resume) -> bool {
        let own = self.history().to_string();
        resume.history.as_ref().is_none_or(|history| history.eq_ignore_ascii_case(&own))
    }

    /// The next page of events after the numbers that the calling user has: group by group, in ascending
    /// order of numbers. Each page is read from its own snapshot. No page goes beyond the head that a group
    /// had when its first page was read.
    pub async fn resume_page(&self, context: &Context, resuming: Resuming) -> Result<(Resuming, Vec<Event>)> {
        let (rules, who) = (self.rules.clone(), context.who);
        let job = move |tx: &dyn Tx| {
            let (caller, grant) = who.caller_and_grant(tx, &rules, BotAct::Resume)?;
            let user = caller.user().ok_or(Error::Unauthenticated("the credential of a user is required"))?;
            let mut resuming = resuming.clone();
            if let Some(grant) = grant {
                resuming.refuse_others(&grant.groups);
            }
            let events = resuming.page(tx, user)?;
            for event in &events {
                if let Kind::MessageText(message) | Kind::MessageUpdate(message) = &event.kind {
                    resuming.authors.insert(message.author);
                }
            }
            if resuming.is_done() {
                resuming.resumed.people = cards(tx, mem::take(&mut resuming.authors))?;
            }
            Ok((resuming, events))
        };
        self.store.read(job).await
    }
}

/// The state of reading a resume, page by page.
#[derive(Debug, Clone, Default)]
pub struct Resuming {
    /// The answers so far. For a group in progress, the last number sent.
    pub resumed: Resumed,
    /// Whether the user was removed from a group in progress, so that the remaining events cannot be sent.
    pub is_lost: bool,
    asked: VecDeque<(GroupId, Seq)>,
    group: Option<Stretch>,
    /// The number of log entries read so far.
    read: usize,
    authors: BTreeSet<UserId>,
}

/// The remaining events of a group in progress.
#[derive(Debug, Clone)]
struct Stretch {
    group: GroupId,
    after: Seq,
    head: Seq,
    /// The number of the single event that stands for all changes of the group.
    last_change: Option<Seq>,
    is_private: bool,
}

/// The user who resumes, in one group.
#[derive(Debug, Clone, Copy)]
struct Receiver {
    user: UserId,
    /// The last number to send.
    head: Seq,
    is_private: bool,
}

impl Resuming {
    /// Starts to resume groups after these numbers.
    pub fn new(since: Vec<(GroupId, Seq)>) -> Self {
        Self { asked: since.into(), ..Self::default() }
    }

    /// Refuses all groups except these, as if they did not exist.
    pub(crate) fn refuse_others(&mut self, groups: &[GroupId]) {
        let (kept, refused): (Vec<_>, Vec<_>) =
            mem::take(&mut self.asked).into_iter().partition(|(group, _)| groups.contains(group));
        self.asked = kept.into();
        self.resumed.refused.extend(refused.into_iter().map(|(group, _)| (group, Refusal::NotFound)));
    }

    /// Whether there are no further pages.
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
            let count = left.min(chunk);
            let rows = tx.log(stretch.group, stretch.after, count)?;
            let roots = Roots::of_rows(tx, stretch.group, &rows)?;
            let upto = Seq(stretch.after.0 + i64::try_from(count).unwrap_or(0));
            if rows.len() != count || rows.last().is_some_and(|row| row.seq != upto) {
                let Stretch { group, after, .. } = stretch;
                return Err(Error::internal(format!("the log of group {group} has a gap after {after}")));
            }
            let before = bytes;
            for row in rows {
                if bytes >= PAGE_BYTES {
                    break; // The next page reads the rest again.
                }
                (self.read, stretch.after) = (self.read + weight(&row.entry), row.seq);
                let Stretch { group, head, is_private, last_change, .. } = stretch;
                let receiver = Receiver { user, head, is_private };
                let missed = events(tx, group, vec![row], &roots, last_change, receiver)?;
                bytes += missed.iter().map(size_of_event).sum::<usize>();
                page.extend(missed);
            }
            chunk = if bytes - before < PAGE_BYTES / 4 { (chunk * 2).min(PAGE) } else { CHUNK };
            self.resumed.heads.insert(stretch.group, stretch.after);
            self.group = (stretch.after < stretch.head).then_some(stretch);
        }
        Ok(page)
    }

    /// The group to read next. Groups that cannot be resumed are refused.
    fn next(&mut self, tx: &dyn Tx, user: UserId) -> Result<Option<Stretch>> {
        if let Some(stretch) = self.group.take() {
            return Ok(Some(stretch));
        }
        while let Some((group, after)) = self.asked.pop_front() {
            match missed(tx, user, group, after, RESUME_TOTAL.saturating_sub(self.read))? {
                Ok(stretch) => return Ok(Some(stretch)),
                Err(refusal) => self.resumed.refused.insert(group, refusal),
            };
        }
        Ok(None)
    }
}

/// How much an entry counts towards the limits of a resume. An entry that deletes many messages counts as
/// several.
fn weight(entry: &LogEntry) -> usize {
    const IDS: usize = 16;
    match entry {
        LogEntry::MessagesDeleted { ids, roots } => 1 + (ids.len() + roots.len()) / IDS,
        _ => 1 + entry.lost().len(),
    }
}

/// The approximate size of an event on the wire, in bytes.
fn size_of_event(event: &Event) -> usize {
    const REST: usize = 256;
    const ID: usize = 39;
    REST + match &event.kind {
        Kind::MessageText(message) | Kind::MessageUpdate(message) => message.size(),
        Kind::MessagesDelete { ids, roots, .. } => {
            ids.len() * ID + roots.iter().map(RootState::size).sum::<usize>()
        }
        Kind::GroupUpdate { view, .. } => {
            view.members.iter().map(|member| member.name.as_str().len() + 3).sum()
        }
        _ => 0,
    }
}

type Missed = std::result::Result<Stretch, Refusal>;

fn missed(tx: &dyn Tx, user: UserId, group: GroupId, after: Seq, room: usize) -> Result<Missed> {
    match tx.member(group, user)? {
        None => return Ok(Err(Refusal::NotFound)),
        Some(member) if member.pending => return Ok(Err(Refusal::Pending)),
        Some(_) => {}
    }
    let found = tx.group(group)?.ok_or_else(|| Error::internal("a member's group is gone"))?;
    let head = found.head;
    if after > head {
        return Ok(Err(Refusal::SeqAhead));
    }
    let count = usize::try_from(head.0 - after.0).ok();
    if count.is_none_or(|count| count > RESUME_EVENTS.min(room)) {
        return Ok(Err(Refusal::TooFar));
    }
    let last_change = tx.last_change(group, after, head)?;
    Ok(Ok(Stretch { group, after, head, last_change, is_private: found.private }))
}

/// The events for a part of a group's log, for a user who resumes. All changes of the group become a single
/// event with the number of the last change. A changed message is sent once, in its current state, with the
/// number of its last change. In a private group, the new name of a user who is estranged from the receiver
/// is omitted.
fn events(
    tx: &dyn Tx,
    group: GroupId,
    rows: Vec<LogRow>,
    roots: &Roots,
    last_change: Option<Seq>,
    receiver: Receiver,
) -> Result<Vec<Event>> {
    let mut events = Vec::with_capacity(rows.len());
    let of_pair = Some(receiver.user).filter(|_| receiver.is_private);
    for LogRow { seq, entry, message } in rows {
        if let LogEntry::MemberRenamed { user, .. } = &entry
            && is_estranged(tx, *user, of_pair)?
        {
            continue;
        }
        let changes_group = entry.changes_group();
        let of = entry.roots();
        events.extend(lost_reactions(tx, group, seq, entry.lost(), receiver)?);
        if let Some(mut kind) = missed_event(tx, group, seq, entry, message, receiver)? {
            roots.add_to(&mut kind, &of);
            show_profile(tx, &mut kind)?;
            // The event of a rename carries no number: the event that stands for all changes of the group
            // carries it.
            let seq = Some(seq).filter(|_| !changes_group);
            events.push(Event { seq, to: Audience::Group(group), kind, origin: None });
        }
        if changes_group && Some(seq) == last_change {
            events.push(Event::in_group(current_group(tx, group)?, group, seq));
        }
    }
    Ok(events)
}

/// Adds the profile to the event of a rename.
pub(super) fn show_profile(tx: &dyn Tx, kind: &mut Kind) -> Result<()> {
    if let Kind::UserUpdate { user, profile, .. } = kind {
        *profile = tx.details(&[*user])?.pop().flatten().map(Arc::new);
    }
    Ok(())
}

/// The event of an entry for a user who resumes. None if a later change of the same message is sent, too,
/// which then includes this one.
fn missed_event(
    tx: &dyn Tx,
    group: GroupId,
    seq: Seq,
    entry: LogEntry,
    mut message: Option<Message>,
    Receiver { user, head, .. }: Receiver,
) -> Result<Option<Kind>> {
    if let Some(message) = &mut message {
        let is_sent = entry == LogEntry::MessageSent;
        if !is_sent && message.changed.is_some_and(|changed| seq < changed && changed <= head) {
            return Ok(None);
        }
        show_to(tx, Some(user), std::slice::from_mut(message))?;
    }
    Ok(entry.event(group, message))
}

/// The events for messages that lost reactions with an entry, for a user who resumes: each message in its
/// current state, with the number of the entry.
fn lost_reactions(
    tx: &dyn Tx,
    group: GroupId,
    seq: Seq,
    lost: &[MessageId],
    Receiver { user, head, .. }: Receiver,
) -> Result<Vec<Event>> {
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let mut messages = tx.messages_by_id(Some(group), lost)?;
    messages.retain(|message| message.changed.is_none_or(|changed| changed <= seq || head < changed));
    messages.sort_unstable_by_key(|message| message.seq);
    show_to(tx, Some(user), &mut messages)?;
    Ok(messages
        .into_iter()
        .map(|message| Event::in_group(Kind::MessageUpdate(message), group, seq))
        .collect())
}

/// Whether a user who was renamed hides its new name from `other`.
fn is_estranged(tx: &dyn Tx, user: UserId, other: Option<UserId>) -> Result<bool> {
    let Some(other) = other.filter(|other| *other != user) else { return Ok(false) };
    Ok(tx.blocked_strangers(user)?.binary_search(&other).is_ok())
}

fn current_group(tx: &dyn Tx, group: GroupId) -> Result<Kind> {
    Ok(Kind::GroupUpdate { view: brief(tx, group)?, joined: vec![], left: vec![], entry: None })
}

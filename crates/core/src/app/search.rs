//! Full-text search over messages, newest first.
//!
//! One job first reads the newest messages of all groups that the caller may currently read, merged by date,
//! and then only the messages that the index finds. It compares every one of them with the query. Hits and
//! their order therefore do not depend on the state of the index, an edit is found immediately, and an erased
//! message is never found. A job reads a bounded number of messages and bytes. If a page needs more, because
//! the index is not built yet or finds the words in groups that the caller may not read, it ends early and
//! returns the position to continue from.

pub mod index;
mod indexed;

use std::collections::{BinaryHeap, HashMap, VecDeque};

use self::index::IndexProgress;
use self::indexed::{IndexQuery, Indexed, Lookup, NextIndexed};
use super::actor::visible;
use super::message::show_to;
use super::{App, Context};
use crate::limits::LIST_PAGE;
use crate::message::Message;
use crate::search::{Marks, SearchQuery};
use crate::store::{Candidate, IndexedGroup, SearchPlace, Tx};
use crate::user::Caller;
use crate::{Date, Error, GroupId, Name, Result, Seq, UserId};

/// The most messages that one page reads, and the most bytes of their bodies.
const SCANNED: usize = 10_000;
const SCANNED_BYTES: usize = 2 << 20;
/// The number of messages to read before asking the index. Common words are usually found among these.
const NEWEST: usize = 400;
/// With more groups than this, the index is asked first, because reading the newest message of each would
/// take too long.
const MANY_GROUPS: usize = 64;
/// The number of messages to read first, divided among the groups.
const FIRST: usize = 128;
/// The most messages that are read from a group at a time.
const MAX_READ_SIZE: usize = 512;

/// Searches messages.
#[derive(Debug, Clone)]
pub struct Search {
    pub query: SearchQuery,
    /// Only this group. None: all groups that the caller may read.
    pub group: Option<GroupId>,
    pub author: Option<Name>,
    /// Only messages before this date.
    pub before: Option<Date>,
    /// Only messages after this date.
    pub after: Option<Date>,
    pub has: Option<Content>,
    /// Only messages that mention the caller.
    pub mentions_me: bool,
    /// The position of the last hit on the previous page.
    pub from: Option<SearchPlace>,
    pub limit: usize,
}

/// Content of a message other than its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    File,
    Image,
    Link,
}

#[derive(Debug, Clone)]
pub struct Hit {
    pub message: Message,
    pub marks: Marks,
}

/// A page of hits.
#[derive(Debug, Clone)]
pub struct SearchPage {
    pub hits: Vec<Hit>,
    /// The position from which to continue. None if there are no more hits.
    pub next: Option<SearchPlace>,
    /// The progress of building the index, in percent. None when it is complete; 0 if the store keeps no
    /// index.
    pub indexing: Option<u8>,
}

impl App {
    /// A page of the messages that match a query.
    pub async fn search(&self, context: &Context, search: Search) -> Result<SearchPage> {
        self.read(context, search, find).await
    }
}

pub(super) fn find(tx: &dyn Tx, caller: Caller, search: &Search) -> Result<SearchPage> {
    let progress = IndexProgress::read(tx)?;
    let indexing = match progress {
        Some(progress) if progress.is_complete => None,
        Some(progress) => Some(progress.percent()),
        None => Some(0),
    };
    let page = find_page(tx, caller, search, progress.is_some())?;
    Ok(SearchPage { indexing, ..page })
}

fn find_page(tx: &dyn Tx, caller: Caller, search: &Search, has_index: bool) -> Result<SearchPage> {
    const NOTHING: SearchPage = SearchPage { hits: Vec::new(), next: None, indexing: None };
    if search.mentions_me && caller.user().is_none() {
        return Err(Error::field("mentions", "needs a user: add as=<name>"));
    }
    let author = match &search.author {
        Some(name) => match tx.user_named(name)? {
            Some(user) => Some(user.id),
            None => return Ok(NOTHING),
        },
        None => None,
    };
    let groups = match search.group {
        Some(group) => match visible(tx, caller, group) {
            Ok(()) => tx.indexed_groups(&[group])?,
            Err(Error::NotFound(_)) => return Ok(NOTHING),
            Err(why) => return Err(why),
        },
        None => readable(tx, caller)?,
    };
    let filter = Filter { search, author, me: caller.user() };
    let index_query = has_index.then(|| IndexQuery::of(&search.query));
    let index_query = index_query.as_ref();
    let is_asked_first = groups.len() > MANY_GROUPS;
    let first_query = index_query.filter(|_| is_asked_first);
    let mut source = ComparedMessages::begin(tx, first_query, &groups, search.start())?;
    let (mut found, mut read, mut last) = (Vec::new(), 0, None);
    for scanned in 1.. {
        let candidate = match source.next(tx)? {
            Compared::Message(candidate) => candidate,
            Compared::Paused(place) => return shown(tx, caller, found, Some(place)),
            Compared::End => break,
        };
        if search.after.is_some_and(|after| candidate.place.date <= after) {
            break;
        }
        read += candidate.body.len();
        let place = candidate.place;
        if let Some(marks) = filter.marks(&candidate) {
            if found.len() == search.limit {
                // A further hit beyond the limit shows that there is a next page.
                return shown(tx, caller, found, last);
            }
            found.push((candidate, marks));
        }
        last = Some(place);
        if scanned >= SCANNED || read >= SCANNED_BYTES {
            return shown(tx, caller, found, last);
        }
        if scanned == NEWEST && !is_asked_first {
            source.look_up(tx, index_query, &groups, place)?;
        }
    }
    shown(tx, caller, found, None)
}

/// The groups that the caller may read.
fn readable(tx: &dyn Tx, caller: Caller) -> Result<Vec<IndexedGroup>> {
    if let Caller::User(me) = caller {
        return tx.indexed_groups_of(me);
    }
    let mut groups: Vec<IndexedGroup> = Vec::new();
    loop {
        let page = tx.indexed_groups_page(groups.last().map(|last| last.group), LIST_PAGE)?;
        let is_last = page.len() < LIST_PAGE;
        groups.extend(page);
        if is_last {
            return Ok(groups);
        }
    }
}

/// Loads the complete messages of the hits.
fn shown(
    tx: &dyn Tx,
    caller: Caller,
    found: Vec<(Candidate, Marks)>,
    next: Option<SearchPlace>,
) -> Result<SearchPage> {
    let ids: Vec<_> = found.iter().map(|(candidate, _)| candidate.id).collect();
    let mut messages = tx.messages_by_id(None, &ids)?;
    show_to(tx, caller.user(), &mut messages)?;
    let mut messages: HashMap<_, _> = messages.into_iter().map(|message| (message.id, message)).collect();
    let hit = |(candidate, marks): (Candidate, Marks)| {
        messages.remove(&candidate.id).map(|message| Hit { message, marks })
    };
    Ok(SearchPage { hits: found.into_iter().filter_map(hit).collect(), next, indexing: None })
}

impl Search {
    /// A search of everything that the caller may read, starting at the newest message.
    pub fn new(query: SearchQuery, limit: usize) -> Self {
        Self {
            query,
            group: None,
            author: None,
            before: None,
            after: None,
            has: None,
            mentions_me: false,
            from: None,
            limit,
        }
    }

    /// The position before which the search begins.
    fn start(&self) -> SearchPlace {
        // `before` is exclusive: no message with this very date is before this position.
        let edge = self.before.map_or_else(SearchPlace::end, SearchPlace::before_date);
        self.from.map_or(edge, |from| from.min(edge))
    }
}

/// The conditions that a message must meet.
struct Filter<'s> {
    search: &'s Search,
    author: Option<UserId>,
    me: Option<UserId>,
}

impl Filter<'_> {
    /// The marks of a message that matches. None if it does not match.
    fn marks(&self, candidate: &Candidate) -> Option<Marks> {
        let Self { search, author, me } = self;
        if author.is_some_and(|author| candidate.author != author) {
            return None;
        }
        if search.mentions_me && !me.is_some_and(|me| mentions(candidate, me)) {
            return None;
        }
        if search.has.is_some_and(|content| !has(candidate, content)) {
            return None;
        }
        search.query.find(&candidate.body)
    }
}

fn mentions(candidate: &Candidate, user: UserId) -> bool {
    let mentions = &candidate.detail.mentions;
    candidate.author != user && (mentions.everyone || mentions.users.contains(&user))
}

fn has(candidate: &Candidate, content: Content) -> bool {
    let files = &candidate.detail.attachments;
    match content {
        Content::File => !files.is_empty(),
        Content::Image => files.iter().any(|file| file.media_type.starts_with("image/")),
        Content::Link => has_link(&candidate.body),
    }
}

/// Whether a text contains a web address.
fn has_link(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let (before, after) = (&text.as_bytes()[..at], &text[at + mark.len()..]);
        let is_web = ["http", "https"].iter().any(|scheme| {
            let begin = before.len().checked_sub(scheme.len());
            begin.is_some_and(|begin| {
                before[begin..].eq_ignore_ascii_case(scheme.as_bytes())
                    && !begin.checked_sub(1).is_some_and(|at| before[at].is_ascii_alphanumeric())
            })
        });
        is_web && after.starts_with(|c: char| c.is_alphanumeric() || c == '[')
    })
}

/// The next message to compare with the query.
enum Compared {
    Message(Candidate),
    /// The page must end here. There may be more messages before this position.
    Paused(SearchPlace),
    End,
}

/// The messages that a search compares with its query.
struct ComparedMessages {
    /// The messages of all groups, or only those of groups outside the index.
    merge: Merge,
    indexed: Option<Indexed>,
}

impl ComparedMessages {
    /// Starts before a position: with the hits of the index, if `query` is given, and with all messages of
    /// groups outside the index.
    fn begin(
        tx: &dyn Tx,
        query: Option<&IndexQuery>,
        groups: &[IndexedGroup],
        from: SearchPlace,
    ) -> Result<Self> {
        let (indexed, unindexed): (_, Vec<_>) = match Lookup::find(tx, query, groups, from)? {
            Some(Lookup { indexed, unindexed }) => (Some(indexed), unindexed.into_iter().collect()),
            None => (None, groups.iter().map(|group| group.group).collect()),
        };
        Ok(Self { merge: Merge::begin(tx, &unindexed, from)?, indexed })
    }

    /// From this position on, reads only the hits of the index for groups inside the index.
    fn look_up(
        &mut self,
        tx: &dyn Tx,
        query: Option<&IndexQuery>,
        groups: &[IndexedGroup],
        before: SearchPlace,
    ) -> Result<()> {
        if let Some(Lookup { indexed, unindexed }) = Lookup::find(tx, query, groups, before)? {
            self.merge.lanes.retain(|lane| unindexed.contains(&lane.next.group));
            self.indexed = Some(indexed);
        }
        Ok(())
    }

    fn next(&mut self, tx: &dyn Tx) -> Result<Compared> {
        let next = self.merge.lanes.peek().map(|lane| lane.next);
        if let Some(indexed) = &mut self.indexed {
            match indexed.peek(tx)? {
                NextIndexed::Message(place) if Some(place) > next => {
                    return Ok(indexed.pop().map_or(Compared::End, Compared::Message));
                }
                NextIndexed::Paused(place) if Some(place) > next => return Ok(Compared::Paused(place)),
                _ => {}
            }
        }
        Ok(self.merge.next(tx)?.map_or(Compared::End, Compared::Message))
    }
}

/// The messages of several groups, merged by date.
struct Merge {
    /// The first lane is the one with the newest message.
    lanes: BinaryHeap<Lane>,
}

/// The next messages of one group, newest first. Never empty.
#[derive(PartialEq, Eq)]
struct Lane {
    next: SearchPlace,
    read: VecDeque<Candidate>,
    /// The number of messages that the latest read requested. 0 if there are no more.
    size: usize,
}

impl Ord for Lane {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.next.cmp(&other.next)
    }
}

impl PartialOrd for Lane {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Merge {
    fn begin(tx: &dyn Tx, groups: &[GroupId], from: SearchPlace) -> Result<Self> {
        let size = (FIRST / groups.len().max(1)).max(1);
        let mut lanes: Vec<Lane> = Vec::new();
        for part in groups.chunks(LIST_PAGE) {
            // Among messages with the date of the position, those of groups with a higher id are already
            // read, and those of groups with a lower id are not.
            let (high, rest): (Vec<_>, Vec<_>) = part.iter().partition(|group| **group > from.group);
            let (same, low): (Vec<_>, Vec<_>) = rest.into_iter().partition(|group| *group == from.group);
            for (groups, seq) in [(high, Seq(i64::MIN)), (same, from.seq), (low, Seq(i64::MAX))] {
                if !groups.is_empty() {
                    lanes.extend(Lane::read(tx, &groups, (from.date, seq), size)?);
                }
            }
            // A page never reads more groups than this, because it reads at least one message of each.
            if lanes.len() > SCANNED {
                lanes.sort_unstable_by(|one, other| other.cmp(one));
                lanes.truncate(SCANNED);
            }
        }
        Ok(Self { lanes: lanes.into() })
    }

    /// The newest message that remains.
    fn next(&mut self, tx: &dyn Tx) -> Result<Option<Candidate>> {
        let Some(mut lane) = self.lanes.pop() else { return Ok(None) };
        let Some(candidate) = lane.read.pop_front() else { return Ok(None) };
        let place = candidate.place;
        match lane.read.front() {
            Some(after) => {
                lane.next = after.place;
                self.lanes.push(lane);
            }
            None if lane.size > 0 => {
                let size = (lane.size * 4).min(MAX_READ_SIZE);
                self.lanes.extend(Lane::read(tx, &[place.group], (place.date, place.seq), size)?);
            }
            None => {}
        }
        Ok(Some(candidate))
    }
}

impl Lane {
    fn read(tx: &dyn Tx, groups: &[GroupId], before: (Date, Seq), size: usize) -> Result<Vec<Self>> {
        let mut read: HashMap<GroupId, Vec<Candidate>> = HashMap::new();
        for candidate in tx.candidates(groups, before, size)? {
            read.entry(candidate.place.group).or_default().push(candidate);
        }
        let lane = |mut read: Vec<Candidate>| {
            read.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.place));
            let next = read.first()?.place;
            let size = if read.len() < size { 0 } else { size };
            Some(Self { next, read: read.into(), size })
        };
        Ok(read.into_values().filter_map(lane).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_an_address_of_the_web() {
        for text in
            ["https://a.example", "see HTTP://b.example/x", "(http://[::1]/)", "x\u{e9}://y https://é"]
        {
            assert!(has_link(text), "{text}");
        }
        for text in ["", "://", "http://", "https:// a", "ftp://a.example", "xhttp://a", "http:/a"] {
            assert!(!has_link(text), "{text}");
        }
    }
}

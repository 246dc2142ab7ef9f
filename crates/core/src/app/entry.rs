//! The entries of a group's history, besides its messages.

use std::collections::HashMap;
use std::sync::Arc;

use super::actor::visible;
use super::message::{reading, show_to};
use super::{App, Context, Unit};
use crate::entry::{Change, Entry, GroupEntry};
use crate::log::LogEntry;
use crate::message::Message;
use crate::store::{Edge, Page, Tx};
use crate::{GroupId, Name, Result, Seq, UserId};

/// An item of a history that includes entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryItem {
    Message(Box<Message>),
    Entry(Entry),
}

impl HistoryItem {
    /// The number in the group's log.
    pub fn seq(&self) -> Seq {
        match self {
            Self::Message(message) => message.seq,
            Self::Entry(entry) => entry.seq,
        }
    }
}

impl From<Message> for HistoryItem {
    fn from(message: Message) -> Self {
        Self::Message(Box::new(message))
    }
}

impl App {
    /// A page of a group's messages and entries, in the order of the page's edge. If the edge is a date, the
    /// page begins at the message nearest to it.
    pub async fn history_items(
        &self,
        context: &Context,
        group: GroupId,
        page: Page,
    ) -> Result<Vec<HistoryItem>> {
        self.read_by_bots(context, reading(group), (group, page), |tx, caller, (group, page)| {
            visible(tx, caller, *group)?;
            let mut messages = tx.messages(*group, page)?;
            show_to(tx, caller.user(), &mut messages)?;
            let first = messages.first().map(|message| message.seq);
            let Some(edge) = edge_of_entries(page.edge, first) else {
                return Ok(messages.into_iter().map(HistoryItem::from).collect());
            };
            // If the page is full of messages, entries beyond the last message belong to later pages.
            let upto = messages.last().filter(|_| messages.len() >= page.limit).map(|message| message.seq);
            let entries = entries(tx, *group, &Page { edge, limit: page.limit }, upto)?;
            let messages = messages.into_iter().map(HistoryItem::from);
            let mut items: Vec<_> = messages.chain(entries.into_iter().map(HistoryItem::Entry)).collect();
            items.sort_by_key(HistoryItem::seq);
            if !is_ascending(edge) {
                items.reverse();
            }
            items.truncate(page.limit);
            Ok(items)
        })
        .await
    }
}

fn is_ascending(edge: Edge) -> bool {
    matches!(edge, Edge::AfterSeq(_) | Edge::AfterDate(_))
}

/// The edge for the entries of a page whose first message is `first`. None if the edge is a date and there is
/// no message.
fn edge_of_entries(edge: Edge, first: Option<Seq>) -> Option<Edge> {
    match edge {
        Edge::BeforeDate(_) => first.map(Edge::BeforeSeq),
        Edge::AfterDate(_) => first.map(Edge::AfterSeq),
        _ => Some(edge),
    }
}

/// The entries of a page up to `upto`, with all names.
fn entries(tx: &dyn Tx, group: GroupId, page: &Page, upto: Option<Seq>) -> Result<Vec<Entry>> {
    let found = tx.entries(group, page.edge, upto, page.limit)?;
    let names = names(tx, found.iter().flat_map(|(_, entry)| entry.users(usize::MAX)))?;
    Ok(found.into_iter().map(|(seq, entry)| entry.named(seq, usize::MAX, &names)).collect())
}

/// The entry with this number as events carry it. None if it did not change the group.
pub(super) fn entry_at(tx: &dyn Tx, group: GroupId, seq: Seq) -> Result<Option<Entry>> {
    Ok(live_entries(tx, group, Seq(seq.0 - 1), 1)?.remove(&seq))
}

/// The entries among the next `count` numbers as events carry them. Only those that changed the group.
pub(super) fn live_entries(
    tx: &dyn Tx,
    group: GroupId,
    after: Seq,
    count: usize,
) -> Result<HashMap<Seq, Entry>> {
    let last = Seq(after.0 + i64::try_from(count).unwrap_or(0));
    let found = tx.entries(group, Edge::AfterSeq(after), Some(last), count)?;
    let names = names(tx, found.iter().flat_map(|(_, entry)| entry.users(Entry::LIVE)))?;
    Ok(found.into_iter().map(|(seq, entry)| (seq, entry.named(seq, Entry::LIVE, &names))).collect())
}

fn names(tx: &dyn Tx, users: impl Iterator<Item = UserId>) -> Result<HashMap<UserId, Name>> {
    let mut users: Vec<_> = users.collect();
    users.sort_unstable();
    users.dedup();
    if users.is_empty() { Ok(HashMap::new()) } else { Ok(tx.user_names(&users)?.into_iter().collect()) }
}

impl Unit<'_> {
    /// Stores changes of the group under the next number of its log. Returns the entry as events carry it.
    pub(super) fn log_changes(
        &mut self,
        group: GroupId,
        by: Option<UserId>,
        changes: Vec<Change<UserId>>,
    ) -> Result<Arc<Entry>> {
        self.log_entry(group, &LogEntry::GroupChanged, by, changes)
    }

    /// Like [`log_changes`](Self::log_changes), for a log entry that is about a user.
    pub(super) fn log_entry(
        &mut self,
        group: GroupId,
        log: &LogEntry,
        by: Option<UserId>,
        changes: Vec<Change<UserId>>,
    ) -> Result<Arc<Entry>> {
        let entry = GroupEntry { date: self.now(), by, changes };
        let seq = self.tx.seq_take(group, 1)?;
        self.tx.entry_insert(group, seq, log, &entry)?;
        let names = names(self.tx, entry.users(Entry::LIVE))?;
        Ok(Arc::new(entry.named(seq, Entry::LIVE, &names)))
    }
}

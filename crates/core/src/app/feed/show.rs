//! Builds the events of the feed when they are read, from the current state of their objects.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::super::brief;
use super::super::entry::entry_at;
use super::super::push::payload;
use super::super::thread::Roots;
use super::note::tag;
use super::notify::notified;
use crate::event::{Audience, Event, Kind};
use crate::feed::{FeedData, FeedEvent, FeedKind, FeedRow};
use crate::log::LogRow;
use crate::profile::UserKind;
use crate::relation::Outcome;
use crate::store::Tx;
use crate::store::detail::find;
use crate::{GroupId, MessageId, Name, ReportId, Result, Seq, UserId};

/// Log numbers at most this far apart are read with one query.
const NEAR: i64 = 8;

/// Builds the events for these rows.
pub(in crate::app) fn shown(tx: &dyn Tx, rows: Vec<(i64, FeedRow)>) -> Result<Vec<FeedEvent>> {
    let mut current = CurrentState { logs: logs(tx, &rows)?, names: names(tx, &rows)?, tx };
    let mut events = Vec::with_capacity(rows.len());
    for (position, row) in rows {
        let data = current.data(&row)?;
        events.push(FeedEvent { position, kind: row.kind, date: row.date, seq: row.seq, data });
    }
    mark_bots(tx, &mut events)?;
    Ok(events)
}

/// The log entries of one group that the rows refer to, and the roots of the replies among them.
struct Log {
    rows: BTreeMap<Seq, LogRow>,
    roots: Roots,
}

/// The current state from which events are built.
struct CurrentState<'t> {
    tx: &'t dyn Tx,
    logs: HashMap<GroupId, Log>,
    /// The names of the users in the rows, as far as these still exist.
    names: HashMap<UserId, Name>,
}

impl CurrentState<'_> {
    fn data(&mut self, row: &FeedRow) -> Result<FeedData> {
        match row.kind {
            FeedKind::MessageText
            | FeedKind::MessageUpdate
            | FeedKind::MessageReact
            | FeedKind::MessagePin => self.message(row),
            FeedKind::MessageDelete => Ok(self.deletion(row)),
            FeedKind::MessageRead => Ok(FeedData::Read {
                author: self.name(row.user),
                group: group(row),
                seq: row.message_seq.unwrap_or(Seq(0)),
                date: row.message_date,
            }),
            FeedKind::GroupUpdate => self.change(row),
            FeedKind::GroupDelete => Ok(of_event(Kind::GroupDelete(group(row)), row)),
            FeedKind::ContactUpdate => Ok(self.contact(row)),
            FeedKind::UserUpdate => self.user(row),
            FeedKind::UserDelete => Ok(FeedData::DeletedUser { name: text(row, tag::NAME), new_name: None }),
            FeedKind::Notify => self.notify(row),
            FeedKind::ReportCreate | FeedKind::ReportUpdate => self.report(row),
        }
    }

    fn name(&self, user: Option<UserId>) -> Option<Name> {
        self.names.get(&user?).cloned()
    }

    /// A message or a change of it, with the current state of the message.
    fn message(&mut self, row: &FeedRow) -> Result<FeedData> {
        let (group, number) = (group(row), row.seq.unwrap_or(Seq(0)));
        if let Some(Log { rows, roots }) = self.logs.get_mut(&group)
            && let Some(LogRow { entry, message, .. }) = rows.remove(&number)
            && let Some(mut kind) = entry.live_event(self.tx, group, message)?
        {
            roots.add_to(&mut kind, &[]);
            return Ok(of_event(kind, row));
        }
        Ok(self.deleted(row))
    }

    fn deleted(&self, row: &FeedRow) -> FeedData {
        FeedData::DeletedMessage {
            id: row.message.unwrap_or(MessageId(Uuid::nil())),
            group: group(row),
            author: self.name(row.user),
            date: row.message_date.unwrap_or(row.date),
            seq: row.message_seq.or(row.seq).unwrap_or(Seq(0)),
        }
    }

    fn notify(&self, row: &FeedRow) -> Result<FeedData> {
        let (group, id) = (group(row), row.message.unwrap_or(MessageId(Uuid::nil())));
        match (self.tx.message(id)?, self.tx.group(group)?) {
            (Some(message), Some(group)) => {
                let payload = payload(self.tx, &message, &group)?;
                Ok(FeedData::Notify { users: notified(self.tx, row)?, payload })
            }
            _ => Ok(self.deleted(row)),
        }
    }

    /// The current state of a report. A report outlives its rows in the feed, unless it was closed shortly
    /// before its deletion.
    fn report(&self, row: &FeedRow) -> Result<FeedData> {
        let id = find(&row.detail, tag::REPORT).and_then(|id| Uuid::from_slice(id).ok()).map(ReportId);
        match id.map(|id| self.tx.report(id)).transpose()?.flatten() {
            Some(report) => Ok(FeedData::Report(Box::new(report))),
            None => Ok(self.deleted(row)),
        }
    }

    fn deletion(&self, row: &FeedRow) -> FeedData {
        let mut kind = match (row.message, find(&row.detail, tag::MESSAGES)) {
            (Some(id), _) => Kind::MessageDelete {
                id,
                group: group(row),
                seq: row.message_seq.unwrap_or(Seq(0)),
                root: None,
            },
            (None, ids) => {
                let (ids, _) = ids.unwrap_or_default().as_chunks();
                let ids = ids.iter().map(|id| MessageId(Uuid::from_bytes(*id))).collect();
                Kind::MessagesDelete { group: group(row), ids, roots: Vec::new() }
            }
        };
        if let Some((log, number)) = self.logs.get(&group(row)).zip(row.seq) {
            let of = log.rows.get(&number).map(|row| row.entry.roots()).unwrap_or_default();
            log.roots.add_to(&mut kind, &of);
        }
        of_event(kind, row)
    }

    fn change(&self, row: &FeedRow) -> Result<FeedData> {
        let group = group(row);
        if self.tx.group(group)?.is_none() {
            return Ok(FeedData::DeletedGroup(group));
        }
        let entry = row.seq.map(|seq| entry_at(self.tx, group, seq)).transpose()?.flatten().map(Arc::new);
        let view = brief(self.tx, group)?;
        Ok(of_event(Kind::GroupUpdate { view, joined: vec![], left: vec![], entry }, row))
    }

    fn contact(&self, row: &FeedRow) -> FeedData {
        let outcome = find(&row.detail, tag::OUTCOME);
        let is_it = |known: &Outcome| outcome == Some(known.as_str().as_bytes());
        FeedData::Contact {
            author: self.name(row.user),
            name: self.name(other(row)),
            outcome: Outcome::ALL.into_iter().find(is_it).unwrap_or(Outcome::Remove),
        }
    }

    fn user(&self, row: &FeedRow) -> Result<FeedData> {
        let (old, new_name) = (text(row, tag::NAME), text(row, tag::NEW_NAME));
        let Some((user, current)) = row.user.zip(self.name(row.user)) else {
            return Ok(FeedData::DeletedUser { name: old, new_name });
        };
        let profile = self.tx.details(&[user])?.pop().flatten().map(Arc::new);
        let name = if new_name.is_some() { old.unwrap_or(current) } else { current };
        Ok(of_event(Kind::UserUpdate { user, name, new_name, profile }, row))
    }
}

fn group(row: &FeedRow) -> GroupId {
    row.group.unwrap_or(GroupId(Uuid::nil()))
}

/// The other user of a relation.
fn other(row: &FeedRow) -> Option<UserId> {
    let id = find(&row.detail, tag::OTHER)?.try_into().ok()?;
    Some(UserId(i64::from_le_bytes(id)))
}

fn of_event(kind: Kind, row: &FeedRow) -> FeedData {
    let event = Event { kind, to: Audience::Users(Vec::new()), seq: row.seq, origin: None };
    FeedData::Event { event: Box::new(event), is_bot: false }
}

fn text(row: &FeedRow, tag: u8) -> Option<Name> {
    Some(Name::stored(std::str::from_utf8(find(&row.detail, tag)?).ok()?))
}

/// Reads the parts of the logs that the rows refer to. Numbers that are close together are read with one
/// query.
fn logs(tx: &dyn Tx, rows: &[(i64, FeedRow)]) -> Result<HashMap<GroupId, Log>> {
    let mut wanted: BTreeMap<GroupId, BTreeSet<Seq>> = BTreeMap::new();
    for (_, row) in rows {
        if row.kind <= FeedKind::MessagePin // The kinds about messages come first.
            && let Some((group, seq)) = row.group.zip(row.seq)
        {
            wanted.entry(group).or_default().insert(seq);
        }
    }
    let mut logs = HashMap::new();
    for (group, numbers) in wanted {
        let mut found = Vec::new();
        let mut numbers = numbers.into_iter().peekable();
        while let Some(first) = numbers.next() {
            let mut last = first;
            while let Some(next) = numbers.next_if(|next| next.0 - last.0 <= NEAR) {
                last = next;
            }
            let count = usize::try_from(last.0 - first.0 + 1).unwrap_or(1);
            found.extend(tx.log(group, Seq(first.0 - 1), count)?);
        }
        let roots = Roots::of_rows(tx, group, &found)?;
        let rows = found.into_iter().map(|row| (row.seq, row)).collect();
        logs.insert(group, Log { rows, roots });
    }
    Ok(logs)
}

/// The names of the users in the rows.
fn names(tx: &dyn Tx, rows: &[(i64, FeedRow)]) -> Result<HashMap<UserId, Name>> {
    let users = rows.iter().flat_map(|(_, row)| row.user.into_iter().chain(other(row)));
    let users: Vec<_> = users.collect::<BTreeSet<_>>().into_iter().collect();
    if users.is_empty() { Ok(HashMap::new()) } else { Ok(tx.user_names(&users)?.into_iter().collect()) }
}

/// Marks messages whose author is a bot.
fn mark_bots(tx: &dyn Tx, events: &mut [FeedEvent]) -> Result<()> {
    let authors = events.iter().filter_map(|event| author(&event.data)).map(|(id, _)| id);
    let authors: Vec<_> = authors.collect::<BTreeSet<_>>().into_iter().collect();
    if authors.is_empty() {
        return Ok(());
    }
    let cards = tx.cards(&authors)?.into_iter().filter(|card| card.kind == UserKind::Bot);
    let bots: HashSet<_> = cards.map(|card| card.name).collect();
    for event in events {
        let found = author(&event.data).is_some_and(|(_, name)| bots.contains(name));
        if let FeedData::Event { is_bot, .. } = &mut event.data {
            *is_bot = found;
        }
    }
    Ok(())
}

/// The author, if the event is a message.
fn author(data: &FeedData) -> Option<(UserId, &Name)> {
    let FeedData::Event { event, .. } = data else { return None };
    match &event.kind {
        Kind::MessageText(message) | Kind::MessageUpdate(message) => {
            Some((message.author, &message.author_name))
        }
        _ => None,
    }
}

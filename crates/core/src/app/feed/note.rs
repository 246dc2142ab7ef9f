//! Records the events of use cases in the feed, in the same transaction: one row per change.

use super::super::Unit;
use crate::event::{Event, Kind};
use crate::feed::{FeedKind, FeedRow};
use crate::message::Message;
use crate::relation::Outcome;
use crate::report::MessageReport;
use crate::store::Tx;
use crate::store::detail::{find, put};
use crate::{Date, MessageId, Result, UserId};

/// The tags of the fields of a row's detail. A tag never changes its meaning.
pub(super) mod tag {
    pub(crate) const OTHER: u8 = 1;
    pub(crate) const OUTCOME: u8 = 2;
    pub(crate) const NAME: u8 = 3;
    pub(crate) const NEW_NAME: u8 = 4;
    pub(crate) const MESSAGES: u8 = 5;
    pub(crate) const USERS: u8 = 6;
    pub(crate) const REPORT: u8 = 7;
}

impl Unit<'_> {
    /// Records the events of this unit, if the feed is on. Several events of one change become one row.
    pub(in crate::app) fn note_events(&mut self) -> Result<()> {
        if self.events.is_empty() || !self.tx.feed_is_on()? {
            return Ok(());
        }
        let now = self.now();
        let mut rows: Vec<FeedRow> = Vec::new();
        for event in self.events.iter() {
            for row in row(self.tx, event, now)?.into_iter().chain(first_message(event, now)) {
                if !rows.iter().any(|noted| is_of_one_change(noted, &row)) {
                    rows.push(row);
                }
            }
        }
        rows.iter().try_for_each(|row| self.tx.feed_insert(row))
    }
}

/// Whether two rows of a transaction belong to the same change: they have the same number, or the same
/// relation.
fn is_of_one_change(one: &FeedRow, other: &FeedRow) -> bool {
    let related = |row: &FeedRow| find(&row.detail, tag::OTHER).map(<[u8]>::to_vec);
    one.kind == other.kind
        && one.group == other.group
        && one.seq == other.seq
        && one.user == other.user
        && related(one) == related(other)
}

/// The row for an event. None if the feed does not contain events of this kind.
fn row(tx: &dyn Tx, event: &Event, now: Date) -> Result<Option<FeedRow>> {
    let row = |kind| FeedRow { group: event.group(), seq: event.seq, ..FeedRow::new(kind, now) };
    let is_numbered = event.seq.is_some();
    Ok(match &event.kind {
        Kind::MessageText(message) if is_numbered => Some(of_message(row(FeedKind::MessageText), message)),
        Kind::MessageUpdate(message) if is_numbered => {
            Some(of_message(row(FeedKind::MessageUpdate), message))
        }
        Kind::MessageReact(reacted) if is_numbered => of_id(tx, row(FeedKind::MessageReact), reacted.id)?,
        Kind::MessagePin(pinned) if is_numbered => of_id(tx, row(FeedKind::MessagePin), pinned.id)?,
        Kind::MessageDelete { id, seq, .. } => {
            Some(FeedRow { message: Some(*id), message_seq: Some(*seq), ..row(FeedKind::MessageDelete) })
        }
        Kind::MessagesDelete { ids, .. } => {
            let ids: Vec<u8> = ids.iter().flat_map(|id| id.0.into_bytes()).collect();
            Some(FeedRow { detail: field(tag::MESSAGES, &ids), ..row(FeedKind::MessageDelete) })
        }
        Kind::MessageRead { author, at, .. } => {
            let (message_seq, message_date) = at.unzip();
            let user = tx.user_named(author)?.map(|user| user.id);
            Some(FeedRow { message_seq, message_date, user, ..row(FeedKind::MessageRead) })
        }
        Kind::GroupUpdate { .. } if is_numbered => Some(row(FeedKind::GroupUpdate)),
        Kind::GroupDelete(_) => Some(row(FeedKind::GroupDelete)),
        Kind::ContactUpdate { author, name, outcome } => Some(contact(now, author.0, name.0, *outcome)),
        Kind::UserUpdate { user, name, new_name, .. } => {
            let mut detail = field(tag::NAME, name.as_str().as_bytes());
            if let Some(new_name) = new_name {
                put(&mut detail, tag::NEW_NAME, new_name.as_str().as_bytes());
            }
            Some(FeedRow { user: Some(*user), detail, ..row(FeedKind::UserUpdate) })
        }
        Kind::UserDelete { name } => {
            let detail = field(tag::NAME, name.as_str().as_bytes());
            Some(FeedRow { detail, ..row(FeedKind::UserDelete) })
        }
        _ => None,
    })
}

/// The row for the message with which a private group begins. Both share one event, that of the group, which
/// readers that request only messages would not receive.
fn first_message(event: &Event, now: Date) -> Option<FeedRow> {
    let Kind::GroupUpdate { view, .. } = &event.kind else { return None };
    let message = view.messages.iter().find(|message| Some(message.seq) == event.seq)?;
    let row = FeedRow { group: event.group(), seq: event.seq, ..FeedRow::new(FeedKind::MessageText, now) };
    Some(of_message(row, message))
}

/// The row for a report that was created or changed.
pub(in crate::app) fn report_row(kind: FeedKind, report: &MessageReport, now: Date) -> FeedRow {
    let detail = field(tag::REPORT, report.id.0.as_bytes());
    FeedRow { group: Some(report.group), message: Some(report.message), detail, ..FeedRow::new(kind, now) }
}

fn of_message(row: FeedRow, message: &Message) -> FeedRow {
    FeedRow {
        message: Some(message.id),
        message_seq: Some(message.seq),
        message_date: Some(message.date),
        user: Some(message.author),
        ..row
    }
}

fn of_id(tx: &dyn Tx, row: FeedRow, id: MessageId) -> Result<Option<FeedRow>> {
    Ok(tx.message(id)?.map(|message| of_message(row, &message)))
}

fn contact(now: Date, author: UserId, other: UserId, outcome: Outcome) -> FeedRow {
    let mut detail = field(tag::OTHER, &other.0.to_le_bytes());
    put(&mut detail, tag::OUTCOME, outcome.as_str().as_bytes());
    FeedRow { user: Some(author), detail, ..FeedRow::new(FeedKind::ContactUpdate, now) }
}

pub(super) fn field(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut detail = Vec::new();
    put(&mut detail, tag, value);
    detail
}

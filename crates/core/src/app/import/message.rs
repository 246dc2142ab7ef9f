//! Messages and read marks of an import.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{ImportPage, People, Person, Unit};
use crate::message::Body;
use crate::permission::Role;
use crate::send::Kept;
use crate::store::{ImportKind, Imported, NewMessage, Tx};
use crate::{Date, GroupId, MessageId, Result, Seq, UserId};

/// A message of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMessage {
    /// Its id, which does not change.
    pub id: Uuid,
    /// Its author's id in the source.
    pub author: Option<Uuid>,
    /// Its group's id in the source.
    pub group: Option<Uuid>,
    /// Its date, in microseconds since 1970.
    pub micros: i64,
    /// The message that it replies to.
    pub respond_to: Option<Uuid>,
    /// Its body, unchecked.
    pub body: String,
}

/// A read mark of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMark {
    /// The group's id in the source.
    pub group: Uuid,
    /// The user's id in the source.
    pub user: Uuid,
    /// The date of the mark, in microseconds since 1970.
    pub micros: i64,
}

/// The objects that a page of messages refers to.
struct Known {
    people: People,
    groups: HashMap<Uuid, Option<GroupId>>,
    /// Group and number of the messages that have one.
    places: HashMap<Uuid, (GroupId, Seq)>,
}

pub(super) fn take(unit: &mut Unit, messages: &[SourceMessage]) -> Result<ImportPage> {
    let mut known = Known::of(unit.tx, messages)?;
    let mut page = ImportPage::default();
    let mut accepted = Vec::new();
    for message in messages {
        if known.places.contains_key(&message.id) {
            page.tally.before += 1;
        } else if let Some(found) = known.judge(message, unit.rules.limits.message_chars, &mut page) {
            accepted.push((message, found));
        }
    }
    let strangers: BTreeSet<_> = accepted.iter().map(|(_, found)| (found.group, found.author)).collect();
    for (group, author) in strangers {
        remember(unit, group, author)?;
    }
    let mut rest = &accepted[..];
    while let Some((_, first)) = rest.first() {
        let count = rest.iter().take_while(|(_, found)| found.group == first.group).count();
        let (same, others) = rest.split_at(count);
        insert(unit, &mut known, &mut page, first.group, same)?;
        rest = others;
    }
    Ok(page)
}

/// The imported form of a message.
struct Found {
    group: GroupId,
    author: UserId,
    date: Date,
    body: Body,
}

impl Known {
    fn of(tx: &dyn Tx, messages: &[SourceMessage]) -> Result<Self> {
        let people = People::find(tx, messages.iter().filter_map(|message| message.author))?;
        let groups = groups(tx, messages.iter().filter_map(|message| message.group))?;
        let ids = messages.iter().flat_map(|message| [Some(message.id), message.respond_to]).flatten();
        let ids: BTreeSet<_> = ids.map(MessageId).collect();
        let located = tx.messages_located(&ids.into_iter().collect::<Vec<_>>())?;
        let places = located.into_iter().map(|place| (place.id.0, (place.group, place.seq))).collect();
        Ok(Self { people, groups, places })
    }

    /// The imported form of a message; `None` if it cannot be imported.
    fn judge(&self, message: &SourceMessage, limit: usize, page: &mut ImportPage) -> Option<Found> {
        let id = message.id;
        let group = match message.group.and_then(|group| self.groups.get(&group)) {
            Some(Some(group)) => *group,
            Some(None) => {
                page.tally.gone += 1;
                return None;
            }
            None => {
                page.refuse(format!("message {id}: its group was not imported, and neither is the message"));
                return None;
            }
        };
        let author = match message.author.map_or(Person::Unknown, |author| self.people.get(author)) {
            Person::Standing(user) => user.id,
            Person::Deleted => {
                page.tally.gone += 1;
                return None;
            }
            Person::Unknown => {
                page.refuse(format!("message {id}: its author is not a user; not imported"));
                return None;
            }
        };
        let body = match Body::parse(&message.body, limit) {
            Ok(body) => body,
            Err(why) => {
                page.refuse(format!("message {id}: its body {why}; not imported"));
                return None;
            }
        };
        let date = Date::from_micros(message.micros);
        if date.micros() != message.micros {
            page.note(format!("message {id}: its date is outside the years 1 to 9999; imported as {date}"));
        }
        Some(Found { group, author, date, body })
    }

    /// The number of the message that this one replies to.
    fn answered(&self, message: &SourceMessage, group: GroupId, page: &mut ImportPage) -> Option<Seq> {
        let target = message.respond_to?;
        let why = match self.places.get(&target) {
            Some((there, seq)) if *there == group => return Some(*seq),
            Some(_) => "is of another group",
            None => "is a later one, or was not imported",
        };
        page.note(format!(
            "message {}: the message {target} that it replies to {why}; imported without the reference",
            message.id
        ));
        None
    }
}

/// Numbers and stores messages of one group.
fn insert(
    unit: &mut Unit,
    known: &mut Known,
    page: &mut ImportPage,
    group: GroupId,
    messages: &[(&SourceMessage, Found)],
) -> Result<()> {
    let Some((_, last)) = messages.last() else { return Ok(()) };
    let mut seq = unit.tx.seq_take_for_messages(group, messages.len(), last.date)?;
    let mut rows = Vec::with_capacity(messages.len());
    for (message, found) in messages {
        let kept = Kept { id: MessageId(message.id), date: found.date, seq };
        rows.push(NewMessage {
            respond_to: known.answered(message, group, page),
            ..NewMessage::new(group, kept, found.author, found.body.clone())
        });
        known.places.insert(message.id, (group, seq));
        seq = seq.next();
    }
    page.tally.taken += messages.len() as u64;
    unit.tx.messages_insert(&rows)
}

/// Records an author who is no longer a member as a former member, so that its messages are found when the
/// user is deleted.
fn remember(unit: &mut Unit, group: GroupId, author: UserId) -> Result<()> {
    if unit.tx.member(group, author)?.is_none() {
        let now = unit.now();
        unit.tx.member_set(group, author, Role::Restrict, now)?;
        unit.tx.member_remove(group, author)?;
    }
    Ok(())
}

pub(super) fn take_marks(unit: &mut Unit, marks: &[SourceMark]) -> Result<u64> {
    let people = People::find(unit.tx, marks.iter().map(|mark| mark.user))?;
    let groups = groups(unit.tx, marks.iter().map(|mark| mark.group))?;
    let mut moved = 0;
    for mark in marks {
        let group = groups.get(&mark.group).copied().flatten();
        let (Some(group), Person::Standing(user)) = (group, people.get(mark.user)) else { continue };
        if unit.tx.member(group, user.id)?.is_none() {
            continue;
        }
        let Some((seq, date)) = unit.tx.message_at_date(group, Date::from_micros(mark.micros))? else {
            continue;
        };
        if unit.tx.mark(group, user.id)?.last_read.is_none_or(|(read, _)| read < seq) {
            unit.tx.mark_set(group, user.id, seq, date)?;
            moved += 1;
        }
    }
    Ok(moved)
}

/// The groups that groups of the source became, if they still exist.
fn groups(tx: &dyn Tx, ids: impl IntoIterator<Item = Uuid>) -> Result<HashMap<Uuid, Option<GroupId>>> {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let mut groups = HashMap::new();
    for (id, found) in ids.iter().zip(tx.imported(ImportKind::Group, &ids)?) {
        if let Some(Imported::Group(group)) = found {
            groups.insert(*id, tx.group(group)?.map(|group| group.id));
        }
    }
    Ok(groups)
}

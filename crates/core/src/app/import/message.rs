//! Messages of an import.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::content::{attachments, complete};
use super::{ImportPage, MessagePage, People, Person, Unit, reaction};
use crate::message::{Body, INVISIBLE, MessageDetail};
use crate::permission::Role;
use crate::reaction::Emoji;
use crate::send::Kept;
use crate::store::{ImportKind, Imported, NewMessage, Tx};
use crate::{Date, FileId, GroupId, MessageId, Result, Seq, UserId};

/// A message in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceMessage {
    /// The id, which the import preserves.
    pub id: Uuid,
    /// The author's id in the source.
    pub author: Option<Uuid>,
    /// The group's id in the source.
    pub group: Option<Uuid>,
    /// The date, in microseconds since 1970.
    pub micros: i64,
    /// The message replied to.
    pub respond_to: Option<Uuid>,
    /// The root of the thread.
    pub thread: Option<Uuid>,
    /// The body, not validated yet.
    pub body: String,
    /// The date of the last edit, in microseconds since 1970.
    pub edited: Option<i64>,
    pub pinned: bool,
    /// The sender's JSON object, as compact text.
    pub data: Option<String>,
    pub mentions: SourceMentions,
    /// The files, whose content is already stored.
    pub files: Vec<FileId>,
    pub reactions: Vec<SourceReaction>,
    /// The position in the source, for notes. Empty if the id identifies the message well enough.
    pub label: String,
}

/// The mentions of a message in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceMentions {
    pub everyone: bool,
    /// The users' ids in the source.
    pub users: Vec<Uuid>,
}

/// A reaction to a message in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReaction {
    /// The user's id in the source.
    pub user: Uuid,
    pub emoji: Emoji,
    /// The date, in microseconds since 1970.
    pub micros: i64,
}

/// The objects that a page of messages refers to.
pub(super) struct PageLookups {
    pub(super) people: People,
    groups: HashMap<Uuid, Option<GroupId>>,
    /// The group and number of each message that is already stored.
    pub(super) places: HashMap<Uuid, (GroupId, Seq)>,
    /// The stored messages that exist and are in no thread, so that they can be roots.
    roots: HashSet<Uuid>,
}

pub(super) fn take(unit: &mut Unit, messages: &[SourceMessage]) -> Result<MessagePage> {
    let mut known = PageLookups::of(unit.tx, messages)?;
    let mut page = ImportPage::default();
    let mut accepted = Vec::new();
    for message in messages {
        if known.is_gone(message) {
            page.tally.gone += 1;
        } else if known.places.contains_key(&message.id) {
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
    let reactions = reaction::take(unit, &known, messages, &mut page)?;
    let unused = messages.iter().filter(|message| !known.places.contains_key(&message.id));
    let unused = unused.flat_map(|message| message.files.iter().copied()).collect();
    Ok(MessagePage { messages: page, reactions, unused })
}

/// A message that can be imported, with its references resolved.
pub(super) struct ResolvedMessage {
    group: GroupId,
    pub(super) author: UserId,
    date: Date,
    pub(super) body: Body,
}

impl SourceMessage {
    /// How notes refer to the message.
    pub(super) fn shown(&self) -> String {
        if self.label.is_empty() { format!("message {}", self.id) } else { format!("message {}", self.label) }
    }
}

impl PageLookups {
    fn of(tx: &dyn Tx, messages: &[SourceMessage]) -> Result<Self> {
        let reactors = messages.iter().flat_map(|message| &message.reactions).map(|reaction| reaction.user);
        let mentioned = messages.iter().flat_map(|message| &message.mentions.users).copied();
        let authors = messages.iter().filter_map(|message| message.author);
        let people = People::find(tx, authors.chain(reactors).chain(mentioned))?;
        let groups = groups(tx, messages.iter().filter_map(|message| message.group))?;
        let named = |message: &SourceMessage| [Some(message.id), message.respond_to, message.thread];
        let ids: BTreeSet<_> = messages.iter().flat_map(named).flatten().map(MessageId).collect();
        let located = tx.messages_located(&ids.into_iter().collect::<Vec<_>>())?;
        let places = located.into_iter().map(|place| (place.id.0, (place.group, place.seq))).collect();
        let mut known = Self { people, groups, places, roots: HashSet::new() };
        known.find_roots(tx, messages)?;
        Ok(known)
    }

    fn find_roots(&mut self, tx: &dyn Tx, messages: &[SourceMessage]) -> Result<()> {
        let mut wanted: BTreeMap<GroupId, BTreeSet<MessageId>> = BTreeMap::new();
        for root in messages.iter().filter_map(|message| message.thread) {
            if let Some((group, _)) = self.places.get(&root) {
                wanted.entry(*group).or_default().insert(MessageId(root));
            }
        }
        for (group, ids) in wanted {
            let found = tx.messages_by_id(Some(group), &ids.into_iter().collect::<Vec<_>>())?;
            self.roots.extend(found.iter().filter(|root| root.thread.is_none()).map(|root| root.id.0));
        }
        Ok(())
    }

    /// Whether the message's group has been deleted here, or its author was deleted here before the message
    /// was imported.
    pub(super) fn is_gone(&self, message: &SourceMessage) -> bool {
        let author = message.author.map_or(Person::Unknown, |author| self.people.get(author));
        match message.group.and_then(|group| self.groups.get(&group)) {
            Some(None) => true,
            Some(Some(_)) => !self.places.contains_key(&message.id) && matches!(author, Person::Deleted),
            None => false,
        }
    }

    /// Validates a message and resolves its references. `None` if it cannot be imported; a note then gives
    /// the reason.
    fn judge(&self, message: &SourceMessage, limit: usize, page: &mut ImportPage) -> Option<ResolvedMessage> {
        let shown = message.shown();
        let Some(group) = message.group.and_then(|group| self.groups.get(&group).copied().flatten()) else {
            page.refuse(format!("{shown}: its group was not imported, and neither is the message"));
            return None;
        };
        let Some(author) = message.author.and_then(|author| self.people.existing(author)) else {
            page.refuse(format!("{shown}: its author is not a user; not imported"));
            return None;
        };
        let author = author.id;
        let parsed = Body::parse_any(&message.body, limit);
        let body = match parsed {
            Ok(body) if body.is_empty() && message.files.is_empty() => Err(INVISIBLE.to_owned()),
            other => other,
        };
        let body = match body {
            Ok(body) => body,
            Err(why) => {
                page.refuse(format!("{shown}: its body {why}; not imported"));
                return None;
            }
        };
        let date = Date::from_micros(message.micros);
        if date.micros() != message.micros {
            page.note(format!("{shown}: its date is outside the years 1 to 9999; imported as {date}"));
        }
        Some(ResolvedMessage { group, author, date, body })
    }

    /// The number of the message that this one replies to.
    fn answered(&self, message: &SourceMessage, group: GroupId, page: &mut ImportPage) -> Option<Seq> {
        let target = message.respond_to?;
        let why = match self.places.get(&target) {
            Some((there, seq)) if *there == group => return Some(*seq),
            Some(_) => "is of another group",
            None => "is a later one, or was not imported",
        };
        let shown = message.shown();
        page.note(format!(
            "{shown}: the message {target} that it replies to {why}; imported without the reference"
        ));
        None
    }

    /// The number of the root of the thread.
    fn root(&self, message: &SourceMessage, group: GroupId, page: &mut ImportPage) -> Option<Seq> {
        let target = message.thread?;
        let why = match self.places.get(&target) {
            Some((there, seq)) if *there == group && self.roots.contains(&target) => return Some(*seq),
            Some(_) => "is a reply itself, or was deleted here since",
            None => "is a later one, or was not imported",
        };
        page.note(format!("{}: the root of its thread {why}; imported outside of threads", message.shown()));
        None
    }
}

/// Numbers and stores messages of the same group.
fn insert(
    unit: &mut Unit,
    known: &mut PageLookups,
    page: &mut ImportPage,
    group: GroupId,
    messages: &[(&SourceMessage, ResolvedMessage)],
) -> Result<()> {
    let Some((_, last)) = messages.last() else { return Ok(()) };
    let mut seq = unit.tx.seq_take_for_messages(group, messages.len(), last.date)?;
    let mut rows = Vec::with_capacity(messages.len());
    for (message, found) in messages {
        let kept = Kept { id: MessageId(message.id), date: found.date, seq };
        let thread = known.root(message, group, page);
        rows.push(NewMessage {
            respond_to: known.answered(message, group, page),
            thread,
            detail: MessageDetail {
                data: message.data.as_deref().map(Into::into),
                attachments: attachments(unit.tx, message, found, page)?,
                ..MessageDetail::default()
            },
            ..NewMessage::new(group, kept, found.author, found.body.clone())
        });
        known.places.insert(message.id, (group, seq));
        if thread.is_none() {
            known.roots.insert(message.id);
        }
        seq = seq.next();
    }
    page.tally.taken += messages.len() as u64;
    unit.tx.messages_insert(&rows)?;
    for ((message, _), row) in messages.iter().zip(&rows) {
        complete(unit, known, message, row, page)?;
    }
    Ok(())
}

/// Records a user who is not a member as a former member. Otherwise, its messages and reactions would not be
/// found when the user is deleted.
pub(super) fn remember(unit: &mut Unit, group: GroupId, user: UserId) -> Result<()> {
    if unit.tx.member(group, user)?.is_none() {
        let now = unit.now();
        unit.tx.member_set(group, user, Role::Restrict, now)?;
        unit.tx.member_remove(group, user)?;
    }
    Ok(())
}

/// The groups of the source and the groups that they became. `None` for groups that no longer exist.
pub(super) fn groups(
    tx: &dyn Tx,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Option<GroupId>>> {
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

//! The parts of imported messages that most messages lack: files, mentions, edits and pins.

use super::message::{PageLookups, ResolvedMessage, SourceMessage};
use super::{ImportPage, Unit};
use crate::file::StoredFile;
use crate::log::LogEntry;
use crate::mention::{MENTIONS, Mentions};
use crate::message::MessageDetail;
use crate::pin::PINS;
use crate::store::{FileState, NewMessage, Tx};
use crate::{Date, Result};

/// The files of a message that are stored and not in use yet.
pub(super) fn attachments(
    tx: &dyn Tx,
    message: &SourceMessage,
    found: &ResolvedMessage,
    page: &mut ImportPage,
) -> Result<Vec<StoredFile>> {
    let mut files = Vec::with_capacity(message.files.len());
    for id in &message.files {
        let row = tx.file(*id)?.filter(|row| row.state == FileState::Stored && row.owner == found.author);
        match row.and_then(|row| row.file) {
            Some(file) => files.push(file),
            None => page.note(format!("{}: its file {id} is not stored; imported without", message.shown())),
        }
    }
    Ok(files)
}

/// Adds the parts that the message's row does not contain to a stored message.
pub(super) fn complete(
    unit: &mut Unit,
    known: &PageLookups,
    message: &SourceMessage,
    row: &NewMessage,
    page: &mut ImportPage,
) -> Result<()> {
    let (group, seq) = (row.group, row.seq);
    if !row.detail.attachments.is_empty() {
        unit.tx.files_attach(&row.detail.attachments, group, seq)?;
    }
    let mentions = mentions(unit.tx, known, message, row)?;
    if !mentions.is_empty() {
        unit.tx.mentions_set(group, seq, row.author, &mentions)?;
    }
    if let Some(micros) = message.edited {
        unit.tx.message_edit(group, seq, &row.body, Date::from_micros(micros))?;
    }
    if message.pinned { pin(unit, message, row, mentions, page) } else { Ok(()) }
}

/// The mentioned users who are members.
fn mentions(tx: &dyn Tx, known: &PageLookups, message: &SourceMessage, row: &NewMessage) -> Result<Mentions> {
    let everyone = message.mentions.everyone;
    let mut users = Vec::new();
    for user in message.mentions.users.iter().filter_map(|id| known.people.existing(*id)) {
        // Several users of the source may have become the same user.
        if users.len() < MENTIONS && !users.contains(&user.id) {
            users.push(user.id);
        }
    }
    if users.is_empty() {
        return Ok(Mentions { everyone, ..Mentions::default() });
    }
    let members = tx.members_among(row.group, &users)?;
    let users = users.into_iter().filter(|user| members.contains(user)).collect();
    Ok(Mentions { everyone, users, names: Vec::new() })
}

fn pin(
    unit: &mut Unit,
    message: &SourceMessage,
    row: &NewMessage,
    mentions: Mentions,
    page: &mut ImportPage,
) -> Result<()> {
    let (group, seq, id) = (row.group, row.seq, row.id);
    if unit.tx.group(group)?.is_none_or(|group| group.pins.len() >= PINS) {
        page.note(format!(
            "{}: a group has at most {PINS} pinned messages; imported without its pin",
            message.shown()
        ));
        return Ok(());
    }
    let by =
        unit.log(group, &LogEntry::MessagePinned { message: seq, id, by: None, date: row.date, on: true })?;
    let detail = MessageDetail { pinned: true, mentions, ..row.detail.clone() };
    unit.tx.message_detail_set(group, seq, &detail)?;
    unit.tx.message_change(group, seq, by)?;
    unit.tx.pin_set(group, id, true)
}

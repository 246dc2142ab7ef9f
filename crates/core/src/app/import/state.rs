//! The states of messages of the source in the store, before they and their files are imported.

use uuid::Uuid;

use super::message::groups;
use super::{People, Person};
use crate::store::Tx;
use crate::{FileId, MessageId, Result};

/// A message of the source that is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLookup {
    pub id: Uuid,
    /// The ids in the source of its group and its author.
    pub group: Uuid,
    pub author: Uuid,
}

/// The state of a message of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageState {
    /// No run has imported it.
    New,
    /// An earlier run has imported it, and these are its files here.
    Imported(Vec<FileId>),
    /// An earlier run has imported it, and it was deleted here since.
    Deleted,
    /// Its group was deleted here since, or its author before it was imported.
    Gone,
}

pub(super) fn find(tx: &dyn Tx, lookups: &[MessageLookup]) -> Result<Vec<MessageState>> {
    let people = People::find(tx, lookups.iter().map(|lookup| lookup.author))?;
    let groups = groups(tx, lookups.iter().map(|lookup| lookup.group))?;
    let ids: Vec<_> = lookups.iter().map(|lookup| MessageId(lookup.id)).collect();
    let located = tx.messages_located(&ids)?;
    let standing = tx.messages_by_id(None, &ids)?;
    let state = |lookup: &MessageLookup| {
        let id = MessageId(lookup.id);
        if matches!(groups.get(&lookup.group), Some(None)) {
            MessageState::Gone
        } else if let Some(message) = standing.iter().find(|message| message.id == id) {
            MessageState::Imported(message.detail.attachments.iter().map(|file| file.id).collect())
        } else if located.iter().any(|place| place.id == id) {
            MessageState::Deleted
        } else if matches!(people.get(lookup.author), Person::Deleted) {
            MessageState::Gone
        } else {
            MessageState::New
        }
    };
    Ok(lookups.iter().map(state).collect())
}

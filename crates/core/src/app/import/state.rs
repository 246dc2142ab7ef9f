//! The state of each message of the source in the store, before the messages and their files are imported.

use uuid::Uuid;

use super::message::groups;
use super::{People, Person};
use crate::store::Tx;
use crate::{FileId, MessageId, Result};

/// A message in the source to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLookup {
    pub id: Uuid,
    /// The group's id in the source.
    pub group: Uuid,
    /// The author's id in the source.
    pub author: Uuid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageState {
    /// No run has imported the message.
    New,
    /// An earlier run imported the message. These are its files here.
    Imported(Vec<FileId>),
    /// An earlier run imported the message, and it has since been deleted here.
    Deleted,
    /// The message's group has been deleted here, or its author was deleted here before the message was
    /// imported.
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

//! The objects of an export, independent of its service.

use std::collections::HashMap;

use chinwag_core::permission::Role;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::files::FileSource;
use crate::sort::Sorted;

/// The index of a user in [`ForeignExport::users`].
pub type UserIndex = u32;

/// A service whose exports can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Slack,
    Mattermost,
}

impl Service {
    /// The service's name in ids and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::Mattermost => "Mattermost",
        }
    }
}

/// A complete export.
pub struct ForeignExport {
    pub service: Service,
    pub users: Vec<ForeignUser>,
    pub groups: Vec<ForeignGroup>,
    pub files: FileSource,
    /// The number of files in its messages that the service stored itself.
    pub named_files: usize,
    pub(crate) messages: Sorted<ForeignMessage>,
    /// Counts equal keys among the messages with the latest date.
    pub(crate) moment: Moment,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignUser {
    /// The id in the service.
    pub key: String,
    /// The name in the service, not validated.
    pub name: String,
    pub display_name: Option<String>,
    pub is_bot: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignGroup {
    /// The id in the service.
    pub key: String,
    /// The name in the service, not validated.
    pub name: String,
    /// Whether it is a conversation among its members only, without a name.
    pub is_direct: bool,
    /// Whether anyone may join it.
    pub is_open: bool,
    pub is_archived: bool,
    pub description: Option<String>,
    /// The members, without duplicates.
    pub members: Vec<(UserIndex, Role)>,
    /// The dates up to which members have read, if the export contains them.
    pub marks: HashMap<UserIndex, i64>,
    /// The date of the newest message.
    pub newest: Option<i64>,
}

/// A message of an export. Its text uses the markup of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignMessage {
    /// The id in its group.
    pub key: String,
    pub author: UserIndex,
    /// The date, in microseconds since 1970.
    pub micros: i64,
    pub text: String,
    /// The root of its thread.
    pub root: Option<MessageKey>,
    /// The date of its last edit.
    pub edited: Option<i64>,
    pub is_pinned: bool,
    /// The name under which a bot has sent it.
    pub shown_as: Option<String>,
    pub reactions: Vec<ForeignReaction>,
    pub files: Vec<ForeignFile>,
    /// The position in the export, for the report.
    pub at: String,
}

impl ForeignMessage {
    /// The number of its files that the service stored itself.
    pub fn own_files(&self) -> usize {
        self.files.iter().filter(|file| file.link.is_none()).count()
    }
}

/// The id of a message in its group, and its date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageKey {
    pub key: String,
    pub micros: i64,
}

/// One reaction of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignReaction {
    /// The name of the emoji in the service.
    pub emoji: String,
    pub user: UserIndex,
    pub micros: Option<i64>,
}

/// A file of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignFile {
    /// The id in the service, or the path in the export.
    pub key: String,
    pub name: String,
    /// The length and the type, if the export contains them.
    pub size: Option<u64>,
    pub media_type: Option<String>,
    /// The address of a file that the service did not store itself.
    pub link: Option<String>,
}

/// The keys of the messages read so far that have the latest date.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    group: u32,
    micros: i64,
    keys: HashMap<String, u32>,
}

impl ForeignExport {
    /// The number of messages.
    pub fn messages_count(&self) -> u64 {
        self.messages.len()
    }

    /// The date of the oldest message, in microseconds since 1970.
    pub fn oldest(&self) -> Option<i64> {
        self.messages.oldest()
    }

    /// The next message, with the index of its group, ordered by group and date. Two messages of a group with
    /// the same id are different messages in Mattermost, which has no ids, and the same message in Slack.
    pub fn next_message(&mut self) -> Result<Option<NextMessage>> {
        let Some((key, mut message)) = self.messages.next()? else { return Ok(None) };
        let earlier = self.moment.count(key.group, key.micros, &message.key);
        if earlier > 0 && self.service == Service::Mattermost {
            message.key = format!("{} #{}", message.key, earlier + 1);
        }
        let is_repeated = earlier > 0 && self.service == Service::Slack;
        Ok(Some(NextMessage { group: key.group as usize, message, is_repeated }))
    }
}

/// A message read from an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextMessage {
    /// The index of its group in [`ForeignExport::groups`].
    pub group: usize,
    pub message: ForeignMessage,
    /// Whether the same message was read before.
    pub is_repeated: bool,
}

impl Moment {
    /// The number of earlier messages with the same group, date and key.
    fn count(&mut self, group: u32, micros: i64, key: &str) -> u32 {
        if (self.group, self.micros) != (group, micros) {
            *self = Self { group, micros, keys: HashMap::new() };
        }
        let count = self.keys.entry(key.to_owned()).or_default();
        *count += 1;
        *count - 1
    }
}

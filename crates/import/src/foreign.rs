//! The objects of an export, whatever service it is of.

use std::collections::HashMap;

use chinwag_core::permission::Role;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::files::FileSource;
use crate::sort::Sorted;

/// The index of a user in [`ForeignExport::users`].
pub type UserIndex = u32;

/// A service whose exports are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Slack,
    Mattermost,
}

impl Service {
    /// Its name in ids and sentences.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::Mattermost => "Mattermost",
        }
    }
}

/// A whole export.
pub struct ForeignExport {
    pub service: Service,
    pub users: Vec<ForeignUser>,
    pub groups: Vec<ForeignGroup>,
    pub files: FileSource,
    /// The number of files that its messages name and the service had.
    pub named_files: usize,
    pub(crate) messages: Sorted<ForeignMessage>,
    /// The keys of the messages of one moment, which may share one.
    pub(crate) moment: Moment,
}

/// A user of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignUser {
    /// Its id there.
    pub key: String,
    /// Its name there, unchecked.
    pub name: String,
    pub display_name: Option<String>,
    pub is_bot: bool,
}

/// A conversation of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignGroup {
    /// Its id there.
    pub key: String,
    /// Its name there, unchecked.
    pub name: String,
    /// Whether it is between its members alone, and has no name.
    pub is_direct: bool,
    /// Whether anybody may join it.
    pub is_open: bool,
    pub is_archived: bool,
    pub description: Option<String>,
    /// Its members, each once.
    pub members: Vec<(UserIndex, Role)>,
    /// The dates up to which members have read, where the export has them.
    pub marks: HashMap<UserIndex, i64>,
    /// The date of its newest message.
    pub newest: Option<i64>,
}

/// A message of an export. Its text is in the markup of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignMessage {
    /// Its id in its group.
    pub key: String,
    pub author: UserIndex,
    /// Its date, in microseconds since 1970.
    pub micros: i64,
    pub text: String,
    /// The message whose thread it is in.
    pub root: Option<MessageKey>,
    /// The date of its last edit.
    pub edited: Option<i64>,
    pub is_pinned: bool,
    /// The name under which a bot has sent it.
    pub shown_as: Option<String>,
    pub reactions: Vec<ForeignReaction>,
    pub files: Vec<ForeignFile>,
    /// Its place in the export, for the report.
    pub at: String,
}

impl ForeignMessage {
    /// The number of its files that the service had.
    pub fn own_files(&self) -> usize {
        self.files.iter().filter(|file| file.link.is_none()).count()
    }
}

/// The id of a message in its group, with its date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageKey {
    pub key: String,
    pub micros: i64,
}

/// One reaction of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignReaction {
    /// The name of the emoji there.
    pub emoji: String,
    pub user: UserIndex,
    pub micros: Option<i64>,
}

/// A file of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignFile {
    /// Its id there, or its path in the export.
    pub key: String,
    pub name: String,
    /// Its length and type, where the export says them.
    pub size: Option<u64>,
    pub media_type: Option<String>,
    /// The address of a file that was never in the service.
    pub link: Option<String>,
}

/// The keys of the messages that were read last and have one date.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    group: u32,
    micros: i64,
    keys: HashMap<String, u32>,
}

impl ForeignExport {
    /// The number of its messages.
    pub fn messages_count(&self) -> u64 {
        self.messages.len()
    }

    /// The date of its oldest message, in microseconds since 1970.
    pub fn oldest(&self) -> Option<i64> {
        self.messages.oldest()
    }

    /// The next message with the index of its group, in the order of groups and dates. A message that shares its id with
    /// another one of its group is another message in Mattermost, which has no ids, and the same message in Slack.
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

/// A message as it comes from an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextMessage {
    /// The index of its group in [`ForeignExport::groups`].
    pub group: usize,
    pub message: ForeignMessage,
    /// Whether it has come before.
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

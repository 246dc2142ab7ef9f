//! Converts the objects of an export for the use cases of an import.

use chinwag_core::app::import::{
    SourceGroup, SourceMark, SourceMentions, SourceMessage, SourceReaction, SourceUser,
};
use chinwag_core::group_details::Description;
use chinwag_core::limits::DESCRIPTION_CHARS;
use chinwag_core::permission::Role;
use chinwag_core::text::is_visible;
use chinwag_core::{FileId, GroupName};
use uuid::Uuid;

use crate::foreign::{ForeignExport, ForeignFile, ForeignGroup, ForeignMessage, Service, UserIndex};
use crate::names::{Converted, NameTable};
use crate::remark::Remarks;
use crate::{emoji, ids, mattermost, slack, split};

/// The outcome of importing a message's file.
#[derive(Debug, Clone)]
pub enum TakenFile {
    Stored(FileId),
    /// The file is not stored. The message names it.
    Missing(ForeignFile),
}

impl ForeignExport {
    /// The id of an imported user.
    pub fn user_id(&self, index: UserIndex) -> Uuid {
        let key = self.users.get(index as usize).map_or("", |user| &user.key);
        ids::plain(&[self.service.as_str(), "user", key])
    }

    /// The id of an imported group.
    pub fn group_id(&self, group: &ForeignGroup) -> Uuid {
        ids::of_group(&[self.service.as_str(), "group", &group.key])
    }

    /// The id of an imported message.
    pub fn message_id(&self, group: &ForeignGroup, key: &str, micros: i64) -> Uuid {
        ids::of_message(micros, &[self.service.as_str(), "message", &group.key, key])
    }

    /// The preferred id of a message's file. If it is taken, others are derived from it.
    pub fn file_id(&self, group: &ForeignGroup, message: &ForeignMessage, file: &ForeignFile) -> Uuid {
        ids::plain(&[self.service.as_str(), "file", &group.key, &message.key, &file.key, &file.name])
    }

    /// Converts a user. `ours` is the name that an operator has chosen for it.
    pub fn user_source(&self, index: UserIndex, ours: Option<String>) -> SourceUser {
        let user = self.users.get(index as usize).cloned().unwrap_or_default();
        SourceUser {
            id: self.user_id(index),
            name: user.name.split_whitespace().collect::<Vec<_>>().join("-"),
            given: ours,
            display_name: user.display_name.map(|name| name.replace('\0', "")),
            is_bot: user.is_bot,
            ..SourceUser::default()
        }
    }

    pub fn group_source(&self, group: &ForeignGroup) -> SourceGroup {
        let mut members: Vec<_> = group.members.clone();
        members.sort_by_key(|(index, role)| (std::cmp::Reverse(*role), *index));
        // The first member becomes the owner, unless another one is.
        let members = members.iter().enumerate().map(|(at, (index, role))| {
            let role = if group.is_archived && !group.is_direct && at > 0 { Role::Restrict } else { *role };
            (self.user_id(*index), Some(role))
        });
        let name = if group.is_direct { GroupName::PRIVATE } else { &group.name };
        SourceGroup {
            id: self.group_id(group),
            name: name.to_owned(),
            members: members.collect(),
            is_own_notes: group.is_direct && group.members.len() == 1,
            is_open: group.is_open && !group.is_archived,
            description: group.description.as_deref().and_then(description),
        }
    }

    /// The read marks of a group: those of the export, and for other members the newest message.
    pub fn mark_sources(&self, group: &ForeignGroup) -> Vec<SourceMark> {
        let Some(newest) = group.newest else { return Vec::new() };
        let id = self.group_id(group);
        let mark = |(index, _): &(UserIndex, Role)| {
            let micros = group.marks.get(index).copied().unwrap_or(newest);
            SourceMark { group: id, user: self.user_id(*index), micros }
        };
        group.members.iter().map(mark).collect()
    }

    /// Converts a message into one or more messages of at most `limit` characters.
    pub fn message_sources(
        &self,
        names: &NameTable,
        group: usize,
        message: &ForeignMessage,
        files: &[TakenFile],
        limit: usize,
        remarks: &mut dyn Remarks,
    ) -> Vec<SourceMessage> {
        let group = &self.groups[group];
        let Converted { mut body, mentions, everyone } = match self.service {
            Service::Slack => slack::converted(&message.text, names),
            Service::Mattermost => mattermost::converted(&message.text, names),
        };
        for file in files {
            if let TakenFile::Missing(file) = file {
                append_line(&mut body, &missing_line(file));
            }
        }
        if body.contains('\0') {
            body.retain(|c| c != '\0');
            remarks.remark("messages with a NUL; imported without it", &message.at);
        }
        let mut parts = split::parts(&body, limit);
        if parts.len() > 1 && is_visible(&body) {
            parts.retain(|part| is_visible(part));
        }
        if parts.len() > 1 {
            let reason = "longer than a message may be here; imported as several";
            remarks.remark(reason, &format!("{}: imported as {} messages", message.at, parts.len()));
        }
        let first = SourceMessage {
            id: self.message_id(group, &message.key, message.micros),
            author: Some(self.user_id(message.author)),
            group: Some(self.group_id(group)),
            micros: message.micros,
            thread: message.root.as_ref().map(|root| self.message_id(group, &root.key, root.micros)),
            edited: message.edited,
            pinned: message.is_pinned,
            data: message.shown_as.as_ref().map(|name| serde_json::json!({ "username": name }).to_string()),
            mentions: SourceMentions {
                everyone,
                users: mentions.into_iter().map(|index| self.user_id(index)).collect(),
            },
            label: message.at.clone(),
            ..SourceMessage::default()
        };
        let part = |(at, text): (usize, &&str)| match at {
            0 => SourceMessage {
                body: (*text).to_owned(),
                files: files.iter().filter_map(TakenFile::stored).collect(),
                reactions: self.reactions(message, remarks),
                ..first.clone()
            },
            _ => SourceMessage {
                id: self.message_id(group, &format!("{} part {}", message.key, at + 1), message.micros),
                body: (*text).to_owned(),
                pinned: false,
                mentions: SourceMentions::default(),
                ..first.clone()
            },
        };
        parts.iter().enumerate().map(part).collect()
    }

    fn reactions(&self, message: &ForeignMessage, remarks: &mut dyn Remarks) -> Vec<SourceReaction> {
        let mut found: Vec<SourceReaction> = Vec::new();
        for reaction in &message.reactions {
            let Some(emoji) = emoji::reaction(&reaction.emoji) else {
                let what = format!("{}: reaction {:?}", message.at, reaction.emoji);
                remarks.remark("reactions with a name that no reaction may have here", &what);
                continue;
            };
            let user = self.user_id(reaction.user);
            if found.iter().any(|known| known.user == user && known.emoji == emoji) {
                continue;
            }
            found.push(SourceReaction { user, emoji, micros: reaction.micros.unwrap_or(message.micros) });
        }
        found
    }
}

impl TakenFile {
    fn stored(&self) -> Option<FileId> {
        match self {
            Self::Stored(id) => Some(*id),
            Self::Missing(_) => None,
        }
    }
}

/// The line of a message for a file that is not attached.
fn missing_line(file: &ForeignFile) -> String {
    let name = &file.name;
    file.link.as_ref().map_or_else(|| format!("📎 {name}"), |link| format!("📎 {name} ({link})"))
}

pub(crate) fn append_line(text: &mut String, line: &str) {
    if is_visible(text) {
        text.push('\n');
    } else {
        text.clear();
    }
    text.push_str(line);
}

/// Makes a description valid with as few changes as possible.
fn description(text: &str) -> Option<String> {
    let plain = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    let text: String = text.trim().chars().map(plain).take(DESCRIPTION_CHARS).collect();
    Description::parse(&text).ok().flatten().map(|_| text)
}

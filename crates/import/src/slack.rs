//! The export of a Slack workspace, as described in "How to read Slack data exports": `users.json`, a list
//! for each kind of conversation, and a folder per conversation with a file per day.

pub(crate) mod message;
mod wire;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use chinwag_core::permission::Role;
use chinwag_core::slack_text;

use self::wire::{Conversation, SlackUser};
use crate::archive::Archive;
use crate::files::FileSource;
use crate::foreign::{ForeignExport, ForeignGroup, ForeignMessage, ForeignUser, Moment, Service, UserIndex};
use crate::list::each_element;
use crate::names::{Converted, Mentioned, NameTable};
use crate::remark::Remarks;
use crate::roster::Roster;
use crate::sort::Sorter;
use crate::{BadExport, Result};

/// The files that list the conversations of each kind.
const LISTS: [(&str, ConversationKind); 4] = [
    ("channels.json", ConversationKind::Open),
    ("groups.json", ConversationKind::Closed),
    ("dms.json", ConversationKind::Direct),
    ("mpims.json", ConversationKind::Direct),
];
/// The lists of users. An organisation has the second one instead of the first.
const USERS: [&str; 2] = ["users.json", "org_users.json"];

/// Reads an export.
pub(crate) fn read(path: &Path, folder: &Path, remarks: &mut dyn Remarks) -> Result<ForeignExport> {
    let mut archive = Archive::open(path)?;
    let prefix = prefix(&archive)?;
    let mut reader = SlackReader {
        roster: Roster::default(),
        groups: Vec::new(),
        facts: Vec::new(),
        folders: HashMap::new(),
        messages: Sorter::new(folder)?,
        named_files: 0,
        remarks,
    };
    for list in USERS {
        reader.read_users(&mut archive, &format!("{prefix}{list}"))?;
    }
    for (list, kind) in LISTS {
        reader.read_list(&mut archive, &format!("{prefix}{list}"), kind)?;
    }
    for (day, group) in reader.days(&archive, &prefix) {
        reader.read_day(&mut archive, &day, group)?;
    }
    reader.end(FileSource::new(Some(archive), prefix))
}

/// Converts the text of a message.
pub(crate) fn converted(text: &str, names: &NameTable) -> Converted {
    let mut mentioned = Mentioned::new(names);
    let body = slack_text::formatted(text, &mut mentioned);
    mentioned.converted(body)
}

/// The prefix of all names before `users.json`: some tools pack the folder instead of the files in it.
fn prefix(archive: &Archive) -> Result<String> {
    let before_lists =
        archive.names().flat_map(|name| USERS.iter().filter_map(move |list| name.strip_suffix(list)));
    let prefixes =
        before_lists.filter(|text| text.is_empty() || text.ends_with('/') && text.matches('/').count() == 1);
    let shortest = prefixes.min_by_key(|prefix| prefix.len());
    shortest
        .map(str::to_owned)
        .ok_or_else(|| BadExport::new(archive.shown(), "is not an export of Slack: it has no users.json"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ConversationKind {
    /// Anyone may join.
    Open,
    Closed,
    /// Has no name.
    Direct,
}

/// An export that is being read.
struct SlackReader<'r> {
    roster: Roster,
    groups: Vec<ForeignGroup>,
    /// For each group, the facts that are needed to read its messages.
    facts: Vec<GroupFacts>,
    /// The groups by the names of their folders.
    folders: HashMap<String, usize>,
    messages: Sorter<ForeignMessage>,
    named_files: usize,
    remarks: &'r mut dyn Remarks,
}

#[derive(Default)]
struct GroupFacts {
    /// The keys of the pinned messages.
    pins: HashSet<String>,
    /// The authors of its messages, if the export has no list of its members.
    authors: Option<BTreeSet<UserIndex>>,
    creator: Option<UserIndex>,
}

impl SlackReader<'_> {
    fn read_users(&mut self, archive: &mut Archive, list: &str) -> Result<()> {
        if archive.size(list).is_none() {
            return Ok(());
        }
        each_element(archive.reader(list)?, list, |user: SlackUser| {
            let Some(key) = user.id.clone().filter(|id| !id.is_empty()) else {
                self.remarks.remark("users without an id", list);
                return Ok(());
            };
            let bot = user.profile.as_ref().and_then(|profile| profile.bot_id.clone());
            let index = self.roster.add(user.into_foreign(key))?;
            if let Some(bot) = bot {
                self.roster.alias(bot, index);
            }
            Ok(())
        })
    }

    fn read_list(&mut self, archive: &mut Archive, list: &str, kind: ConversationKind) -> Result<()> {
        if archive.size(list).is_none() {
            return Ok(());
        }
        each_element(archive.reader(list)?, list, |found: Conversation| self.add_group(&found, list, kind))
    }

    fn add_group(&mut self, found: &Conversation, list: &str, kind: ConversationKind) -> Result<()> {
        let is_direct = kind == ConversationKind::Direct;
        let Some(key) = found.id.clone().filter(|id| !id.is_empty()) else {
            self.remarks.remark("conversations without an id", list);
            return Ok(());
        };
        let name = found.name.clone().unwrap_or_else(|| key.clone());
        if self.folders.contains_key(&key) || self.folders.contains_key(&name) {
            let what = format!("{list}: {name} ({key})");
            self.remarks.remark("conversations with the id or the name of another one", &what);
            return Ok(());
        }
        let creator = found.creator.as_ref().and_then(|creator| self.roster.known(creator));
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        for member in found.members.iter().flatten() {
            let index = self.roster.find(member, || unknown_user(member))?;
            if seen.insert(index) {
                let role = if Some(index) == creator && !is_direct { Role::Owner } else { Role::Member };
                members.push((index, role));
            }
        }
        let pins = found.pins.iter().flatten().filter_map(|pin| message::key(pin.id.as_deref()?)).collect();
        let authors = members.is_empty().then(BTreeSet::new);
        self.facts.push(GroupFacts { pins, authors, creator });
        for folder in [&key, &name] {
            self.folders.insert(folder.clone(), self.groups.len());
        }
        self.groups.push(ForeignGroup {
            key,
            name,
            is_direct,
            is_open: kind == ConversationKind::Open,
            is_archived: found.is_archived.unwrap_or(false),
            description: found.description(),
            members,
            marks: HashMap::new(),
            newest: None,
        });
        Ok(())
    }

    /// The files of days, each with its group. Reports other files.
    fn days(&mut self, archive: &Archive, prefix: &str) -> Vec<(String, usize)> {
        let mut days = Vec::new();
        for name in archive.names() {
            let inner = name.strip_prefix(prefix).unwrap_or(name);
            let Some((folder, day)) = inner.split_once('/') else {
                let is_known = USERS.contains(&inner) || LISTS.iter().any(|(list, ..)| *list == inner);
                if !is_known {
                    self.remarks.remark("files of the export that hold no messages", name);
                }
                continue;
            };
            if folder == "__uploads" {
                continue;
            }
            match (self.folders.get(folder), is_day(day)) {
                (Some(group), true) => days.push((name.to_owned(), *group)),
                (None, true) => {
                    self.remarks.remark("folders of no conversation in the export's lists", name);
                }
                (_, false) => self.remarks.remark("files of the export that hold no messages", name),
            }
        }
        days
    }

    fn read_day(&mut self, archive: &mut Archive, day: &str, group: usize) -> Result<()> {
        each_element(archive.reader(day)?, day, |found| self.add_message(&found, day, group))
    }

    /// Adds the members of groups whose lists are empty, as those of archived channels are.
    fn end(mut self, files: FileSource) -> Result<ForeignExport> {
        for (group, facts) in self.groups.iter_mut().zip(self.facts) {
            let Some(authors) = facts.authors else { continue };
            let creator = facts.creator.into_iter().map(|creator| (creator, Role::Owner));
            let others = authors.into_iter().filter(|index| Some(*index) != facts.creator);
            group.members = creator.chain(others.map(|index| (index, Role::Member))).collect();
        }
        Ok(ForeignExport {
            service: Service::Slack,
            users: self.roster.into_users(),
            groups: self.groups,
            files,
            named_files: self.named_files,
            messages: self.messages.sorted()?,
            moment: Moment::default(),
        })
    }
}

/// Whether a file is named after a day, such as `2024-05-12.json`.
fn is_day(name: &str) -> bool {
    name.strip_suffix(".json").is_some_and(|day| {
        day.len() == 10
            && day.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    })
}

/// A user of whom only the id is known.
fn unknown_user(key: &str) -> ForeignUser {
    ForeignUser { name: key.to_owned(), ..ForeignUser::default() }
}

//! Mattermost's bulk export, as described in "Bulk loading data": a JSON object per line, in a plain file or
//! in a ZIP with further files in `data/`.

mod markup;
mod post;
mod wire;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;

use chinwag_core::permission::Role;

pub(crate) use self::markup::converted;
use self::wire::{Channel, DirectChannel, Line, MattermostUser, Team};
use crate::archive::Archive;
use crate::files::FileSource;
use crate::foreign::{ForeignExport, ForeignGroup, ForeignMessage, ForeignUser, Moment, Service, UserIndex};
use crate::list::each_line;
use crate::remark::Remarks;
use crate::roster::Roster;
use crate::sort::Sorter;
use crate::{BadExport, Result};

/// The version of the format.
const VERSION: i64 = 1;

/// Reads an export.
pub(crate) fn read(path: &Path, folder: &Path, remarks: &mut dyn Remarks) -> Result<ForeignExport> {
    let mut reader = MattermostReader {
        roster: Roster::default(),
        teams: HashMap::new(),
        groups: Vec::new(),
        members: Vec::new(),
        indices: HashMap::new(),
        messages: Sorter::new(folder)?,
        named_files: 0,
        is_begun: false,
        remarks,
    };
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
        let file = File::open(path).map_err(|fault| BadExport::io(path, &fault))?;
        let shown = path.display().to_string();
        each_line(file, &shown, |number, line| reader.add(line, &format!("{shown}, line {number}")))?;
        return reader.end(path, FileSource::new(None, String::new()));
    }
    let mut archive = Archive::open(path)?;
    let is_list = |name: &&str| Path::new(name).extension().is_some_and(|extension| extension == "jsonl");
    let lists: Vec<_> = archive.names().filter(is_list).map(str::to_owned).collect();
    let [list] = &lists[..] else {
        let why =
            format!("is not an export of Mattermost: it has {} files .jsonl, and must have one", lists.len());
        return Err(BadExport::new(path.display().to_string(), why));
    };
    let prefix = list.rfind('/').map_or("", |at| &list[..=at]).to_owned();
    let lines = archive.reader(list)?;
    each_line(lines, list, |number, line| reader.add(line, &format!("{list}, line {number}")))?;
    reader.end(path, FileSource::new(Some(archive), prefix))
}

/// An export that is being read.
struct MattermostReader<'r> {
    roster: Roster,
    /// The display names of teams, by name.
    teams: HashMap<String, String>,
    groups: Vec<ForeignGroup>,
    /// For each group, the users in its list of members.
    members: Vec<HashSet<UserIndex>>,
    /// The groups by key.
    indices: HashMap<String, usize>,
    messages: Sorter<ForeignMessage>,
    named_files: usize,
    /// Whether the line with the version was read.
    is_begun: bool,
    remarks: &'r mut dyn Remarks,
}

impl MattermostReader<'_> {
    fn add(&mut self, line: Line, at: &str) -> Result<()> {
        if !self.is_begun {
            return self.begin(&line, at);
        }
        let kind = line.kind.clone();
        match (kind.as_str(), line) {
            ("team", Line { team: Some(team), .. }) => self.add_team(team),
            ("channel", Line { channel: Some(channel), .. }) => self.add_channel(channel, at),
            ("user", Line { user: Some(user), .. }) => return self.add_user(user, false, at),
            ("bot", Line { bot: Some(bot), .. }) => return self.add_user(bot, true, at),
            ("post", Line { post: Some(post), .. }) => return self.add_post(post, at),
            ("direct_channel", Line { direct_channel: Some(direct), .. }) => {
                return self.add_direct(&direct, at);
            }
            ("direct_post", Line { direct_post: Some(post), .. }) => return self.add_direct_post(post, at),
            (kind @ ("team" | "channel" | "user" | "bot" | "post" | "direct_channel" | "direct_post"), _) => {
                return Err(BadExport::new(at, format!("has the type {kind} and no object {kind}")));
            }
            (kind, _) => {
                let kind: String = kind.chars().take(40).filter(|c| !c.is_control()).collect();
                self.remarks.remark(&format!("lines of the type {kind}"), at);
            }
        }
        Ok(())
    }

    fn begin(&mut self, line: &Line, at: &str) -> Result<()> {
        if line.kind != "version" {
            return Err(BadExport::new(at, "is not an export of Mattermost: its first line has no version"));
        }
        if line.version != Some(VERSION) {
            let why = format!("has another version of the format than {VERSION}");
            return Err(BadExport::new(at, why));
        }
        self.is_begun = true;
        Ok(())
    }

    fn add_team(&mut self, team: Team) {
        if let Some(name) = team.name {
            self.teams.insert(name.clone(), team.display_name.unwrap_or(name));
        }
    }

    fn add_channel(&mut self, channel: Channel, at: &str) {
        let (Some(team), Some(name)) = (&channel.team, &channel.name) else {
            self.remarks.remark("channels without a team or a name", at);
            return;
        };
        let shown = channel.display_name.clone().filter(|shown| !shown.trim().is_empty());
        let group = ForeignGroup {
            key: channel_key(team, name),
            name: shown.unwrap_or_else(|| name.clone()),
            is_direct: false,
            is_open: channel.kind.as_deref() == Some("O"),
            is_archived: channel.deleted_at.is_some_and(|date| date > 0),
            description: joined([channel.purpose, channel.header]),
            members: Vec::new(),
            marks: HashMap::new(),
            newest: None,
        };
        if self.indices.contains_key(&group.key) {
            self.remarks.remark("channels that the export contains twice", at);
        } else {
            self.add_group(group);
        }
    }

    fn add_group(&mut self, group: ForeignGroup) -> usize {
        let index = self.groups.len();
        self.indices.insert(group.key.clone(), index);
        self.groups.push(group);
        self.members.push(HashSet::new());
        index
    }

    fn join(&mut self, group: usize, user: UserIndex, role: Role) {
        if self.members[group].insert(user) {
            self.groups[group].members.push((user, role));
        }
    }

    fn add_user(&mut self, user: MattermostUser, is_bot: bool, at: &str) -> Result<()> {
        let Some(name) = user.username.clone().filter(|name| !name.is_empty()) else {
            self.remarks.remark("users without a name", at);
            return Ok(());
        };
        let index =
            self.roster.add(ForeignUser { key: name.clone(), name, display_name: user.shown(), is_bot })?;
        for team in user.teams.into_iter().flatten() {
            let of = team.name.unwrap_or_default();
            for channel in team.channels.into_iter().flatten() {
                let key = channel_key(&of, channel.name.as_deref().unwrap_or_default());
                let Some(group) = self.indices.get(&key).copied() else {
                    self.remarks
                        .remark("memberships in channels that the export lacks", &format!("{at}: {key}"));
                    continue;
                };
                let roles = channel.roles.unwrap_or_default();
                let is_admin = roles.split_whitespace().any(|role| role == "channel_admin");
                self.join(group, index, if is_admin { Role::Admin } else { Role::Member });
                self.mark(group, index, channel.last_viewed_at);
            }
        }
        Ok(())
    }

    /// Records the date, in milliseconds, up to which a member has read.
    fn mark(&mut self, group: usize, user: UserIndex, millis: Option<i64>) {
        if let Some(millis) = millis.filter(|millis| *millis > 0) {
            self.groups[group].marks.insert(user, micros(millis));
        }
    }

    fn add_direct(&mut self, direct: &DirectChannel, at: &str) -> Result<()> {
        let participants = direct.participants.iter().flatten();
        let members: Vec<_> = match &direct.members {
            Some(members) => members.clone(),
            None => participants.clone().filter_map(|one| one.username.clone()).collect(),
        };
        let Some(group) = self.direct(&members, at)? else { return Ok(()) };
        for one in participants {
            if let Some(user) = one.username.as_deref().and_then(|name| self.roster.known(name)) {
                self.mark(group, user, one.last_viewed_at);
            }
        }
        Ok(())
    }

    /// The conversation among exactly these users.
    fn direct(&mut self, members: &[String], at: &str) -> Result<Option<usize>> {
        let mut names: Vec<_> = members.iter().filter(|name| !name.is_empty()).cloned().collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            self.remarks.remark("direct conversations without members", at);
            return Ok(None);
        }
        // Names contain no slashes or commas.
        let key = format!("direct/{}", names.join(","));
        if let Some(group) = self.indices.get(&key) {
            return Ok(Some(*group));
        }
        let group = self.add_group(ForeignGroup {
            key,
            name: names.join(", "),
            is_direct: true,
            is_open: false,
            is_archived: false,
            description: None,
            members: Vec::new(),
            marks: HashMap::new(),
            newest: None,
        });
        for name in &names {
            let user = self.roster.find(name, || unknown_user(name))?;
            self.join(group, user, Role::Member);
        }
        Ok(Some(group))
    }

    fn end(mut self, path: &Path, files: FileSource) -> Result<ForeignExport> {
        if !self.is_begun {
            let why = "is not an export of Mattermost: it is empty";
            return Err(BadExport::new(path.display().to_string(), why));
        }
        if self.teams.len() > 1 {
            // Channels of different teams may have the same name.
            for group in self.groups.iter_mut().filter(|group| !group.is_direct) {
                let team = group.key.split('/').next().unwrap_or_default();
                let team = self.teams.get(team).map_or(team, String::as_str);
                group.name = format!("{} ({team})", group.name);
            }
        }
        Ok(ForeignExport {
            service: Service::Mattermost,
            users: self.roster.into_users(),
            groups: self.groups,
            files,
            named_files: self.named_files,
            messages: self.messages.sorted()?,
            moment: Moment::default(),
        })
    }
}

fn channel_key(team: &str, channel: &str) -> String {
    format!("{team}/{channel}")
}

/// Converts milliseconds to microseconds.
fn micros(millis: i64) -> i64 {
    millis.saturating_mul(1000)
}

/// Joins the visible texts, one per line.
fn joined(texts: [Option<String>; 2]) -> Option<String> {
    let texts: Vec<_> = texts.into_iter().flatten().filter(|text| !text.trim().is_empty()).collect();
    Some(texts.join("\n")).filter(|joined| !joined.is_empty())
}

/// A user of whom only the name is known.
fn unknown_user(name: &str) -> ForeignUser {
    ForeignUser { name: name.to_owned(), ..ForeignUser::default() }
}

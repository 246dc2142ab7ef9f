//! The changes for a user since its client was last connected, except for the groups that the client names:
//! groups, departures, profiles, relations, and the user's own marks and settings. They come in pages, each
//! read from its own snapshot.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;

use super::connect::{People, Window, people, summaries};
use super::profile::cards;
use super::{App, Context};
use crate::bot::BotAct;
use crate::event::{Event, Kind};
use crate::group::Summary;
use crate::group_settings::GroupSettings;
use crate::store::{ChangedGroup, CommitPoint, Tx};
use crate::{Error, GroupId, Name, Result, Seq, UserId};

/// The approximate size of a page, in bytes.
const PAGE_BYTES: usize = 64 * 1024;
/// The approximate size of a small event, and of a group without its messages, in bytes.
const EVENT_BYTES: usize = 256;
const GROUP_BYTES: usize = 1024;
/// The number of groups read at first, and the most read at once.
const GROUPS_FIRST: usize = 8;
const GROUPS_MOST: usize = 64;
/// The number of departures or profiles read at once.
const ROWS: usize = 64;

#[derive(Debug, Clone, Default)]
pub struct ChangesQuery {
    /// The groups that the client names. A resume of their logs answers for them.
    pub named: BTreeSet<GroupId>,
    /// The point up to which the client has everything. None: it has nothing.
    pub since: Option<CommitPoint>,
    /// The number of messages per group.
    pub window: Window,
}

/// A part of the answer.
#[derive(Debug)]
pub enum ChangesPart {
    /// Groups that the client did not name, each as this user sees it.
    Groups(Vec<Summary>),
    /// Other changes.
    Events(Vec<Event>),
    /// The user's relations.
    People(People),
}

/// The state of reading a user's changes, page by page.
#[derive(Debug, Clone)]
pub struct Changes {
    query: Arc<ChangesQuery>,
    /// The groups of a bot's key. If set, the answer covers only these groups, and no people.
    scope: Option<Vec<GroupId>>,
    /// The stamp from which changes are returned. 0: everything.
    since: i64,
    /// Whether the client's point is too old or unknown, so that everything is returned.
    pub too_far: bool,
    /// The heads of the groups that were returned.
    pub heads: BTreeMap<GroupId, Seq>,
    groups: VecDeque<GroupId>,
    groups_at_once: usize,
    deleted: VecDeque<GroupId>,
    /// The last departure that was read. None before the first.
    departed: Option<GroupId>,
    step: ChangesStep,
    users: VecDeque<UserId>,
    marks: VecDeque<ChangedGroup>,
}

/// The part to read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ChangesStep {
    Begin,
    Groups,
    Departures,
    Profiles,
    People,
    Marks,
    Done,
}

impl App {
    /// The point that the store has reached.
    pub async fn commit_point(&self) -> Result<CommitPoint> {
        self.store.read(|tx: &dyn Tx| tx.commit_point()).await
    }

    /// The next page of the calling user's changes.
    pub async fn changes_page(
        &self,
        context: &Context,
        changes: Changes,
    ) -> Result<(Changes, Vec<ChangesPart>)> {
        let (rules, who) = (self.rules.clone(), context.who);
        let job = move |tx: &dyn Tx| {
            let (caller, grant) = who.caller_and_grant(tx, &rules, BotAct::Resume)?;
            let user = caller.user().ok_or(Error::Unauthenticated("the credential of a user is required"))?;
            let name = tx.user(user)?.ok_or(Error::NotFound("user"))?.name;
            let mut changes = changes.clone();
            changes.scope = grant.map(|grant| grant.groups);
            let parts = changes.page(tx, (user, &name))?;
            Ok((changes, parts))
        };
        self.store.read(job).await
    }
}

impl Changes {
    /// Starts to read. Set `too_far` if the client's point is unreadable or belongs to another history.
    pub fn new(query: ChangesQuery, too_far: bool) -> Self {
        Self {
            query: Arc::new(query),
            scope: None,
            since: 0,
            too_far,
            heads: BTreeMap::new(),
            groups: VecDeque::new(),
            groups_at_once: GROUPS_FIRST,
            deleted: VecDeque::new(),
            departed: None,
            step: ChangesStep::Begin,
            users: VecDeque::new(),
            marks: VecDeque::new(),
        }
    }

    /// Whether there are no further pages.
    pub fn is_done(&self) -> bool {
        self.step == ChangesStep::Done
    }

    fn is_in_scope(&self, group: GroupId) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.contains(&group))
    }

    fn page(&mut self, tx: &dyn Tx, user: (UserId, &Name)) -> Result<Vec<ChangesPart>> {
        let (mut parts, mut bytes) = (Vec::new(), 0);
        while bytes < PAGE_BYTES && self.step != ChangesStep::Done {
            let part = match self.step {
                ChangesStep::Begin => self.begin(tx, user.0)?,
                ChangesStep::Groups => self.next_groups(tx, user.0)?,
                ChangesStep::Departures => self.next_departures(tx, user)?,
                ChangesStep::Profiles => self.next_profiles(tx, user.0)?,
                ChangesStep::People => {
                    self.step = ChangesStep::Marks;
                    let shown = if self.scope.is_some() { People::default() } else { people(tx, user.0)? };
                    Some(ChangesPart::People(shown))
                }
                ChangesStep::Marks => self.next_marks(user),
                ChangesStep::Done => None,
            };
            bytes += part.as_ref().map_or(0, size);
            parts.extend(part);
        }
        Ok(parts)
    }

    /// Finds out what has changed. Later pages use later snapshots, so they include at least these changes.
    fn begin(&mut self, tx: &dyn Tx, user: UserId) -> Result<Option<ChangesPart>> {
        let point = tx.commit_point()?;
        if let Some(since) = self.query.since {
            let is_kept = since.order == point.order
                && since.next > 0
                && (tx.stamps_removed()?..=point.next).contains(&since.next);
            self.too_far |= !is_kept;
            self.since = if self.too_far { 0 } else { since.next };
        }
        for mut changed in tx.groups_changed(user, self.since)? {
            if !self.is_in_scope(changed.group) {
                continue;
            }
            let is_named = self.query.named.contains(&changed.group);
            if changed.is_deleted {
                // For a group that the client names, the resume reports the refusal.
                self.deleted.extend(Some(changed.group).filter(|_| !is_named));
                continue;
            }
            self.groups.extend(Some(changed.group).filter(|_| !is_named && changed.is_changed));
            if !is_named && changed.is_changed && changed.settings == Some(GroupSettings::default()) {
                // The summary of the group contains the settings.
                changed.settings = None;
            }
            if changed.pending {
                // The summary of the group contains the settings, and shows no mark.
                changed.read = None;
            }
            if changed.read.is_some() || changed.settings.is_some() {
                self.marks.push_back(changed);
            }
        }
        if self.scope.is_none() {
            self.users = tx.profiles_changed(user, self.since)?.into();
        }
        self.step = ChangesStep::Groups;
        Ok(None)
    }

    fn next_groups(&mut self, tx: &dyn Tx, user: UserId) -> Result<Option<ChangesPart>> {
        let count = self.groups_at_once.min(self.groups.len());
        let ids: Vec<_> = self.groups.drain(..count).collect();
        if self.groups.is_empty() {
            self.step = ChangesStep::Departures;
        }
        if ids.is_empty() {
            return Ok(None);
        }
        // Large groups come without lists of members, as in events.
        let window = Window { groups: Some(ids.len()), ..self.query.window };
        let mut found = summaries(tx, user, &ids, &window)?;
        for summary in &mut found {
            let view = &mut summary.view;
            view.people = cards(tx, view.shown_users().collect::<Vec<_>>())?;
            if !summary.pending {
                self.heads.insert(view.group.id, view.group.head);
            }
        }
        let part = ChangesPart::Groups(found);
        let fitting = count * PAGE_BYTES / size(&part).max(1);
        self.groups_at_once = fitting.clamp(1, GROUPS_MOST);
        Ok(Some(part))
    }

    /// Departures matter only to clients that already have groups.
    fn next_departures(&mut self, tx: &dyn Tx, (user, name): (UserId, &Name)) -> Result<Option<ChangesPart>> {
        let mut events: Vec<_> = mem::take(&mut self.deleted).into_iter().map(deleted).collect();
        let rows =
            if self.since == 0 { Vec::new() } else { tx.departures(user, self.since, self.departed, ROWS)? };
        if rows.len() < ROWS {
            self.step = ChangesStep::Profiles;
        }
        self.departed = rows.last().map(|row| row.group).or(self.departed);
        let is_answered = |group: GroupId| self.is_in_scope(group) && !self.query.named.contains(&group);
        for row in rows.into_iter().filter(|row| is_answered(row.group)) {
            let left = || Kind::GroupQuit { group: row.group, name: name.clone() };
            events.push(if row.is_deleted { deleted(row.group) } else { to_user(left()) });
        }
        Ok(part_of(events))
    }

    fn next_profiles(&mut self, tx: &dyn Tx, me: UserId) -> Result<Option<ChangesPart>> {
        let count = ROWS.min(self.users.len());
        let ids: Vec<_> = self.users.drain(..count).collect();
        if self.users.is_empty() {
            self.step = ChangesStep::People;
        }
        let names: BTreeMap<_, _> = tx.user_names(&ids)?.into_iter().collect();
        let mut events = Vec::with_capacity(ids.len());
        for (user, profile) in ids.iter().zip(tx.details(&ids)?) {
            let (Some(name), Some(profile)) = (names.get(user), profile) else { continue };
            if *user != me && tx.blocked_strangers(*user)?.binary_search(&me).is_ok() {
                continue;
            }
            let (name, profile) = (name.clone(), Some(profile.into()));
            events.push(to_user(Kind::UserUpdate { user: *user, name, new_name: None, profile }));
        }
        Ok(part_of(events))
    }

    fn next_marks(&mut self, (_, name): (UserId, &Name)) -> Option<ChangesPart> {
        let count = (PAGE_BYTES / EVENT_BYTES / 2).min(self.marks.len());
        let mut events = Vec::new();
        for changed in self.marks.drain(..count) {
            let ChangedGroup { group, pending, read, settings, .. } = changed;
            if read.is_some() {
                events.push(to_user(Kind::MessageRead { author: name.clone(), group, at: read }));
            }
            events.extend(settings.map(|settings| to_user(Kind::GroupMe { group, settings, pending })));
        }
        if self.marks.is_empty() {
            self.step = ChangesStep::Done;
        }
        part_of(events)
    }
}

fn part_of(events: Vec<Event>) -> Option<ChangesPart> {
    (!events.is_empty()).then_some(ChangesPart::Events(events))
}

/// An event without a number, as part of an answer.
fn to_user(kind: Kind) -> Event {
    Event::to_users(kind, Vec::new())
}

fn deleted(group: GroupId) -> Event {
    to_user(Kind::GroupDelete(group))
}

/// The approximate size on the wire, in bytes.
fn size(part: &ChangesPart) -> usize {
    match part {
        ChangesPart::Groups(groups) => groups
            .iter()
            .map(|Summary { view, .. }| {
                let messages: usize = view.messages.iter().map(|message| message.size() + EVENT_BYTES).sum();
                let members: usize = view.members.iter().map(|member| member.name.as_str().len() + 3).sum();
                GROUP_BYTES + messages + members
            })
            .sum(),
        ChangesPart::Events(events) => events.len() * EVENT_BYTES,
        ChangesPart::People(_) => EVENT_BYTES,
    }
}

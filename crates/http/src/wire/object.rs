//! Objects as clients see them, borrowed from core's.

use std::fmt::Display;

use chinwag_core::app::group::Seen;
use chinwag_core::group::{Group as CoreGroup, Mark, View};
use chinwag_core::message::{ClientId, Message as CoreMessage};
use chinwag_core::permission::Role;
use chinwag_core::presence::Status;
use chinwag_core::profile;
use chinwag_core::relation::Relations;
use chinwag_core::{Date, Name};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message<'a> {
    /// Its id.
    pub id: Uuid,
    #[schema(value_type = String)]
    #[serde(serialize_with = "text")]
    pub author: &'a Name,
    /// The group it is in.
    pub group: Uuid,
    /// When it was committed, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    pub date: Date,
    /// 1 to 4096 characters.
    pub body: &'a str,
    /// The message of the same group that it answers.
    #[schema(required = true)]
    pub respond_to: Option<Uuid>,
    /// Its number in the group's log.
    pub seq: i64,
    /// When it was last edited.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    pub edited: Option<Date>,
    /// The sender's own id for it, if one was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
}

impl<'a> From<&'a CoreMessage> for Message<'a> {
    fn from(message: &'a CoreMessage) -> Self {
        Self {
            id: message.id.0,
            author: &message.author_name,
            group: message.group.0,
            date: message.date,
            body: &message.body,
            respond_to: message.respond_to.map(|id| id.0),
            seq: message.seq.0,
            edited: message.edited,
            client_id: message.client_id.as_ref().map(ClientId::as_str),
        }
    }
}

/// A message among a group's newest.
#[derive(Debug, Serialize, ToSchema)]
pub struct Latest<'a> {
    /// Its id.
    pub id: Uuid,
    #[schema(value_type = String)]
    #[serde(serialize_with = "text")]
    pub author: &'a Name,
    /// When it was committed, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    pub date: Date,
    /// 1 to 4096 characters.
    pub body: &'a str,
    /// The message of the same group that it answers.
    #[schema(required = true)]
    pub respond_to: Option<Uuid>,
    /// Its number in the group's log.
    pub seq: i64,
    /// When it was last edited.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    pub edited: Option<Date>,
}

impl<'a> From<&'a CoreMessage> for Latest<'a> {
    fn from(message: &'a CoreMessage) -> Self {
        let Message { id, author, date, body, respond_to, seq, edited, .. } = message.into();
        Self { id, author, date, body, respond_to, seq, edited }
    }
}

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub struct Group<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its name; `@` if it is private.
    pub name: &'a str,
    /// Its owner, a list of one; `admin` for a private group.
    pub owner: Vec<&'a str>,
    /// Its admins. Left out where a summary was asked for in part, of groups of more than 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admins: Option<Vec<&'a str>>,
    /// Its members. Left out where a summary was asked for in part, of groups of more than 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<&'a str>>,
    /// Those who may only read. Left out where a summary was asked for in part, of groups of more than 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restricts: Option<Vec<&'a str>>,
    /// How many users are in it.
    pub members_count: usize,
    /// The names of those who were added and have not accepted. Only in answers to GET.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Vec<&'a str>>,
    /// Its newest messages, newest first, at most 20.
    pub messages: Vec<Latest<'a>>,
    /// The last number of its log.
    pub head: i64,
    /// The asking user's own settings of it.
    #[schema(value_type = Me, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub me: Option<Me>,
    /// The asking user's own marks.
    #[serde(flatten)]
    pub mark: Option<Marks>,
}

/// What a group is for the asking user.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Whether the user was added by a stranger and has not accepted.
    pub pending: bool,
}

/// How far the asking user has read.
#[derive(Debug, Serialize, ToSchema)]
pub struct Marks {
    /// The date of the last read message.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    pub last_read: Option<Date>,
    /// The number of the last read message.
    #[schema(required = true)]
    pub last_read_seq: Option<i64>,
    /// Others' messages after it, counted up to 100.
    pub unread: u32,
}

impl From<Mark> for Marks {
    fn from(mark: Mark) -> Self {
        Self {
            last_read: mark.last_read.map(|(_, date)| date),
            last_read_seq: mark.last_read.map(|(seq, _)| seq.0),
            unread: mark.unread,
        }
    }
}

impl<'a> Group<'a> {
    /// A group as everybody in it sees it, with the asking user's marks if a user asks.
    pub fn new(view: &'a View, mark: Option<Mark>) -> Self {
        let names = |role| view.names(role).map(Name::as_str).collect();
        let listed = |role| (view.members.len() == view.members_count).then(|| names(role));
        Self {
            id: view.group.id.0,
            name: &view.group.name,
            owner: if view.group.private { vec!["admin"] } else { names(Role::Owner) },
            admins: listed(Role::Admin),
            members: listed(Role::Member),
            restricts: listed(Role::Restrict),
            members_count: view.members_count,
            pending: None,
            messages: view.messages.iter().map(Latest::from).collect(),
            head: view.group.head.0,
            me: mark.map(|_| Me { pending: false }),
            mark: mark.map(Marks::from),
        }
    }

    /// The same for a user of whom it is known whether it has accepted.
    #[must_use]
    pub fn pending(self, pending: bool) -> Self {
        Self { me: Some(Me { pending }), ..self }
    }

    /// The same as a user is shown it that asks for it.
    pub fn seen(seen: &'a Seen) -> Self {
        let group = Self::new(&seen.view, seen.mark);
        if seen.mark.is_some() { group.pending(seen.pending) } else { group }
    }

    /// The same with the names of those who have not accepted.
    pub fn whole(seen: &'a Seen) -> Self {
        let pending = seen.view.members.iter().filter(|member| member.pending);
        let pending = pending.map(|member| member.name.as_str()).collect();
        Self { pending: Some(pending), ..Self::seen(seen) }
    }
}

/// A group as a change of it is told: lists of members where it has at most 100, and no messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupChange<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its name; `@` if it is private.
    pub name: &'a str,
    /// Its owner, a list of one; `admin` for a private group.
    pub owner: Vec<&'a str>,
    /// Its admins, in a group of at most 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admins: Option<Vec<&'a str>>,
    /// Its members, in a group of at most 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<&'a str>>,
    /// Those who may only read, in a group of at most 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restricts: Option<Vec<&'a str>>,
    /// How many users are in it.
    pub members_count: usize,
    /// Always empty: a change of a group carries no messages.
    pub messages: Vec<Latest<'a>>,
}

impl<'a> GroupChange<'a> {
    /// What a change tells those who are in the group.
    pub fn new(view: &'a View) -> Self {
        let names = |role| view.names(role).map(Name::as_str).collect();
        let listed = |role| view.is_listed().then(|| names(role));
        Self {
            id: view.group.id.0,
            name: &view.group.name,
            owner: if view.group.private { vec!["admin"] } else { names(Role::Owner) },
            admins: listed(Role::Admin),
            members: listed(Role::Member),
            restricts: listed(Role::Restrict),
            members_count: view.members_count,
            messages: Vec::new(),
        }
    }
}

/// A group in a list: the fields that need no look at its members.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupRow<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: &'a str,
    /// The last number of its log.
    pub head: i64,
}

impl<'a> From<&'a CoreGroup> for GroupRow<'a> {
    fn from(group: &'a CoreGroup) -> Self {
        Self { id: group.id.0, name: &group.name, head: group.head.0 }
    }
}

/// A user's own lists of names.
#[derive(Debug, Serialize, ToSchema)]
pub struct Lists<'a> {
    /// Contacts.
    #[schema(value_type = Vec<String>)]
    #[serde(serialize_with = "texts")]
    pub contacts: &'a [Name],
    /// Whom the user has blocked.
    #[schema(value_type = Vec<String>)]
    #[serde(serialize_with = "texts")]
    pub blockeds: &'a [Name],
    /// Who has blocked the user.
    #[schema(value_type = Vec<String>)]
    #[serde(serialize_with = "texts")]
    pub blocked_by: &'a [Name],
    /// Whom the user has invited.
    #[schema(value_type = Vec<String>)]
    #[serde(serialize_with = "texts")]
    pub invitations: &'a [Name],
    /// Who has invited the user.
    #[schema(value_type = Vec<String>)]
    #[serde(serialize_with = "texts")]
    pub invited_by: &'a [Name],
}

impl<'a> From<&'a Relations> for Lists<'a> {
    fn from(relations: &'a Relations) -> Self {
        Self {
            contacts: &relations.contacts,
            blockeds: &relations.blockeds,
            blocked_by: &relations.blocked_by,
            invitations: &relations.invitations,
            invited_by: &relations.invited_by,
        }
    }
}

/// Contacts' names and their statuses, written as one object.
#[derive(Debug)]
pub struct Presence<'a>(pub Vec<(&'a Name, Status)>);

impl Serialize for Presence<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, status) in &self.0 {
            map.serialize_entry(name.as_str(), status.as_str())?;
        }
        map.end()
    }
}

/// Writes a value by its `Display`.
pub fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The same, or `null`.
pub fn maybe_text<S: Serializer>(value: &Option<impl Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// What is known of a user beside its name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Details<'a> {
    /// The name that people see, if it has one.
    #[schema(required = true)]
    pub display_name: Option<&'a str>,
    /// The address of its picture, if it has one.
    #[schema(required = true)]
    pub avatar: Option<&'a str>,
    /// The host application's own data, if it keeps any.
    #[schema(value_type = Option<Object>, required = true)]
    pub data: Option<&'a RawValue>,
    /// `person` or `bot`.
    pub kind: &'static str,
    /// When it was made, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    pub created: Date,
    /// `account` or `host`: whether it signed up here, or the host application vouches for it. For
    /// itself and for services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<&'static str>,
}

impl<'a> Details<'a> {
    /// What a caller may see of them; `own` says that it may see all.
    pub fn new(details: &'a profile::Details, own: bool) -> Self {
        Self {
            display_name: details.display_name.as_deref(),
            avatar: details.avatar.as_deref(),
            // It was read as JSON before it was kept.
            data: details.data.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            kind: details.kind.as_str(),
            created: details.created,
            origin: own.then(|| details.origin.as_str()),
        }
    }
}

/// Writes names as a list.
pub fn texts<S: Serializer>(names: &[Name], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names.iter().map(Name::as_str))
}

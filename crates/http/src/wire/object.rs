//! Objects as sent to clients, borrowed from core's. One declaration defines an object: its struct is serialized, its
//! list of keys is what `?fields=` may name, and its documentation is in the OpenAPI and AsyncAPI documents.

use chinwag_core::app::group::GroupForCaller;
use chinwag_core::entry::Entry as CoreEntry;
use chinwag_core::group::{Group as CoreGroup, Mark, Summary, View};
use chinwag_core::group_details::DetailKey;
use chinwag_core::group_settings::GroupSettings;
use chinwag_core::permission::Role;
use chinwag_core::presence::Status;
use chinwag_core::profile::{self, ProfileCard};
use chinwag_core::relation::Relations;
use chinwag_core::{Date, Name, Seq};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::avatar::AvatarUrl;
use super::entry::Entry;
use super::message::{Latest, Message};
use super::text::{maybe_text, text, texts};

/// Declares an object and the list of its keys, in the order in which they are serialized.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(<$life:lifetime>)? {
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Serialize, ToSchema)]
        pub struct $name $(<$life>)? {
            $($(#[$field_meta])* pub $field: $type,)+
        }

        impl $(<$life>)? $name $(<$life>)? {
            pub const KEYS: &'static [&'static str] = &[$(stringify!($field)),+];
        }
    };
}

pub(super) use object;

object! {
    /// A group.
    pub struct Group<'a> {
        /// The id.
        pub id: Uuid,
        /// The name; `@` of a private group.
        pub name: &'a str,
        /// The owner, a list of one; `admin` in a private group.
        pub owner: Vec<&'a str>,
        /// The admins. In groups of more than 100 members, events and shortened summaries have no lists.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub admins: Option<Vec<&'a str>>,
        /// The members. In groups of more than 100 members, events and shortened summaries have no lists.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub members: Option<Vec<&'a str>>,
        /// The members who may only read. In groups of more than 100 members, events and shortened
        /// summaries have no lists.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub restricts: Option<Vec<&'a str>>,
        /// The number of users in the group.
        pub members_count: usize,
        /// The description. In the event of a change only where it changed.
        #[schema(required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub description: Option<Option<&'a str>>,
        /// The address of a picture, if there is one; of an uploaded image a path from the root.
        #[schema(value_type = Option<String>, required = true)]
        pub avatar: Option<AvatarUrl<'a>>,
        /// The host application's own object, if there is one. In the event of a change only where it changed.
        #[schema(value_type = Option<Object>, required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub data: Option<Option<&'a RawValue>>,
        /// Whether anyone may join.
        pub open: bool,
        /// The seconds between two messages of one member below admin; 0 for no limit.
        pub slow: u32,
        /// The days after which its messages are erased; null if the group sets none.
        #[schema(required = true)]
        pub keep: Option<u32>,
        /// The changes, in the event about them.
        #[schema(value_type = Entry, required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub entry: Option<Entry<'a>>,
        /// The names of the members who have not accepted yet. Only in answers to GET.
        #[schema(required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub pending: Option<Vec<&'a str>>,
        /// The names of the banned users, for the owner, the admins and services. Only in answers to GET and PATCH.
        #[schema(required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub banned: Option<Vec<&'a str>>,
        /// The newest messages, newest first, at most 20. Empty in the event of a change.
        #[schema(value_type = Vec<Latest>)]
        pub messages: Vec<Message<'a>>,
        /// The ids of the pinned messages, the most recently pinned first, at most 50. Left out of the event of a change.
        #[schema(value_type = Vec<Uuid>, required = true)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub pins: Option<Vec<Uuid>>,
        /// The last number of the group's log.
        #[schema(value_type = i64, required = true)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub head: Option<i64>,
        /// The number of the last message that each member has read, in groups of at most 100 members: of members who
        /// have read any, and whose marks the receiver may see. Not in the event of a change.
        #[schema(value_type = std::collections::HashMap<String, i64>, required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub reads: Option<Reads<'a>>,
        /// The requesting user's own settings of the group.
        #[schema(value_type = Me, required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub me: Option<Me>,
        /// The requesting user's own marks.
        #[serde(flatten)]
        pub mark: Option<Marks>,
    }
}

object! {
    /// A group that anyone may join, as non-members see it.
    pub struct OpenGroup<'a> {
        /// The id.
        pub id: Uuid,
        /// The name.
        pub name: &'a str,
        /// The description, if there is one.
        #[schema(required = true)]
        pub description: Option<&'a str>,
        /// The address of a picture, if there is one; of an uploaded image a path from the root.
        #[schema(value_type = Option<String>, required = true)]
        pub avatar: Option<AvatarUrl<'a>>,
        /// The number of users in the group.
        pub members_count: usize,
    }
}

impl<'a> OpenGroup<'a> {
    /// An open group, with its number of members.
    pub fn new(group: &'a CoreGroup, members_count: usize) -> Self {
        Self {
            id: group.id.0,
            name: &group.name,
            description: group.details.description.as_deref(),
            avatar: group.details.avatar.as_deref().map(AvatarUrl),
            members_count,
        }
    }
}

/// Read marks by member name, serialized as an object.
#[derive(Debug, Clone, Copy)]
pub struct Reads<'a>(&'a [(Name, Seq)]);

impl Serialize for Reads<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, seq)| (name.as_str(), seq.0)))
    }
}

object! {
    /// The requesting user's own marks in a group.
    pub struct Marks {
        /// The date of the last read message.
        #[schema(value_type = Option<String>, format = DateTime, required = true)]
        #[serde(serialize_with = "maybe_text")]
        pub last_read: Option<Date>,
        /// The number of the last read message.
        #[schema(required = true)]
        pub last_read_seq: Option<i64>,
        /// The number of later messages by others, counted up to 100.
        pub unread: u32,
    }
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
    /// A group as all of its members see it, with the marks of the user who requested it, if any.
    pub fn new(view: &'a View, mark: Option<Mark>) -> Self {
        Self {
            messages: view.messages.iter().map(Message::latest).collect(),
            pins: Some(view.group.pins.iter().map(|id| id.0).collect()),
            head: Some(view.group.head.0),
            mark: mark.map(Marks::from),
            ..Self::members(view, view.members.len() == view.members_count)
        }
    }

    /// A group in the event of a change: with lists of members if it has at most 100, without messages and head.
    /// Without an entry, all details are included.
    pub fn changed(view: &'a View, entry: Option<&'a CoreEntry>) -> Self {
        let shows = |key| entry.is_none_or(|entry| entry.changes_detail(key));
        let group = Self::members(view, view.is_listed()).with_entry(entry);
        Self {
            description: group.description.filter(|_| shows(DetailKey::Description)),
            data: group.data.filter(|_| shows(DetailKey::Data)),
            ..group
        }
    }

    /// Adds the changes that the event reports.
    #[must_use]
    pub fn with_entry(self, entry: Option<&'a CoreEntry>) -> Self {
        Self { entry: entry.map(Entry::from), ..self }
    }

    /// A group in a list of all groups: only keys for which its members need not be read.
    pub fn row(group: &'a CoreGroup) -> Self {
        Self {
            id: group.id.0,
            name: &group.name,
            owner: vec![],
            admins: None,
            members: None,
            restricts: None,
            members_count: 0,
            description: Some(group.details.description.as_deref()),
            avatar: group.details.avatar.as_deref().map(AvatarUrl),
            data: Some(group.details.data.as_deref().and_then(|text| serde_json::from_str(text).ok())),
            open: group.details.is_open,
            slow: group.details.slow,
            keep: group.details.keep,
            entry: None,
            pending: None,
            banned: None,
            messages: vec![],
            pins: None,
            head: Some(group.head.0),
            reads: None,
            me: None,
            mark: None,
        }
    }

    /// Adds the read marks that the receivers may see.
    #[must_use]
    pub fn with_reads(self, view: &'a View) -> Self {
        Self { reads: view.has_reads().then_some(Reads(&view.reads)), ..self }
    }

    /// Adds a user's own settings and mentions. `pending`: whether the user has yet to accept the group.
    #[must_use]
    pub fn with_me(self, settings: &GroupSettings, mentioned: u32, pending: bool) -> Self {
        Self { me: Some(Me::new(settings, mentioned, pending)), ..self }
    }

    /// Adds the names of the banned users, for callers who may see them.
    #[must_use]
    pub fn with_banned(self, banned: Option<&'a [Name]>) -> Self {
        Self { banned: banned.map(|names| names.iter().map(Name::as_str).collect()), ..self }
    }

    /// A group in a user's summary.
    pub fn summary(summary: &'a Summary) -> Self {
        let Summary { view, mark, settings, pending } = summary;
        Self::new(view, Some(*mark)).with_reads(view).with_me(settings, mark.mentioned, *pending)
    }

    /// A group in the response to a caller.
    pub fn seen(seen: &'a GroupForCaller) -> Self {
        let group =
            Self::new(&seen.view, seen.mark).with_reads(&seen.view).with_banned(seen.banned.as_deref());
        let Some(mark) = seen.mark else { return group };
        group.with_me(&seen.settings, mark.mentioned, seen.pending)
    }

    /// Like [`Group::seen`], with the names of the members who have not accepted yet.
    pub fn whole(seen: &'a GroupForCaller) -> Self {
        let pending = seen.view.members.iter().filter(|member| member.pending);
        let pending = pending.map(|member| member.name.as_str()).collect();
        Self { pending: Some(pending), ..Self::seen(seen) }
    }

    fn members(view: &'a View, is_listed: bool) -> Self {
        let names = |role| view.names(role).map(Name::as_str).collect();
        let listed = |role| is_listed.then(|| names(role));
        Self {
            owner: if view.group.private { vec!["admin"] } else { names(Role::Owner) },
            admins: listed(Role::Admin),
            members: listed(Role::Member),
            restricts: listed(Role::Restrict),
            members_count: view.members_count,
            head: None,
            ..Self::row(&view.group)
        }
    }
}

object! {
    /// A user's own lists of names.
    pub struct Lists<'a> {
        /// The contacts.
        #[schema(value_type = Vec<String>)]
        #[serde(serialize_with = "texts")]
        pub contacts: &'a [Name],
        /// The users whom the user has blocked.
        #[schema(value_type = Vec<String>)]
        #[serde(serialize_with = "texts")]
        pub blockeds: &'a [Name],
        /// The users who have blocked the user.
        #[schema(value_type = Vec<String>)]
        #[serde(serialize_with = "texts")]
        pub blocked_by: &'a [Name],
        /// The users whom the user has invited.
        #[schema(value_type = Vec<String>)]
        #[serde(serialize_with = "texts")]
        pub invitations: &'a [Name],
        /// The users who have invited the user.
        #[schema(value_type = Vec<String>)]
        #[serde(serialize_with = "texts")]
        pub invited_by: &'a [Name],
    }
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

/// The statuses of contacts by name, serialized as an object.
#[derive(Debug)]
pub struct ContactStatuses<'a>(pub Vec<(&'a Name, Status)>);

impl Serialize for ContactStatuses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, status) in &self.0 {
            map.serialize_entry(name.as_str(), status.as_str())?;
        }
        map.end()
    }
}

object! {
    /// The profile of a user.
    pub struct Details<'a> {
        /// The name that people see, if there is one.
        #[schema(required = true)]
        pub display_name: Option<&'a str>,
        /// The address of a picture, if there is one; of an uploaded image a path from the root.
        #[schema(value_type = Option<String>, required = true)]
        pub avatar: Option<AvatarUrl<'a>>,
        /// The host application's own object, if there is one.
        #[schema(value_type = Option<Object>, required = true)]
        pub data: Option<&'a RawValue>,
        /// `person` or `bot`.
        pub kind: &'static str,
        /// The date of its creation, in UTC.
        #[schema(value_type = String, format = DateTime)]
        #[serde(serialize_with = "text")]
        pub created: Date,
        /// `account` if the user signed up here, `host` if the host application vouches for it. Shown to
        /// the user itself and to services.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub origin: Option<&'static str>,
    }
}

impl<'a> Details<'a> {
    /// The keys that a caller may see; all of them if `own`.
    pub fn new(details: &'a profile::Details, own: bool) -> Self {
        Self {
            display_name: details.display_name.as_deref(),
            avatar: details.avatar.as_deref().map(AvatarUrl),
            // The text was parsed as JSON before it was stored.
            data: details.data.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            kind: details.kind.as_str(),
            created: details.created,
            origin: own.then(|| details.origin.as_str()),
        }
    }
}

/// The profiles of users by name, serialized as an object.
#[derive(Debug, Clone, Copy)]
pub struct ProfileCards<'a>(pub &'a [ProfileCard]);

#[derive(Serialize)]
struct Card<'a> {
    display_name: Option<&'a str>,
    avatar: Option<AvatarUrl<'a>>,
    kind: &'static str,
}

impl<'a> ProfileCards<'a> {
    /// The profiles of these users, or `None` if there are none.
    pub fn of(cards: &'a [ProfileCard]) -> Option<Self> {
        (!cards.is_empty()).then_some(Self(cards))
    }
}

impl Serialize for ProfileCards<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|card| {
            let display_name = card.display_name.as_deref();
            let avatar = card.avatar.as_deref().map(AvatarUrl);
            (card.name.as_str(), Card { display_name, avatar, kind: card.kind.as_str() })
        }))
    }
}

/// A user's own settings of a group.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own on the wire")]
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The messages of which the user wants notifications: `all`, `mentions` or `none`.
    pub notify: &'static str,
    /// The date until which the group is muted.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    pub muted_until: Option<Date>,
    /// Whether the group is hidden, which ends with its next message.
    pub hidden: bool,
    /// Whether the group is pinned.
    pub pinned: bool,
    /// Whether the user has marked the group as unread, which ends with the next read mark.
    pub marked_unread: bool,
    /// The number of unread messages that mention the user, counted up to 100.
    pub mentioned: u32,
    /// Whether a stranger added the user, who has not accepted yet.
    pub pending: bool,
}

impl Me {
    pub fn new(settings: &GroupSettings, mentioned: u32, pending: bool) -> Self {
        let GroupSettings { notify, muted_until, hidden, pinned, marked_unread } = *settings;
        Self { notify: notify.as_str(), muted_until, hidden, pinned, marked_unread, mentioned, pending }
    }
}

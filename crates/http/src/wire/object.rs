//! Objects as clients see them, borrowed from core's. Each object is declared once: the struct is what
//! is written, its list of keys is what `?fields=` may name, and its documentation is in the OpenAPI and
//! AsyncAPI documents.

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
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

/// Declares an object and the list of its keys, in the order in which they are written.
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
    /// A message.
    pub struct Message<'a> {
        /// The id.
        pub id: Uuid,
        /// The author's name.
        #[schema(value_type = String)]
        #[serde(serialize_with = "text")]
        pub author: &'a Name,
        /// The group.
        #[schema(value_type = Uuid, required = true)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub group: Option<Uuid>,
        /// The date of the commit, in UTC.
        #[schema(value_type = String, format = DateTime)]
        #[serde(serialize_with = "text")]
        pub date: Date,
        /// The text, 1 to 4096 characters.
        pub body: &'a str,
        /// The message of the same group that this one answers.
        #[schema(required = true)]
        pub respond_to: Option<Uuid>,
        /// The number in the group's log.
        pub seq: i64,
        /// The date of the last edit.
        #[schema(value_type = Option<String>, format = DateTime, required = true)]
        #[serde(serialize_with = "maybe_text")]
        pub edited: Option<Date>,
        /// The sender's own id of the message, if one was sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub client_id: Option<&'a str>,
    }
}

impl<'a> From<&'a CoreMessage> for Message<'a> {
    fn from(message: &'a CoreMessage) -> Self {
        Self {
            group: Some(message.group.0),
            client_id: message.client_id.as_ref().map(ClientId::as_str),
            ..Self::latest(message)
        }
    }
}

impl<'a> Message<'a> {
    /// A message among the newest of its group: without the keys of [`Latest::LEFT_OUT`].
    fn latest(message: &'a CoreMessage) -> Self {
        Self {
            id: message.id.0,
            author: &message.author_name,
            group: None,
            date: message.date,
            body: &message.body,
            respond_to: message.respond_to.map(|id| id.0),
            seq: message.seq.0,
            edited: message.edited,
            client_id: None,
        }
    }
}

/// The schema of a message among the newest of its group.
pub struct Latest;

impl Latest {
    const LEFT_OUT: [&str; 2] = ["group", "client_id"];
}

impl PartialSchema for Latest {
    fn schema() -> RefOr<Schema> {
        let mut schema = Message::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            for key in Self::LEFT_OUT {
                object.properties.remove(key);
            }
            object.required.retain(|key| !Self::LEFT_OUT.contains(&key.as_str()));
            object.description = Some("A message among the newest of its group.".into());
        }
        schema
    }
}

impl ToSchema for Latest {}

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
        /// The names of the members who have not accepted yet. Only in answers to GET.
        #[schema(required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub pending: Option<Vec<&'a str>>,
        /// The newest messages, newest first, at most 20. Empty in the event of a change.
        #[schema(value_type = Vec<Latest>)]
        pub messages: Vec<Message<'a>>,
        /// The last number of the group's log.
        #[schema(value_type = i64, required = true)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub head: Option<i64>,
        /// The asking user's own settings of the group.
        #[schema(value_type = Me, required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub me: Option<Me>,
        /// The asking user's own marks.
        #[serde(flatten)]
        pub mark: Option<Marks>,
    }
}

/// A user's own settings of a group.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Whether a stranger added the user, who has not accepted yet.
    pub pending: bool,
}

object! {
    /// The asking user's own marks in a group.
    pub struct Marks {
        /// The date of the last read message.
        #[schema(value_type = Option<String>, format = DateTime, required = true)]
        #[serde(serialize_with = "maybe_text")]
        pub last_read: Option<Date>,
        /// The number of the last read message.
        #[schema(required = true)]
        pub last_read_seq: Option<i64>,
        /// The number of others' messages after it, counted up to 100.
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
    /// A group as all its members see it, with the asking user's marks if a user asks.
    pub fn new(view: &'a View, mark: Option<Mark>) -> Self {
        Self {
            messages: view.messages.iter().map(Message::latest).collect(),
            head: Some(view.group.head.0),
            me: mark.map(|_| Me { pending: false }),
            mark: mark.map(Marks::from),
            ..Self::members(view, view.members.len() == view.members_count)
        }
    }

    /// A group in the event of a change: lists of members if it has at most 100, no messages, no head.
    pub fn changed(view: &'a View) -> Self {
        Self::members(view, view.is_listed())
    }

    /// A group in a list of all: the keys for which its members need not be read.
    pub fn row(group: &'a CoreGroup) -> Self {
        Self {
            id: group.id.0,
            name: &group.name,
            owner: vec![],
            admins: None,
            members: None,
            restricts: None,
            members_count: 0,
            pending: None,
            messages: vec![],
            head: Some(group.head.0),
            me: None,
            mark: None,
        }
    }

    /// The same for a user, who may have yet to accept the group.
    #[must_use]
    pub fn pending(self, pending: bool) -> Self {
        Self { me: Some(Me { pending }), ..self }
    }

    /// The group as an answer to the user who asks for it.
    pub fn seen(seen: &'a Seen) -> Self {
        let group = Self::new(&seen.view, seen.mark);
        if seen.mark.is_some() { group.pending(seen.pending) } else { group }
    }

    /// The same with the names of the members who have not accepted yet.
    pub fn whole(seen: &'a Seen) -> Self {
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

/// The statuses of contacts by their names, written as one object.
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
        /// The address of a picture, if there is one.
        #[schema(required = true)]
        pub avatar: Option<&'a str>,
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
            avatar: details.avatar.as_deref(),
            // It was parsed as JSON before it was stored.
            data: details.data.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            kind: details.kind.as_str(),
            created: details.created,
            origin: own.then(|| details.origin.as_str()),
        }
    }
}

/// A value that is a string on the wire. Its text is at hand, without the cost of `Display`.
pub trait Text {
    /// Calls `write` with the text.
    fn with_text<T>(&self, write: impl FnOnce(&str) -> T) -> T;
}

impl Text for &Name {
    fn with_text<T>(&self, write: impl FnOnce(&str) -> T) -> T {
        write(self.as_str())
    }
}

impl Text for Date {
    fn with_text<T>(&self, write: impl FnOnce(&str) -> T) -> T {
        write(self.text().as_str())
    }
}

/// Writes a value as a string.
pub fn text<S: Serializer>(value: &impl Text, serializer: S) -> Result<S::Ok, S::Error> {
    value.with_text(|text| serializer.serialize_str(text))
}

/// Writes a value as a string, or `null`.
pub fn maybe_text<S: Serializer>(value: &Option<impl Text>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => text(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// Writes names as a list.
pub fn texts<S: Serializer>(names: &[Name], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names.iter().map(Name::as_str))
}

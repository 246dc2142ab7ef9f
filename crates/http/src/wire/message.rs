//! A message as sent to clients. The serialized keys, those that `?fields=` may name, and the API documents all come
//! from one declaration.

use chinwag_core::file::StoredFile;
use chinwag_core::mention::Mentions;
use chinwag_core::message::{ClientId, Message as CoreMessage};
use chinwag_core::reaction::Tally;
use chinwag_core::thread::{Replies as CoreReplies, RootState as CoreRootState};
use chinwag_core::{Date, Name};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::file::files;
use super::object::object;
use super::text::{maybe_text, text, texts};

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
        /// The text, 1 to 4096 characters; empty if the message has only files.
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
        /// The names of the mentioned users, after `@all` if everyone is mentioned.
        #[schema(value_type = Vec<String>)]
        #[serde(serialize_with = "mentioned")]
        pub mentions: &'a Mentions,
        /// The reactions by emoji, in order of the first of each.
        #[schema(value_type = std::collections::HashMap<String, ReactionTally>)]
        #[serde(serialize_with = "tallies")]
        pub reactions: &'a [Tally],
        /// The root of its thread, if it is a reply.
        #[schema(required = true)]
        pub thread: Option<Uuid>,
        /// The replies to it, if there are any.
        #[schema(value_type = Option<Replies>, required = true)]
        pub replies: Option<Replies<'a>>,
        /// The current root of its thread. Only in `message.text` of a reply.
        #[schema(value_type = RootState, required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub root: Option<RootState<'a>>,
        /// Whether it is pinned.
        pub pinned: bool,
        /// Its files, in the order of sending.
        #[schema(value_type = Vec<super::file::File>)]
        #[serde(serialize_with = "files")]
        pub attachments: &'a [StoredFile],
        /// The object of the sender's application, if there is one.
        #[schema(value_type = Option<Object>, required = true)]
        pub data: Option<&'a RawValue>,
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
    /// The keys that exist in events only.
    pub const OF_EVENTS: [&'static str; 1] = ["root"];

    /// A message in the event of its sending, with the root of its thread.
    pub fn sent(message: &'a CoreMessage) -> Self {
        Self { root: message.root.as_deref().map(RootState::from), ..Self::from(message) }
    }

    /// One of a group's newest messages: without `group` and `client_id`.
    pub fn latest(message: &'a CoreMessage) -> Self {
        Self {
            id: message.id.0,
            author: &message.author_name,
            group: None,
            date: message.date,
            body: &message.body,
            respond_to: message.respond_to.map(|id| id.0),
            seq: message.seq.0,
            edited: message.edited,
            mentions: &message.detail.mentions,
            reactions: &message.reactions,
            thread: message.thread.map(|root| root.id.0),
            replies: message.replies.as_ref().map(Replies::from),
            root: None,
            pinned: message.detail.pinned,
            attachments: &message.detail.attachments,
            // The text was parsed as JSON before it was stored.
            data: message.detail.data.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            client_id: None,
        }
    }
}

/// The replies to a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replies<'a> {
    /// Their number, counted up to 1000.
    pub count: u32,
    /// The date of the newest, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    pub last: Date,
    /// The newest different authors, newest first, at most 3.
    #[schema(value_type = Vec<String>)]
    #[serde(serialize_with = "texts")]
    pub names: &'a [Name],
}

impl<'a> From<&'a CoreReplies> for Replies<'a> {
    fn from(replies: &'a CoreReplies) -> Self {
        Self { count: replies.count, last: replies.last, names: &replies.names }
    }
}

/// The current root of a reply.
#[derive(Debug, Serialize, ToSchema)]
pub struct RootState<'a> {
    /// The root.
    pub id: Uuid,
    /// The replies to it; null if none stands.
    #[schema(value_type = Option<Replies>, required = true)]
    pub replies: Option<Replies<'a>>,
}

impl<'a> From<&'a CoreRootState> for RootState<'a> {
    fn from(state: &'a CoreRootState) -> Self {
        Self { id: state.root.id.0, replies: state.replies.as_ref().map(Replies::from) }
    }
}

/// The users who have added one emoji to a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReactionTally<'a> {
    /// The number of users.
    pub count: u32,
    /// The names of the first users, at most 20.
    #[schema(value_type = Vec<String>)]
    #[serde(serialize_with = "texts")]
    pub names: &'a [Name],
    /// Whether the receiver is one of the users. Only in answers to a user, summaries, histories and resumes.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mine: Option<bool>,
}

fn mentioned<S: Serializer>(mentions: &Mentions, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(mentions.texts())
}

fn tallies<S: Serializer>(tallies: &[Tally], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(tallies.iter().map(|tally| {
        let Tally { count, names, mine, .. } = tally;
        (tally.emoji.as_str(), ReactionTally { count: *count, names, mine: *mine })
    }))
}

/// The schema of one of a group's newest messages.
pub struct Latest;

impl Latest {
    const LEFT_OUT: [&str; 3] = ["group", "client_id", "root"];
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

//! Reactions: the payload, the client and server events `message.react`, and the routes `messages/<id>/reactions/`.

use chinwag_core::app::reaction::{React, ReactionPage};
use chinwag_core::app::{App, Context};
use chinwag_core::permission::Action;
use chinwag_core::rate::Cost;
use chinwag_core::reaction::{Emoji, Reacted};
use chinwag_core::{Date, Error, MessageId, Name, Seq};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::path::{ById, ByValue, PathValue};
use crate::extract::query::Query;
use crate::rest::list::{self, ListPosition, ListSource, Rows};
use crate::rest::message::author;
use crate::rest::prelude::*;
use crate::wire::input::fields::Fields;
use crate::wire::input::group::InName;
use crate::wire::input::payload::{KeyValue, payload};
use crate::wire::input::value::Switch;
use crate::wire::key::Need;
use crate::wire::message::{Message, ReactionTally};
use crate::wire::server_event::{Numbered, event_value, object, server_event};
use crate::wire::text::text;
use crate::ws::client_event::{ClientEvent, EventRequest, Example, Right};

payload! {
    /// A reaction to a message, to add or to remove.
    pub struct MessageReaction {
        /// The message.
        id: MessageId,
        /// One emoji, or a name between colons, such as `:tada:`.
        emoji: Emoji,
        /// Whether to add it.
        on: Switch,
    }
}

impl KeyValue for Emoji {
    const NEED: Need = Need::Required;

    fn schema() -> Value {
        json!({"type": "string", "examples": ["👍", ":tada:"]})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.text(key)?;
        fields.parsed(key, Self::parse(&text))
    }
}

server_event! {
    /// A user added a reaction to a message or removed it: the users who now have it.
    "message.react", Changed
    pub struct ReactionChanged<'a> {
        /// The message.
        id: Uuid,
        /// Its group.
        group: Uuid,
        /// The user.
        name: &'a Name,
        /// The emoji, or a name between colons.
        emoji: &'a str,
        /// Whether it was added.
        on: bool,
        /// The users who have it; `count` is 0 if nobody has it.
        reaction: ReactionTally<'a>,
    }
}

event_value! {
    ReactionTally<'_>, object("ReactionTally"), tally => tally;
}

impl<'a> From<&'a Reacted> for ReactionChanged<'a> {
    fn from(reacted: &'a Reacted) -> Self {
        let Reacted { id, group, name, emoji, on, count, names } = reacted;
        let reaction = ReactionTally { count: *count, names, mine: None };
        Self { id: id.0, group: group.0, name, emoji: emoji.as_str(), on: *on, reaction }
    }
}

pub(crate) struct MessageReact;

impl ClientEvent for MessageReact {
    const NAME: &'static str = "message.react";
    const ABOUT: &'static str = "Adds a reaction to a message, or removes the sender's own.";
    const EFFECT: &'static str = "adds (`on: true`) or removes your reaction: `message.react` `{id, group, name, emoji, on, \
        reaction: {count, names}}` to every member. If nothing changes, it comes to you alone, without a number. \
        More than 20 different ones on a message are 400";
    const ANSWERS: &'static [&'static str] = &["message.react"];
    const RIGHT: Right = Right::Member(Action::Send);
    const COST: Cost = Cost::Change;
    type Payload = MessageReaction;
    type Command = React;

    fn example(ids: &Example) -> Value {
        json!({ "id": ids.message, "emoji": "👍", "on": true })
    }

    fn command(reaction: MessageReaction, _: &mut Fields<'_>) -> Option<React> {
        let MessageReaction { id, emoji, on } = reaction;
        Some(React { author: None, message: id, emoji, on: on.0 })
    }

    async fn run(request: EventRequest, command: React) -> chinwag_core::Result<()> {
        let outcome = request.app().react(&request.context, command).await?;
        if !outcome.published {
            request.answer(ReactionChanged::from(&outcome.reacted));
        }
        Ok(())
    }
}

impl PathValue for Emoji {
    const KEY: &str = "emoji";

    fn from_path(text: &str) -> chinwag_core::Result<Self> {
        Self::parse(text).map_err(|why| Error::field("emoji", why))
    }
}

/// One user's reaction to a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reaction<'a> {
    /// The user.
    #[schema(value_type = String)]
    #[serde(serialize_with = "text")]
    name: &'a Name,
    /// The emoji.
    emoji: &'a str,
    /// The date of the reaction, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    date: Date,
}

/// Lists the reactions to a message, oldest first.
#[utoipa::path(
    get, path = "/api/v1/messages/{id}/reactions/", tag = "messages", operation_id = "reaction_list",
    params(
        ("id" = Uuid, Path, description = "The message's id."),
        ("emoji" = Option<String>, Query, description = "Only the reactions with this emoji."),
        list::ListPages,
    ),
    responses((status = 200, description = "The reactions.", body = Vec<Reaction<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(message): ById<MessageId>,
    query: Query,
) -> Result<Response> {
    let emoji = query.value()?;
    let source = ReactionList { app: state.app.clone(), context, message, emoji };
    // Read one row first, so that a message which the caller may not see is refused before the response begins.
    source.rows(None, 1).await?;
    Ok(list::answer(&state, source, query).await?)
}

/// Adds a reaction to a message.
///
/// Adding it again changes nothing.
#[utoipa::path(
    put, path = "/api/v1/messages/{id}/reactions/{emoji}/", tag = "messages", operation_id = "reaction_add",
    params(
        ("id" = Uuid, Path, description = "The message's id."),
        ("emoji" = String, Path, description = "One emoji, or a name between colons, percent-encoded."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "The current message.", body = Message<'static>), Refusals),
)]
pub(crate) async fn add(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByValue(emoji): ByValue<Emoji>,
    ById(message): ById<MessageId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let author = author(&query, &payload)?;
    change(&state, &context, React { author, message, emoji, on: true }).await
}

/// Removes a reaction from a message.
///
/// Removing it again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/messages/{id}/reactions/{emoji}/", tag = "messages", operation_id = "reaction_remove",
    params(
        ("id" = Uuid, Path, description = "The message's id."),
        ("emoji" = String, Path, description = "One emoji, or a name between colons, percent-encoded."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "The current message.", body = Message<'static>), Refusals),
)]
pub(crate) async fn remove(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByValue(emoji): ByValue<Emoji>,
    ById(message): ById<MessageId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let author = author(&query, &payload)?;
    change(&state, &context, React { author, message, emoji, on: false }).await
}

async fn change(state: &ServerState, context: &Context, command: React) -> Result<Response> {
    let outcome = state.app.react(context, command).await?;
    Ok(json(StatusCode::OK, &Message::from(&outcome.message)))
}

/// The source of a list of reactions to a message.
struct ReactionList {
    app: App,
    context: Context,
    message: MessageId,
    emoji: Option<Emoji>,
}

impl ListPosition for Seq {
    fn sealed(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn opened(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Seq(i64::from_be_bytes(bytes)))
    }
}

impl ListSource for ReactionList {
    const NAME: &str = "reactions";
    const PART: usize = 1000;
    type Place = Seq;

    async fn rows(&self, after: Option<Seq>, limit: usize) -> Result<Rows<Seq>, Error> {
        let (message, emoji) = (self.message, self.emoji.clone());
        let page = ReactionPage { message, emoji, after: after.unwrap_or(Seq(0)), limit };
        let reactions = self.app.reactions(&self.context, page).await?;
        let row = |reaction: &chinwag_core::reaction::Reaction| {
            let (name, emoji) = (&reaction.name, reaction.emoji.as_str());
            let json = serde_json::to_vec(&Reaction { name, emoji, date: reaction.date });
            Ok((reaction.seq, Some(json.map_err(Error::internal)?)))
        };
        reactions.iter().map(row).collect()
    }
}

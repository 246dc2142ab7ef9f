//! Pins: the payload, the client and server events `message.pin`, the routes `messages/<id>/pin/`, and the list of a
//! group's pinned messages.

use chinwag_core::app::Context;
use chinwag_core::app::pin::Pin;
use chinwag_core::permission::Action;
use chinwag_core::pin::Pinned;
use chinwag_core::rate::Cost;
use chinwag_core::{GroupId, MessageId, Name};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::rest::message::{author, list_of};
use crate::rest::prelude::*;
use crate::wire::fields::MESSAGE;
use crate::wire::input::fields::Fields;
use crate::wire::input::group::InName;
use crate::wire::input::payload::payload;
use crate::wire::input::value::Switch;
use crate::wire::message::Message;
use crate::wire::server_event::{Numbered, server_event};
use crate::ws::client_event::{ClientEvent, EventRequest, Example, Right};

payload! {
    /// A message to pin or to unpin.
    pub struct PinSwitch {
        /// The message.
        id: MessageId,
        /// Whether to pin it.
        on: Switch,
    }
}

server_event! {
    /// A message was pinned or unpinned. A deleted message is unpinned by its `message.delete`.
    "message.pin", Changed
    pub struct PinChanged<'a> {
        /// The message.
        id: Uuid,
        /// Its group.
        group: Uuid,
        /// The user; null if a service acted in nobody's name.
        name: Option<&'a Name>,
        /// Whether it was pinned.
        on: bool,
    }
}

impl<'a> From<&'a Pinned> for PinChanged<'a> {
    fn from(Pinned { id, group, name, on }: &'a Pinned) -> Self {
        Self { id: id.0, group: group.0, name: name.as_ref(), on: *on }
    }
}

pub(crate) struct MessagePin;

impl ClientEvent for MessagePin {
    const NAME: &'static str = "message.pin";
    const ABOUT: &'static str = "Pins a message above the others of its group, or unpins it.";
    const EFFECT: &'static str = "pins (`on: true`) or unpins the message: `message.pin` `{id, group, name, on}` to every member. \
        If nothing changes, it comes to you alone, without a number. The 51st pin of a group is 400";
    const ANSWERS: &'static [&'static str] = &["message.pin"];
    const RIGHT: Right = Right::Member(Action::Pin);
    const COST: Cost = Cost::Change;
    type Payload = PinSwitch;
    type Command = Pin;

    fn example(ids: &Example) -> Value {
        json!({ "id": ids.message, "on": true })
    }

    fn command(PinSwitch { id, on }: PinSwitch, _: &mut Fields<'_>) -> Option<Pin> {
        Some(Pin { author: None, message: id, on: on.0 })
    }

    async fn run(request: EventRequest, command: Pin) -> chinwag_core::Result<()> {
        let outcome = request.app().pin(&request.context, command).await?;
        if !outcome.published {
            request.answer(PinChanged::from(&outcome.pinned));
        }
        Ok(())
    }
}

/// Pins a message in its group.
///
/// Pinning it again changes nothing.
#[utoipa::path(
    put, path = "/api/v1/messages/{id}/pin/", tag = "messages", operation_id = "pin_add",
    params(
        ("id" = Uuid, Path, description = "The message's id."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "The current message.", body = Message<'static>), Refusals),
)]
pub(crate) async fn add(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(message): ById<MessageId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let author = author(&query, &payload)?;
    change(&state, &context, Pin { author, message, on: true }).await
}

/// Unpins a message.
///
/// Unpinning it again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/messages/{id}/pin/", tag = "messages", operation_id = "pin_remove",
    params(
        ("id" = Uuid, Path, description = "The message's id."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "The current message.", body = Message<'static>), Refusals),
)]
pub(crate) async fn remove(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(message): ById<MessageId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let author = author(&query, &payload)?;
    change(&state, &context, Pin { author, message, on: false }).await
}

/// Lists a group's pinned messages, most recently pinned first.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/pins/", tag = "messages", operation_id = "group_pins",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("fields" = Option<String>, Query, description = "The fields to return, separated by `+`. Default: all."),
    ),
    responses((status = 200, description = "The messages, at most 50.", body = Vec<Message<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&MESSAGE)?;
    let messages = state.app.pins(&context, id).await?;
    Ok(list_of(&messages, &fields)?)
}

async fn change(state: &ServerState, context: &Context, command: Pin) -> Result<Response> {
    let outcome = state.app.pin(context, command).await?;
    Ok(json(StatusCode::OK, &Message::from(&outcome.message)))
}

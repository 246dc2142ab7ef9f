//! `messages/`, and a group's history

use chinwag_core::limits::{HISTORY_PAGE, LATEST};
use chinwag_core::store::Page;
use chinwag_core::{Error, GroupId, MessageId};

use super::answer::bytes;
use super::prelude::*;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::wire::fields::MESSAGE;
use crate::wire::input::message::{MessagePatch, NewMessage};
use crate::wire::object::Message;

/// Sends a message. The answer says that it is committed; to a retry with the same `client_id`
/// it is the first answer again, and with another body 409.
#[utoipa::path(
    post, path = "/api/v1/messages/", tag = "messages", operation_id = "message_create",
    request_body = NewMessage,
    responses(
        (status = 201, description = "The message, committed.", body = Message<'static>),
        (status = 409, description = "This `client_id` was used for another message.",
         body = crate::error::Body<'static>, content_type = "application/problem+json"),
        Refusals,
    ),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    payload: Payload,
) -> Result<Response> {
    let command = payload.fields()?.command(|message: NewMessage, _| Some(message.command()))?;
    let message = state.app.message_send(&context, command).await?.into_message();
    Ok(json(StatusCode::CREATED, &Message::from(&message)))
}

/// Refuses: messages are listed by group, or read one by one.
#[utoipa::path(
    get,
    path = "/api/v1/messages/",
    tag = "messages",
    operation_id = "message_list",
    responses(Refusals)
)]
pub(crate) async fn list(_: CallerContext) -> Result<Response> {
    Err(Error::field("q", "is not served: list a group's messages at groups/<id>/messages/").into())
}

/// Shows one message.
#[utoipa::path(
    get, path = "/api/v1/messages/{id}/", tag = "messages", operation_id = "message_get",
    params(
        ("id" = Uuid, Path, description = "The message's id."),
        ("fields" = Option<String>, Query, description = "The fields wanted, with `+` between them. All if absent."),
    ),
    responses((status = 200, description = "The message.", body = Message<'static>), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<MessageId>,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&MESSAGE)?;
    let message = state.app.message(&context, id).await?;
    Ok(bytes(StatusCode::OK, fields.json(&Message::from(&message))?))
}

/// Edits a message: its author, or a service.
#[utoipa::path(
    patch, path = "/api/v1/messages/{id}/", tag = "messages", operation_id = "message_update",
    params(("id" = Uuid, Path, description = "The message's id.")),
    request_body = MessagePatch,
    responses((status = 200, description = "The message as it stands.", body = Message<'static>), Refusals),
)]
pub(crate) async fn update(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<MessageId>,
    payload: Payload,
) -> Result<Response> {
    let command = payload.fields()?.command(|patch: MessagePatch, _| Some(patch.command(id)))?;
    let message = state.app.message_edit(&context, command).await?;
    Ok(json(StatusCode::OK, &Message::from(&message)))
}

/// Deletes a message, and erases its body.
#[utoipa::path(
    delete, path = "/api/v1/messages/{id}/", tag = "messages", operation_id = "message_delete",
    params(("id" = Uuid, Path, description = "The message's id.")),
    responses((status = 200, description = "The message is no more."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<MessageId>,
) -> Result<Response> {
    state.app.message_delete(&context, id).await?;
    Ok(nothing())
}

/// Pages through a group's messages: newest first with `before` or neither, oldest first with
/// `after`.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/messages/", tag = "messages", operation_id = "group_messages",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("before" = Option<String>, Query, description = "A seq or a date: the messages before it."),
        ("after" = Option<String>, Query, description = "A seq or a date: the messages after it."),
        ("limit" = Option<u8>, Query, minimum = 1, maximum = 100, description = "How many at most, 20 if absent."),
        ("fields" = Option<String>, Query, description = "The fields wanted, with `+` between them. All if absent."),
    ),
    responses((status = 200, description = "The messages.", body = Vec<Message<'static>>), Refusals),
)]
pub(crate) async fn history(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&MESSAGE)?;
    let limit = query.limit(HISTORY_PAGE)?.unwrap_or(LATEST);
    let page = match (query.point("before")?, query.point("after")?) {
        (Some(_), Some(_)) => return Err(Error::field("after", "and before exclude each other").into()),
        (None, Some(point)) => Page::after(point, limit),
        (before, None) => Page::before(before, limit),
    };
    let messages = state.app.messages(&context, id, page).await?;
    // What a message has beside its body takes some 300 bytes.
    let room = messages.iter().map(|message| message.body.len() + 350).sum();
    let mut json: Vec<u8> = Vec::with_capacity(room);
    for message in &messages {
        json.push(if json.is_empty() { b'[' } else { b',' });
        fields.write(&Message::from(message), &mut json)?;
    }
    json.extend_from_slice(if messages.is_empty() { b"[]" } else { b"]" });
    Ok(bytes(StatusCode::OK, json))
}

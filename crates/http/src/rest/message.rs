//! `messages/`, and a group's history

use chinwag_core::limits::{HISTORY_PAGE, LATEST};
use chinwag_core::store::Page;
use chinwag_core::{Error, GroupId, MessageId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::bytes;
use super::path::ById;
use super::prelude::*;
use super::query::Query;
use crate::wire::fields::MESSAGE;
use crate::wire::object::Message;

/// A message to send.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct NewMessage {
    /// In whose name; for a user itself, which may be left out.
    author: Option<String>,
    /// The group's id.
    group: Uuid,
    /// 1 to 4096 characters, not only white space.
    body: String,
    /// A message of the same group that it answers; empty is none.
    respond_to: Option<String>,
    /// Its date, heeded from services only.
    #[schema(format = DateTime)]
    date: Option<String>,
    /// 1 to 64 characters of the sender's own: retries with the same one make one message.
    client_id: Option<String>,
}

/// What is to change of a message.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct MessagePatch {
    /// 1 to 4096 characters, not only white space.
    body: String,
}

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
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    payload: Payload,
) -> Result<Response> {
    let command = input::message::send(payload.fields()?, doors.app.limits())?;
    let message = doors.app.message_send(&context, command).await?.into_message();
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
pub(crate) async fn list(_: Calling) -> Result<Response> {
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
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ById(id): ById<MessageId>,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&MESSAGE)?;
    let message = doors.app.message(&context, id).await?;
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
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ById(id): ById<MessageId>,
    payload: Payload,
) -> Result<Response> {
    let command = input::message::edit(payload.fields()?, id, doors.app.limits())?;
    let message = doors.app.message_edit(&context, command).await?;
    Ok(json(StatusCode::OK, &Message::from(&message)))
}

/// Deletes a message, and erases its body.
#[utoipa::path(
    delete, path = "/api/v1/messages/{id}/", tag = "messages", operation_id = "message_delete",
    params(("id" = Uuid, Path, description = "The message's id.")),
    responses((status = 200, description = "The message is no more."), Refusals),
)]
pub(crate) async fn delete(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ById(id): ById<MessageId>,
) -> Result<Response> {
    doors.app.message_delete(&context, id).await?;
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
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
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
    let messages = doors.app.messages(&context, id, page).await?;
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

//! `messages/`, and a group's history

use chinwag_core::app::entry::HistoryItem;
use chinwag_core::limits::{HISTORY_PAGE, LATEST};
use chinwag_core::message::Message as CoreMessage;
use chinwag_core::store::{Edge, Page};
use chinwag_core::{Error, GroupId, MessageId, Name, Seq};
use utoipa::openapi::schema::{OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::answer::bytes;
use super::list;
use super::prelude::*;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::wire::entry::Entry;
use crate::wire::fields::{MESSAGE, SelectedFields};
use crate::wire::input::group::InName;
use crate::wire::input::message::{MessagePatch, NewMessage};
use crate::wire::message::Message;

/// Sends a message, and responds after it is committed.
///
/// A retry with the same `client_id` gets the first response again. With another body, thread or data, or other
/// mentions, it is refused with 409.
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

/// Returns one message.
#[utoipa::path(
    get, path = "/api/v1/messages/{id}/", tag = "messages", operation_id = "message_get",
    params(
        ("id" = Uuid, Path, description = "The message's id."),
        ("fields" = Option<String>, Query, description = "The fields to return, separated by `+`. Default: all."),
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

/// Edits a message.
///
/// For its author and services.
#[utoipa::path(
    patch, path = "/api/v1/messages/{id}/", tag = "messages", operation_id = "message_update",
    params(("id" = Uuid, Path, description = "The message's id.")),
    request_body = MessagePatch,
    responses((status = 200, description = "The current message.", body = Message<'static>), Refusals),
)]
pub(crate) async fn update(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<MessageId>,
    payload: Payload,
) -> Result<Response> {
    let command = payload.fields()?.command(|patch: MessagePatch, _| Some(patch.command(id)))?;
    let message = state.app.message_edit(&context, command).await?.message;
    Ok(json(StatusCode::OK, &Message::from(&message)))
}

/// Deletes a message, and erases its body.
#[utoipa::path(
    delete, path = "/api/v1/messages/{id}/", tag = "messages", operation_id = "message_delete",
    params(("id" = Uuid, Path, description = "The message's id.")),
    responses((status = 200, description = "The message is deleted."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<MessageId>,
) -> Result<Response> {
    state.app.message_delete(&context, id).await?;
    Ok(nothing())
}

/// A row of a history: a message or an entry.
pub(crate) struct HistoryRow;

impl PartialSchema for HistoryRow {
    fn schema() -> RefOr<Schema> {
        let items = ["Message", "Entry"].map(Ref::from_schema_name);
        items.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item).into()
    }
}

impl ToSchema for HistoryRow {}

/// Lists a group's messages in pages: newest first, or oldest first with `after`.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/messages/", tag = "messages", operation_id = "group_messages",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("before" = Option<String>, Query, description = "A seq or a date: the messages before it."),
        ("after" = Option<String>, Query, description = "A seq or a date: the messages after it."),
        ("limit" = Option<u8>, Query, minimum = 1, maximum = 100, description = "The maximum number. Default: 20."),
        ("ids" = Option<String>, Query, description = "Up to 100 ids, separated by commas: returns these messages in this order, without pages."),
        ("thread" = Option<String>, Query, description = "`none` leaves the replies in threads out."),
        ("entries" = Option<String>, Query, description = "`all`: the changes of the group as well, which have `changes`."),
        ("fields" = Option<String>, Query, description = "The fields of messages to return, separated by `+`. Default: all."),
    ),
    responses((status = 200, description = "The messages, and with `entries=all` the entries.", body = Vec<HistoryRow>), Refusals),
)]
pub(crate) async fn history(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&MESSAGE)?;
    if let Some(ids) = query.ids()? {
        let messages = state.app.messages_by_id(&context, id, ids).await?;
        return Ok(list_of(&messages, &fields)?);
    }
    let page = history_page(&query)?;
    if query.entries()? {
        if query.leaves_threads_out()? {
            return Err(Error::field("thread", "cannot be combined with entries: omit one of them").into());
        }
        let items = state.app.history_items(&context, id, page).await?;
        let mut json: Vec<u8> = vec![b'['];
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                json.push(b',');
            }
            match item {
                HistoryItem::Message(message) => fields.write(&Message::from(&**message), &mut json)?,
                HistoryItem::Entry(entry) => {
                    serde_json::to_writer(&mut json, &Entry::from(entry)).map_err(Error::internal)?;
                }
            }
        }
        json.push(b']');
        let mut response = bytes(StatusCode::OK, json);
        link_page(&state, &query, items.iter().map(HistoryItem::seq), &mut response)?;
        return Ok(response);
    }
    if query.leaves_threads_out()? {
        let part = state.app.messages_outside_threads(&context, id, page).await?;
        let mut response = list_of(&part.messages, &fields)?;
        if let Some(next) = part.next.and_then(|edge| query.at_edge(edge)) {
            list::link_next(&state, &next, &mut response)?;
        } else {
            link_page(&state, &query, part.messages.iter().map(|message| message.seq), &mut response)?;
        }
        return Ok(response);
    }
    let messages = state.app.messages(&context, id, page).await?;
    let mut response = list_of(&messages, &fields)?;
    link_page(&state, &query, messages.iter().map(|message| message.seq), &mut response)?;
    Ok(response)
}

/// Adds a link to the next page after a full one, if the query has a limit. `rows`: the numbers of the page.
pub(crate) fn link_page(
    state: &ServerState,
    query: &Query,
    mut rows: impl ExactSizeIterator<Item = Seq> + DoubleEndedIterator,
    response: &mut Response,
) -> chinwag_core::Result<()> {
    let Some(limit) = query.limit(HISTORY_PAGE)? else { return Ok(()) };
    let is_full = rows.len() == limit;
    let Some(last) = rows.next_back().filter(|_| is_full) else { return Ok(()) };
    let is_forward = query.point("after")?.is_some();
    let edge = if is_forward { Edge::AfterSeq(last) } else { Edge::BeforeSeq(last) };
    query.at_edge(edge).map_or(Ok(()), |next| list::link_next(state, &next, response))
}

/// The requested page of a history.
pub(crate) fn history_page(query: &Query) -> Result<Page> {
    let limit = query.limit(HISTORY_PAGE)?.unwrap_or(LATEST);
    match (query.point("before")?, query.point("after")?) {
        (Some(_), Some(_)) => {
            Err(Error::field("after", "cannot be combined with before: omit one of them").into())
        }
        (None, Some(point)) => Ok(Page::after(point, limit)),
        (before, None) => Ok(Page::before(before, limit)),
    }
}

/// The acting user, from the body or the query.
pub(crate) fn author(query: &Query, payload: &Payload) -> chinwag_core::Result<Option<Name>> {
    let by = payload.maybe_fields()?.command(|by: InName, _| Some(by))?;
    Ok(by.author.or(query.author()?))
}

/// A response with these messages.
pub(crate) fn list_of(messages: &[CoreMessage], fields: &SelectedFields) -> chinwag_core::Result<Response> {
    // A message takes about 300 bytes in addition to its body.
    let room = messages.iter().map(|message| message.body.len() + 350).sum();
    let mut json: Vec<u8> = Vec::with_capacity(room);
    for message in messages {
        json.push(if json.is_empty() { b'[' } else { b',' });
        fields.write(&Message::from(message), &mut json)?;
    }
    json.extend_from_slice(if messages.is_empty() { b"[]" } else { b"]" });
    Ok(bytes(StatusCode::OK, json))
}

//! `messages/<id>/thread/`

use chinwag_core::MessageId;

use super::message::{history_page, link_page, list_of};
use super::prelude::*;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::wire::fields::MESSAGE;
use crate::wire::message::Message;

/// Lists the replies to a message in pages: newest first, or oldest first with `after`.
#[utoipa::path(
    get, path = "/api/v1/messages/{id}/thread/", tag = "messages", operation_id = "message_thread",
    params(
        ("id" = Uuid, Path, description = "The id of the thread's root."),
        ("before" = Option<String>, Query, description = "A seq or a date: the replies before it."),
        ("after" = Option<String>, Query, description = "A seq or a date: the replies after it."),
        ("limit" = Option<u8>, Query, minimum = 1, maximum = 100, description = "The maximum number. Default: 20."),
        ("fields" = Option<String>, Query, description = "The fields to return, separated by `+`. Default: all."),
    ),
    responses((status = 200, description = "The replies.", body = Vec<Message<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(root): ById<MessageId>,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&MESSAGE)?;
    let replies = state.app.thread(&context, root, history_page(&query)?).await?;
    let mut response = list_of(&replies, &fields)?;
    link_page(&state, &query, replies.iter().map(|reply| reply.seq), &mut response)?;
    Ok(response)
}

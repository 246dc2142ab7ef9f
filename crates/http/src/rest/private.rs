//! `private/`

use super::prelude::*;
use crate::wire::input::group::PrivatePair;
use crate::wire::object::Group;

/// Returns the private group of two users, and creates it if there is none.
#[utoipa::path(
    put, path = "/api/v1/private/", tag = "groups", operation_id = "private_open",
    request_body = PrivatePair,
    responses(
        (status = 200, description = "The existing group.", body = Group<'static>),
        (status = 201, description = "The new group.", body = Group<'static>),
        Refusals,
    ),
)]
pub(crate) async fn open(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    payload: Payload,
) -> Result<Response> {
    let command = payload.fields()?.command(|pair: PrivatePair, fields| pair.command(fields))?;
    let private = state.app.private_open(&context, command).await?;
    let status = if private.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &Group::seen(&private.seen)))
}

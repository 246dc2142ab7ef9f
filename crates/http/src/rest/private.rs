//! `private/`

use utoipa::ToSchema;

use super::prelude::*;
use crate::wire::object::Group;

/// Whose private group is wanted.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct PrivatePair {
    /// For a user: with whom. Its own name opens its notes to itself.
    user: Option<String>,
    /// For a service: the two users. The same name twice opens that user's notes to itself.
    users: Option<Vec<String>>,
}

/// Makes or finds the private group of two users.
#[utoipa::path(
    put, path = "/api/v1/private/", tag = "groups", operation_id = "private_open",
    request_body = PrivatePair,
    responses(
        (status = 200, description = "The group, which stood before.", body = Group<'static>),
        (status = 201, description = "The new group.", body = Group<'static>),
        Refusals,
    ),
)]
pub(crate) async fn open(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    payload: Payload,
) -> Result<Response> {
    let command = input::group::private(payload.fields()?)?;
    let private = doors.app.private_open(&context, command).await?;
    let status = if private.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &Group::seen(&private.seen)))
}

//! `users/<name>/tokens/`

use utoipa::ToSchema;

use super::path::ByName;
use super::prelude::*;
use super::session::{Session, issued};

/// How long a token lasts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct NewToken {
    /// In seconds, 1 to 31 536 000 (365 days); as long as a session if absent.
    #[schema(minimum = 1, maximum = 31_536_000)]
    ttl: Option<u32>,
}

/// Makes a token for a user. For services.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/tokens/", tag = "accounts", operation_id = "token_create",
    params(("name" = String, Path, description = "The user's name.")),
    request_body = NewToken,
    responses((status = 201, description = "The new token.", body = Session<'static>), Refusals),
)]
pub(crate) async fn create(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ByName(name): ByName,
    payload: Payload,
) -> Result<Response> {
    let ttl = input::account::token(payload.fields()?)?.unwrap_or(doors.options.session_ttl);
    let token = doors.app.token_create(&context, name, ttl).await?;
    Ok(issued(&token, None))
}

//! `users/<name>/tokens/`

use axum::http::header;
use axum::http::request::Parts;
use chinwag_core::app::identity::IssueToken;
use utoipa::ToSchema;

use super::path::{ByName, BySpelling};
use super::prelude::*;
use super::session::{Session, issued};

/// How long a token lasts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct NewToken {
    /// In seconds, 1 to 31 536 000 (365 days); as long as a session if absent.
    #[schema(minimum = 1, maximum = 31_536_000)]
    ttl: Option<u32>,
    /// Whether a user who signed up here is taken over: its password and sessions end.
    adopt: Option<bool>,
}

/// Makes a token for a user, whose name is given to the byte. For services.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/tokens/", tag = "accounts", operation_id = "token_create",
    params(("name" = String, Path, description = "The user's name.")),
    request_body = NewToken,
    responses((status = 201, description = "The new token.", body = Session<'static>), Refusals),
)]
pub(crate) async fn create(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    BySpelling(name): BySpelling,
    payload: Payload,
) -> Result<Response> {
    let asked = input::account::token(payload.fields()?)?;
    let ttl = asked.ttl.unwrap_or(doors.options.session_ttl);
    let token = doors.app.token_create(&context, IssueToken { name, ttl, adopt: asked.adopt }).await?;
    Ok(issued(&token))
}

/// Signs a user out everywhere: ends all of its tokens and tickets, its sockets included.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}/tokens/", tag = "accounts", operation_id = "token_delete",
    params(("name" = String, Path, description = "The user's name.")),
    responses((status = 200, description = "Nothing that the user has signed in with is good any more."), Refusals),
)]
pub(crate) async fn delete(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ByName(name): ByName,
    parts: Parts,
) -> Result<Response> {
    doors.app.tokens_end(&context, name).await?;
    let mut response = nothing();
    response.headers_mut().insert(header::SET_COOKIE, doors.auth.no_cookie(&parts));
    Ok(response)
}

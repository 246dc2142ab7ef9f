//! `users/<name>/tokens/`

use axum::http::header;
use axum::http::request::Parts;
use chinwag_core::app::identity::IssueToken;

use super::answer::OtherIdentity;
use super::prelude::*;
use super::session::{IssuedToken, issued};
use super::user_session::token_of;
use crate::auth::Credential;
use crate::extract::path::{ByName, BySpelling};
use crate::extract::query::Query;
use crate::wire::input::account::NewToken;

/// Creates a token for a user, whose name must match exactly.
///
/// For services.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/tokens/", tag = "accounts", operation_id = "token_create",
    params(("name" = String, Path, description = "The user's name.")),
    request_body = NewToken,
    responses(
        (status = 201, description = "The new token.", body = IssuedToken<'static>),
        OtherIdentity,
        Refusals,
    ),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    BySpelling(name): BySpelling,
    payload: Payload,
) -> Result<Response> {
    let new = payload.fields()?.command(|new: NewToken, _| Some(new))?;
    let ttl = new.ttl.0.unwrap_or(state.options.session_ttl);
    let token = state.app.token_create(&context, IssueToken { name, ttl, adopt: new.adopt }).await?;
    Ok(issued(&token))
}

/// Signs a user out everywhere: ends all of its tokens and tickets, and closes its sockets.
///
/// With `others`, those of the request remain.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}/tokens/", tag = "accounts", operation_id = "token_delete",
    params(
        ("name" = String, Path, description = "The user's name."),
        ("others" = Option<bool>, Query, description = "With `true`, the token of the request stays, with its sockets."),
    ),
    responses((status = 200, description = "All other credentials of the user are revoked."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    credential: Option<Credential>,
    ByName(name): ByName,
    query: Query,
    parts: Parts,
) -> Result<Response> {
    if query.switch("others")?
        && let Some(kept) = token_of(credential)
    {
        state.app.tokens_end_others(&context, name, kept).await?;
        return Ok(nothing());
    }
    let is_own = state.app.tokens_end(&context, name).await?;
    let mut response = nothing();
    if is_own {
        response.headers_mut().insert(header::SET_COOKIE, state.auth.no_cookie(&parts));
    }
    Ok(response)
}

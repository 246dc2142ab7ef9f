//! `users/<name>/sessions/`

use axum::http::header;
use axum::http::request::Parts;
use chinwag_core::app::session::EndSession;
use chinwag_core::session::UserSession;
use chinwag_core::token::TokenHash;
use chinwag_core::{Date, SessionId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::prelude::*;
use crate::auth::Credential;
use crate::extract::path::{ById, ByName};
use crate::wire::text::{maybe_text, text};

/// A place at which a user is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = UserSession)]
pub(crate) struct ShownSession<'a> {
    /// The id.
    id: Uuid,
    /// The date of the sign-in, in UTC; null if it was made by an earlier version.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    created: Option<Date>,
    /// The date of its last use, to within five minutes, for an open WebSocket to within an hour; null before the first.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    last_used: Option<Date>,
    /// Until when it is good.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    expires: Date,
    /// The `User-Agent` of the sign-in, at most 256 characters; of a service's token that of its first use.
    #[schema(required = true)]
    agent: Option<&'a str>,
    /// The address of the same.
    #[schema(required = true)]
    address: Option<&'a str>,
    /// Whether it is the session of this request.
    current: bool,
}

impl<'a> ShownSession<'a> {
    /// A session, as the caller with the token `caller` sees it.
    fn new(session: &'a UserSession, caller: Option<TokenHash>, now: Date) -> Self {
        let current = caller == Some(session.token);
        let UserSession { created, last_used, expires, client, .. } = session;
        Self {
            id: session.id().0,
            created: *created,
            last_used: if current { Some(now) } else { *last_used },
            expires: *expires,
            agent: client.agent(),
            address: client.address.as_deref(),
            current,
        }
    }
}

/// Lists the sessions of a user, and the tokens that services have created for it, newest first.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/sessions/", tag = "accounts", operation_id = "user_session_list",
    params(("name" = String, Path, description = "The user's name.")),
    responses((status = 200, description = "The sessions, at most 100.", body = Vec<ShownSession<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    credential: Option<Credential>,
    ByName(name): ByName,
) -> Result<Response> {
    let sessions = state.app.sessions(&context, name).await?;
    let (caller, now) = (token_of(credential), state.app.clock().now());
    let shown = sessions.iter().map(|session| ShownSession::new(session, caller, now));
    Ok(json(StatusCode::OK, &shown.collect::<Vec<_>>()))
}

/// Ends one session, and closes its sockets.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}/sessions/{id}/", tag = "accounts", operation_id = "user_session_delete",
    params(
        ("name" = String, Path, description = "The user's name."),
        ("id" = Uuid, Path, description = "The session's id."),
    ),
    responses((status = 200, description = "The session is ended."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    credential: Option<Credential>,
    ByName(name): ByName,
    ById(id): ById<SessionId>,
    parts: Parts,
) -> Result<Response> {
    let ended = state.app.session_end(&context, EndSession { name, id }).await?;
    let mut response = nothing();
    if token_of(credential) == Some(ended) {
        response.headers_mut().insert(header::SET_COOKIE, state.auth.no_cookie(&parts));
    }
    Ok(response)
}

/// The token of a request, if it is Chinwag's own.
pub(super) fn token_of(credential: Option<Credential>) -> Option<TokenHash> {
    match credential? {
        Credential::User(user) => user.token,
        Credential::Service => None,
    }
}

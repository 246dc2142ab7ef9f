//! The steps of a REST request:
//!
//! 1. Identify: the credential is checked.
//! 2. Read: the whole body, within its limits.
//! 3. Charge: the user's rate limits.
//! 4. Admit: a permit among the requests under way.
//! 5. Handle: the route's handler.
//! 6. Recheck: a refusal for a token that is no longer valid becomes 401.
//!
//! A request takes its permit only after its body is read, so a slow or frequent sender holds up
//! nobody else.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use chinwag_core::UserId;
use chinwag_core::rate::Cost;
use chinwag_core::token::TokenHash;
use chinwag_core::user::Caller;
use hyper::body::Body as _;
use tower::ServiceExt;

use crate::auth::{Credential, Identified};
use crate::error::{ErrorResponse, Problem};
use crate::extract::payload;
use crate::rest::session;
use crate::state::ServerState;
use crate::wire::input::user::patch_cost;

/// The token of a request, once its handler has asked for the caller.
type LateToken = Arc<OnceLock<TokenHash>>;

/// Answers a request of the API at `path`, or refuses it.
pub(crate) async fn answer(state: &Arc<ServerState>, path: &str, route: Route, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let may_be_nobody = session::may_be_nobody(path, &parts);
    let response = match prepare(state, path, &mut parts, body).await {
        Ok((body, token)) => {
            let Ok(response) = route.oneshot(Request::from_parts(parts, body)).await;
            recheck_token(state, &token, response).await
        }
        Err(response) => *response,
    };
    if may_be_nobody && response.status() == StatusCode::UNAUTHORIZED { session::nobody() } else { response }
}

/// Steps 1 to 4.
async fn prepare(
    state: &Arc<ServerState>,
    path: &str,
    parts: &mut Parts,
    body: Body,
) -> Result<(Body, LateToken), Box<Response>> {
    let refused = |problem: Problem| Box::new(problem.into_response());
    let token = LateToken::default();
    if makes_session(path, &parts.method) {
        // It has no credential yet. Its own limits apply later, since it may have to wait.
        let body = read_body(state, parts, body).await.map_err(refused)?;
        return Ok((body, token));
    }
    let identified = state.auth.identify(parts).await.map_err(|error| refused(error.into()))?;
    let body = if identified == Identified::Nobody && !state.options.open {
        body
    } else {
        read_body(state, parts, body).await.map_err(refused)?
    };
    let body = charge(state, path, &parts.method, &identified, body).await.map_err(refused)?;
    let under_way = state.admission.request(token.clone()).ok_or_else(|| refused(Problem::busy()))?;
    parts.extensions.insert(under_way);
    parts.extensions.insert(identified);
    Ok((body, token))
}

/// Step 6. A caller with an invalid credential learns nothing else, whatever else is wrong with the
/// request.
async fn recheck_token(state: &ServerState, token: &LateToken, response: Response) -> Response {
    let Some(token) = token.get().copied().filter(|_| response.status().is_client_error()) else {
        return response;
    };
    match state.auth.check_token(token).await {
        Ok(()) => response,
        Err(error) => ErrorResponse(error).into_response(),
    }
}

/// Step 2.
async fn read_body(state: &ServerState, parts: &Parts, body: Body) -> Result<Body, Problem> {
    if body.is_end_stream() || matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(Body::empty());
    }
    let _permit = state.admission.body(parts)?;
    payload::read(body, &state.options).await.map(Body::from)
}

/// Step 3. Services have no limits.
async fn charge(
    state: &ServerState,
    path: &str,
    method: &Method,
    identified: &Identified,
    body: Body,
) -> Result<Body, Problem> {
    let Some(user) = limited_user(identified) else { return Ok(body) };
    let (cost, body) = if path == "/api/v1/users/{name}" && method == Method::PATCH {
        cost_of_body(body, patch_cost).await
    } else {
        (cost(path, method), body)
    };
    state.app.rates().spend(user, cost)?;
    Ok(body)
}

fn limited_user(identified: &Identified) -> Option<UserId> {
    match identified {
        Identified::Nobody => None,
        Identified::Token(_, user) => Some(*user),
        Identified::Known(Credential::Service) => None,
        Identified::Known(credential @ Credential::User(_)) => match credential.caller() {
            Caller::Service => None,
            Caller::User(user) => Some(user),
        },
    }
}

/// Whether a request makes a session out of a password.
fn makes_session(path: &str, method: &Method) -> bool {
    method == Method::POST && matches!(path, "/api/v1/accounts" | "/api/v1/sessions")
}

/// The cost of a request to its user.
fn cost(path: &str, method: &Method) -> Cost {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Cost::Nothing;
    }
    let path = path.strip_prefix("/api/v1/").unwrap_or(path);
    match path {
        "messages" => Cost::Message,
        "groups" => Cost::Group,
        "groups/{id}" | "groups/{id}/quit" | "groups/{id}/accept" | "groups/{id}/join" | "groups/{id}/me" => {
            Cost::Change
        }
        _ => Cost::Event,
    }
}

/// The cost of a body that is in memory, and the body. A body that was not read costs an event.
async fn cost_of_body(body: Body, cost: fn(&[u8]) -> Cost) -> (Cost, Body) {
    if body.size_hint().exact().is_none() {
        return (Cost::Event, body);
    }
    // The body is in memory: this waits for nothing.
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => (cost(&bytes), Body::from(bytes)),
        Err(_) => (Cost::Event, Body::empty()),
    }
}

//! The pipeline of a REST request:
//!
//! 1. Identify: check the credential, and the scopes of a key. A service may act as a user for reads.
//! 2. Read: receive the whole body, within its limits.
//! 3. Take turns: a few reads of one user, and of one address, run at a time; the others wait in line.
//! 4. Charge: apply the user's rate limits.
//! 5. Admit: acquire a permit for a request in flight.
//! 6. Handle: run the route's handler, unless the request has unknown parameters and `http.strict` refuses them.
//! 7. Recheck: if the handler refused the request and the token is no longer valid, respond with 401. Refund the
//!    charge if the handler refused the request by a rate limit of its own.
//! 8. Count: count the bytes of the response until the client has read them. While too many are unread, refuse
//!    further requests.
//!
//! A request acquires its permit only after its body is read and its user is charged, so slow or frequent senders do
//! not block others. The handler of an upload reads the body itself, and has a permit for uploads instead.

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

use crate::act_as;
use crate::api::hook;
use crate::auth::{Credential, Identified};
use crate::error::{ErrorResponse, Problem};
use crate::extract::payload;
use crate::files::ticket;
use crate::rest::session;
use crate::routes::{RouteCost, RouteDemands, is_reading};
use crate::shares::{ReadTurn, Share};
use crate::state::ServerState;
use crate::unknown;

/// The token of a request, set when its handler extracts the caller.
type LateToken = Arc<OnceLock<TokenHash>>;

/// Answers a request of the API at `path`.
pub(crate) async fn answer(
    state: &Arc<ServerState>,
    path: &str,
    demands: &RouteDemands,
    route: Route,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let allows_anonymous = session::allows_anonymous(path, &parts);
    let response = match prepare(state, demands, &mut parts, body).await {
        Ok(Prepared { body, token, charged, share }) => {
            let sends_file = demands.takes_ticket(&parts.method);
            let response = handle(route, parts, body, &token).await;
            if let (StatusCode::TOO_MANY_REQUESTS, Some((user, cost))) = (response.status(), charged) {
                state.app.rates().give_back(user, cost);
            }
            let response = recheck_token(state, &token, response).await;
            if sends_file { response } else { state.admission.answers.count(share, response) }
        }
        Err(response) => *response,
    };
    if allows_anonymous && response.status() == StatusCode::UNAUTHORIZED {
        session::nobody()
    } else {
        response
    }
}

/// A request that is ready for its handler.
struct Prepared {
    body: Body,
    token: LateToken,
    /// The user who was charged, and the cost.
    charged: Option<(UserId, Cost)>,
    /// The shares of the calling user.
    share: Option<Arc<Share>>,
}

/// Runs steps 1 to 5.
async fn prepare(
    state: &Arc<ServerState>,
    demands: &RouteDemands,
    parts: &mut Parts,
    body: Body,
) -> Result<Prepared, Box<Response>> {
    let refused = |problem: Problem| Box::new(problem.into_response());
    let token = LateToken::default();
    let cost = demands.cost(&parts.method);
    if matches!(cost, RouteCost::Session) {
        // The request has no credential yet. Sign-in limits apply in the handler, since they may delay it.
        let body = read_body(state, None, parts, body).await.map_err(refused)?;
        return Ok(Prepared { body, token, charged: None, share: None });
    }
    let identified = identify(state, demands, parts).await.map_err(|error| refused(error.into()))?;
    if let Identified::Key(_, scopes) = identified {
        demands.require_scope(&parts.method, scopes).map_err(|error| refused(error.into()))?;
    }
    // A service acting as a user does not consume that user's limits.
    let limited = limited_user(&identified);
    let identified = act_as::identified(state, parts, identified).await.map_err(refused)?;
    let streams = demands.reads_body_itself(&parts.method);
    let body = if streams || identified == Identified::Nobody && !state.options.open {
        body
    } else {
        read_body(state, limited, parts, body).await.map_err(refused)?
    };
    let share = limited.map(|user| state.admission.share(user));
    let turn = take_turn(state, demands, share.as_ref(), parts).await.map_err(refused)?;
    state.admission.answers.require_room(share.as_deref(), is_reading(&parts.method)).map_err(refused)?;
    let (body, charged) = charge(state, cost, limited, parts, body).await.map_err(refused)?;
    let under_way = match state.files() {
        Ok(files) if streams => {
            let permit = state.admission.upload(&files.uploads, parts, token.clone(), limited);
            permit.map_err(|error| refused(error.into()))?
        }
        _ => state.admission.request(token.clone(), limited).ok_or_else(|| refused(Problem::busy()))?,
    };
    parts.extensions.insert(under_way.with_turn(turn));
    parts.extensions.insert(identified);
    Ok(Prepared { body, token, charged, share })
}

/// Step 1. A hook is identified by its address alone. For reading files, a ticket in the query takes precedence over
/// other credentials.
async fn identify(
    state: &ServerState,
    demands: &RouteDemands,
    parts: &Parts,
) -> chinwag_core::Result<Identified> {
    if demands.takes_hook(&parts.method) {
        return hook::identified(state, parts).await;
    }
    if demands.takes_ticket(&parts.method)
        && let Some(identified) = ticket::identified(state, &parts.uri).await?
    {
        return Ok(identified);
    }
    state.auth.identify(parts).await
}

/// Step 6: runs the handler.
async fn handle(route: Route, parts: Parts, body: Body, token: &LateToken) -> Response {
    if let Err(problem) = unknown::refuse(&parts) {
        if let Some(Identified::Token(hash, _)) = parts.extensions.get() {
            token.get_or_init(|| *hash);
        }
        return problem.into_response();
    }
    let Ok(response) = route.oneshot(Request::from_parts(parts, body)).await;
    response
}

/// Step 7. A caller with an invalid credential gets 401, whatever else is wrong with the request, and so learns
/// nothing else.
async fn recheck_token(state: &ServerState, token: &LateToken, response: Response) -> Response {
    let Some(token) = token.get().copied().filter(|_| response.status().is_client_error()) else {
        return response;
    };
    match state.auth.check_token(token).await {
        Ok(()) => response,
        Err(error) => ErrorResponse(error).into_response(),
    }
}

/// Step 2: reads the body. A refused body is charged as an event.
async fn read_body(
    state: &ServerState,
    limited: Option<UserId>,
    parts: &Parts,
    body: Body,
) -> Result<Body, Problem> {
    if body.is_end_stream() || matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(Body::empty());
    }
    let _permit = state.admission.body(parts)?;
    let read = payload::read(body, &state.options).await;
    if let (Err(_), Some(user)) = (&read, limited) {
        state.app.rates().spend(user, Cost::Event)?;
    }
    read.map(Body::from)
}

/// Step 3: waits for a turn to read. Downloads have permits of their own.
async fn take_turn(
    state: &ServerState,
    demands: &RouteDemands,
    share: Option<&Arc<Share>>,
    parts: &Parts,
) -> Result<Option<ReadTurn>, Problem> {
    let reads = is_reading(&parts.method) && !demands.takes_ticket(&parts.method);
    let Some(share) = share.filter(|_| reads) else { return Ok(None) };
    Ok(Some(state.admission.line(share, parts).enter().await?))
}

/// Step 4: charges the user. Services have no rate limits.
async fn charge(
    state: &ServerState,
    cost: RouteCost,
    limited: Option<UserId>,
    parts: &Parts,
    body: Body,
) -> Result<(Body, Option<(UserId, Cost)>), Problem> {
    let Some(user) = limited else { return Ok((body, None)) };
    let (cost, body) = match cost {
        RouteCost::OfBody(cost) => cost_of_body(body, cost).await,
        RouteCost::OfQuery(cost) => (cost(parts.uri.query().unwrap_or_default()), body),
        RouteCost::Fixed(cost) => (cost, body),
        RouteCost::ByMethod | RouteCost::Session => (Cost::Event, body),
    };
    state.app.rates().spend(user, cost)?;
    Ok((body, Some((user, cost))))
}

/// The user whose limits the request is charged to.
fn limited_user(identified: &Identified) -> Option<UserId> {
    match identified {
        Identified::Nobody => None,
        Identified::Token(_, user) | Identified::Bot(_, user) => Some(*user),
        Identified::Known(Credential::Service) | Identified::Key(..) => None,
        Identified::Known(credential @ Credential::User(_)) => match credential.caller() {
            Caller::Service => None,
            Caller::User(user) => Some(user),
        },
    }
}

/// The cost of a body in memory, and the body. A streamed body costs one event.
async fn cost_of_body(body: Body, cost: fn(&[u8]) -> Cost) -> (Cost, Body) {
    if body.size_hint().exact().is_none() {
        return (Cost::Event, body);
    }
    // The body is in memory, so this does not wait.
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => (cost(&bytes), Body::from(bytes)),
        Err(_) => (Cost::Event, Body::empty()),
    }
}

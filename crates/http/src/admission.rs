//! What a request passes before its handler runs: its credential is checked, its body is read, its
//! user's limits are charged, and only then does it take a place among the requests under way. So
//! whoever sends slowly, or too often, holds up nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use chinwag_core::rate::Cost;
use chinwag_core::token::TokenHash;
use chinwag_core::user::Caller;
use chinwag_core::{Error, UserId};
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::auth::{Identified, Peer, trusts};
use crate::doors::{Doors, Options};
use crate::error::{Problem, Refusal};
use crate::places::{Share, Shares};
use crate::rest::{payload, session};
use crate::wire::input;

/// Tokens whose users are remembered at a time; then all are looked up again.
const KNOWN: usize = 64 * 1024;

/// The bounds on what requests hold.
pub(crate) struct Admission {
    /// Requests under way.
    pub(crate) requests: Arc<Semaphore>,
    /// Bodies that are being read.
    bodies: Shares,
    /// Questions to the validator.
    questions: Shares,
    known: KnownTokens,
}

/// A request under way, as its handler finds it.
#[derive(Clone)]
pub(crate) struct UnderWay {
    /// Its place among them, which is free again when the last copy is dropped.
    _place: Arc<OwnedSemaphorePermit>,
    /// The token that the job which answers is to look up, where the handler asks who calls.
    pub(crate) token: Arc<OnceLock<TokenHash>>,
}

/// Whom tokens that were good a moment ago stand for. It saves looking one up for its limits alone,
/// and decides no right: the job that answers looks again.
#[derive(Default)]
pub(crate) struct KnownTokens(Mutex<HashMap<TokenHash, UserId>>);

impl Admission {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(options.requests.min(Semaphore::MAX_PERMITS))),
            bodies: Shares::new(options.requests),
            questions: Shares::new(options.requests),
            known: KnownTokens::default(),
        }
    }

    /// A share of the questions to the validator, for who is asked about.
    pub(crate) fn question(&self, parts: &Parts, options: &Options) -> Result<Share, Error> {
        share(&self.questions, parts, options)
    }

    pub(crate) fn known(&self) -> &KnownTokens {
        &self.known
    }
}

impl KnownTokens {
    pub(crate) fn get(&self, token: &TokenHash) -> Option<UserId> {
        self.lock().get(token).copied()
    }

    pub(crate) fn insert(&self, token: TokenHash, user: UserId) {
        let mut known = self.lock();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(token, user);
    }

    pub(crate) fn forget(&self, token: &TokenHash) {
        self.lock().remove(token);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TokenHash, UserId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request of the API at `path`, or refuses it.
pub(crate) async fn answer(doors: &Arc<Doors>, path: &str, route: Route, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let may_be_nobody = session::may_be_nobody(path, &parts);
    let response = match admit(doors, path, &mut parts, body).await {
        Ok((body, token)) => {
            let Ok(response) = route.oneshot(Request::from_parts(parts, body)).await;
            match token.get().copied() {
                // Who has no good credential is told nothing else, whatever else is wrong with a request.
                Some(token) if response.status().is_client_error() => {
                    doors.auth.refusal(token, response).await
                }
                _ => response,
            }
        }
        Err(response) => *response,
    };
    if may_be_nobody && response.status() == StatusCode::UNAUTHORIZED { session::nobody() } else { response }
}

async fn admit(
    doors: &Arc<Doors>,
    path: &str,
    parts: &mut Parts,
    mut body: Body,
) -> Result<(Body, Arc<OnceLock<TokenHash>>), Box<Response>> {
    let token = Arc::new(OnceLock::new());
    let refused = |error: Error| Box::new(Refusal(error).into_response());
    if signs_in(path, &parts.method) {
        // It has no credential yet, and bounds of its own: it may have to wait.
        body = whole(doors, parts, body).await.map_err(|problem| Box::new(problem.into_response()))?;
        return Ok((body, token));
    }
    let identified = doors.auth.identify(parts).await.map_err(refused)?;
    if identified != Identified::Nobody || doors.options.open {
        body = whole(doors, parts, body).await.map_err(|problem| Box::new(problem.into_response()))?;
    }
    if let Some(user) = identified.user() {
        let cost = match body.size_hint().exact() {
            Some(_) if path == "/api/v1/users/{name}" && parts.method == Method::PATCH => {
                let (cost, kept) = costs(body, input::user::patch_cost).await;
                body = kept;
                cost
            }
            _ => cost(path, &parts.method),
        };
        doors.app.rates().spend(user, cost).map_err(refused)?;
    }
    let place = doors.admission.requests.clone().try_acquire_owned();
    let place = place.map_err(|_| Box::new(Problem::busy().into_response()))?;
    parts.extensions.insert(UnderWay { _place: Arc::new(place), token: token.clone() });
    parts.extensions.insert(identified);
    Ok((body, token))
}

/// Whether a request makes a session out of a password.
fn signs_in(path: &str, method: &Method) -> bool {
    method == Method::POST && matches!(path, "/api/v1/accounts" | "/api/v1/sessions")
}

/// What a request costs its user.
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

/// What a body that was read costs, and the body.
async fn costs(body: Body, read: fn(&[u8]) -> Cost) -> (Cost, Body) {
    // It is in memory: this waits for nothing.
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => (read(&bytes), Body::from(bytes)),
        Err(_) => (Cost::Event, Body::empty()),
    }
}

/// The body, read to its end.
async fn whole(doors: &Doors, parts: &Parts, body: Body) -> Result<Body, Problem> {
    if body.is_end_stream() || matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(Body::empty());
    }
    let _share = share(&doors.admission.bodies, parts, &doors.options)?;
    payload::read(body, &doors.options).await.map(Body::from)
}

/// A share for one more of the request's address. Trusted proxies' own requests have no bound but that of all.
fn share(shares: &Shares, parts: &Parts, options: &Options) -> Result<Share, Error> {
    let address = Peer::of(parts, options).address;
    shares.take(Some(address).filter(|address| !trusts(options, *address)))
}

impl Identified {
    /// The user, for its limits: services have none.
    fn user(&self) -> Option<UserId> {
        match self {
            Self::Nobody => None,
            Self::Token(_, user) => Some(*user),
            Self::Known(credential) => match credential.caller() {
                Caller::Service => None,
                Caller::User(user) => Some(user),
            },
        }
    }
}

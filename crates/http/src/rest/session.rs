//! `sessions/`

use std::borrow::Cow;

use axum::http::request::Parts;
use axum::http::{Method, header};
use chinwag_core::app::account::Issued;
use chinwag_core::{Date, Error, Name};
use serde::Serialize;
use utoipa::ToSchema;

use super::prelude::*;
use crate::auth::accounts::NewSession;
use crate::auth::{Credential, SignedIn};
use crate::wire::input::account::NamePassword;
use crate::wire::text::{maybe_text, text};

/// A new token, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct IssuedToken<'a> {
    /// The user.
    #[schema(value_type = String)]
    #[serde(serialize_with = "text")]
    name: &'a Name,
    /// The secret, for `Authorization: Bearer`.
    token: &'a str,
    /// Until when it is good.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    expires: Date,
}

/// The signed-in user.
#[derive(Serialize, ToSchema)]
pub(crate) struct Current<'a> {
    /// The user; null where nobody is and that was `optional`.
    #[schema(required = true)]
    name: Option<&'a str>,
    /// Until when, if the credential says so.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    expires: Option<Date>,
    /// When the user was made, which tells it from an earlier user of the same name.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    created: Option<Date>,
}

/// Signs in with a name and a password.
///
/// The session is returned, and set as the cookie `access`.
#[utoipa::path(
    post, path = "/api/v1/sessions/", tag = "accounts", operation_id = "session_create",
    request_body = NamePassword,
    responses((status = 201, description = "The new session.", body = IssuedToken<'static>), Refusals),
    security(()),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    parts: Parts,
    payload: Payload,
) -> Result<Response> {
    state.auth.origin_check(&parts)?;
    let account = payload.fields()?.command(|account: NamePassword, _| Some(account))?;
    Ok(begun(state.auth.sign_in(account, &parts).await?))
}

/// Returns the signed-in user.
#[utoipa::path(
    get, path = "/api/v1/sessions/", tag = "accounts", operation_id = "session_get",
    params((
        "optional" = Option<bool>, Query,
        description = "With `true`, a request without `Authorization` for which nobody is signed in is answered 200 with \
                       nulls, and not 401, which browsers report as an error."
    )),
    responses((status = 200, description = "The signed-in user.", body = Current<'static>), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    credential: Option<Credential>,
) -> Result<Response> {
    let SignedIn { user, expires, .. } = user(credential)?;
    let created = state.app.user_created(user.id).await?;
    Ok(json(StatusCode::OK, &Current { name: Some(user.name.as_str()), expires, created }))
}

/// Whether a request asks for the signed-in user with `optional`, so that having none is not an error. A refused
/// `Authorization` still is.
pub(crate) fn allows_anonymous(path: &str, parts: &Parts) -> bool {
    let is_optional = |(key, value): (Cow<'_, str>, Cow<'_, str>)| key == "optional" && value == "true";
    let query = parts.uri.query().unwrap_or_default();
    path == "/api/v1/sessions"
        && parts.method == Method::GET
        && !parts.headers.contains_key(header::AUTHORIZATION)
        && form_urlencoded::parse(query.as_bytes()).any(is_optional)
}

/// The response that nobody is signed in.
pub(crate) fn nobody() -> Response {
    json(StatusCode::OK, &Current { name: None, expires: None, created: None })
}

/// Signs out: ends the session of the request, and closes its sockets.
#[utoipa::path(
    delete, path = "/api/v1/sessions/", tag = "accounts", operation_id = "session_delete",
    responses((status = 200, description = "The session is ended."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    credential: Option<Credential>,
    CallerContext(context): CallerContext,
    parts: Parts,
) -> Result<Response> {
    let Some(token) = user(credential)?.token else {
        return Err(Error::forbidden("this credential belongs to the host application: end it there").into());
    };
    state.app.token_end(&context, token).await?;
    let mut response = nothing();
    response.headers_mut().insert(header::SET_COOKIE, state.auth.no_cookie(&parts));
    Ok(response)
}

/// The calling user. Fails for a service, or without a credential.
pub(super) fn user(credential: Option<Credential>) -> Result<SignedIn, Error> {
    match credential {
        Some(Credential::User(user)) => Ok(user),
        Some(Credential::Service) => Err(Error::forbidden("the service key is not a user")),
        None => Err(Error::Unauthenticated("nobody is signed in")),
    }
}

/// The response with a new token.
pub(super) fn issued(new: &Issued) -> Response {
    let session = IssuedToken { name: &new.user.name, token: new.secret.expose(), expires: new.expires };
    json(StatusCode::CREATED, &session)
}

/// The response after a sign-in, which sets the browser's cookies.
pub(crate) fn begun(begun: NewSession) -> Response {
    let mut response = issued(&begun.session);
    for cookie in begun.cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

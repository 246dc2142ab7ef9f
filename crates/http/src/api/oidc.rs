//! Sign-in through an OpenID Connect provider: the redirects of the browser, and the route by which a new user
//! chooses a name.

use axum::http::request::Parts;
use axum::http::{HeaderValue, header};

use crate::auth::provider_sign_in::{ProviderOutcome, SignInFailure};
use crate::rest::prelude::*;
use crate::rest::session::{IssuedToken, begun};
use crate::wire::input::user::NewUser;

/// Redirects a browser to the provider, with a cookie that is valid for ten minutes.
#[utoipa::path(
    get, path = "/oidc/begin/", tag = "accounts", operation_id = "oidc_begin",
    responses((status = 303, description = "A redirect to the provider, or to the page with the reason why sign-in is not possible."), Refusals),
    security(()),
)]
pub(crate) async fn begin(State(state): State<Arc<ServerState>>, parts: Parts) -> Result<Response> {
    Ok(match state.auth.provider_begin(&parts).await? {
        Ok((url, cookie)) => {
            let mut response = see_other(url.as_str());
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        Err(failure) => to_page(&state, failure),
    })
}

/// Receives the browser from the provider, and signs the user in.
///
/// For a new user, the page asks for a name. It also shows the reason of a failure.
#[utoipa::path(
    get, path = "/oidc/callback/", tag = "accounts", operation_id = "oidc_callback",
    params(
        ("code" = Option<String>, Query, description = "The provider's code."),
        ("state" = Option<String>, Query, description = "The state of the sign-in."),
        ("error" = Option<String>, Query, description = "The reason for the missing code."),
        ("iss" = Option<String>, Query, description = "The provider (RFC 9207)."),
    ),
    responses((status = 303, description = "A redirect to the page."), Refusals),
    security(()),
)]
pub(crate) async fn callback(State(state): State<Arc<ServerState>>, parts: Parts) -> Result<Response> {
    let outcome = state.auth.provider_end(&parts).await?;
    let [attempt, newcomer] = state.auth.no_provider_cookies(&parts);
    let base = state.options.base();
    let (mut response, cookies) = match outcome {
        ProviderOutcome::SignedIn(begun) => {
            let [session, device] = begun.cookies;
            (see_other(&format!("{base}/")), vec![attempt, newcomer, session, device])
        }
        ProviderOutcome::NameNeeded { cookie, proposed } => {
            let mut query = form_urlencoded::Serializer::new(String::from("chinwag-sign-in=name"));
            query.extend_pairs(proposed.iter().map(|name| ("chinwag-name", name)));
            (see_other(&format!("{base}/?{}", query.finish())), vec![attempt, cookie])
        }
        // Keep the cookie: another tab may still be at the provider.
        ProviderOutcome::Failed(SignInFailure::Expired) => (to_page(&state, SignInFailure::Expired), vec![]),
        ProviderOutcome::Failed(failure) => (to_page(&state, failure), vec![attempt]),
    };
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Creates the user whom the provider has identified for the first time, with the chosen name, and its first session.
///
/// A cookie of the browser contains the identity for ten minutes.
#[utoipa::path(
    post, path = "/api/v1/oidc/", tag = "accounts", operation_id = "oidc_create",
    request_body = NewUser,
    responses((status = 201, description = "The user, signed in.", body = IssuedToken<'static>), Refusals),
    security(()),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    parts: Parts,
    payload: Payload,
) -> Result<Response> {
    state.auth.origin_check(&parts)?;
    let name = payload.fields()?.command(|user: NewUser, _| Some(user.name))?;
    let mut response = begun(state.auth.provider_sign_up(name, &parts).await?);
    for cookie in state.auth.no_provider_cookies(&parts) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Redirects to the page, with the reason of the failure.
fn to_page(state: &ServerState, failure: SignInFailure) -> Response {
    see_other(&format!("{}/?chinwag-sign-in={}", state.options.base(), failure.word()))
}

/// A redirect with 303.
fn see_other(address: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    // A serialized URL is ASCII, so the fallback is not used.
    let address = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, address);
    response
}

//! `?as=<name>`: a service reads the response that a user would get. From a user, `as` is an unknown parameter.

use std::sync::Arc;

use axum::http::Method;
use axum::http::request::Parts;
use chinwag_core::app::Context;
use chinwag_core::app::user::ProfileParts;
use chinwag_core::{Error, Name};

use crate::auth::{Credential, Identified, SignedIn};
use crate::error::Problem;
use crate::state::ServerState;
use crate::wire::input::Ignored;

/// The name of the parameter.
const KEY: &str = "as";

/// Marks a request of a service that acts as a user, in the request's extensions.
#[derive(Clone, Copy)]
pub(crate) struct ForUser;

/// Whether this parameter names the user to act as, in a request of a service.
pub(crate) fn names_user(method: &Method, key: &str) -> bool {
    key == KEY && matches!(*method, Method::GET | Method::HEAD)
}

/// The caller for whom a request is answered: the user that a service names, or else the caller itself.
pub(crate) async fn identified(
    state: &ServerState,
    parts: &mut Parts,
    identified: Identified,
) -> Result<Identified, Problem> {
    let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let mut named = pairs.filter(|(key, _)| names_user(&parts.method, key)).map(|(_, name)| name);
    let Some(name) = named.next() else { return Ok(identified) };
    let is_service = match &identified {
        // Checks the origin as well: on an open server a page of another origin does not count as the service.
        Identified::Nobody if state.options.open => {
            state.auth.credential(parts).await? == Credential::Service
        }
        Identified::Nobody => false,
        Identified::Known(Credential::Service) | Identified::Key(..) => true,
        Identified::Known(Credential::User(_)) | Identified::Token(..) | Identified::Bot(..) => false,
    };
    if !is_service {
        if let Some(ignored) = parts.extensions.get::<Arc<Ignored>>() {
            ignored.note("", KEY);
        }
        return Ok(identified);
    }
    if named.next().is_some() {
        return Err(Error::field(KEY, "is given twice").into());
    }
    let name = Name::parse(&name).map_err(|why| Error::field(KEY, why))?;
    let server = Context::server();
    let user = match state.app.user(&server, name.clone(), ProfileParts::default()).await {
        Ok(found) => found.user,
        Err(Error::NotFound(_)) => {
            let why = format!("must name an existing user: there is no user {name}");
            return Err(Error::field(KEY, why).into());
        }
        Err(why) => return Err(why.into()),
    };
    parts.extensions.insert(ForUser);
    let signed_in = SignedIn { user, token: None, expires: None, by_validator: false };
    Ok(Identified::Known(Credential::User(signed_in)))
}

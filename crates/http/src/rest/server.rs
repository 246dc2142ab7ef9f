//! `server/`

use std::time::Duration;

use chinwag_core::reaction::UNICODE;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::prelude::*;
use crate::features;

/// This server and its features.
#[derive(Serialize, ToSchema)]
pub(crate) struct Server<'a> {
    /// Its version.
    version: &'static str,
    /// The id of the store's history, which changes when another state is restored.
    history: Uuid,
    /// Whether anybody may make an account.
    signup: bool,
    /// Limits that are settings, by their keys.
    #[schema(value_type = Object)]
    limits: &'a Map<String, Value>,
    /// The times within which authors may change their messages.
    messages: Windows,
    /// The limits of uploaded files; null where there are none.
    #[schema(required = true)]
    files: Option<FileLimits<'a>>,
    /// The names of its features.
    #[schema(schema_with = features::schema)]
    features: Vec<&'static str>,
    /// The provider of OpenID Connect through which people sign in; null where there is none.
    #[schema(required = true)]
    oidc: Option<SignInProvider<'a>>,
    /// Whether it pushes notifications.
    push: bool,
    /// The version of Unicode whose emoji may be reactions.
    emoji: &'static str,
}

/// A provider of OpenID Connect. A browser signs in at `oidc/begin/`.
#[derive(Serialize, ToSchema)]
struct SignInProvider<'a> {
    /// Its name for people.
    name: &'a str,
}

/// The times within which authors may change their messages, in seconds. Null: at any time.
#[derive(Serialize, ToSchema)]
struct Windows {
    /// For editing.
    #[schema(required = true)]
    edit_window: Option<u64>,
    /// For deleting. Owner and admins of a group delete at any time.
    #[schema(required = true)]
    delete_window: Option<u64>,
}

/// The limits of uploaded files.
#[derive(Serialize, ToSchema)]
struct FileLimits<'a> {
    /// The most bytes of a file.
    max_size: u64,
    /// The most bytes of all files of one user.
    per_user: u64,
    /// The types that are accepted, such as `image/png` or `image/*`. Null: any.
    #[schema(required = true)]
    types: Option<&'a [String]>,
}

/// Returns the server's version, features and limits.
///
/// Requires no credential.
#[utoipa::path(
    get, path = "/api/v1/server/", tag = "service", operation_id = "server_get",
    responses((status = 200, description = "The server's features and limits.", body = Server<'static>), Refusals),
    security(()),
)]
pub(crate) async fn get(State(state): State<Arc<ServerState>>) -> Response {
    let limits = state.app.limits();
    let seconds = |window: Option<Duration>| window.map(|window| window.as_secs());
    let messages =
        Windows { edit_window: seconds(limits.edit_window), delete_window: seconds(limits.delete_window) };
    let files = &limits.files;
    let files = state.files().ok().map(|_| FileLimits {
        max_size: files.max_size,
        per_user: files.per_user,
        types: files.types.as_deref(),
    });
    let feed_is_on = limits.feed.enabled || state.app.feed_is_on().await.unwrap_or(false);
    let server = Server {
        version: env!("CARGO_PKG_VERSION"),
        history: state.app.history().0,
        signup: state.options.signup,
        limits: &state.options.shown_limits,
        messages,
        files,
        features: features::names(&state, feed_is_on),
        oidc: state.auth.provider_name().map(|name| SignInProvider { name }),
        push: state.app.limits().push.enabled,
        emoji: UNICODE,
    };
    json(StatusCode::OK, &server)
}

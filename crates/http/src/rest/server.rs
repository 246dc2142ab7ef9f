//! `server/`

use chinwag_core::limits::{Directory, UserRules};
use chinwag_core::name::NameCase;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::prelude::*;

/// This server and its features.
#[derive(Serialize, ToSchema)]
pub(crate) struct Server<'a> {
    /// Its version.
    version: &'static str,
    /// The id of the store's numbers, which changes when another state is restored.
    history: Uuid,
    /// Whether anybody may make an account.
    signup: bool,
    /// Limits that are settings, by their keys.
    #[schema(value_type = Object)]
    limits: &'a Map<String, Value>,
    /// Its optional features: `consent`, if users accept groups to which strangers add
    /// them; `directory`, if every user finds everybody; `exact_names`, if ASCII names differ by case;
    /// `rename`, if users who signed up here may rename themselves; `windows`, parts of the summary.
    features: Vec<&'static str>,
    /// The provider by which people sign in, if there is one.
    #[schema(value_type = Option<Object>, required = true)]
    oidc: Option<Value>,
    /// Whether it pushes notifications.
    push: bool,
}

/// Says what this server is and offers. Needs no credential.
#[utoipa::path(
    get, path = "/api/v1/server/", tag = "service", operation_id = "server_get",
    responses((status = 200, description = "What it offers.", body = Server<'static>), Refusals),
    security(()),
)]
pub(crate) async fn get(State(state): State<Arc<ServerState>>) -> Response {
    let server = Server {
        version: env!("CARGO_PKG_VERSION"),
        history: state.app.history().0,
        signup: state.options.signup,
        limits: &state.options.shown_limits,
        features: features(&state),
        oidc: None,
        push: false,
    };
    json(StatusCode::OK, &server)
}

/// Features by name, as far as this server has them.
fn features(state: &ServerState) -> Vec<&'static str> {
    let UserRules { rename_self, directory, .. } = *state.app.user_rules();
    let all = [
        ("consent", state.app.limits().consent),
        ("directory", directory == Directory::All),
        ("exact_names", state.app.name_case() == NameCase::Exact),
        ("rename", rename_self),
        ("windows", true),
    ];
    all.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

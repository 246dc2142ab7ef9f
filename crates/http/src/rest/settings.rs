//! `settings/`

use chinwag_core::authority::Govern;
use serde_json::{Map, Value};

use super::prelude::*;

/// Returns the settings in force by their keys.
///
/// A secret that is set is `true`. For services and admins.
#[utoipa::path(
    get, path = "/api/v1/settings/", tag = "service", operation_id = "settings_get",
    responses((status = 200, description = "The settings.", body = Object), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
) -> Result<Response> {
    state.app.govern(&context, Govern::SeeSettings).await?;
    let settings: &Map<String, Value> = &state.options.settings;
    Ok(json(StatusCode::OK, settings))
}

//! `users/<name>/export/`

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use chinwag_media::name::Disposition;
use futures_util::StreamExt;

use super::prelude::*;
use crate::error::Problem;
use crate::export::{Export, cut};
use crate::extract::path::ByName;

/// Returns all data of a user in one ZIP: lines of JSON, and the files that the user has uploaded.
///
/// It contains nothing that others have written.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/export/", tag = "users", operation_id = "user_export",
    params(("name" = String, Path, description = "The user's name.")),
    responses((status = 200, description = "The ZIP.", content_type = "application/zip"), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(name): ByName,
    parts: Parts,
) -> Result<Response> {
    let files = state.files().ok().map(|files| files.store().clone());
    let export = Export::begin(state.app.clone(), files, context, name).await?;
    let permit = state.admission.shared(&state.exports, &parts)?;
    let name = format!("chinwag-{}.zip", export.name());
    let disposition = HeaderValue::from_str(&Disposition::Attachment.header(&name));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (header::CONTENT_DISPOSITION, disposition.map_err(|_| Problem::fault())?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let body = Body::from_stream(export.stream(permit).map(|piece| piece.map_err(cut)));
    Ok((StatusCode::OK, headers, body).into_response())
}

//! `accounts/`

use axum::http::request::Parts;
use utoipa::ToSchema;

use super::prelude::*;
use super::session::{Session, begun};

/// A name and a password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct NamePassword {
    /// The user's name.
    name: String,
    /// 8 to 256 characters.
    password: String,
}

/// Signs up: makes a user with a password, and its first session.
#[utoipa::path(
    post, path = "/api/v1/accounts/", tag = "accounts", operation_id = "account_create",
    request_body = NamePassword,
    responses((status = 201, description = "The account, signed in.", body = Session<'static>), Refusals),
    security(()),
)]
pub(crate) async fn create(
    State(doors): State<Arc<Doors>>,
    parts: Parts,
    payload: Payload,
) -> Result<Response> {
    doors.auth.origin_check(&parts)?;
    let asked = input::account::sign_up(payload.fields()?)?;
    Ok(begun(doors.auth.sign_up(asked, &parts).await?))
}

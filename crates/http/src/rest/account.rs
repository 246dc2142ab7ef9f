//! `accounts/`

use super::prelude::*;
use super::session::{IssuedToken, begun};
use crate::wire::input::account::NewAccount;
use axum::http::request::Parts;

/// Signs up: makes a user with a password, and its first session.
#[utoipa::path(
    post, path = "/api/v1/accounts/", tag = "accounts", operation_id = "account_create",
    request_body = NewAccount,
    responses((status = 201, description = "The account, signed in.", body = IssuedToken<'static>), Refusals),
    security(()),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    parts: Parts,
    payload: Payload,
) -> Result<Response> {
    state.auth.origin_check(&parts)?;
    let account = payload.fields()?.command(|account: NewAccount, _| Some(account))?;
    Ok(begun(state.auth.sign_up(account, &parts).await?))
}

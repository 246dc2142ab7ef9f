//! `accounts/`, and `users/<name>/password/`.

use super::answer::OtherIdentity;
use super::prelude::*;
use super::session::{IssuedToken, begun, user};
use crate::auth::Credential;
use crate::extract::path::ByName;
use crate::wire::input::account::{NewAccount, NewPassword, PasswordChange};
use axum::http::request::Parts;
use chinwag_core::Error;
use chinwag_core::user::Caller;

/// Signs up: creates a user with a password, and its first session.
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

/// Changes the calling user's password, and ends its other sessions.
///
/// A wrong `old` is refused with 403. A user of the host application has no password here (409).
#[utoipa::path(
    patch, path = "/api/v1/accounts/me/", tag = "accounts", operation_id = "account_password",
    request_body = PasswordChange,
    responses((status = 200, description = "The password is changed."), OtherIdentity, Refusals),
)]
pub(crate) async fn change_password(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    credential: Option<Credential>,
    parts: Parts,
    payload: Payload,
) -> Result<Response> {
    let change = payload.fields()?.command(|change: PasswordChange, _| Some(change))?;
    let session = user(credential)?.token;
    state.auth.change_password(&context, session, change, &parts).await?;
    Ok(nothing())
}

/// Sets the password of a user who signs in here, and ends all of its sessions.
///
/// For services.
#[utoipa::path(
    put, path = "/api/v1/users/{name}/password/", tag = "accounts", operation_id = "user_password",
    params(("name" = String, Path, description = "The user's name.")),
    request_body = NewPassword,
    responses((status = 200, description = "The password is set."), OtherIdentity, Refusals),
)]
pub(crate) async fn set_password(
    State(state): State<Arc<ServerState>>,
    credential: Credential,
    CallerContext(context): CallerContext,
    ByName(name): ByName,
    parts: Parts,
    payload: Payload,
) -> Result<Response> {
    if credential.caller() != Caller::Service {
        return Err(
            Error::forbidden("only a service may set a password: change your own at accounts/me/").into()
        );
    }
    let given = payload.fields()?.command(|given: NewPassword, _| Some(given))?;
    state.auth.set_password(&context, name, given.password, &parts).await?;
    Ok(nothing())
}

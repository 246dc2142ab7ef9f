//! `tickets/`

use chinwag_core::{Date, Error};
use serde::Serialize;
use utoipa::ToSchema;

use super::prelude::*;
use super::session::user;
use crate::auth::Credential;
use crate::wire::object::text;

/// A ticket for one WebSocket handshake.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ticket<'a> {
    /// The secret, for `/chat/?ticket=…`.
    ticket: &'a str,
    /// Until when it is good: 30 seconds.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    expires: Date,
}

/// Makes a ticket for one WebSocket handshake of the calling user.
#[utoipa::path(
    post, path = "/api/v1/tickets/", tag = "accounts", operation_id = "ticket_create",
    responses((status = 201, description = "The new ticket.", body = Ticket<'static>), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    credential: Option<Credential>,
) -> Result<Response> {
    let caller = user(credential)?;
    if caller.token.is_none() && caller.expires.is_some() {
        return Err(Error::forbidden("a ticket would outlast this token: open the socket with it").into());
    }
    let of = caller.token;
    let issued = state.app.ticket_create(&Credential::User(caller).context(), of).await?;
    Ok(json(StatusCode::CREATED, &Ticket { ticket: issued.secret.expose(), expires: issued.expires }))
}

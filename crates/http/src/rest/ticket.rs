//! `tickets/`

use chinwag_core::{Date, Error};
use serde::Serialize;
use utoipa::ToSchema;

use super::prelude::*;
use super::session::user;
use crate::auth::{Credential, SignedIn};
use crate::files::ticket;
use crate::wire::input::account::NewTicket;
use crate::wire::text::text;

/// A ticket for one WebSocket handshake, or for files.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ticket<'a> {
    /// The secret, for `/chat/?ticket=…`, or for `files/<id>/<name>?ticket=…`.
    ticket: &'a str,
    /// Until when it is good: 30 seconds; for files 10 minutes.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    expires: Date,
}

/// Creates a ticket for one WebSocket handshake of the calling user, or for reading files.
///
/// A ticket for files is valid for many requests, but only for files, and ends with the token that requested it.
#[utoipa::path(
    post, path = "/api/v1/tickets/", tag = "accounts", operation_id = "ticket_create",
    request_body = NewTicket,
    responses((status = 201, description = "The new ticket.", body = Ticket<'static>), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    credential: Option<Credential>,
    payload: Payload,
) -> Result<Response> {
    if credential.is_none() {
        // Check the credential before the payload.
        user(None)?;
    }
    let for_files = payload.maybe_fields()?.command(|new: NewTicket, fields| match new.r#for.as_deref() {
        None => Some(false),
        Some("files") => Some(true),
        Some(_) => {
            fields.refuse("for", "must be files, or omitted for a WebSocket");
            None
        }
    })?;
    let caller = user(credential)?;
    if for_files {
        return Ok(file_ticket(&state, &caller));
    }
    if caller.token.is_none() && caller.expires.is_some() {
        return Err(
            Error::forbidden("a ticket would outlive this token: open the socket with the token").into()
        );
    }
    let of = caller.token;
    let issued = state.app.ticket_create(&Credential::User(caller).context(), of).await?;
    Ok(json(StatusCode::CREATED, &Ticket { ticket: issued.secret.expose(), expires: issued.expires }))
}

/// Issues a ticket for files to a user with a valid credential. It expires no later than that credential.
fn file_ticket(state: &ServerState, user: &SignedIn) -> Response {
    let latest = ticket::latest(state.app.clock().now());
    let expires = user.expires.map_or(latest, |expires| expires.min(latest));
    let ticket = ticket::create(&state.cursors, user, expires);
    json(StatusCode::CREATED, &Ticket { ticket: &ticket, expires })
}

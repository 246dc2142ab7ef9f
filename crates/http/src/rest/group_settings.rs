//! `groups/<id>/me/` and `unread/`

use chinwag_core::GroupId;
use chinwag_core::store::Unread;
use serde::Serialize;
use utoipa::ToSchema;

use super::prelude::*;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::wire::input::group::GroupMePatch;
use crate::wire::object::Me;

/// Changes a user's own settings of a group, which nobody else sees.
#[utoipa::path(
    patch, path = "/api/v1/groups/{id}/me/", tag = "groups", operation_id = "group_me",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = GroupMePatch,
    responses((status = 200, description = "The settings.", body = Me), Refusals),
)]
pub(crate) async fn update(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let mut command = payload.fields()?.command(|patch: GroupMePatch, _| Some(patch.command(id)))?;
    command.author = command.author.or(query.author()?);
    let own = state.app.group_settings(&context, command).await?;
    Ok(json(StatusCode::OK, &Me::new(&own.settings, own.mentioned, false)))
}

/// The user's unread messages, for a badge.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnreadTotal {
    /// The sum over the groups, of which each counts up to 100.
    unread: u64,
    /// The same sum of the messages that mention the user.
    mentioned: u64,
    /// The number of groups that have unread messages.
    groups: u64,
}

/// Returns the number of a user's unread messages in all of its groups, except those that are muted or have `notify`
/// `none`.
#[utoipa::path(
    get, path = "/api/v1/unread/", tag = "groups", operation_id = "unread_get",
    responses((status = 200, description = "The counts.", body = UnreadTotal), Refusals),
)]
pub(crate) async fn unread(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
) -> Result<Response> {
    let total = state.app.unread_total(&context).await?;
    let Unread { unread, mentioned, groups } = total;
    Ok(json(StatusCode::OK, &UnreadTotal { unread, mentioned, groups }))
}

//! Invites: the payload, and the routes `groups/<id>/invites/` and `invites/<code>/`.

use axum::http::request::Parts;
use chinwag_core::app::invite::{MakeInvite, OneInvite, UseInvite};
use chinwag_core::invite::{INVITE_USES, Invite, InviteCode};
use chinwag_core::{Date, Error, GroupId, Name};
use serde::Serialize;
use serde_json::{Value as Schema, json};
use utoipa::ToSchema;

use crate::extract::path::{ById, ByValue, PathValue};
use crate::extract::query::Query;
use crate::rest::message::author;
use crate::rest::prelude::*;
use crate::wire::avatar::AvatarUrl;
use crate::wire::input::fields::Fields;
use crate::wire::input::group::InName;
use crate::wire::input::json::Value;
use crate::wire::input::payload::{KeyValue, payload};
use crate::wire::input::value::Lifetime;
use crate::wire::key::Need;
use crate::wire::object::Group;
use crate::wire::text::text;

payload! {
    /// An invite to create.
    pub struct NewInvite {
        /// The member who creates it. It ends with that member's membership. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
        /// The number of users who may join with it, 1 to 10,000, or null for any number. Default: 1.
        uses: Uses,
        /// Its lifetime in seconds, 1 to 31 536 000 (365 days). Default: 7 days.
        ttl: Lifetime,
    }
}

impl NewInvite {
    /// The command that creates the invite.
    pub fn command(self, group: GroupId) -> MakeInvite {
        let Self { author, uses: Uses(uses), ttl: Lifetime(ttl) } = self;
        MakeInvite { author, group, uses, ttl }
    }
}

/// The number of users who may join with an invite; `None` for any number. The default is 1.
pub struct Uses(pub Option<u32>);

impl KeyValue for Uses {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "integer", "minimum": 1, "maximum": INVITE_USES})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let uses = match fields.take(key) {
            None => return Some(Self(Some(1))),
            Some(Value::Null) => return Some(Self(None)),
            Some(Value::Integer(uses)) => u32::try_from(uses).ok(),
            Some(_) => None,
        };
        if uses.is_none_or(|uses| !(1..=INVITE_USES).contains(&uses)) {
            fields.refuse(key, format!("must be a number from 1 to {INVITE_USES}, or null for any number"));
            return None;
        }
        Some(Self(uses))
    }
}

/// A code with which anyone joins a group.
#[derive(Serialize, ToSchema)]
#[schema(as = Invite)]
pub(crate) struct ShownInvite<'a> {
    /// The code.
    code: &'a str,
    /// Until when it is good, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    expires: Date,
    /// The number of users who may still join with it; null for any number.
    #[schema(required = true)]
    uses: Option<u32>,
}

impl<'a> From<&'a Invite> for ShownInvite<'a> {
    fn from(invite: &'a Invite) -> Self {
        Self { code: invite.code.expose(), expires: invite.expires, uses: invite.uses }
    }
}

/// A group, as it is shown to somebody with a code.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitedGroup<'a> {
    /// The name.
    name: &'a str,
    /// The description, if there is one.
    #[schema(required = true)]
    description: Option<&'a str>,
    /// The address of a picture, if there is one; of an uploaded image a path from the root.
    #[schema(value_type = Option<String>, required = true)]
    avatar: Option<AvatarUrl<'a>>,
    /// The number of users in the group.
    members_count: usize,
}

/// A text that cannot be a code is answered and counted like an unknown code.
impl PathValue for InviteCode {
    const KEY: &str = "code";

    fn from_path(text: &str) -> std::result::Result<Self, Error> {
        Ok(Self::given(text))
    }
}

/// Creates an invite: a code with which anyone may join the group.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/invites/", tag = "groups", operation_id = "invite_create",
    params(("id" = Uuid, Path, description = "The group's id.")),
    request_body = NewInvite,
    responses((status = 201, description = "The new invite.", body = ShownInvite<'static>), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(group): ById<GroupId>,
    payload: Payload,
) -> Result<Response> {
    let command = payload.maybe_fields()?.command(|new: NewInvite, _| Some(new.command(group)))?;
    let invite = state.app.invite_create(&context, command).await?;
    Ok(json(StatusCode::CREATED, &ShownInvite::from(&invite)))
}

/// Lists the valid invites of a group, newest first.
///
/// For its owner and admins.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/invites/", tag = "groups", operation_id = "invite_list",
    params(("id" = Uuid, Path, description = "The group's id.")),
    responses((status = 200, description = "The invites, at most 100.", body = Vec<ShownInvite<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(group): ById<GroupId>,
) -> Result<Response> {
    let invites = state.app.invites(&context, group).await?;
    Ok(json(StatusCode::OK, &invites.iter().map(ShownInvite::from).collect::<Vec<_>>()))
}

/// Returns one invite of a group.
///
/// For its owner and admins.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/invites/{code}/", tag = "groups", operation_id = "invite_get",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("code" = String, Path, description = "The code."),
    ),
    responses((status = 200, description = "The invite.", body = ShownInvite<'static>), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(group): ById<GroupId>,
    ByValue(code): ByValue<InviteCode>,
) -> Result<Response> {
    let invite = state.app.invite(&context, group, code).await?;
    Ok(json(StatusCode::OK, &ShownInvite::from(&invite)))
}

/// Deletes an invite of a group.
///
/// For its owner and admins.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}/invites/{code}/", tag = "groups", operation_id = "invite_delete",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("code" = String, Path, description = "The code."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "The invite is deleted."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(group): ById<GroupId>,
    ByValue(code): ByValue<InviteCode>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let author = author(&query, &payload)?;
    state.app.invite_delete(&context, OneInvite { author, group, code }).await?;
    Ok(nothing())
}

/// Returns the group of an invite code.
///
/// Unknown codes count as sign-in attempts of the address.
#[utoipa::path(
    get, path = "/api/v1/invites/{code}/", tag = "groups", operation_id = "invite_preview",
    params(("code" = String, Path, description = "The code.")),
    responses((status = 200, description = "The group.", body = InvitedGroup<'static>), Refusals),
)]
pub(crate) async fn preview(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByValue(code): ByValue<InviteCode>,
    parts: Parts,
) -> Result<Response> {
    let found = state.app.invite_preview(&context, code);
    let found = state.auth.counting_codes(&context, &parts, found).await?;
    let (group, members_count) = (&found.group, found.members_count);
    let (description, avatar) = (group.details.description.as_deref(), group.details.avatar.as_deref());
    let avatar = avatar.map(AvatarUrl);
    Ok(json(StatusCode::OK, &InvitedGroup { name: &group.name, description, avatar, members_count }))
}

/// Joins a group with a code.
///
/// Nothing changes for a member, and a pending member accepts; neither uses the code. Unknown codes count as sign-in
/// attempts of the address.
#[utoipa::path(
    post, path = "/api/v1/invites/{code}/", tag = "groups", operation_id = "invite_use",
    params(
        ("code" = String, Path, description = "The code."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "The group.", body = Group<'static>), Refusals),
)]
pub(crate) async fn join(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByValue(code): ByValue<InviteCode>,
    parts: Parts,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let author = author(&query, &payload)?;
    let seen = state.app.invite_use(&context, UseInvite { author, code });
    let seen = state.auth.counting_codes(&context, &parts, seen).await?;
    Ok(json(StatusCode::OK, &Group::seen(&seen)))
}

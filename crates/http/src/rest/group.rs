//! `groups/`

use chinwag_core::app::group::Leave;
use chinwag_core::app::{App, Context};
use chinwag_core::{Date, Error, GroupId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::bytes;
use super::join::OpenGroupList;
use super::list::{self, ListSource, Rows, is_full};
use super::message::author;
use super::prelude::*;
use super::recent::RecentGroupList;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::wire::fields::{GROUP, OPEN_GROUP, SelectedFields};
use crate::wire::input::group::{GroupPatch, InName, NewGroup};
use crate::wire::input::message::ReadPoint;
use crate::wire::object::Group;
use crate::wire::text::maybe_text;

/// Creates a group, whose owner is the author.
#[utoipa::path(
    post, path = "/api/v1/groups/", tag = "groups", operation_id = "group_create",
    request_body = NewGroup,
    responses((status = 201, description = "The new group.", body = Group<'static>), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    payload: Payload,
) -> Result<Response> {
    let command = payload.fields()?.command(|group: NewGroup, _| Some(group.command()))?;
    let view = state.app.group_create(&context, command).await?;
    Ok(json(StatusCode::CREATED, &Group::new(&view, None)))
}

/// Lists the groups: for a user its own, for a service all.
///
/// With `open` those that anyone may join, by name; strangers see their `id`, `name`, `description`, `avatar` and
/// `members_count`. With `order` a user's own by their latest activity, newest first, as `group.summary` shows them.
#[utoipa::path(
    get, path = "/api/v1/groups/", tag = "groups", operation_id = "group_list",
    params(
        ("fields" = Option<String>, Query, description = "The fields to return, separated by `+`; `__all__` for all. Default: `id+name`, with `open` all public fields."),
        ("open" = Option<bool>, Query, description = "`true` for the groups that anyone may join."),
        ("q" = Option<String>, Query, description = "Only open groups whose name begins with this text, ignoring case and accents."),
        ("order" = Option<String>, Query, description = "`recent` for a user's own groups by their latest activity. The parameters that follow belong to it."),
        ("messages" = Option<u8>, Query, minimum = 0, maximum = 20, description = "The number of newest messages of each group. Default: 20."),
        ("ids" = Option<String>, Query, description = "Only these groups: up to 100 ids, separated by commas."),
        ("with" = Option<String>, Query, description = "Only the private group with this user."),
        ("pinned" = Option<bool>, Query, description = "`true` for the groups that the user has pinned."),
        list::ListPages,
    ),
    responses((status = 200, description = "The groups.", body = Vec<Group<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
) -> Result<Response> {
    let (prefix, is_by_activity) = (query.open_groups()?.map(str::to_owned), query.is_by_activity()?);
    if !is_by_activity {
        query.refuse_by_activity()?;
    }
    if let Some(prefix) = prefix {
        let fields = query.fields(&OPEN_GROUP)?;
        let source = OpenGroupList { app: state.app.clone(), context, fields, prefix };
        return Ok(list::answer(&state, source, query).await?);
    }
    let fields = query.fields(&GROUP)?;
    if is_by_activity {
        let (messages, filter) = (query.messages_shown()?, query.recent_filter()?);
        let source = RecentGroupList { app: state.app.clone(), context, fields, messages, filter };
        return Ok(list::answer(&state, source, query).await?);
    }
    let source = GroupList { app: state.app.clone(), context, fields };
    Ok(list::answer(&state, source, query).await?)
}

/// Returns one group.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/", tag = "groups", operation_id = "group_get",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("fields" = Option<String>, Query, description = "The fields to return, separated by `+`; `__all__` for all. Default: `id+name`."),
    ),
    responses((status = 200, description = "The group.", body = Group<'static>), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&GROUP)?;
    let seen = state.app.group(&context, id).await?;
    Ok(bytes(StatusCode::OK, fields.json(&Group::whole(&seen))?))
}

/// Changes a group's name, details, members and roles.
#[utoipa::path(
    patch, path = "/api/v1/groups/{id}/", tag = "groups", operation_id = "group_update",
    params(("id" = Uuid, Path, description = "The group's id.")),
    request_body = GroupPatch,
    responses((status = 200, description = "The current group.", body = Group<'static>), Refusals),
)]
pub(crate) async fn update(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    payload: Payload,
) -> Result<Response> {
    let command = payload.fields()?.command(|patch: GroupPatch, _| Some(patch.command(id)))?;
    let updated = state.app.group_update(&context, command).await?;
    let group = Group::new(&updated.view, None).with_banned(updated.banned.as_deref());
    Ok(json(StatusCode::OK, &group))
}

/// Deletes a group.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}/", tag = "groups", operation_id = "group_delete",
    params(("id" = Uuid, Path, description = "The group's id.")),
    responses((status = 200, description = "The group is deleted."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
) -> Result<Response> {
    state.app.group_delete(&context, Leave { author: None, group: id }).await?;
    Ok(nothing())
}

/// The new read mark of a group.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadUpTo {
    /// The group.
    group: Uuid,
    /// The number of the last read message; 0 before the first.
    seq: i64,
    /// Its date.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    date: Option<Date>,
}

/// Moves a member's read mark forward, never back.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/read/", tag = "groups", operation_id = "group_read",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = ReadPoint,
    responses((status = 200, description = "The current read mark.", body = ReadUpTo), Refusals),
)]
pub(crate) async fn read(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let mut command = payload.fields()?.command(|point: ReadPoint, fields| point.command(id, fields))?;
    command.author = command.author.or(query.author()?);
    let (seq, date) = state.app.message_read(&context, command).await?.at.unzip();
    let read = ReadUpTo { group: id.0, seq: seq.map_or(0, |seq| seq.0), date };
    Ok(json(StatusCode::OK, &read))
}

/// Leaves a group, or declines one that the user was added to.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/quit/", tag = "groups", operation_id = "group_quit",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "The user is no longer in the group."), Refusals),
)]
pub(crate) async fn quit(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let command = Leave { author: author(&query, &payload)?, group: id };
    state.app.group_quit(&context, command).await?;
    Ok(nothing())
}

/// Accepts a group that a stranger has added the user to.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/accept/", tag = "groups", operation_id = "group_accept",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "The group.", body = Group<'static>), Refusals),
)]
pub(crate) async fn accept(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let command = Leave { author: author(&query, &payload)?, group: id };
    let accepted = state.app.group_accept(&context, command).await?;
    Ok(json(StatusCode::OK, &Group::seen(&accepted.seen)))
}

/// The fields for which only the group's own row is read.
const ROW: &[&str] = &["id", "name", "head", "description", "avatar", "data", "open", "slow", "keep"];

/// The source of a list of the groups that a caller may see.
struct GroupList {
    app: App,
    context: Context,
    fields: SelectedFields,
}

impl GroupList {
    /// A group with all fields, unless it was deleted since it was listed.
    async fn whole(&self, id: GroupId) -> Result<Option<Vec<u8>>, Error> {
        match self.app.group(&self.context, id).await {
            Ok(seen) => self.fields.json(&Group::whole(&seen)).map(Some),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl ListSource for GroupList {
    const NAME: &str = "groups";
    const PART: usize = 16;
    type Place = GroupId;

    async fn rows(&self, after: Option<GroupId>, limit: usize) -> Result<Rows<GroupId>, Error> {
        let groups = self.app.groups(&self.context, after, limit).await?;
        let mut rows = Vec::with_capacity(groups.len());
        for group in &groups {
            let json = if self.fields.beyond(ROW) {
                self.whole(group.id).await?
            } else {
                Some(self.fields.json(&Group::row(group))?)
            };
            rows.push((group.id, json));
            if is_full(&rows) {
                break;
            }
        }
        Ok(rows)
    }
}

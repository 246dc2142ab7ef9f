//! `groups/`

use chinwag_core::app::group::Leave;
use chinwag_core::app::{App, Context};
use chinwag_core::{Date, Error, GroupId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::bytes;
use super::list::{self, Rows, Source};
use super::path::ById;
use super::prelude::*;
use super::query::Query;
use crate::wire::fields::{GROUP, Picked};
use crate::wire::object::{Group, GroupRow, maybe_text};

/// A group to make. Lists default to empty; a user in several gets the highest role.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct NewGroup {
    /// 1 to 200 characters.
    name: String,
    /// Who will own it; for a user itself, which may be left out.
    author: Option<String>,
    /// To be its admins.
    admins: Option<Vec<String>>,
    /// To be its members.
    members: Option<Vec<String>>,
    /// To be those who may only read.
    restricts: Option<Vec<String>>,
}

/// What is to change of a group.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct GroupPatch {
    /// In whose name; a service that names nobody may do all.
    author: Option<String>,
    /// The new name.
    name: Option<String>,
    /// A list of one: the member to be its owner.
    owner: Option<Vec<String>>,
    /// To be admins.
    admins: Option<Vec<String>>,
    /// To be members.
    members: Option<Vec<String>>,
    /// To be those who may only read.
    restricts: Option<Vec<String>>,
    /// Members to be put out.
    remove: Option<Vec<String>>,
}

/// Makes a group, which its author owns.
#[utoipa::path(
    post, path = "/api/v1/groups/", tag = "groups", operation_id = "group_create",
    request_body = NewGroup,
    responses((status = 201, description = "The new group.", body = Group<'static>), Refusals),
)]
pub(crate) async fn create(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    payload: Payload,
) -> Result<Response> {
    let command = input::group::create(payload.fields()?)?;
    let view = doors.app.group_create(&context, command).await?;
    Ok(json(StatusCode::CREATED, &Group::new(&view, None)))
}

/// Lists the groups: for a user its own, for a service all.
#[utoipa::path(
    get, path = "/api/v1/groups/", tag = "groups", operation_id = "group_list",
    params(
        ("fields" = Option<String>, Query, description = "The fields wanted, with `+` between them; `__all__` is all. `id+name` if absent."),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Answer one page; `Link` names the next. All if absent."),
        ("cursor" = Option<String>, Query, description = "Where the page begins: taken from `Link`."),
    ),
    responses((status = 200, description = "The groups.", body = Vec<Group<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&GROUP)?;
    let source = Groups { app: doors.app.clone(), context, fields };
    Ok(list::answer(&doors, source, query).await?)
}

/// Shows one group.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/", tag = "groups", operation_id = "group_get",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("fields" = Option<String>, Query, description = "The fields wanted, with `+` between them; `__all__` is all. `id+name` if absent."),
    ),
    responses((status = 200, description = "The group.", body = Group<'static>), Refusals),
)]
pub(crate) async fn get(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ById(id): ById<GroupId>,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&GROUP)?;
    let seen = doors.app.group(&context, id).await?;
    Ok(bytes(StatusCode::OK, fields.json(&Group::whole(&seen))?))
}

/// Changes a group's name, members and roles.
#[utoipa::path(
    patch, path = "/api/v1/groups/{id}/", tag = "groups", operation_id = "group_update",
    params(("id" = Uuid, Path, description = "The group's id.")),
    request_body = GroupPatch,
    responses((status = 200, description = "The group as it stands.", body = Group<'static>), Refusals),
)]
pub(crate) async fn update(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ById(id): ById<GroupId>,
    payload: Payload,
) -> Result<Response> {
    let command = input::group::update(payload.fields()?, id)?;
    let updated = doors.app.group_update(&context, command).await?;
    Ok(json(StatusCode::OK, &Group::new(&updated.view, None)))
}

/// Deletes a group.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}/", tag = "groups", operation_id = "group_delete",
    params(("id" = Uuid, Path, description = "The group's id.")),
    responses((status = 200, description = "The group is no more."), Refusals),
)]
pub(crate) async fn delete(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ById(id): ById<GroupId>,
) -> Result<Response> {
    doors.app.group_delete(&context, Leave { author: None, group: id }).await?;
    Ok(nothing())
}

/// In whose name something is done.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct InName {
    /// Who; a user's own name may be left out.
    author: Option<String>,
}

/// How far a group was read.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct ReadPoint {
    /// Who has read; a user's own name may be left out.
    author: Option<String>,
    /// The number of the last read message; either this or `date`.
    seq: Option<i64>,
    /// The newest message at or before it is the last read.
    #[schema(format = DateTime)]
    date: Option<String>,
}

/// How far a group is read now.
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
    params(("id" = Uuid, Path, description = "The group's id.")),
    request_body = ReadPoint,
    responses((status = 200, description = "How far the group is read.", body = ReadUpTo), Refusals),
)]
pub(crate) async fn read(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ById(id): ById<GroupId>,
    payload: Payload,
) -> Result<Response> {
    let command = input::message::mark_read(payload.fields()?, id)?;
    let (seq, date) = doors.app.message_read(&context, command).await?.at.unzip();
    let read = ReadUpTo { group: id.0, seq: seq.map_or(0, |seq| seq.0), date };
    Ok(json(StatusCode::OK, &read))
}

/// Leaves a group, or declines one that the user was added to.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/quit/", tag = "groups", operation_id = "group_quit",
    params(("id" = Uuid, Path, description = "The group's id.")),
    request_body = InName,
    responses((status = 200, description = "The user is no longer in the group."), Refusals),
)]
pub(crate) async fn quit(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ById(id): ById<GroupId>,
    payload: Payload,
) -> Result<Response> {
    let command = input::group::member(payload.maybe_fields()?, id)?;
    doors.app.group_quit(&context, command).await?;
    Ok(nothing())
}

/// Accepts a group that a stranger has added the user to.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/accept/", tag = "groups", operation_id = "group_accept",
    params(("id" = Uuid, Path, description = "The group's id.")),
    request_body = InName,
    responses((status = 200, description = "The group.", body = Group<'static>), Refusals),
)]
pub(crate) async fn accept(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ById(id): ById<GroupId>,
    payload: Payload,
) -> Result<Response> {
    let command = input::group::member(payload.maybe_fields()?, id)?;
    let accepted = doors.app.group_accept(&context, command).await?;
    Ok(json(StatusCode::OK, &Group::seen(&accepted.seen)))
}

/// The groups that a caller may see.
struct Groups {
    app: App,
    context: Context,
    fields: Picked,
}

impl Groups {
    /// All of one group, unless it has gone since it was listed.
    async fn whole(&self, id: GroupId) -> Result<Option<Vec<u8>>, Error> {
        match self.app.group(&self.context, id).await {
            Ok(seen) => self.fields.json(&Group::whole(&seen)).map(Some),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Source for Groups {
    const NAME: &str = "groups";
    const PART: usize = 100;
    type Place = GroupId;

    fn sealed(place: GroupId) -> Vec<u8> {
        place.0.as_bytes().to_vec()
    }

    fn opened(bytes: &[u8]) -> Option<GroupId> {
        Uuid::from_slice(bytes).ok().map(GroupId)
    }

    async fn rows(&self, after: Option<GroupId>, limit: usize) -> Result<Rows<GroupId>, Error> {
        let groups = self.app.groups(&self.context, after, limit).await?;
        let mut rows = Vec::with_capacity(groups.len());
        for group in &groups {
            let json = if self.fields.beyond(&["id", "name", "head"]) {
                self.whole(group.id).await?
            } else {
                Some(self.fields.json(&GroupRow::from(group))?)
            };
            rows.push((group.id, json));
        }
        Ok(rows)
    }
}

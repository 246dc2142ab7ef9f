//! The list of open groups, and `groups/<id>/join/`

use std::sync::Arc as Shared;

use chinwag_core::app::group::Leave;
use chinwag_core::app::join::OpenPage;
use chinwag_core::app::{App, Context};
use chinwag_core::store::{OpenGroupRow, OpenPlace};
use chinwag_core::text::search_key;
use chinwag_core::{Error, GroupId};
use uuid::Uuid;

use super::list::{ListPosition, ListSource, Rows, is_full};
use super::message::author;
use super::prelude::*;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::wire::fields::SelectedFields;
use crate::wire::input::group::InName;
use crate::wire::object::{Group, OpenGroup};

/// The groups whose members one read job counts.
const COUNTED: usize = 100;
/// The length of a group's id, in bytes.
const ID: usize = 16;

/// Joins an open group.
///
/// Nothing changes for a member, and a pending member accepts.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/join/", tag = "groups", operation_id = "group_join",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "The group.", body = Group<'static>), Refusals),
)]
pub(crate) async fn join(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<GroupId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    let command = Leave { author: author(&query, &payload)?, group: id };
    let seen = state.app.group_join(&context, command).await?;
    Ok(json(StatusCode::OK, &Group::seen(&seen)))
}

/// The source of the list of open groups, by name.
pub(super) struct OpenGroupList {
    pub(super) app: App,
    pub(super) context: Context,
    pub(super) fields: SelectedFields,
    /// The prefix of the names.
    pub(super) prefix: String,
}

impl OpenGroupList {
    /// A row, if the group's name has the prefix. If fields are requested that strangers cannot see, members and
    /// services get them.
    async fn row(&self, found: &OpenGroupRow, beginning: &str) -> Result<Option<Vec<u8>>, Error> {
        // Search keys are truncated, so compare a longer prefix with the full name's key.
        if !found.place.key.starts_with(beginning) && !search_key(&found.group.name).starts_with(beginning) {
            return Ok(None);
        }
        if self.fields.beyond(OpenGroup::KEYS) {
            match self.app.group(&self.context, found.group.id).await {
                Ok(seen) => return self.fields.json(&Group::whole(&seen)).map(Some),
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.fields.json(&OpenGroup::new(&found.group, found.members_count)).map(Some)
    }
}

impl ListPosition for OpenPlace {
    fn sealed(self) -> Vec<u8> {
        [self.group.0.as_bytes(), self.key.as_bytes()].concat()
    }

    fn opened(bytes: &[u8]) -> Option<Self> {
        let (id, key) = bytes.split_first_chunk::<ID>()?;
        Some(OpenPlace {
            key: Shared::from(str::from_utf8(key).ok()?),
            group: GroupId(Uuid::from_bytes(*id)),
        })
    }
}

impl ListSource for OpenGroupList {
    const NAME: &str = "open groups";
    const PART: usize = 100;
    type Place = OpenPlace;

    async fn rows(&self, mut after: Option<OpenPlace>, limit: usize) -> Result<Rows<OpenPlace>, Error> {
        let beginning = search_key(&self.prefix);
        let mut rows = Vec::new();
        while rows.len() < limit {
            let most = COUNTED.min(limit - rows.len());
            let page = OpenPage { prefix: self.prefix.clone(), after: after.clone(), limit: most };
            let found = self.app.open_groups(&self.context, page).await?;
            for group in &found {
                rows.push((group.place.clone(), self.row(group, &beginning).await?));
                if is_full(&rows) {
                    return Ok(rows);
                }
            }
            if found.len() < most {
                break;
            }
            after = found.last().map(|group| group.place.clone());
        }
        Ok(rows)
    }
}

//! `groups/<id>/members/`

use chinwag_core::app::member::{ListedAs, MemberPage};
use chinwag_core::app::{App, Context};
use chinwag_core::permission::Role;
use chinwag_core::store::MemberPlace;
use chinwag_core::store::encoding::Stored;
use chinwag_core::{Date, Error, GroupId, Name, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::list::{self, ListPosition, ListSource, Rows};
use super::prelude::*;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::wire::entry::role;
use crate::wire::text::text;

/// A member of a group.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct ListedMember<'a> {
    /// The user.
    #[schema(value_type = String)]
    #[serde(serialize_with = "text")]
    name: &'a Name,
    /// `owner`, `admin`, `member` or `restrict`.
    role: &'static str,
    /// The date of joining, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    since: Date,
    /// The number of the last message read, if the caller may see it.
    #[schema(required = true)]
    read: Option<i64>,
    /// Whether the user has yet to accept the group.
    pending: bool,
}

/// Lists the members of a group by role, highest first, then by the date of joining.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/members/", tag = "groups", operation_id = "member_list",
    params(
        ("id" = Uuid, Path, description = "The group's id."),
        ("q" = Option<String>, Query, description = "Only members whose name or display name begins with this text, ignoring case and accents."),
        ("like" = Option<String>, Query, description = "Instead of `q`: only members whose name or display name looks like this one, at most 128 characters, in letters of any script."),
        ("role" = Option<String>, Query, description = "Only members with this role: `owner`, `admin`, `member` or `restrict`."),
        list::ListPages,
    ),
    responses((status = 200, description = "The members.", body = Vec<ListedMember<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(group): ById<GroupId>,
    query: Query,
) -> Result<Response> {
    let (prefix, alike) = (query.prefix()?.map(str::to_owned), query.alike()?.map(str::to_owned));
    let role = query.role()?;
    let source = MemberList { app: state.app.clone(), context, group, prefix, alike, role };
    Ok(list::answer(&state, source, query).await?)
}

/// The source of a list of a group's members.
struct MemberList {
    app: App,
    context: Context,
    group: GroupId,
    prefix: Option<String>,
    alike: Option<String>,
    role: Option<Role>,
}

impl ListPosition for MemberPlace {
    fn sealed(self) -> Vec<u8> {
        let MemberPlace { role, since, user } = self;
        let parts = [i64::from(role.number()), since.micros(), user.0];
        parts.iter().flat_map(|part| part.to_be_bytes()).collect()
    }

    fn opened(bytes: &[u8]) -> Option<Self> {
        let (parts, _) = bytes.as_chunks();
        let [role, since, user] = parts else { return None };
        let number = |part: &[u8; 8]| i64::from_be_bytes(*part);
        let role = Role::known(number(role))?;
        Some(MemberPlace { role, since: Date::from_micros(number(since)), user: UserId(number(user)) })
    }
}

impl ListSource for MemberList {
    const NAME: &str = "members";
    const PART: usize = 100;
    type Place = MemberPlace;

    async fn rows(&self, after: Option<MemberPlace>, limit: usize) -> Result<Rows<MemberPlace>, Error> {
        let (group, role) = (self.group, self.role);
        let (prefix, alike) = (self.prefix.clone(), self.alike.clone());
        let page = MemberPage { group, prefix, alike, role, after, limit };
        let members = self.app.members_page(&self.context, page).await?;
        members.iter().map(row).collect()
    }
}

fn row(member: &ListedAs) -> Result<(MemberPlace, Option<Vec<u8>>), Error> {
    let ListedAs { name, place, role: shown, read, pending } = member;
    let (role, read) = (role(*shown), read.map(|seq| seq.0));
    let json = serde_json::to_vec(&ListedMember { name, role, since: place.since, read, pending: *pending });
    Ok((*place, Some(json.map_err(Error::internal)?)))
}

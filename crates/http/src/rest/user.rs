//! `users/`

use chinwag_core::Name;
use chinwag_core::app::directory::Part;
use chinwag_core::app::identity::SpelledName;
use chinwag_core::app::relation::Relate;
use chinwag_core::app::user::{Profile, ProfileParts};
use chinwag_core::app::{App, Context};
use chinwag_core::name::NameCase;
use chinwag_core::user::User as CoreUser;
use chinwag_core::{Error, UserId};
use chinwag_hub::Hub;

use super::answer::{OtherIdentity, bytes};
use super::list::{self, ListPosition, ListSource, Rows};
use super::prelude::*;
use crate::extract::path::{ByName, ByText};
use crate::extract::query::Query;
use crate::wire::fields::{SelectedFields, USER, User};
use crate::wire::input::user::{NewUser, UserChange, UserPatch, UserPut, patch};
use crate::wire::object::{Details, Lists};

/// Creates a user without a password.
#[utoipa::path(
    post, path = "/api/v1/users/", tag = "users", operation_id = "user_create",
    request_body = NewUser,
    responses((status = 201, description = "The new user.", body = User<'static>), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    payload: Payload,
) -> Result<Response> {
    let name = payload.fields()?.command(|user: NewUser, _| Some(user.name))?;
    let user = state.app.user_create(&context, name).await?;
    Ok(user_response(&state, &context, StatusCode::CREATED, user).await)
}

/// Lists users in order of creation: for a service all; for a user itself, its contacts and fellow members, and
/// everybody if `users.directory` is `all`.
///
/// Or lists the named users, as far as the caller may find them.
#[utoipa::path(
    get, path = "/api/v1/users/", tag = "users", operation_id = "user_list",
    params(
        ("fields" = Option<String>, Query, description = "The fields to return, separated by `+`; `__all__` for all. Default: `name`."),
        ("names" = Option<String>, Query, description = "Only these users, in this order: up to 100 names, separated by commas. May be repeated; excludes `limit`, `cursor` and `q`."),
        ("name" = Option<String>, Query, description = "Another one of these users, whose name may contain a comma. May be repeated."),
        ("q" = Option<String>, Query, description = "Only users whose name or display name begins with this text, ignoring case and accents, and the user with exactly this name, if the caller may find it."),
        list::ListPages,
    ),
    responses((status = 200, description = "The users.", body = Vec<User<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&USER)?;
    let wanted = wanted(&fields);
    if let Some(names) = query.names()? {
        let profiles = state.app.users_of_names(&context, names, wanted).await?;
        let rows = profiles.iter().map(|profile| fields.json(&shown(profile, &state.app, &state.hub)));
        return Ok(bytes(StatusCode::OK, array(&rows.collect::<Result<Vec<_>, _>>()?)));
    }
    let prefix = query.prefix()?.map(str::to_owned);
    let source = Users { prefix, app: state.app.clone(), hub: state.hub.clone(), context, fields, wanted };
    // Complete users may be large, so their parts have fewer rows.
    Ok(if wanted.whole || wanted.details {
        list::answer(&state, CompleteUsers(source), query).await?
    } else {
        list::answer(&state, source, query).await?
    })
}

/// Returns one user: everything to itself and to services; to others its name and profile, and to contacts its
/// status.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/", tag = "users", operation_id = "user_get",
    params(
        ("name" = String, Path, description = "The user's name."),
        ("fields" = Option<String>, Query, description = "The fields to return, separated by `+`; `__all__` for all. Default: `name`."),
    ),
    responses((status = 200, description = "The user.", body = User<'static>), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(name): ByName,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&USER)?;
    let profile = state.app.user(&context, name, wanted(&fields)).await?;
    Ok(bytes(StatusCode::OK, fields.json(&shown(&profile, &state.app, &state.hub))?))
}

/// Creates or changes a user of the host application.
///
/// For services. The name must match exactly: another spelling of a user's name is refused with 409, and so is the
/// name of a user who signed up here.
#[utoipa::path(
    put, path = "/api/v1/users/{name}/", tag = "users", operation_id = "user_put",
    params(("name" = String, Path, description = "The user's name.")),
    request_body = UserPut,
    responses(
        (status = 200, description = "The current user.", body = User<'static>),
        (status = 201, description = "The new user.", body = User<'static>),
        OtherIdentity,
        Refusals,
    ),
)]
pub(crate) async fn put(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByText(text): ByText,
    payload: Payload,
) -> Result<Response> {
    let name = SpelledName::parse(&text).map_err(|why| Error::field("name", why))?;
    let command = payload.fields()?.command(|put: UserPut, _| Some(put.command(name)))?;
    let put = state.app.user_put(&context, command).await?;
    let status = if put.made { StatusCode::CREATED } else { StatusCode::OK };
    Ok(user_response(&state, &context, status, put.user).await)
}

/// Changes a user's name, its relation to another user, or its profile and settings; or suspends it, or makes it an
/// admin.
#[utoipa::path(
    patch, path = "/api/v1/users/{name}/", tag = "users", operation_id = "user_update",
    params(("name" = String, Path, description = "The user's name.")),
    request_body = UserPatch,
    responses((status = 200, description = "The current user.", body = User<'static>), Refusals),
)]
pub(crate) async fn update(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(name): ByName,
    payload: Payload,
) -> Result<Response> {
    // Look up the user in the path before the payload is validated.
    let subject = state.app.user(&context, name.clone(), ProfileParts::default()).await?.user;
    let is_service = context.who.is_service();
    let user = match patch(payload.fields()?, name, is_service)? {
        UserChange::Profile(command) => state.app.user_profile(&context, command).await?,
        UserChange::Standing(command) => state.app.standing_change(&context, command).await?,
        UserChange::Rename(command) => state.app.user_rename(&context, command).await?,
        UserChange::Contact(command) => {
            let command = of_the_path(command, &subject.name, state.app.name_case(), &context)?;
            state.app.relate(&context, command).await.map_err(within_contact)?.author
        }
    };
    Ok(user_response(&state, &context, StatusCode::OK, user).await)
}

/// Deletes a user: deletes its relations and memberships, erases the bodies of its messages, and closes its sockets.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}/", tag = "users", operation_id = "user_delete",
    params(("name" = String, Path, description = "The user's name.")),
    responses((status = 200, description = "The user is deleted."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(name): ByName,
) -> Result<Response> {
    state.app.user_delete(&context, name).await?;
    Ok(nothing())
}

/// Sets the author of a change to the user in the path, and refuses another author.
fn of_the_path(command: Relate, name: &Name, case: NameCase, context: &Context) -> Result<Relate, Error> {
    match &command.author {
        Some(author) if !author.finds_same(name, case) => Err(if context.who.is_service() {
            Error::field("contact.author", format!("must be {name}, whose path this is"))
        } else {
            Error::forbidden("you may act only in your own name: omit author")
        }),
        _ => Ok(Relate { author: Some(name.clone()), ..command }),
    }
}

/// Prefixes the fields of an error with the key `contact`.
fn within_contact(refusal: Error) -> Error {
    let Error::Invalid(mut errors) = refusal else { return refusal };
    for error in &mut errors {
        error.field = format!("contact.{}", error.field).into();
    }
    Error::Invalid(errors)
}

/// The response to a change: the user, or only its name if the user cannot be read any more.
async fn user_response(
    state: &ServerState,
    context: &Context,
    status: StatusCode,
    user: CoreUser,
) -> Response {
    let profile =
        state.app.user(context, user.name.clone(), ProfileParts::ALL).await.unwrap_or(Profile::bare(user));
    json(status, &shown(&profile, &state.app, &state.hub))
}

/// Rows as a JSON array.
fn array(rows: &[Vec<u8>]) -> Vec<u8> {
    let mut json = rows.join(&b',');
    json.insert(0, b'[');
    json.push(b']');
    json
}

/// The parts of a user to read for these fields.
fn wanted(fields: &SelectedFields) -> ProfileParts {
    ProfileParts {
        details: fields.any(Details::KEYS) || fields.any(&["last_seen"]),
        whole: fields.any(Lists::KEYS) || fields.any(&["groups", "presence", "settings"]),
        status: fields.any(&["status", "last_seen"]),
        standing: fields.any(&["admin", "suspended"]),
        files: fields.any(&["files"]),
    }
}

fn shown<'a>(profile: &'a Profile, app: &App, hub: &Hub) -> User<'a> {
    User::new(profile, app.clock().now(), |ids| hub.status_of(ids))
}

/// The source of a list of users, with few fields each.
struct Users {
    prefix: Option<String>,
    app: App,
    hub: Arc<Hub>,
    context: Context,
    fields: SelectedFields,
    wanted: ProfileParts,
}

impl ListPosition for UserId {
    fn sealed(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn opened(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(i64::from_be_bytes).map(UserId)
    }
}

impl ListSource for Users {
    const NAME: &str = "users";
    const PART: usize = 250;
    type Place = UserId;

    async fn rows(&self, after: Option<UserId>, limit: usize) -> Result<Rows<UserId>, Error> {
        let part = Part { prefix: self.prefix.clone(), after, limit };
        let profiles = self.app.users(&self.context, part, self.wanted).await?;
        let row = |profile: &Profile| {
            let json = self.fields.json(&shown(profile, &self.app, &self.hub))?;
            Ok((profile.user.id, Some(json)))
        };
        profiles.iter().map(row).collect()
    }
}

/// The source of a list of users with all fields.
struct CompleteUsers(Users);

impl ListSource for CompleteUsers {
    const NAME: &str = Users::NAME;
    const PART: usize = 50;
    type Place = UserId;

    async fn rows(&self, after: Option<UserId>, limit: usize) -> Result<Rows<UserId>, Error> {
        self.0.rows(after, limit).await
    }
}

//! `users/`

use chinwag_core::Name;
use chinwag_core::app::relation::Relate;
use chinwag_core::app::user::{Profile, Whole};
use chinwag_core::app::{App, Context, Who};
use chinwag_core::relation::Relations;
use chinwag_core::user::Caller;
use chinwag_core::{Error, UserId};
use chinwag_hub::Hub;
use utoipa::ToSchema;

use super::answer::bytes;
use super::list::{self, Rows, Source};
use super::path::ByName;
use super::prelude::*;
use super::query::Query;
use crate::wire::fields::{Picked, USER, User};
use crate::wire::input::user::Patch;

/// A user to make.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct NewUser {
    /// 1 to 128 characters.
    name: String,
}

/// What is to change of a user: its name, or a relation.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct UserPatch {
    /// The new name.
    new_name: Option<String>,
    /// The relation.
    contact: Option<ContactPatch>,
}

/// A change of a relation.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct ContactPatch {
    /// The path's own name, if anything.
    author: Option<String>,
    /// The other user.
    name: String,
    /// `invitation`, `contact`, `deny`, `remove` or `block`.
    operation: String,
}

/// Makes a user without a password.
#[utoipa::path(
    post, path = "/api/v1/users/", tag = "users", operation_id = "user_create",
    request_body = NewUser,
    responses((status = 201, description = "The new user.", body = User<'static>), Refusals),
)]
pub(crate) async fn create(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    payload: Payload,
) -> Result<Response> {
    let name = input::user::create(payload.fields()?)?;
    let user = doors.app.user_create(&context, name).await?;
    let whole = Whole { relations: Relations::default(), groups: vec![], contacts: vec![] };
    let profile = Profile { user, whole: Some(whole), status: true };
    Ok(json(StatusCode::CREATED, &shown(&profile, &doors.hub)))
}

/// Lists the users, in order of their making.
#[utoipa::path(
    get, path = "/api/v1/users/", tag = "users", operation_id = "user_list",
    params(
        ("fields" = Option<String>, Query, description = "The fields wanted, with `+` between them; `__all__` is all. `name` if absent."),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Answer one page; `Link` names the next. All if absent."),
        ("cursor" = Option<String>, Query, description = "Where the page begins: taken from `Link`."),
    ),
    responses((status = 200, description = "The users.", body = Vec<User<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&USER)?;
    let source = Users { app: doors.app.clone(), hub: doors.hub.clone(), context, fields };
    // Whole users may be large: fewer of them make one part.
    Ok(if source.whole() {
        list::answer(&doors, Wholes(source), query).await?
    } else {
        list::answer(&doors, source, query).await?
    })
}

/// Shows one user: all of its own to itself and to services; its name, and to contacts its
/// status, to others.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/", tag = "users", operation_id = "user_get",
    params(
        ("name" = String, Path, description = "The user's name."),
        ("fields" = Option<String>, Query, description = "The fields wanted, with `+` between them; `__all__` is all. `name` if absent."),
    ),
    responses((status = 200, description = "The user.", body = User<'static>), Refusals),
)]
pub(crate) async fn get(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ByName(name): ByName,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&USER)?;
    let profile = doors.app.user(&context, name, fields.beyond(&["name", "status"])).await?;
    Ok(bytes(StatusCode::OK, fields.json(&shown(&profile, &doors.hub))?))
}

/// Changes a user's name, or its relation to another user.
#[utoipa::path(
    patch, path = "/api/v1/users/{name}/", tag = "users", operation_id = "user_update",
    params(("name" = String, Path, description = "The user's name.")),
    request_body = UserPatch,
    responses((status = 200, description = "The user as it stands.", body = User<'static>), Refusals),
)]
pub(crate) async fn update(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ByName(name): ByName,
    payload: Payload,
) -> Result<Response> {
    // The path's own subject comes before what is wrong with the payload.
    let subject = doors.app.user(&context, name.clone(), false).await?.user;
    let user = match input::user::patch(payload.fields()?, name)? {
        Patch::Rename(command) => doors.app.user_rename(&context, command).await?,
        Patch::Contact(command) => {
            let command = of_the_path(command, &subject.name, &context)?;
            doors.app.relate(&context, command).await?.author
        }
    };
    // What was asked for is done: where the rest cannot be read any more, the name is the answer.
    let bare = Profile { user: user.clone(), whole: None, status: false };
    let profile = doors.app.user(&context, user.name, true).await.unwrap_or(bare);
    Ok(json(StatusCode::OK, &shown(&profile, &doors.hub)))
}

/// Deletes a user: its relations and memberships go, the bodies of its messages are erased, its
/// sockets are closed.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}/", tag = "users", operation_id = "user_delete",
    params(("name" = String, Path, description = "The user's name.")),
    responses((status = 200, description = "The user is no more."), Refusals),
)]
pub(crate) async fn delete(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    ByName(name): ByName,
) -> Result<Response> {
    doors.app.user_delete(&context, name).await?;
    Ok(nothing())
}

/// The author of a change at a user's path is that user.
fn of_the_path(command: Relate, name: &Name, context: &Context) -> Result<Relate, Error> {
    match &command.author {
        Some(author) if author.fold() != name.fold() => Err(match context.who {
            Who::Known(Caller::Service) => {
                Error::field("contact.author", format!("must be {name}, whose path this is"))
            }
            _ => Error::forbidden("you may act in your own name only: leave author out"),
        }),
        _ => Ok(Relate { author: Some(name.clone()), ..command }),
    }
}

fn shown<'a>(profile: &'a Profile, hub: &Hub) -> User<'a> {
    User::new(profile, |ids| hub.status_of(ids))
}

/// All users, with little of each.
struct Users {
    app: App,
    hub: Arc<Hub>,
    context: Context,
    fields: Picked,
}

impl Users {
    fn whole(&self) -> bool {
        self.fields.beyond(&["name"])
    }
}

impl Source for Users {
    const NAME: &str = "users";
    const PART: usize = 1000;
    type Place = UserId;

    fn sealed(place: UserId) -> Vec<u8> {
        place.0.to_be_bytes().to_vec()
    }

    fn opened(bytes: &[u8]) -> Option<UserId> {
        bytes.try_into().ok().map(i64::from_be_bytes).map(UserId)
    }

    async fn rows(&self, after: Option<UserId>, limit: usize) -> Result<Rows<UserId>, Error> {
        let profiles = self.app.users(&self.context, after, limit, self.whole()).await?;
        let row = |profile: &Profile| {
            let json = self.fields.json(&shown(profile, &self.hub))?;
            Ok((profile.user.id, Some(json)))
        };
        profiles.iter().map(row).collect()
    }
}

/// The same, with all of each.
struct Wholes(Users);

impl Source for Wholes {
    const NAME: &str = Users::NAME;
    const PART: usize = 50;
    type Place = UserId;

    fn sealed(place: UserId) -> Vec<u8> {
        Users::sealed(place)
    }

    fn opened(bytes: &[u8]) -> Option<UserId> {
        Users::opened(bytes)
    }

    async fn rows(&self, after: Option<UserId>, limit: usize) -> Result<Rows<UserId>, Error> {
        self.0.rows(after, limit).await
    }
}

//! Growth with the users of a server.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use chinwag_core::Name;
use chinwag_core::app::directory::Part;
use chinwag_core::app::message::Send;
use chinwag_core::app::user::ProfileParts;
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::limits::Limits;
use chinwag_core::token::TokenHash;
use chinwag_core::user::Caller;
use tokio::runtime::Runtime;

use super::super::{RunSettings, median};
use super::{Growth, sizes};
use crate::world::{self, Plan, World, name};

const MEMBERS: usize = 100;
const PAGE: usize = 20;

pub(super) fn run(settings: &RunSettings) -> Result<Growth> {
    let (least, most) = if settings.quick { (100, 1000) } else { (1000, settings.users) };
    let axes = ("users", "µs of the use case, median");
    let mut growth = Growth::new("users", "More users on the server", axes);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let times = settings.size(400, 10) * settings.rounds;
    for size in sizes(least, most) {
        let members = MEMBERS.min(usize::try_from(size)?);
        let world = World::make(&settings.server, &Plan::crowds(usize::try_from(size)? / members, members))?;
        let app = App::new(world.open()?, Arc::new(SystemClock::default()), Limits::default());
        let figures = [
            ("GET a user", median(time(&runtime, times, &world, async |at| user(&app, &world, at).await)?)),
            ("GET users/?q=", median(time(&runtime, times, &world, async |at| find(&app, at).await)?)),
            ("a token", median(time(&runtime, times, &world, async |at| token(&app, &world, at).await)?)),
            ("a send", median(time(&runtime, times, &world, async |at| send(&app, &world, at).await)?)),
        ];
        growth.add(size, &figures);
    }
    Ok(growth)
}

/// The microseconds of each of `times` requests, each for another user.
fn time(
    runtime: &Runtime,
    times: usize,
    world: &World,
    request: impl AsyncFn(usize) -> Result<()>,
) -> Result<Vec<f64>> {
    let mut took = Vec::with_capacity(times);
    for turn in 0..times {
        // Steps of a prime visit users that are far apart.
        let user = turn * 7919 % world.users.len();
        let begun = Instant::now();
        runtime.block_on(request(user))?;
        took.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    Ok(took)
}

/// GET of a user by another member of its group.
async fn user(app: &App, world: &World, at: usize) -> Result<()> {
    let context = Context::new(Caller::User(world.users[at ^ 1]));
    app.user(
        &context,
        Name::stored(&name(at)),
        ProfileParts { details: true, status: true, ..ProfileParts::default() },
    )
    .await?;
    Ok(())
}

/// A search of the directory by the service, which finds every user.
async fn find(app: &App, at: usize) -> Result<()> {
    let part = Part { prefix: Some(name(at)), after: None, limit: PAGE };
    let found = app.users(&Context::new(Caller::Service), part, ProfileParts::default()).await?;
    ensure!(!found.is_empty(), "nobody was found");
    Ok(())
}

async fn token(app: &App, world: &World, at: usize) -> Result<()> {
    let token = app.token(TokenHash::of(&world.tokens[at])).await?;
    ensure!(token.is_some(), "a token was not found");
    Ok(())
}

async fn send(app: &App, world: &World, at: usize) -> Result<()> {
    let group = world.groups[world.group_of(at)];
    app.message_send(&Context::new(Caller::User(world.users[at])), Send::new(group, world::body(1))).await?;
    Ok(())
}

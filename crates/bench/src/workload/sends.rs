//! W5: acknowledged messages per second with one sender in each group of two, beside a bare loop of the same prepared inserts
//! in batches with the same durability, and the cost of each step in between. On SQLite and on PostgreSQL.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use chinwag_core::app::message::Send;
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::limits::Limits;
use chinwag_core::message::ClientId;
use chinwag_core::send::Kept;
use chinwag_core::store::{NewMessage, Store};
use chinwag_core::user::Caller;
use chinwag_core::{Clock, GroupId, MessageId, UserId};
use chinwag_testkit::postgres::Server;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::fanout::Stage;
use super::{RunSettings, inserts};
use crate::shared::Shared;
use crate::subject::{Subject, WITHOUT_INDEX};
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{self, Plan, World};

const GROUPS: usize = 8;
const IN_FLIGHT: u64 = 32;
/// The most messages of a commit, and the number in flight.
const BATCH: usize = 256;

/// The checks of a send without a server.
#[derive(Clone, Copy)]
enum Check {
    Rights,
    RightsAndClientId,
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let plan = Plan::crowds(GROUPS, 2);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let world = World::make(&settings.server, &plan)?;
    let bench = World::make(&settings.server, &plan)?;
    let store = bench.open()?;
    let subject = Subject::chinwag_with(&world.program, &WITHOUT_INDEX)?;
    let bare_loop = || runtime.block_on(bare(&store, &bench, settings));
    let mut rows = beside("SQLite", settings, (&world, subject), (&bench, &store), &runtime, &bare_loop)?;

    let server = Arc::new(Server::start_durable());
    let world = World::make_shared(Shared::by_one(&server), &settings.server, &plan)?;
    let bench = World::make_shared(Shared::by_one(&server), &settings.server, &plan)?;
    let store = bench.open()?;
    let subject = Subject::nodes(&settings.server, world.shared()?, 1)?;
    let bare_loop = || runtime.block_on(inserts::run(&bench, BATCH, settings.stretch));
    rows.extend(beside("PostgreSQL", settings, (&world, subject), (&bench, &store), &runtime, &bare_loop)?);
    Ok(rows)
}

/// Alternates a server, the use case on its own store, and the bare loop.
fn beside(
    engine: &str,
    settings: &RunSettings,
    (world, subject): (&World, Subject),
    (bench, store): (&World, &Arc<dyn Store>),
    runtime: &Runtime,
    bare: &dyn Fn() -> Result<f64>,
) -> Outcome {
    let mut chinwag = Stage::set(subject, world)?;
    let row = |what: &str, goal| Measurement::new(format!("W5 on {engine}: {what}"), "messages/s", goal);
    let mut rows = vec![
        row("acknowledged messages", Goal::AtLeast(0.70)),
        row("the use case alone", Goal::None),
        row("the use case alone, with a client_id", Goal::None),
    ];
    for round in 0..settings.rounds {
        let before = chinwag.subject.cpu()?;
        let run = chinwag.crowd.send_windowed(IN_FLIGHT, settings.stretch)?;
        let cpu = chinwag.subject.cpu()? - before;
        let bare = bare()?;
        rows[0].pairs.push((run.messages as f64 / run.seconds, bare));
        rows[0].note = format!("{:.1} µs of CPU a message", cpu * 1e6 / run.messages.max(1) as f64);
        for (row, check) in [(1, Check::Rights), (2, Check::RightsAndClientId)] {
            rows[row].pairs.push((runtime.block_on(used(store, bench, check, round, settings))?, bare));
        }
    }
    chinwag.subject.stop()?;
    world.check(&chinwag.crowd.sent())?;
    Ok(rows)
}

/// The bare loop: takes numbers and inserts messages, one batch per commit.
async fn bare(store: &Arc<dyn Store>, world: &World, settings: &RunSettings) -> Result<f64> {
    let clock = Arc::new(SystemClock::default());
    let (groups, users) = (world.groups.clone(), world.users.clone());
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < settings.stretch {
        let (groups, users, clock) = (groups.clone(), users.clone(), clock.clone());
        let batch = store.write(move |tx, _| {
            for number in 0..BATCH {
                let at = number % groups.len();
                let (group, author) = (groups[at], users[at * 2]);
                let (id, date) = (MessageId::new(&*clock), clock.now());
                let (seq, body) = (tx.seq_take_for_messages(group, 1, date)?, world::body(1));
                tx.message_insert(&NewMessage::new(group, Kept { id, date, seq }, author, body))?;
            }
            Ok(())
        });
        batch.await?;
        done += BATCH;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

/// The use case, with as many calls in flight as at the server.
async fn used(
    store: &Arc<dyn Store>,
    world: &World,
    check: Check,
    round: usize,
    settings: &RunSettings,
) -> Result<f64> {
    let app = App::new(store.clone(), Arc::new(SystemClock::default()), Limits::default());
    let (begun, mut senders, stretch) = (Instant::now(), JoinSet::new(), settings.stretch);
    for sender in 0..BATCH {
        let at = sender % world.groups.len();
        let (app, group, user) = (app.clone(), world.groups[at], world.users[at * 2]);
        senders.spawn(async move {
            let mut sent = 0;
            while begun.elapsed() < stretch {
                let client_id = match check {
                    Check::Rights => None,
                    Check::RightsAndClientId => ClientId::parse(&format!("{round}-{sender}-{sent}")).ok(),
                };
                send(&app, user, group, client_id).await?;
                sent += 1;
            }
            anyhow::Ok(sent)
        });
    }
    let mut done = 0;
    while let Some(sent) = senders.join_next().await {
        done += sent??;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}

async fn send(app: &App, user: UserId, group: GroupId, client_id: Option<ClientId>) -> Result<()> {
    let send = Send { client_id, ..Send::new(group, world::body(1)) };
    app.message_send(&Context::new(Caller::User(user)), send).await?;
    Ok(())
}

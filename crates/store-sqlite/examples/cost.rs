//! What the promises of a send cost: messages a second through the whole use case, with and
//! without a `client_id`, beside a bare job that only takes a number and inserts. Turn about, on a
//! real file in the present folder; medians and ranges are printed.
//!
//! `cargo run --release -p chinwag-store-sqlite --example cost`

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chinwag_core::app::message::Send;
use chinwag_core::app::{App, Context, group};
use chinwag_core::bus::Bus;
use chinwag_core::clock::SystemClock;
use chinwag_core::event::Event;
use chinwag_core::limits::Limits;
use chinwag_core::message::{Body, ClientId};
use chinwag_core::store::{NewMessage, Store};
use chinwag_core::user::Caller;
use chinwag_core::{Clock, GroupId, GroupName, MessageId, Name, UserId};
use chinwag_store_sqlite::{Options, SqliteStore};
use tokio::task::JoinSet;

const SENDERS: usize = 64;
const EACH: usize = 60;
const ROUNDS: usize = 7;

/// Nobody listens.
struct Deaf;

impl Bus for Deaf {
    fn publish(&self, _: Vec<Event>) {}
    fn publish_ephemeral(&self, _: Vec<Event>) {}
}

#[derive(Clone)]
struct World {
    store: Arc<dyn Store>,
    app: App,
    users: Vec<(UserId, GroupId)>,
    clock: Arc<SystemClock>,
}

#[derive(Clone, Copy)]
enum Way {
    Bare,
    Checked,
    Once,
}

#[tokio::main]
async fn main() {
    let folder = Path::new("target/cost");
    // There may be none yet.
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).expect("a folder can be made");
    let world = world(&folder.join("cost.db")).await;
    let ways = [("bare insert", Way::Bare), ("use case", Way::Checked), ("with client_id", Way::Once)];
    let mut figures = vec![Vec::new(); ways.len()];
    for round in 0..ROUNDS {
        for (at, (_, way)) in ways.iter().enumerate() {
            figures[at].push(run(&world, *way, round).await);
        }
    }
    for ((name, _), own) in ways.iter().zip(&figures) {
        let sorted = |mut figures: Vec<f64>| {
            figures.sort_by(f64::total_cmp);
            figures
        };
        let ratios = sorted(own.iter().zip(&figures[0]).map(|(way, bare)| way / bare).collect());
        let (own, last) = (sorted(own.clone()), ROUNDS - 1);
        let (median, low, high) = (ratios[last / 2], ratios[0], ratios[last]);
        println!("{name:16} {:7.0} messages/s, {median:.2} of bare ({low:.2} to {high:.2})", own[last / 2]);
    }
}

async fn world(path: &Path) -> World {
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(path, Options::default(), Arc::new(Deaf)).expect("the store opens"));
    let clock = Arc::new(SystemClock::default());
    let app = App::new(store.clone(), clock.clone(), Limits::default());
    let mut users = Vec::new();
    for number in 0..SENDERS {
        let name = Name::parse(&format!("user{number}")).expect("a name");
        let user = app.user_create(&Context::new(Caller::Service), name).await.expect("a user");
        let name = GroupName::parse("group").expect("a name");
        let create = group::Create { author: None, name, roles: group::Roles::default() };
        let view = app.group_create(&Context::new(Caller::User(user.id)), create).await.expect("a group");
        users.push((user.id, view.group.id));
    }
    World { store, app, users, clock }
}

/// Every sender sends, one message after the other: messages a second.
async fn run(world: &World, way: Way, round: usize) -> f64 {
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for (user, group) in world.users.clone() {
        let world = world.clone();
        senders.spawn(async move {
            for number in 0..EACH {
                match way {
                    Way::Bare => bare(&world, user, group).await,
                    Way::Checked => send(&world, user, group, None).await,
                    Way::Once => send(&world, user, group, Some(format!("{round}-{number}"))).await,
                }
            }
        });
    }
    while let Some(done) = senders.join_next().await {
        done.expect("a sender is done");
    }
    f64::from(u32::try_from(SENDERS * EACH).expect("few")) / started.elapsed().as_secs_f64()
}

fn body() -> Body {
    Body::parse(&"x".repeat(256), 4096).expect("a body")
}

async fn send(world: &World, user: UserId, group: GroupId, client_id: Option<String>) {
    let client_id = client_id.map(|id| ClientId::parse(&id).expect("an id"));
    let send = Send { author: None, group, body: body(), respond_to: None, date: None, client_id };
    world.app.message_send(&Context::new(Caller::User(user)), send).await.expect("it is sent");
}

async fn bare(world: &World, author: UserId, group: GroupId) {
    let (id, date) = (MessageId::new(&*world.clock), world.clock.now());
    let sent = world.store.write(move |tx, _| {
        let seq = tx.seq_take(group, 1)?;
        let (respond_to, client_id) = (None, None);
        tx.message_insert(&NewMessage { id, group, seq, author, date, body: body(), respond_to, client_id })
    });
    sent.await.expect("it is kept");
}

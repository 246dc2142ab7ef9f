//! The cost of a send's guarantees: messages per second through the whole use case, with and without a
//! `client_id`, compared to a bare loop that takes the same numbers and inserts the same rows per statement,
//! into the same tables, over the same number of connections. The variants alternate on a dedicated server
//! that waits for its disk. Prints medians and ranges, and the CPU time per message of the node and of the
//! server.
//!
//! `cargo run --release -p chinwag-store-postgres --example cost`

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use chinwag_core::app::message::Send;
use chinwag_core::app::{App, Context, group};
use chinwag_core::bus::Bus;
use chinwag_core::clock::SystemClock;
use chinwag_core::event::Event;
use chinwag_core::group_details::GroupDetailsUpdate;
use chinwag_core::limits::Limits;
use chinwag_core::message::{Body, ClientId};
use chinwag_core::user::Caller;
use chinwag_core::{Clock, GroupId, GroupName, Name, UserId};
use chinwag_store_postgres::{Options, PostgresStore};
use chinwag_testkit::postgres::Server;
use tokio::task::JoinSet;

const SENDERS: usize = 512;
const EACH: usize = 40;
const ROUNDS: usize = 7;
const CONNECTIONS: usize = 2;

/// Counts commits.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Bus for Counter {
    fn publish(&self, _: Vec<Event>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn publish_ephemeral(&self, _: Vec<Event>) {}
}

struct Fixture {
    app: App,
    users: Vec<(UserId, GroupId)>,
    commits: Arc<Counter>,
    url: String,
    data: std::path::PathBuf,
}

/// The figures of one run: messages per second, microseconds of CPU time per message of the node and of the
/// server, and messages per commit.
#[derive(Clone, Copy, Default)]
struct Figures {
    rate: f64,
    node: f64,
    server: f64,
    batch: f64,
}

#[tokio::main]
async fn main() {
    let server = Server::start_durable();
    let database = server.database();
    let world = world(database.url(), server.data()).await;
    let names = ["with client_id", "use case", "bare loop"];
    let mut figures = [const { Vec::new() }; 3];
    for round in 0..ROUNDS {
        let sent = run(&world, Some(round)).await;
        figures[0].push(sent);
        figures[1].push(run(&world, None).await);
        figures[2].push(bare(&world, sent.batch.max(1.0)).await);
    }
    for (name, own) in names.iter().zip(&figures) {
        let ratios = own.iter().zip(&figures[2]).map(|(way, bare)| way.rate / bare.rate);
        let (ratio, low, high) = spread(ratios);
        let median = |of: fn(&Figures) -> f64| spread(own.iter().map(of)).0;
        println!(
            "{name:16} {:7.0} messages/s, {ratio:.2} of bare ({low:.2} to {high:.2}); {:.0} µs of the node and {:.0} µs of the server each; {:.0} a commit",
            median(|f| f.rate),
            median(|f| f.node),
            median(|f| f.server),
            median(|f| f.batch),
        );
    }
}

/// The median, the minimum and the maximum.
fn spread(figures: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    (figures[figures.len() / 2], figures[0], figures[figures.len() - 1])
}

async fn world(url: String, data: std::path::PathBuf) -> Fixture {
    let commits = Arc::new(Counter::default());
    let options = Options { senders: CONNECTIONS, ..Options::default() };
    let store = PostgresStore::open(&url, options, commits.clone()).await.expect("the store opens");
    let app = App::new(Arc::new(store), Arc::new(SystemClock::default()), Limits::default());
    let mut users = Vec::new();
    for number in 0..SENDERS {
        let name = Name::parse(&format!("user{number}")).expect("a name");
        let user = app.user_create(&Context::new(Caller::Service), name).await.expect("a user");
        let name = GroupName::parse("group").expect("a name");
        let create = group::Create {
            author: None,
            name,
            roles: group::Roles::default(),
            details: GroupDetailsUpdate::default(),
        };
        let view = app.group_create(&Context::new(Caller::User(user.id)), create).await.expect("a group");
        users.push((user.id, view.group.id));
    }
    Fixture { app, users, commits, url, data }
}

/// All senders send concurrently, each one message at a time.
async fn run(world: &Fixture, round: Option<usize>) -> Figures {
    let commits = world.commits.0.load(Ordering::Relaxed);
    let meter = Meter::start(&world.data);
    let mut senders = JoinSet::new();
    for (user, group) in world.users.clone() {
        let app = world.app.clone();
        senders.spawn(async move {
            for number in 0..EACH {
                let client_id =
                    round.map(|round| ClientId::parse(&format!("{round}-{number}")).expect("an id"));
                let send = Send { client_id, ..Send::new(group, body()) };
                app.message_send(&Context::new(Caller::User(user)), send).await.expect("it is sent");
            }
        });
    }
    while let Some(done) = senders.join_next().await {
        done.expect("a sender is done");
    }
    let commits = world.commits.0.load(Ordering::Relaxed) - commits;
    Figures { batch: number(SENDERS * EACH) / number(commits.max(1)), ..meter.read() }
}

/// The same number of rows in the same groups, with `batch` rows per statement and commit.
async fn bare(world: &Fixture, batch: f64) -> Figures {
    const SQL: &str = "WITH moved AS (
            UPDATE chinwag.groups g SET last_seq = g.last_seq + 1 WHERE g.id = ANY ($1::uuid[])
            RETURNING g.id, g.last_seq
        )
        INSERT INTO chinwag.messages (group_id, seq, author_id, date, id, body)
        SELECT a.group_id, moved.last_seq, a.author_id, a.date, a.id, a.body
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::text[])
            AS a (group_id, author_id, date, id, body)
        JOIN moved ON moved.id = a.group_id";
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let batch = batch.round() as usize;
    let meter = Meter::start(&world.data);
    let mut inserters = JoinSet::new();
    let clock = Arc::new(SystemClock::default());
    for users in world.users.chunks(SENDERS / CONNECTIONS) {
        let (url, clock, users) = (world.url.clone(), clock.clone(), users.to_vec());
        inserters.spawn(async move {
            let (client, connection) =
                tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("a link");
            tokio::spawn(connection);
            let statement = client.prepare(SQL).await.expect("a statement");
            for users in (0..EACH).flat_map(|_| users.chunks(batch)) {
                let (authors, groups): (Vec<_>, Vec<_>) =
                    users.iter().map(|(user, group)| (user.0, group.0)).unzip();
                let dates: Vec<_> = users.iter().map(|_| clock.now().micros()).collect();
                let ids: Vec<_> = users.iter().map(|_| clock.uuid()).collect();
                let bodies: Vec<_> = users.iter().map(|_| "x".repeat(256)).collect();
                client.execute(&statement, &[&groups, &authors, &dates, &ids, &bodies]).await.expect("rows");
            }
            client
        });
    }
    // Keeps the connections open until the meter is read, so that the server's processes still exist.
    let mut clients = Vec::new();
    while let Some(done) = inserters.join_next().await {
        clients.push(done.expect("an inserter is done"));
    }
    Figures { batch: number(batch), ..meter.read() }
}

fn body() -> Body {
    Body::parse(&"x".repeat(256), 4096).expect("a body")
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a small number"))
}

/// Measures wall-clock time, and the CPU time of this process and of the server.
struct Meter<'d> {
    data: &'d Path,
    begun: Instant,
    node: f64,
    server: f64,
}

impl<'d> Meter<'d> {
    fn start(data: &'d Path) -> Self {
        let server = server_ticks(data);
        Self { data, begun: Instant::now(), node: ticks("self").map_or(0.0, |(_, own)| own), server }
    }

    fn read(&self) -> Figures {
        let (messages, seconds) = (number(SENDERS * EACH), self.begun.elapsed().as_secs_f64());
        // The kernel counts in hundredths of a second.
        let each = |ticks: f64| ticks * 10_000.0 / messages;
        let node = ticks("self").map_or(0.0, |(_, own)| own);
        Figures {
            rate: messages / seconds,
            node: each(node - self.node),
            server: each(server_ticks(self.data) - self.server),
            batch: 0.0,
        }
    }
}

/// A process's parent and its CPU time.
fn ticks(process: &str) -> Option<(String, f64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let time = fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?;
    Some((fields[1].to_owned(), time))
}

/// The CPU time of the server's existing processes.
fn server_ticks(data: &Path) -> f64 {
    let lines = fs::read_to_string(data.join("postmaster.pid")).expect("the server runs");
    let main = lines.lines().next().expect("its process").to_owned();
    let processes = fs::read_dir("/proc").expect("the system's processes").flatten();
    let times = processes.filter_map(|process| ticks(process.file_name().to_str()?));
    times.filter(|(parent, _)| *parent == main).map(|(_, time)| time).sum()
}

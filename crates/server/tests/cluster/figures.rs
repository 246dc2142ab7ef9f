//! The cost of a message on one node with SQLite, on one node with PostgreSQL and Redis, and on two nodes, in
//! turn. Run it by hand with a release build on an idle machine:
//!
//! `FIGURES_OF=target/release/chinwag cargo test --test cluster figures:: -- --ignored --nocapture`

use std::fs;
use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::postgres::Server;
use chinwag_testkit::process::Program;
use chinwag_testkit::redis::Redis;
use chinwag_testkit::trial::{Transport, group, rate, report};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Flow};

const ROUNDS: usize = 3;
const GROUPS: usize = 16;
const WARM: Duration = Duration::from_secs(1);
const LASTS: Duration = Duration::from_secs(5);
/// Clock ticks per second of the CPU times in `/proc`.
const TICKS: f64 = 100.0;

/// The measurements of one period of load.
struct Figure {
    /// Messages per second.
    rate: f64,
    /// CPU time per message in microseconds: of the nodes, and of PostgreSQL and Redis.
    nodes: f64,
    others: f64,
}

/// Groups of two, eight messages in flight; each user writes as soon as it is answered.
async fn load(service: &Client, urls: &[String], cpu: impl Fn() -> (f64, f64)) -> Figure {
    let mut flows: Vec<Flow> = Vec::new();
    for number in 0..GROUPS {
        let one = service.user(&format!("one-{number}")).await;
        let other = service.user(&format!("other-{number}")).await;
        let group = group(service, &[one.name(), other.name()]).await;
        // With two nodes, the two users are on different ones.
        let at = |writer: usize| vec![urls[(number + writer) % urls.len()].clone()];
        flows.push(Cluster::flow(&[one, other], &group, |writer| (Transport::WebSocket, at(writer))));
    }
    sleep(WARM).await;
    let acks = || flows.iter().map(|flow| flow.ledger.load().acks).sum::<usize>();
    let (begun, acknowledged, (nodes, others)) = (Instant::now(), acks(), cpu());
    sleep(LASTS).await;
    let (took, acknowledged, after) = (begun.elapsed(), acks() - acknowledged, cpu());
    for flow in flows {
        flow.end().await;
    }
    let each = |spent: f64| 1e6 * spent / rate(acknowledged, Duration::from_secs(1));
    Figure { rate: rate(acknowledged, took), nodes: each(after.0 - nodes), others: each(after.1 - others) }
}

async fn on_sqlite() -> Figure {
    let program = Program::new(crate::binary());
    let running = program.serve();
    let pid = running.pid();
    load(&program.service(&running), &[running.url().to_owned()], || (spent(pid), 0.0)).await
}

async fn on_nodes(count: usize) -> Figure {
    let server = Server::start_durable();
    let cluster = Cluster::on(server.database(), count, &[]).await;
    let postmaster = fs::read_to_string(server.data().join("postmaster.pid")).expect("it runs");
    let postmaster = postmaster.lines().next().and_then(|line| line.parse().ok()).expect("its id");
    let cpu = || {
        let nodes = cluster.nodes.iter().map(|node| spent(node.running().pid())).sum();
        (nodes, family(postmaster) + of_redis(&cluster.redis))
    };
    load(&cluster.nodes[0].service(), &cluster.urls(), cpu).await
}

/// CPU seconds of a process, including its children that have exited.
fn spent(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |(_, spent)| spent)
}

/// CPU seconds of a process and its running children.
fn family(parent: u32) -> f64 {
    let pids = fs::read_dir("/proc").expect("processes").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ours = pids.filter_map(stat).filter(|(above, _)| *above == parent).map(|(_, spent)| spent);
    spent(parent) + ours.sum::<f64>()
}

/// The parent of a process, and its CPU seconds.
fn stat(pid: u32) -> Option<(u32, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: f64 = fields[11..15].iter().filter_map(|field| field.parse::<f64>().ok()).sum();
    Some((fields[1].parse().ok()?, ticks / TICKS))
}

fn of_redis(redis: &Redis) -> f64 {
    let said = redis.ask("INFO cpu").expect("it answers");
    let used =
        said.lines().filter(|line| line.starts_with("used_cpu_sys:") || line.starts_with("used_cpu_user:"));
    used.filter_map(|line| line.split_once(':')?.1.trim().parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures: for a release build on a quiet machine"]
async fn cost_of_a_message_on_one_node_and_on_two() {
    let mut found: [Vec<Figure>; 3] = Default::default();
    for _ in 0..ROUNDS {
        found[0].push(on_sqlite().await);
        found[1].push(on_nodes(1).await);
        found[2].push(on_nodes(2).await);
    }
    for (name, figures) in
        ["SQLite, one node", "PostgreSQL and Redis, one node", "two nodes"].iter().zip(&found)
    {
        let range = |of: fn(&Figure) -> f64| {
            let mut all: Vec<f64> = figures.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            format!("{:.0} ({:.0} to {:.0})", all[all.len() / 2], all[0], all[all.len() - 1])
        };
        let (nodes, others) = (range(|figure| figure.nodes), range(|figure| figure.others));
        report(
            "figures",
            name,
            format!("{} messages/s | {nodes} µs | {others} µs", range(|figure| figure.rate)),
        );
    }
}

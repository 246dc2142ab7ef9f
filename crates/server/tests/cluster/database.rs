//! PostgreSQL stopped, and PostgreSQL that does not answer.

use std::time::Duration;

use chinwag_testkit::trial::{Transport, WAIT_TIMEOUT, bound, group, report, times};
use chinwag_testkit::wait::Wait;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Crowd};

const WRITERS: usize = 8;
/// The time within which a node must recover.
const AGAIN: Duration = Duration::from_secs(15);
/// Upper bound for the answer to a write. It authenticates the caller and then writes: each step may wait for
/// its turn, a statement and a new connection.
const LATEST: Duration = Duration::from_secs(20);
/// Connections of other sessions to the database.
const OPEN: &str =
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absent_postgresql_gives_503_and_nodes_recover() {
    let away = Duration::from_secs(times(5, 60));
    let cluster = Cluster::of(2).await;
    let Crowd { group, writers, reading } = cluster.crowd(WRITERS, 2).await;
    let flow = cluster.flood(&writers, &group).waiting_for(&reading);
    flow.ledger.busy(200, WRITERS).await;
    cluster.nodes.iter().for_each(|node| node.postgres.cut());
    let begun = Instant::now();
    for node in &cluster.nodes {
        node.is_ready_but_for(Some("store"), WAIT_TIMEOUT).await;
    }
    // Every change in flight is committed or lost once the database has closed all connections.
    let wait = Wait::begin();
    while !cluster.database.ask(OPEN).is_empty() {
        wait.step(|| "the database still has connections of nodes").await;
    }
    let stood = cluster.numbers(&group).len();
    let mut refused = 0;
    let callers: Vec<_> = cluster.nodes.iter().map(|node| node.as_user(&writers[0])).collect();
    while begun.elapsed() < away {
        for (node, caller) in cluster.nodes.iter().zip(&callers) {
            assert_eq!(node.nobody().get("/healthz").await.status, 200, "it lives");
            let asked = Instant::now();
            let data = json!({ "group": group, "body": "nobody will see this", "client_id": "away" });
            let answer = caller.post("messages/", data).await;
            assert_eq!(answer.status, 503, "{}", answer.text);
            assert!(answer.header("retry-after").parse::<u64>().is_ok(), "{:?}", answer.headers);
            assert!(asked.elapsed() < bound(LATEST), "{:?}", asked.elapsed());
            refused += 1;
        }
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(cluster.numbers(&group).len(), stood, "nothing was written meanwhile");
    cluster.nodes.iter().for_each(|node| node.postgres.restore());
    let mut slowest = Duration::ZERO;
    for node in &cluster.nodes {
        slowest = slowest.max(node.is_ready_but_for(None, bound(AGAIN)).await);
    }
    flow.ledger.busy(200, WRITERS).await;
    let refusals = flow.ledger.load().refused;
    assert!(refused > 0 && refusals > 0);
    let (verdict, ends, read) = cluster.settle(flow, reading, &group).await;
    assert!(ends.iter().all(|end| end.code.is_none()), "no socket was closed: {ends:?}");
    assert!(read.iter().all(|reader| reader.ends().is_empty()), "no reader was closed");
    report(
        "database",
        format!("PostgreSQL away for {away:?}"),
        format!("{} refused with 503; ready again after {slowest:.1?}; {verdict}", refused + refusals),
    );
    verdict.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_postgresql_meets_deadlines_and_bounds() {
    let stall = Duration::from_secs(times(8, 30));
    let settings = &[
        ("CHINWAG_STORE__QUEUE", "64"),
        ("CHINWAG_STORE__PATIENCE", "1s"),
        ("CHINWAG_STORE__STATEMENT_TIMEOUT", "1s"),
        ("CHINWAG_STORE__CONNECT_TIMEOUT", "1s"),
        // A client's idle connection must not be closed just as it is reused.
        ("CHINWAG_HTTP__HEADER_TIMEOUT", "2m"),
    ];
    let cluster = Cluster::with(2, settings).await;
    let node = &cluster.nodes[0];
    let users = cluster.users("user", 2).await;
    let group = group(&node.service(), &[users[0].name(), users[1].name()]).await;
    let elsewhere = chinwag_testkit::trial::group(&node.service(), &[users[0].name()]).await;
    let flow = Cluster::flow(&users, &group, |_| (Transport::WebSocket, cluster.urls()));
    flow.ledger.busy(100, 2).await;
    let mut idle = node.as_user(&users[0]).ws().await;
    let memory = node.figure("process_resident_memory_bytes").await;
    let caller = node.as_user(&users[0]);
    node.postgres.stall();
    let begun = Instant::now();
    let (mut refused, mut slowest) = (0, Duration::ZERO);
    while begun.elapsed() < stall {
        // More requests than may be in progress.
        let asks = (0..200).map(|_| async {
            let asked = Instant::now();
            let data = json!({ "group": elsewhere, "body": "this may be stored", "client_id": "stalled" });
            let answer = caller.post("messages/", data).await;
            assert_eq!(answer.status, 503, "{}", answer.text);
            asked.elapsed()
        });
        let (took, ()) = tokio::join!(join_all(asks), idle.ping());
        refused += took.len();
        slowest = took.into_iter().fold(slowest, Duration::max);
        assert_eq!(node.nobody().get("/healthz").await.status, 200, "it lives");
        assert_eq!(node.nobody().get("/readyz").await.status, 503, "it is not ready");
    }
    assert!(slowest < bound(LATEST), "{slowest:?}");
    let grown = node.figure("process_resident_memory_bytes").await - memory;
    assert!(grown < 64e6, "it has grown by {grown}");
    node.postgres.restore();
    let again = node.is_ready_but_for(None, bound(AGAIN)).await;
    flow.ledger.busy(100, 2).await;
    let (verdict, ..) = cluster.settle(flow, vec![], &group).await;
    report(
        "database",
        format!("PostgreSQL silent for {stall:?}"),
        format!(
            "{refused} refused within {slowest:.1?}, {:.0} MB more; ready after {again:.1?}; {verdict}",
            grown / 1e6
        ),
    );
    verdict.assert_kept();
    assert!(cluster.numbers(&elsewhere).len() <= 2, "one client_id, one message");
}

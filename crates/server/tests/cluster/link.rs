//! Redis is killed, emptied, or unreachable for one node: requests do not wait for it, and no event is missed.

use std::time::Duration;

use chinwag_testkit::trial::{WAIT_TIMEOUT, bound, report, times};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Crowd};

const WRITERS: usize = 8;
/// Pause after each answer. The audit runs every 10 s, and sockets that miss more than 1000 events of a group
/// in that time are closed.
const PACE: Duration = Duration::from_millis(150);
/// The bound in the contract.
const WHOLE: Duration = Duration::from_secs(15);

/// The fault of Redis.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Killed,
    Flushed,
    CutFromOne,
    SilentToOne,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_survive_redis_and_readers_catch_up_in_15_s() {
    let away = Duration::from_secs(times(4, 60));
    let cluster = Cluster::of(2).await;
    let Crowd { group, writers, reading } = cluster.crowd(WRITERS, 4).await;
    let flow = cluster.paced(&writers, &group, PACE);
    let mut slowest = Duration::ZERO;
    let mut meanwhile = 0;
    for fault in [Fault::Killed, Fault::Flushed, Fault::CutFromOne, Fault::SilentToOne] {
        flow.ledger.busy(100, WRITERS).await;
        let node = &cluster.nodes[1];
        let published = node.figure("chinwag_hints_published_total").await;
        let (begun, before) = (Instant::now(), flow.ledger.load().acks);
        match fault {
            Fault::Killed => cluster.redis.kill(),
            Fault::Flushed => drop(cluster.redis.ask("FLUSHALL")),
            Fault::CutFromOne => node.redis.cut(),
            Fault::SilentToOne => node.redis.stall(),
        }
        if !matches!(fault, Fault::Flushed) {
            node.is_ready_but_for(Some("bus"), WAIT_TIMEOUT).await;
        }
        sleep(away.saturating_sub(begun.elapsed())).await;
        let acks = flow.ledger.load().acks - before;
        assert!(acks > 100, "{fault:?}: sends go on: {acks} were acknowledged");
        meanwhile += acks;
        match fault {
            Fault::Killed => cluster.redis.start_again(),
            Fault::Flushed => {}
            Fault::CutFromOne | Fault::SilentToOne => node.redis.restore(),
        }
        // Every reader must reach the current head while writers continue.
        let (back, head) = (Instant::now(), cluster.head(&group));
        for reading in &reading {
            reading.reaches(head, bound(WHOLE)).await;
        }
        slowest = slowest.max(back.elapsed());
        for node in &cluster.nodes {
            node.is_ready_but_for(None, bound(WHOLE)).await;
        }
        // Hints are published again.
        flow.ledger.busy(100, WRITERS).await;
        let on = node.figure("chinwag_hints_published_total").await;
        assert!(on > published, "{fault:?}: hints are published again");
    }
    assert_eq!(flow.ledger.load().refused, 0, "nothing was refused");
    let (verdict, ends, read) = cluster.settle(flow, reading, &group).await;
    assert!(ends.is_empty() && read.iter().all(|reader| reader.ends().is_empty()), "nobody was closed");
    report(
        "link",
        format!("Redis killed, flushed, cut and silent for {away:?} each"),
        format!("{meanwhile} acknowledged meanwhile; whole within {slowest:.1?} of its return; {verdict}"),
    );
    verdict.assert_kept();
}
